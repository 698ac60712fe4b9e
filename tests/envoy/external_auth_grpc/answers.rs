//! What answers do.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::QueryParameter;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, OkHttpResponse};
use serde_json::{Value, json};

use super::{desk, lines, option, told};
use crate::authorizer::Act;
use crate::authorizer::grpc::{Answer, allow, deny, status};
use crate::setup::{Mode, PROTOCOLS, call, json_of, speaking};
use crate::support::message::Request;

fn saying(answer: CheckResponse) -> Act<Answer> {
    Act::Answer(Ok(answer))
}

fn parameter(key: &str, value: &str) -> QueryParameter {
    QueryParameter {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// Every kind of change to a request that there is.
fn changing() -> OkHttpResponse {
    OkHttpResponse {
        headers: vec![
            option("X-User", "me", None),
            option("x-team", "b", Some(true)),
            // What these say was judged.
            option("content-length", "1", None),
            option("connection", "x-user", None),
            option("transfer-encoding", "chunked", None),
            option("content-type", "text/plain", None),
            option("mcp-name", "other", None),
            option("Mcp_Session_Id", "other", None),
            option("x-forwarded-client-cert", "URI=spiffe://d/x", None),
        ],
        headers_to_remove: [
            "x-secret",
            "host",
            ":path",
            "content-type",
            "mcp-session-id",
        ]
        .map(str::to_owned)
        .to_vec(),
        query_parameters_to_set: vec![parameter("a", "1"), parameter("new", "%20")],
        query_parameters_to_remove: vec!["b".to_owned()],
        ..OkHttpResponse::default()
    }
}

#[test]
fn changes_of_the_request() {
    let authorizer = told(|_| saying(allow(changing())));
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    let request = Request::mcp(call("echo"))
        .target("/mcp?a=0&b=2&c=3")
        .authority("tools.example")
        .header("x-user", "somebody else")
        .header("x-team", "a")
        .header("x-secret", "1")
        .header("mcp-session-id", "mine");
    desk.each(&request, |id, mode, answer, _, server| {
        if mode == Mode::Stream {
            // Headers that have gone on stay, so that this is not what was allowed.
            desk.assert_refused(id, mode, server);
            let data = &json_of(answer)["error"]["data"];
            assert_eq!(data, &json!({"status": 403}), "{id}: {answer:?}");
            assert_eq!(desk.record(id)["reason"], "authorizer", "{id}");
            return;
        }
        let [server] = server else {
            panic!("{id}: {answer:?}")
        };
        assert_eq!(server.target, "/mcp?c=3&a=1&new=%20", "{id}");
        assert_eq!(server.authority, "tools.example", "{id}");
        assert!(
            server.complete && server.body == call("echo").as_bytes(),
            "{id}"
        );
        for (name, expected) in [
            ("x-user", &["me"][..]),
            ("x-team", &["a", "b"]),
            ("x-secret", &[]),
            ("content-length", &[&*call("echo").len().to_string()]),
            ("content-type", &["application/json"]),
            ("mcp-name", &[]),
            ("mcp-session-id", &["mine"]),
            ("mcp_session_id", &[]),
            ("x-forwarded-client-cert", &[]),
            ("connection", &[]),
            ("transfer-encoding", &[]),
        ] {
            assert_eq!(lines(&server.headers, name), expected, "{id}: {name}");
        }
    });
}

/// Changes that cannot be made, so that it is not this that was allowed.
#[test]
fn changes_that_are_refusals() {
    let authorizer = told(|does| {
        let mut ok = OkHttpResponse::default();
        match does {
            "host" => ok.headers = vec![option("host", "other", None)],
            "path" => ok.headers = vec![option(":path", "/other", None)],
            "lines" => ok.headers = vec![option("x-a", "a\r\nx-b: c", None)],
            "no-action" => {
                ok.headers = vec![option("x-a", "a", None)];
                ok.headers[0].append_action = 4;
            }
            "query" => ok.query_parameters_to_set = vec![parameter("a", "1&b=2")],
            _ => {}
        }
        saying(allow(ok))
    });
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    for does in ["host", "path", "lines", "no-action", "query"] {
        let request = Request::get("/files?x").header("x-do", does);
        desk.each(&request, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!((answer.status, &*answer.text()), (403, ""), "{id} {does}");
            let record = desk.record(id);
            assert_eq!(record["reason"], "authorizer", "{does}: {record}");
        });
    }
    let request = Request::get("/files?x").header("x-do", "nothing");
    desk.each(&request, |id, _, answer, _, server| {
        assert_eq!((answer.status, server.len()), (200, 1), "{id}");
    });
}

/// ADD_IF_ABSENT and OVERWRITE_IF_EXISTS, by what the request and the response have.
#[test]
fn headers_that_are_there_or_not() {
    let authorizer = told(|does| {
        let of = |name: &str, value: &str, action| {
            let mut option = option(name, value, None);
            option.append_action = action;
            option
        };
        let mut ok = OkHttpResponse {
            response_headers_to_add: vec![
                of("content-type", "text/plain", 1),
                of("x-new", "added", 1),
                of("content-type", "text/html", 3),
                of("x-none", "set", 3),
            ],
            ..OkHttpResponse::default()
        };
        if does == "request" {
            ok.headers = vec![
                of("x-user", "added", 1),
                of("x-new", "added", 1),
                of("x-team", "set", 3),
                of("x-role", "added", 1),
                of("x-none", "set", 3),
            ];
        }
        saying(allow(ok))
    });
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    for does in ["request", "response"] {
        let request = Request::mcp(call("echo"))
            .header("x-do", does)
            .header("x-user", "client")
            .header("x_team", "client")
            .header("x_role", "client");
        desk.each(&request, |id, mode, answer, _, server| {
            if does == "request" && mode == Mode::Stream {
                desk.assert_refused(id, mode, server);
                return;
            }
            let [server] = server else {
                panic!("{id}: {answer:?}")
            };
            let changes = does == "request";
            for (name, there, changed) in [
                ("x-user", &["client"][..], &["client"][..]),
                ("x-new", &[], &["added"]),
                ("x-team", &[], &["set"]),
                ("x_team", &["client"], &[]),
                ("x-role", &[], &[]),
                ("x_role", &["client"], &["client"]),
                ("x-none", &[], &[]),
            ] {
                let expected = if changes { changed } else { there };
                assert_eq!(lines(&server.headers, name), expected, "{id}: {name}");
            }
            assert_eq!(
                lines(&answer.headers, "content-type"),
                ["text/html"],
                "{id}"
            );
            assert_eq!(lines(&answer.headers, "x-new"), ["added"], "{id}");
            assert!(lines(&answer.headers, "x-none").is_empty(), "{id}");
        });
    }
}

#[test]
fn headers_of_the_response() {
    let authorizer = told(|_| {
        saying(allow(OkHttpResponse {
            response_headers_to_add: vec![
                option("x-of", "authorizer", None),
                option("x-of", "again", Some(true)),
                option("content-type", "text/plain", Some(false)),
                option("content-length", "1", Some(false)),
            ],
            ..OkHttpResponse::default()
        }))
    });
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    for request in [Request::mcp(call("echo")), Request::get("/files")] {
        desk.each(&request, |id, _, answer, _, server| {
            assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
            assert_eq!(
                lines(&answer.headers, "x-of"),
                ["authorizer", "again"],
                "{id}"
            );
            assert_eq!(
                lines(&answer.headers, "content-type"),
                ["text/plain"],
                "{id}"
            );
            assert!(!json_of(answer).is_null(), "{id}: {answer:?}");
            let seen = &server[0];
            assert!(lines(&seen.headers, "x-of").is_empty(), "{id}");
        });
    }
}

/// What the authorizer says, and with which status a client that calls nothing gets it.
const REFUSALS: [(&str, u16); 5] = [
    ("denied", 404),
    ("bare", 403),
    ("empty", 403),
    ("no status", 403),
    ("contradiction", 403),
];

fn refusing(does: &str) -> CheckResponse {
    match does {
        "denied" => {
            let mut refusal = deny(404, "not there");
            if let Some(HttpResponse::DeniedResponse(denied)) = &mut refusal.http_response {
                denied.headers = vec![option("x-why", "so", None), option("x-why", "too", None)];
            }
            refusal
        }
        "bare" => CheckResponse {
            status: Some(status(7)),
            ..CheckResponse::default()
        },
        "no status" => CheckResponse {
            status: None,
            ..deny(0, "")
        },
        "contradiction" => CheckResponse {
            status: Some(status(7)),
            ..allow(OkHttpResponse::default())
        },
        "challenge" => {
            let mut refusal = deny(401, "who?");
            if let Some(HttpResponse::DeniedResponse(denied)) = &mut refusal.http_response {
                denied.headers = vec![option("www-authenticate", "Bearer realm=\"a\"", None)];
            }
            refusal
        }
        _ => CheckResponse::default(),
    }
}

#[test]
fn refusals_and_what_the_client_is_told() {
    let authorizer = told(|does| saying(refusing(does)));
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    for (does, status) in REFUSALS {
        let request = Request::mcp(call("echo")).header("x-do", does);
        desk.each(&request, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            let error = json!({"code": 403, "message": "Access to this tool is forbidden.",
                "data": {"status": status}});
            assert_eq!(answer.status, 200, "{id} {does}: {answer:?}");
            assert_eq!(
                json_of(answer),
                json!({"jsonrpc": "2.0", "id": 7, "error": error}),
                "{id}"
            );
            assert!(lines(&answer.headers, "x-why").is_empty(), "{id}");
        });
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        for request in [Request::get("/mcp"), Request::mcp(notification.to_string())] {
            desk.each(
                &request.header("x-do", does),
                |id, mode, answer, _, server| {
                    desk.assert_refused(id, mode, server);
                    assert_eq!(answer.status, status, "{id} {does}: {answer:?}");
                    let (body, why) = match does {
                        "denied" => ("not there", &["so", "too"][..]),
                        _ => ("", &[][..]),
                    };
                    assert_eq!(answer.text(), body, "{id} {does}");
                    assert_eq!(lines(&answer.headers, "x-why"), why, "{id} {does}");
                    let record = desk.record(id);
                    assert_eq!(record["reason"], "authorizer", "{record}");
                    assert_eq!(record["external_auth"][0]["answer"], "deny", "{record}");
                },
            );
        }
    }
    for request in [Request::mcp(call("echo")), Request::get("/mcp")] {
        desk.each(
            &request.header("x-do", "challenge"),
            |id, mode, answer, _, server| {
                desk.assert_refused(id, mode, server);
                assert_eq!((answer.status, &*answer.text()), (401, "who?"), "{id}");
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge.as_deref(), Some("Bearer realm=\"a\""), "{id}");
            },
        );
    }
}

/// Calls are numbered by the host and kept by number: none is taken for another.
#[test]
fn every_answer_is_to_its_own_question() {
    let authorizer = told(|does| {
        let of = OkHttpResponse {
            response_headers_to_add: vec![option("x-of", does, None)],
            ..OkHttpResponse::default()
        };
        // Those asked first are answered last.
        let number: u64 = does.parse().unwrap_or_default();
        Act::Later(Duration::from_millis(400 - 5 * number), Ok(allow(of)))
    });
    let desk = desk(authorizer, &Value::Null, &Value::Null);
    let desk = &desk;
    std::thread::scope(|scope| {
        let send = |number: u64| {
            let mode = Mode::BOTH[(number % 2) as usize];
            let (_, protocol) = PROTOCOLS[(number / 2 % 2) as usize];
            let client = speaking(&desk.stage.client(mode.name()), protocol);
            let of = number.to_string();
            let request = Request::mcp(call("echo")).header("x-do", &of);
            let answer = client.send(&request).expect("an answer");
            assert_eq!((answer.status, answer.header("x-of")), (200, Some(of)));
        };
        for number in 0..80 {
            scope.spawn(move || send(number));
        }
    });
}
