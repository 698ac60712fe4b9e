//! Servers that act on headers alone: nothing of a request reaches them that no message
//! could make an allowed one, and what ends undecided is recorded.

use std::time::Duration;

use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::desk::{Desk, GATEWAY, allows, asks, configured, policy};
use crate::setup::{Mode, PROTOCOLS, Stage, call, compiled, json_of, speaking};
use crate::support::message::Request;
use crate::support::recorder::Answer;

/// Whoever is of the team `red` may call `echo`.
fn for_red(mode: Mode) -> String {
    let rules = json!([{"name": "r", "authorization": {
        "type": "Inline",
        "headers": [{"name": "x-team", "value": "red"}],
        "mcp": {"methods": [{"name": "tools/call", "params": ["echo"]}]},
    }}]);
    compiled(&rules, mode, &Value::Null)
}

/// A body is announced and never sent.
fn announced(id: &str) -> Request {
    let mut request = Request::new("POST", "/mcp/admin/reset")
        .header("content-type", "application/json")
        .header("x-request-id", id)
        .pieces(["", "{}"]);
    request.pause = Duration::from_secs(5);
    request.patience(Duration::from_secs(2))
}

#[test]
fn strangers_are_answered_at_the_headers_where_these_would_go_on() {
    let stage = Stage::plain(for_red);
    for (name, protocol) in PROTOCOLS {
        let id = format!("stranger.{name}");
        let client = speaking(&stage.client(Mode::Stream.name()), protocol);
        let answer = client.send(&announced(&id)).expect("an answer");
        assert_eq!(answer.status, 403, "{id}: {answer:?}");
        let told = json_of(&answer);
        assert_eq!(told["error"]["code"], 403, "{id}: {told}");
        assert!(told["id"].is_null(), "{id}: {told}");
        let records = stage.records(std::iter::once(id.as_str()));
        let record = &records[&id][0];
        assert_eq!(record["reason"], "policy", "{record}");
        assert_eq!(record["policies"], json!(["infra/p"]), "{record}");
        assert!(!stage.recorder.received(id.as_bytes()), "{id}");
    }
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            let id = format!("honest.{}.{name}", mode.name());
            let request = Request::mcp(call("echo")).header("x-request-id", &id);
            let client = speaking(&stage.client(mode.name()), protocol);
            let answer = client.send(&request.clone().header("x-team", "red"));
            assert_eq!(answer.expect("an answer").status, 200, "{id}");
            assert!(stage.recorder.received(id.as_bytes()), "{id}");
            let answer = client
                .send(&request.header("x-team", "blue"))
                .expect("an answer");
            let status = if mode == Mode::Hold { 200 } else { 403 };
            assert_eq!(answer.status, status, "{id}");
            assert_eq!(json_of(&answer)["error"]["code"], 403, "{id}");
        }
    }
}

#[test]
fn what_ends_undecided_is_recorded_and_counted() {
    let stage = Stage::plain(for_red);
    let mut ids = Vec::new();
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            let id = format!("abandoned.{}.{name}", mode.name());
            let request = Request::mcp("")
                .pieces([&call("echo").as_bytes()[..10]])
                .header("x-team", "red")
                .header("x-request-id", &id)
                .cut();
            let _ = speaking(&stage.client(mode.name()), protocol).send(&request);
            ids.push(id);
        }
    }
    let records = stage.records(ids.iter().map(String::as_str));
    for id in &ids {
        let [record] = records.get(id).map(Vec::as_slice).unwrap_or_default() else {
            panic!("{id}: {records:?}")
        };
        assert_eq!(record["reason"], "abandoned", "{record}");
        assert_eq!(record["decision"], "none", "{record}");
    }
    let name = "wasmcustom.accesspolicy_requests_total;decision=none;reason=abandoned";
    assert_eq!(stage.envoy.stat(name), 4);
}

/// What is not MCP is asked about before its headers go on, where they would: without its
/// body, of which the authorizer is told, or not at all.
#[test]
fn what_is_not_mcp_never_goes_on_before_it_was_asked_about() {
    let refusing = HttpAuthorizer::start(|seen| {
        let status = if seen.header("x-do").is_some() {
            200
        } else {
            403
        };
        Act::Answer(Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let desk = Desk::open(refusing, |mode| {
        let more = json!({"http": {"allowedHeaders": ["x-do"]}, "forwardBody": {"maxSize": 10}});
        let everybody = json!([{"name": "everybody"}]);
        let policies = [
            policy("asking", GATEWAY, asks("authorizer", &more)),
            policy("allowing", GATEWAY, allows(&everybody)),
        ];
        let over = json!({"externalAuth": {"oversize": "Truncate"}});
        configured(&policies, mode, &over)
    });
    let body = b"0123456789abcdef";
    let request = Request::new("DELETE", "/files/7").body(body);
    desk.each(&request, |id, mode, answer, asked, server| {
        assert_eq!(answer.status, 403, "{id}: {answer:?}");
        assert!(server.is_empty(), "{id}: {server:?}");
        assert!(!desk.stage.recorder.received(id.as_bytes()), "{id}");
        let [asked] = asked else {
            panic!("{id}: {asked:?}")
        };
        let shown = if mode == Mode::Hold { &body[..10] } else { b"" };
        assert_eq!(asked.body, shown, "{id}");
        let partial = asked.header("x-envoy-auth-partial-body");
        assert_eq!(partial.as_deref(), Some("true"), "{id}");
    });
    desk.each(
        &request.header("x-do", "1"),
        |id, _, answer, asked, server| {
            assert_eq!((answer.status, asked.len()), (200, 1), "{id}: {answer:?}");
            assert_eq!(server.len(), 1, "{id}");
            assert_eq!(server[0].body, body, "{id}");
        },
    );
}
