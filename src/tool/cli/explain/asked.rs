//! What authorizers are asked, and what they are taken to say.

use std::iter;

use serde_json::{Value, json};

use super::super::terminal::{hang, plain};
use super::Explanation;
use crate::engine::decision::{AuthorizerCall, Decision};
use crate::engine::enforcement::{CalloutRecord, CalloutResult, Explained};
use crate::engine::external_auth::{Callout, CalloutRequest, grpc};

/// What an authorizer is asked last, where the explanation ends there.
pub(super) fn last<'e, 'p>(explained: &'e Explained<'p>) -> Option<&'e AuthorizerCall<'p>> {
    match &explained.trace.as_ref()?.decision {
        Decision::Ask(ask) => Some(ask),
        Decision::Allow(_) | Decision::Deny(_) => None,
    }
}

/// The policies that ask, in order.
pub(super) fn policies(explained: &Explained<'_>) -> impl Iterator<Item = String> {
    explained.asked.iter().map(|(_, said)| match said {
        Some(said) => said.policy.clone(),
        None => last(explained).map_or_else(String::new, |ask| ask.by.policy.to_string()),
    })
}

/// What the authorizer of a policy is asked, and says.
pub(super) fn of_policy(
    explanation: &Explanation<'_>,
    policy: &str,
    front: &str,
    width: usize,
) -> String {
    let asked = iter::zip(
        policies(&explanation.explained),
        &explanation.explained.asked,
    );
    let mut asked = asked.filter(|(name, _)| name == policy);
    let Some((_, (question, said))) = asked.next() else {
        return String::new();
    };
    let timeout = question.timeout.milliseconds();
    let shown = ShownCallout::of(question);
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        text.push_str(&hang(&format!("{front}{name:<7} "), &plain(what), width));
    };
    line(
        "asks",
        &format!(
            "cluster {}, {}, for at most {timeout} ms",
            question.cluster, shown.protocol
        ),
    );
    line("shows", &format!("{}, {}", shown.what, bytes(shown.body)));
    line("headers", &shown.headers.join(", "));
    line("answer", &answer(said.as_ref()));
    text
}

/// The same of all, for programs.
pub(super) fn json(explained: &Explained<'_>) -> Value {
    let asked = iter::zip(policies(explained), &explained.asked);
    let asked = asked.map(|(policy, (question, said))| {
        let shown = ShownCallout::of(question);
        let mut value = json!({
            "policy": policy,
            "cluster": question.cluster,
            "protocol": shown.protocol,
            "timeoutMs": question.timeout.milliseconds(),
            "request": shown.what,
            "headers": shown.headers,
            "bodyBytes": shown.body,
        });
        if let Some(said) = said {
            value["answer"] = json!({"means": said.answered.as_str(), "detail": said.detail});
        }
        value
    });
    asked.collect()
}

/// What an authorizer is shown, without what may be secret in it.
struct ShownCallout<'q> {
    protocol: &'static str,
    /// The method and path, or what is called.
    what: String,
    /// The names of the headers.
    headers: Vec<&'q str>,
    /// The length of the body, in bytes.
    body: usize,
}

impl<'q> ShownCallout<'q> {
    fn of(question: &'q Callout) -> Self {
        match &question.call {
            CalloutRequest::Http { headers, body } => {
                let lines = || headers.iter().map(|(name, value)| (&**name, &**value));
                let only = |name| lines().find(|(known, _)| *known == name);
                let value = |name| only(name).map_or("", |(_, value)| value);
                let names = lines().map(|(name, _)| name);
                Self {
                    protocol: "HTTP",
                    what: format!("{} {}", value(":method"), value(":path")),
                    headers: names.filter(|name| !name.starts_with(':')).collect(),
                    body: body.len(),
                }
            }
            CalloutRequest::Grpc { metadata, message } => Self {
                protocol: "gRPC",
                what: format!("{}/{}", grpc::SERVICE, grpc::METHOD),
                headers: metadata.iter().map(|(name, _)| name.as_str()).collect(),
                body: message.len(),
            },
        }
    }
}

fn bytes(length: usize) -> String {
    match length {
        0 => "without a body".to_owned(),
        1 => "with a body of 1 byte".to_owned(),
        _ => format!("with a body of {length} bytes"),
    }
}

fn answer(said: Option<&CalloutRecord>) -> String {
    let Some(said) = said else {
        return "not known: --answer, or `answers` in the request, assumes one".to_owned();
    };
    let detail = said.detail.as_deref().unwrap_or_default();
    match said.answered {
        CalloutResult::Allow => "allows".to_owned(),
        CalloutResult::Deny => format!("denies ({detail})"),
        CalloutResult::Error => format!("none ({detail})"),
    }
}
