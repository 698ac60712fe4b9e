//! What becomes of requests about which nobody answers.

use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use serde_json::{Value, json};
use tonic::Status;

use super::{desk, does, told};
use crate::authorizer::Act;
use crate::authorizer::grpc::{Answer, GrpcAuthorizer, allow, deny};
use crate::authorizer::raw::RawAuthorizer;
use crate::desk::{Authorizer, Desk, GATEWAY, asks_grpc, configured, policy};
use crate::setup::{Mode, PROTOCOLS, call, json_of, speaking};
use crate::support::message::Request;

fn requests() -> [Request; 3] {
    [
        Request::mcp(call("echo")),
        Request::get("/mcp"),
        Request::get("/files"),
    ]
}

fn over(on_error: &str) -> Value {
    json!({"externalAuth": {"timeout": "400ms", "onError": on_error}})
}

/// Nothing of the request goes on, and the record says which error it was.
fn assert_refused<A: Authorizer>(desk: &Desk<A>, does: &str, detail: &str) {
    for request in requests() {
        let request = request.header("x-do", does);
        desk.each(&request, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!(answer.status, 403, "{id} {does}: {answer:?}");
            if request.method == "POST" {
                assert_eq!(json_of(answer)["error"]["code"], 403, "{id} {does}");
            } else {
                assert_eq!(answer.text(), "Access is forbidden.\n", "{id} {does}");
            }
            let record = desk.record(id);
            assert_eq!(record["reason"], "authorizer_error", "{does}: {record}");
            let said = &record["external_auth"][0];
            assert_eq!(said["answer"], "error", "{does}: {record}");
            let found = said["detail"].as_str().unwrap_or_default();
            assert!(found.contains(detail), "{does}: {record}");
        });
    }
}

/// The request goes on, and the record says why.
fn assert_allowed<A: Authorizer>(desk: &Desk<A>, does: &str, detail: &str) {
    for request in requests() {
        let request = request.header("x-do", does);
        desk.each(&request, |id, _, answer, _, server| {
            assert_eq!(
                (answer.status, server.len()),
                (200, 1),
                "{id} {does}: {answer:?}"
            );
            let record = desk.record(id);
            assert_eq!(record["decision"], "allow", "{does}: {record}");
            let found = record["external_auth"][0]["detail"].as_str();
            assert!(
                found.unwrap_or_default().contains(detail),
                "{does}: {record}"
            );
        });
    }
}

fn failing() -> GrpcAuthorizer {
    told(|does| match does {
        "hang" => Act::Hang,
        "close" => Act::Close,
        "long" => Act::Answer(Ok(deny(403, &"x".repeat(1 << 20)))),
        "later" => Act::Later(
            Duration::from_millis(250),
            Ok(allow(OkHttpResponse::default())),
        ),
        "" => Act::Answer(Ok(allow(OkHttpResponse::default()))),
        status => Act::Answer(failed(status)),
    })
}

fn failed(status: &str) -> Answer {
    Err(match status {
        "unavailable" => Status::unavailable("no"),
        "deadline" => Status::deadline_exceeded("no"),
        "denied" => Status::permission_denied("no"),
        "unauthenticated" => Status::unauthenticated("no"),
        "cancelled" => Status::cancelled("no"),
        "exhausted" => Status::resource_exhausted("no"),
        "unimplemented" => Status::unimplemented("no"),
        _ => Status::internal("no"),
    })
}

/// What the authorizer does, what the record says of it, and whether it is an outage.
const ERRORS: [(&str, &str, bool); 11] = [
    ("unavailable", "reached", true),
    ("deadline", "in time", true),
    ("hang", "in time", true),
    ("denied", "gRPC status 7", false),
    ("unauthenticated", "gRPC status 16", false),
    ("cancelled", "gRPC status 1", false),
    ("exhausted", "gRPC status 8", false),
    ("unimplemented", "gRPC status 12", false),
    ("internal", "gRPC status 13", false),
    ("close", "broke off", false),
    ("long", "too long", false),
];

#[test]
fn no_answer_is_told_apart_and_refuses() {
    let desk = desk(failing(), &Value::Null, &over("Deny"));
    for (does, detail, _) in ERRORS {
        assert_refused(&desk, does, detail);
    }
}

#[test]
fn outages_allow_where_that_is_wanted_and_nothing_else_does() {
    let desk = desk(failing(), &Value::Null, &over("Allow"));
    for (does, detail, is_outage) in ERRORS {
        match is_outage {
            true => assert_allowed(&desk, does, detail),
            false => assert_refused(&desk, does, detail),
        }
    }
}

#[test]
fn an_authorizer_that_is_not_there() {
    for (service, detail, is_outage) in [
        ("down", "reached", true),
        ("empty", "made no call", false),
        ("unknown", "made no call", false),
    ] {
        let open = |on_error| {
            Desk::open(failing(), |mode| {
                let asking = policy("asking", GATEWAY, asks_grpc(service, &Value::Null));
                configured(&[asking], mode, &over(on_error))
            })
        };
        assert_refused(&open("Deny"), service, detail);
        match is_outage {
            true => assert_allowed(&open("Allow"), service, detail),
            false => assert_refused(&open("Allow"), service, detail),
        }
    }
}

/// Bytes that are no answer, or say what nobody here knows.
#[test]
fn bytes_that_no_library_sends() {
    let raw = |on_error| {
        let authorizer = RawAuthorizer::start(|check| match &*does(check) {
            "garbage" => vec![0xff; 9],
            "cut" => vec![0x0a, 0x05, 0x08],
            "twice" => vec![0x0a, 0x00, 0x0a, 0x00],
            // `error_response`
            "error" => vec![0x0a, 0x00, 0x2a, 0x00],
            // A field that nobody knows.
            "strange" => vec![0x0a, 0x00, 0x32, 0x00],
            _ => vec![0x0a, 0x00],
        });
        Desk::open(authorizer, |mode| {
            let asking = policy("asking", GATEWAY, asks_grpc("authorizer", &Value::Null));
            configured(&[asking], mode, &over(on_error))
        })
    };
    let desk = raw("Deny");
    for (does, detail) in [
        ("garbage", "not readable"),
        ("cut", "not readable"),
        ("twice", "not readable"),
        ("error", "failed"),
    ] {
        assert_refused(&desk, does, detail);
    }
    desk.each(
        &Request::get("/files").header("x-do", "strange"),
        |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!(
                (answer.status, &desk.record(id)["reason"]),
                (403, &json!("authorizer")),
                "{id}"
            );
        },
    );
    desk.each(
        &Request::get("/files").header("x-do", "allow"),
        |id, _, answer, _, server| {
            assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
        },
    );
    let desk = raw("Allow");
    assert_refused(&desk, "garbage", "not readable");
    assert_refused(&desk, "error", "failed (500)");
    // It is no error, and never allows.
    desk.each(
        &Request::get("/files").header("x-do", "strange"),
        |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!(answer.status, 403, "{id}");
        },
    );
}

/// A client that goes away leaves an answer that nobody waits for.
#[test]
fn a_client_that_goes_away() {
    let desk = desk(failing(), &Value::Null, &over("Deny"));
    for mode in Mode::BOTH {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&desk.stage.client(mode.name()), protocol);
            for request in requests() {
                let request = request.header("x-do", "later");
                let patience = Duration::from_millis(100);
                assert!(client.send(&request.patience(patience)).is_err());
            }
        }
    }
    std::thread::sleep(Duration::from_millis(400));
    let seen = desk.stage.recorder.requests_when_quiet();
    let leaked = seen
        .iter()
        .any(|seen| seen.complete || !seen.body.is_empty());
    assert!(!leaked, "{seen:?}");
    desk.each(
        &Request::mcp(call("echo")).header("x-do", "later"),
        |id, _, answer, _, _| {
            assert_eq!(answer.status, 200, "{id}: {answer:?}");
        },
    );
}

#[test]
fn an_authorizer_that_comes_back() {
    let mut desk = desk(failing(), &Value::Null, &over("Deny"));
    let status = |desk: &Desk<GrpcAuthorizer>, expected: u16| {
        desk.each(&Request::mcp(call("echo")), |id, _, answer, _, _| {
            assert_eq!(answer.status, expected, "{id}: {answer:?}");
        });
    };
    status(&desk, 200);
    desk.authorizer.stop();
    status(&desk, 403);
    desk.authorizer.restart();
    status(&desk, 200);
}
