//! What becomes of a request that is known as a whole, and why.
//!
//! It goes the way it goes in the filter, through [`Stream`]; and a second time, up to
//! where it is judged, to see why. Both must come to the same.

use crate::engine::decision::{ContradictionError, Trace, explain as trace};
use crate::engine::external_auth::Callout;
use crate::engine::mcp::MessageReader;
use crate::engine::policy::{NumberedPolicy, Policies};
use crate::engine::request::{Head, Operation};

use super::{CalloutRecord, Permitted, Reason, Step, Stream, StreamAttributes};

/// What becomes of a request, and why.
#[derive(Debug)]
pub struct Explained<'p> {
    /// What the filter does: [`Step::Continue`], [`Step::Block`], or [`Step::Ask`] where
    /// that is for an authorizer to say.
    pub step: Step<'p>,
    /// What authorizers are asked, in order, and what is assumed that they say; only the
    /// last may not be answered.
    pub asked: Vec<(Callout, Option<CalloutRecord>)>,
    /// Why, where it is the policies and their authorizers that decide.
    pub trace: Option<Trace<'p>>,
}

/// Judges a request and explains the verdict. `document` is the one that `policies` are
/// made of. `answer` gives a stream what an authorizer answers; where it is not known,
/// `None`, the explanation ends.
pub fn explain<'p>(
    policies: &'p Policies,
    document: &'p NumberedPolicy,
    facts: StreamAttributes,
    body: &[u8],
    mut answer: impl FnMut(&mut Stream, &Callout) -> Option<Step<'p>>,
) -> Explained<'p> {
    let mut stream = Stream::default();
    let mut step = stream.headers(policies, facts.clone(), body.is_empty());
    if let Step::Wait | Step::PassHeaders = step {
        step = stream.body(policies, body, true);
    }
    let mut asked = Vec::new();
    while let Step::Ask(question) = step {
        let next = answer(&mut stream, &question);
        asked.push(((*question).clone(), stream.said().get(asked.len()).cloned()));
        step = next.unwrap_or(Step::Ask(question));
        if let Some((_, None)) = asked.last() {
            break;
        }
    }
    let answered = asked.iter().filter(|(_, said)| said.is_some()).count();
    let allowed = match &step {
        Step::Block(refusal) => match refusal.reason {
            Reason::Denied(_) | Reason::DeniedByHeaders(_) | Reason::Rerouted(_) => Some(answered),
            // The last was no permission.
            Reason::DeniedByAuthorizer(_) | Reason::Unanswered(_) => {
                Some(answered.saturating_sub(1))
            }
            _ => None,
        },
        _ => Some(answered),
    };
    let trace = allowed.and_then(|allowed| look(policies, document, facts, body, allowed));
    Explained { step, asked, trace }
}

impl Explained<'_> {
    /// Where what was seen is not what was decided: a defect of this program.
    pub fn contradiction(&self) -> Option<String> {
        use crate::engine::decision::Decision::{Allow, Ask, Deny};
        let decision = self.trace.as_ref().map(|trace| &trace.decision);
        match (&self.step, decision) {
            (Step::Continue(Permitted::Now(permit, _)), Some(Allow(seen))) if permit == seen => {}
            (Step::Block(refusal), Some(Deny(seen))) if refusal.reason == Reason::Denied(*seen) => {
            }
            // The message may meet another rule first, or none of them reads it; but
            // whatever it says, it is not allowed.
            (Step::Block(refusal), seen)
                if matches!(refusal.reason, Reason::DeniedByHeaders(_))
                    && !matches!(seen, Some(Allow(_))) => {}
            // Where the route leads now it is allowed, and perhaps not elsewhere.
            (Step::Block(refusal), Some(Allow(_)))
                if matches!(refusal.reason, Reason::Rerouted(_)) => {}
            (Step::Ask(_), Some(Ask(_))) => {}
            (Step::Block(refusal), Some(Ask(ask))) if refusal.asked_by() == Some(ask.by) => {}
            (Step::Block(refusal), None) if !matches!(refusal.reason, Reason::Denied(_)) => {}
            (step, decision) => {
                return Some(format!("the filter does {step:?}, the engine {decision:?}"));
            }
        }
        let contradiction = self.trace.as_ref().and_then(Trace::contradiction);
        contradiction.as_ref().map(ContradictionError::to_string)
    }
}

/// Reads a request that was judged as the stream did, and judges it once more.
fn look<'p>(
    policies: &'p Policies,
    document: &'p NumberedPolicy,
    facts: StreamAttributes,
    body: &[u8],
    answered: usize,
) -> Option<Trace<'p>> {
    let settings = policies.settings();
    let limit = settings.limits.body_bytes.size();
    let paths = settings.mcp_paths.as_deref();
    let ended = body.is_empty();
    let operation = match Head::read(&facts.headers, paths, limit, ended).ok()? {
        Head::Http => Operation::Http,
        Head::Get => Operation::Get,
        Head::Delete { session } => Operation::Delete { session },
        Head::Options => Operation::Options,
        Head::Post => {
            let facts = facts.kept(policies, true);
            let mut envelope = MessageReader::new(settings.limits.depth.size());
            envelope.keep_body(policies.needs().body);
            envelope.pass_unknown_members(!settings.unknown_members.is_reject());
            envelope.name_resources(!settings.resource_param.is_uri());
            envelope.push(body).ok()?;
            let (message, kept) = envelope.read(&facts.headers.claims()).ok()?;
            let size = u64::try_from(body.len()).ok();
            let request = facts.request(Operation::Message(message), kept, size);
            return Some(trace(policies, document, &request, answered));
        }
    };
    let request = facts.request(operation, b"", facts.size(ended));
    Some(trace(policies, document, &request, answered))
}
