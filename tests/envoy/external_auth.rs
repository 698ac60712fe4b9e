//! Policies that ask an authorizer over HTTP: what it is shown, what its answers do, and
//! what becomes of requests about which nobody answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::desk::{BACKEND, Desk, GATEWAY, allows, asks, configured, messages_only, policy};
use crate::setup::{Mode, PROTOCOLS, anybody_may_call, call, is_denied, json_of, speaking};
use crate::support::message::{Length, Request};
use crate::support::recorder::{Answer, Seen};

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Act<Answer> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Act::Answer(Answer {
        status,
        headers: headers.iter().map(owned).collect(),
        body: body.as_bytes().to_vec(),
    })
}

/// What the authorizer is to do is said in a header of the request.
fn told() -> HttpAuthorizer {
    HttpAuthorizer::start(|seen| match seen.header("x-do").as_deref() {
        Some("hang") => Act::Hang,
        Some("close") => Act::Close,
        Some("long") => answer(200, &[], &"x".repeat((1 << 20) + 1)),
        Some("challenge") => answer(401, &[("www-authenticate", "Bearer realm=\"a\"")], "who?"),
        Some("later") => Act::Later(
            Duration::from_millis(700),
            Answer {
                status: 200,
                headers: Vec::new(),
                body: Vec::new(),
            },
        ),
        Some(status) => {
            let status = status.parse().expect("a status");
            answer(
                status,
                &[("x-why", "so"), ("location", "/login")],
                "as I say",
            )
        }
        None => answer(
            200,
            &[("x-user", "me"), ("x-role", "a"), ("x-role", "b")],
            "",
        ),
    })
}

const TOLD: [&str; 1] = ["x-do"];

fn asking_told(mode: Mode, over: &Value) -> String {
    let auth = asks("authorizer", &json!({"http": {"allowedHeaders": TOLD}}));
    configured(&[policy("asking", GATEWAY, auth)], mode, over)
}

#[test]
fn what_an_authorizer_is_shown_and_what_the_server_gets() {
    let shows = json!({"http": {"path": "/check", "allowedHeaders": ["x-team"]}});
    let desk = Desk::open(told(), |mode| {
        let auth = asks("authorizer", &shows);
        configured(&[policy("asking", GATEWAY, auth)], mode, &Value::Null)
    });
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = Request::mcp(call("echo"))
        .target("/mcp?a=b")
        .authority("tools.example")
        .header("authorization", "Bearer t")
        .header("x-team", "1")
        .header("x-other", "3")
        .header("x-user", "somebody else")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    desk.each(&request, |id, mode, answer, asked, server| {
        assert_eq!(json_of(answer)["result"], json!({}), "{id}: {answer:?}");
        let [asked] = asked else {
            panic!("{id}: {asked:?}")
        };
        assert_eq!(
            (&*asked.method, &*asked.target),
            ("POST", "/check/mcp?a=b"),
            "{id}"
        );
        assert_eq!(
            (&*asked.authority, asked.body.len()),
            ("tools.example", 0),
            "{id}"
        );
        for (name, value) in [
            ("authorization", Some("Bearer t")),
            ("content-length", Some("0")),
            ("x-request-id", Some(id)),
            ("x-other", None),
            ("x-user", None),
            ("content-type", None),
            ("x-envoy-auth-partial-body", None),
        ] {
            assert_eq!(asked.header(name).as_deref(), value, "{id}: {asked:?}");
        }
        assert_eq!(asked.header("x-team").as_deref(), Some("1"), "{id}");
        let parent = asked.header("traceparent").expect("a trace");
        assert!(
            parent.starts_with(&format!("00-{trace}-")),
            "{id}: {parent}"
        );
        assert!(!parent.contains("b7ad6b7169203331"), "{id}: {parent}");

        let [server] = server else {
            panic!("{id}: {server:?}")
        };
        assert!(
            server.complete && server.body == call("echo").as_bytes(),
            "{id}"
        );
        let user = match mode {
            Mode::Hold => "me",
            Mode::Stream => "somebody else",
        };
        assert_eq!(server.header("x-user").as_deref(), Some(user), "{id}");
        let role = server.headers.iter().filter(|(name, _)| name == "x-role");
        assert_eq!(role.count(), if mode == Mode::Hold { 2 } else { 0 }, "{id}");
        assert_eq!(
            server.header("content-type").as_deref(),
            Some("application/json"),
            "{id}"
        );
    });
}

/// What authorizers could read otherwise than the server is shown to none of them.
#[test]
fn ambiguous_paths_are_shown_to_nobody() {
    let desk = Desk::open(told(), |mode| {
        let auth = asks("authorizer", &json!({"http": {"path": "/check"}}));
        configured(&[policy("asking", GATEWAY, auth)], mode, &Value::Null)
    });
    for path in ["/mcp;/../healthz", "/mcp/%2e%2e/%2e%2e/healthz", "//mcp"] {
        for request in [Request::mcp(call("echo")), Request::get("/")] {
            desk.each(&request.target(path), |id, mode, answer, asked, server| {
                // What Envoy tidies up before any filter sees it is no longer ambiguous.
                if let [asked] = asked {
                    let [server] = server else {
                        panic!("{id} {path}: {server:?}")
                    };
                    assert_eq!(asked.target, format!("/check{}", server.target), "{id}");
                    return;
                }
                desk.assert_refused(id, mode, server);
                assert_eq!((answer.status, asked.len()), (400, 0), "{id} {path}");
            });
        }
    }
}

/// Whoever chooses the host chooses who is asked, unless it is the service's.
#[test]
fn the_host_of_a_call() {
    for (host, expected) in [
        ("Client", "tools.example"),
        ("Service", "authorizer.infra:80"),
    ] {
        let over = json!({"externalAuth": {"host": host}});
        let desk = Desk::open(told(), |mode| asking_told(mode, &over));
        let request = Request::mcp(call("echo")).authority("tools.example");
        desk.each(&request, |id, _, answer, asked, _| {
            assert_eq!(answer.status, 200, "{id}: {answer:?}");
            let [asked] = asked else {
                panic!("{id}: {asked:?}")
            };
            assert_eq!(asked.authority, expected, "{id}");
        });
    }
}

/// A listed header is the authorizer's to set: what the client sends under its name, or one
/// that is alike, does not arrive, whether the answer has it or not.
#[test]
fn no_listed_header_is_the_clients() {
    let hop = |value: &'static str| ("connection", value);
    let authorizer = HttpAuthorizer::start(move |seen| match seen.header("x-do").as_deref() {
        Some("hang") => Act::Hang,
        Some("silent") => answer(200, &[hop("x-role"), ("x-role", "hop")], ""),
        _ => answer(200, &[("x-user", "me"), ("x-role", "a")], ""),
    });
    let over = json!({"externalAuth": {"timeout": "300ms", "onError": "Allow"}});
    let desk = Desk::open(authorizer, |mode| {
        let mut http = json!({"allowedHeaders": TOLD});
        if mode == Mode::Hold {
            // Under Stream the compiler refuses a list.
            http["allowedResponseHeaders"] = json!(["X-User", "x-role"]);
        }
        let asking = policy(
            "asking",
            GATEWAY,
            asks("authorizer", &json!({"http": http})),
        );
        configured(&[asking], mode, &over)
    });
    for does in ["answer", "silent", "hang"] {
        for name in ["x-user", "X_User", "x_user"] {
            let request = Request::mcp(call("echo"))
                .header("x-do", does)
                .header(name, "admin")
                .header("x-role", "admin")
                .header("x-other", "client");
            desk.each(&request, |id, mode, answer, _, server| {
                if mode == Mode::Stream {
                    return;
                }
                let [server] = server else {
                    panic!("{id} {does}: {answer:?}")
                };
                let (user, role) = match does {
                    "answer" => (Some("me"), Some("a")),
                    _ => (None, None),
                };
                assert_eq!(server.header("x-user").as_deref(), user, "{id} {does}");
                assert_eq!(server.header("x_user"), None, "{id} {does}");
                assert_eq!(server.header("x-role").as_deref(), role, "{id} {does}");
                assert_eq!(server.header("x-other").as_deref(), Some("client"), "{id}");
            });
        }
    }
}

#[test]
fn a_refusal_and_what_the_client_is_told() {
    let desk = Desk::open(told(), |mode| asking_told(mode, &Value::Null));
    for status in [201, 204, 302, 400, 401, 403, 404, 429] {
        let does = status.to_string();
        let request = Request::mcp(call("echo")).header("x-do", &does);
        desk.each(&request, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            let error = json!({"code": 403, "message": "Access to this tool is forbidden.",
                "data": {"status": status}});
            assert_eq!(answer.status, 200, "{id}: {answer:?}");
            assert_eq!(
                json_of(answer),
                json!({"jsonrpc": "2.0", "id": 7, "error": error}),
                "{id}"
            );
            assert_eq!(answer.header("x-why"), None, "{id}");
        });
        desk.each(
            &Request::get("/mcp").header("x-do", &does),
            |id, mode, answer, _, server| {
                desk.assert_refused(id, mode, server);
                assert_eq!(answer.status, status, "{id}: {answer:?}");
                let body = if status == 204 { "" } else { "as I say" };
                assert_eq!(answer.text(), body, "{id}");
                assert_eq!(answer.header("x-why").as_deref(), Some("so"), "{id}");
                assert_eq!(answer.header("location").as_deref(), Some("/login"), "{id}");
                let record = desk.record(id);
                assert_eq!(record["reason"], "authorizer", "{record}");
                assert_eq!(
                    record["external_auth"][0]["policy"], "infra/asking",
                    "{record}"
                );
                assert_eq!(record["external_auth"][0]["answer"], "deny", "{record}");
            },
        );
    }
    let request = Request::mcp(call("echo")).header("x-do", "challenge");
    desk.each(&request, |id, mode, answer, _, server| {
        desk.assert_refused(id, mode, server);
        assert_eq!((answer.status, &*answer.text()), (401, "who?"), "{id}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.as_deref(), Some("Bearer realm=\"a\""), "{id}");
    });
}

#[test]
fn no_answer_is_told_apart_and_refuses() {
    let patience = json!({"externalAuth": {"timeout": "300ms"}});
    let desk = Desk::open(told(), |mode| asking_told(mode, &patience));
    for (does, detail) in [
        ("500", "failed (500)"),
        ("503", "failed (503)"),
        ("504", "failed (504)"),
        ("hang", "in time"),
        ("close", "broke off"),
        ("long", "too long"),
    ] {
        let request = Request::mcp(call("echo")).header("x-do", does);
        desk.each(&request, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!(
                (answer.status, &json_of(answer)["error"]["code"]),
                (403, &json!(403)),
                "{id} {does}"
            );
            let record = desk.record(id);
            assert_eq!(record["reason"], "authorizer_error", "{does}: {record}");
            let said = record["external_auth"][0]["detail"]
                .as_str()
                .expect("a detail");
            assert!(said.contains(detail), "{does}: {record}");
        });
        let get = Request::get("/mcp").header("x-do", does);
        desk.each(&get, |id, mode, answer, _, server| {
            desk.assert_refused(id, mode, server);
            assert_eq!(
                (answer.status, &*answer.text()),
                (403, "Access is forbidden.\n"),
                "{id}"
            );
        });
    }
}

#[test]
fn an_authorizer_that_is_not_there() {
    for service in ["down", "empty", "unknown"] {
        let configuration = |mode, over: &Value| {
            let policies = [policy("asking", GATEWAY, asks(service, &Value::Null))];
            configured(&policies, mode, over)
        };
        let desk = Desk::open(told(), |mode| configuration(mode, &Value::Null));
        for request in [
            Request::mcp(call("echo")),
            Request::get("/mcp"),
            Request::get("/x"),
        ] {
            desk.each(&request, |id, mode, answer, _, server| {
                desk.assert_refused(id, mode, server);
                assert_eq!(answer.status, 403, "{service} {id}: {answer:?}");
                assert_eq!(
                    desk.record(id)["reason"],
                    "authorizer_error",
                    "{service} {id}"
                );
            });
        }
        // Envoy fails calls to nobody as it fails those that are too many.
        if service != "down" {
            continue;
        }
        let open = json!({"externalAuth": {"onError": "Allow"}});
        let desk = Desk::open(told(), |mode| configuration(mode, &open));
        for request in [
            Request::mcp(call("echo")),
            Request::get("/mcp"),
            Request::get("/x"),
        ] {
            desk.each(&request, |id, _, answer, _, server| {
                assert_eq!(
                    (answer.status, server.len()),
                    (200, 1),
                    "{service} {id}: {answer:?}"
                );
                let record = desk.record(id);
                assert_eq!(record["decision"], "allow", "{record}");
                assert_eq!(record["external_auth"][0]["answer"], "error", "{record}");
            });
        }
    }
}

#[test]
fn others_pass_while_one_waits() {
    let desk = Desk::open(told(), |mode| asking_told(mode, &Value::Null));
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            let client = speaking(&desk.stage.client(mode.name()), protocol);
            let slow = client.clone();
            let waiting = std::thread::spawn(move || {
                let start = Instant::now();
                let request = Request::mcp(call("echo")).header("x-do", "later");
                (slow.send(&request).expect("an answer"), start.elapsed())
            });
            std::thread::sleep(Duration::from_millis(100));
            let start = Instant::now();
            for _ in 0..10 {
                let answer = client.send(&Request::mcp(call("echo"))).expect("an answer");
                assert_eq!(answer.status, 200, "{name}");
            }
            assert!(start.elapsed() < Duration::from_millis(500), "{name}");
            let (answer, took) = waiting.join().expect("an answer");
            assert_eq!(json_of(&answer)["result"], json!({}), "{name}: {answer:?}");
            assert!(took >= Duration::from_millis(650), "{name}: {took:?}");
        }
    }
}

/// A client that goes away leaves an answer that nobody waits for.
#[test]
fn a_client_that_goes_away() {
    let desk = Desk::open(told(), |mode| asking_told(mode, &Value::Null));
    for mode in Mode::BOTH {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&desk.stage.client(mode.name()), protocol);
            for request in [Request::mcp(call("echo")), Request::get("/mcp")] {
                let request = request.header("x-do", "later");
                let patience = Duration::from_millis(200);
                assert!(client.send(&request.patience(patience)).is_err());
            }
        }
    }
    std::thread::sleep(Duration::from_millis(900));
    let seen = desk.stage.recorder.requests_when_quiet();
    assert!(
        seen.iter()
            .all(|seen| !seen.complete && seen.body.is_empty()),
        "{seen:?}"
    );
    desk.each(&Request::mcp(call("echo")), |id, _, answer, _, _| {
        assert_eq!(answer.status, 200, "{id}");
    });
}

#[test]
fn the_gateway_comes_before_the_backend() {
    let desk = Desk::open(told(), |mode| {
        let http = json!({"http": {"path": "/gateway", "allowedHeaders": TOLD}});
        let mut gateway = asks("authorizer", &http);
        let rule = &anybody_may_call(&["echo"])[0];
        gateway["rules"] = json!([rule]);
        let backend = asks("second", &json!({"http": {"path": "/backend"}}));
        let policies = [
            policy("gateway", GATEWAY, gateway),
            policy(
                "allowing",
                GATEWAY,
                allows(&anybody_may_call(&["echo", "sum"])),
            ),
            policy("backend", BACKEND, backend),
        ];
        configured(&policies, mode, &Value::Null)
    });
    let targets =
        |asked: &[Seen]| -> Vec<String> { asked.iter().map(|seen| seen.target.clone()).collect() };
    desk.each(
        &Request::mcp(call("echo")),
        |id, _, answer, asked, server| {
            assert_eq!(targets(asked), ["/gateway/mcp", "/backend/mcp"], "{id}");
            assert_eq!((answer.status, server.len()), (200, 1), "{id}");
        },
    );
    desk.each(&Request::mcp(call("sum")), |id, _, _, asked, server| {
        assert_eq!(
            (targets(asked), server.len()),
            (vec!["/backend/mcp".to_owned()], 1),
            "{id}"
        );
    });
    // What the Gateway refuses is shown to nobody behind it.
    desk.each(
        &Request::mcp(call("env")),
        |id, mode, answer, asked, server| {
            desk.assert_refused(id, mode, server);
            assert!(
                is_denied(answer, &json!(7)) && asked.is_empty(),
                "{id}: {asked:?}"
            );
        },
    );
    let refused = Request::mcp(call("echo")).header("x-do", "403");
    desk.each(&refused, |id, mode, _, asked, server| {
        desk.assert_refused(id, mode, server);
        assert_eq!(targets(asked), ["/gateway/mcp"], "{id}");
    });
    // And what is malformed to nobody at all.
    desk.each(&Request::mcp("[]"), |id, _, answer, asked, _| {
        assert_eq!((answer.status, asked.len()), (400, 0), "{id}");
    });
}

#[test]
fn bodies_are_shown_as_far_as_they_may() {
    for (oversize, is_cut) in [("Reject", false), ("Truncate", true)] {
        let desk = Desk::open(told(), |mode| {
            let auth = asks("authorizer", &json!({"forwardBody": {"maxSize": 100}}));
            let auth = messages_only(auth, mode);
            let over = json!({"externalAuth": {"oversize": oversize}});
            configured(&[policy("asking", GATEWAY, auth)], mode, &over)
        });
        let short = call("echo");
        let long = call(&"e".repeat(100));
        for (target, body) in [
            ("/mcp", &short),
            ("/mcp", &long),
            ("/files", &short),
            ("/files", &long),
        ] {
            let whole = Request::mcp(body).target(target);
            let pieces = Request::mcp("")
                .target(target)
                .pieces(body.as_bytes().chunks(30));
            let declared = pieces.clone().length(Length::Declared);
            let trailers = pieces.clone().trailer("x-last", "1");
            for request in [whole, pieces, declared, trailers] {
                desk.each(&request, |id, mode, answer, asked, server| {
                    // No body is awaited of what is not MCP: nobody is asked about it.
                    if mode == Mode::Stream && target == "/files" {
                        assert_eq!((answer.status, asked.len()), (200, 0), "{id}: {answer:?}");
                        return;
                    }
                    if body.len() > 100 && !is_cut {
                        desk.assert_refused(id, mode, server);
                        assert_eq!((answer.status, asked.len()), (413, 0), "{id}: {answer:?}");
                        return;
                    }
                    let [asked] = asked else {
                        panic!("{id}: {asked:?}")
                    };
                    let shown = &body.as_bytes()[..body.len().min(100)];
                    assert!(asked.body == shown, "{id} {target}: {asked:?}");
                    let partial = asked.header("x-envoy-auth-partial-body");
                    let expected = if body.len() > 100 { "true" } else { "false" };
                    assert_eq!(partial.as_deref(), Some(expected), "{id}");
                    assert_eq!(answer.status, 200, "{id}: {answer:?}");
                    let [server] = server else {
                        panic!("{id}: {server:?}")
                    };
                    assert!(
                        server.complete && server.body == body.as_bytes(),
                        "{id} {target}"
                    );
                });
            }
        }
    }
}

#[test]
fn an_authorizer_that_comes_back() {
    let patience = json!({"externalAuth": {"timeout": "300ms"}});
    let mut desk = Desk::open(told(), |mode| asking_told(mode, &patience));
    let status = |desk: &Desk<HttpAuthorizer>, expected: u16| {
        desk.each(
            &Request::mcp(call("echo")),
            |id, mode, answer, _, server| {
                assert_eq!(answer.status, expected, "{id}: {answer:?}");
                if expected != 200 {
                    desk.assert_refused(id, mode, server);
                }
            },
        );
    };
    status(&desk, 200);
    desk.authorizer.stop();
    status(&desk, 403);
    desk.authorizer.restart();
    status(&desk, 200);
}
