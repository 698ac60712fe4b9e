//! Every case of the table: refused without any byte at the server, where its honest
//! twin arrives as it was sent, under a policy that allows everything.

use serde_json::{Value, json};

use crate::setup::{Mode, PROTOCOLS, Stage, at, is, json_of, plain_listener, speaking};
use crate::support::envoy::Options;
use crate::support::message::{Request, Response};
use crate::support::recorder::Seen;
use crate::table::{Case, cases};
use crate::vectors::DecisionTests;

fn allows_everything(mode: Mode) -> String {
    let over = at(&json!({"unprotected": "Allow"}), mode);
    let tests = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "DecisionTests",
        "description": "everything well-formed goes on",
        "enforcementPoint": over,
        "policies": [],
        "tests": [],
    });
    let tests = DecisionTests::read("everything", &tests.to_string()).expect("no vectors");
    tests.compile().expect("a policy")
}

/// Envoy lets upgrades through, so that the filter has to refuse them.
fn allow_upgrades(manager: &mut Value) {
    manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
}

#[test]
fn every_case_and_its_honest_twin() {
    let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &allows_everything(mode)));
    let stage = Stage::start_with(listeners.to_vec(), Options::default(), allow_upgrades);
    let cases = cases();
    let mut wrong = Vec::new();
    let mut sent = Vec::new();
    for mode in Mode::BOTH {
        for (protocol_name, protocol) in PROTOCOLS {
            let client = speaking(&stage.client(mode.name()), protocol);
            let send = |request: &Request, id: &str| {
                let answer = client.send(&request.clone().header("x-request-id", id));
                answer.unwrap_or_else(|error| panic!("{id}: {error}"))
            };
            for (number, case) in cases.iter().enumerate() {
                if case.only.is_some_and(|only| only != protocol) {
                    continue;
                }
                let id = format!("{}.{protocol_name}.{number}", mode.name());
                let (refused, honest) = (format!("{id}.refused"), format!("{id}.honest"));
                let answer = send(&case.refused, &refused);
                if !case.fits(&answer) {
                    let (status, text) = (answer.status, answer.text());
                    wrong.push(format!("{}: {status} {text}", case.why));
                }
                let answer = send(&case.honest, &honest);
                if answer.status != 200 {
                    wrong.push(format!("the twin of {}: {}", case.why, answer.text()));
                }
                sent.push((mode, case, refused, honest));
            }
        }
    }
    let seen = stage.recorder.requests_when_quiet();
    for (mode, case, refused, honest) in &sent {
        if let Some(leak) = stage.leaked(*mode, &seen, refused) {
            wrong.push(format!("{}: {leak} ({refused})", case.why));
        }
        if !arrived(&seen, honest, &case.honest) {
            wrong.push(format!(
                "the twin of {} did not arrive ({honest})",
                case.why
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Case {
    /// Whether this is the answer that the refused request is to get.
    fn fits(&self, answer: &Response) -> bool {
        let code = self
            .code
            .is_none_or(|code| json_of(answer)["error"]["code"] == code);
        let named = answer.header("x-accesspolicy-decision-id").is_some();
        answer.status == self.status && code && named
    }
}

fn arrived(seen: &[Seen], id: &str, sent: &Request) -> bool {
    let mut of_it = seen.iter().filter(|seen| is(seen, id));
    let (Some(seen), None) = (of_it.next(), of_it.next()) else {
        return false;
    };
    seen.complete && seen.body == sent.body.concat() && seen.method == sent.method
}
