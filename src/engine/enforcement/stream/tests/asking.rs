//! Streams about which authorizers are asked: what becomes of them, and short orders of
//! any events. Longer ones are in `orders`.

mod orders;

use super::super::*;
use crate::engine::external_auth::{Callout, CalloutError, CalloutRequest, Edit};
use crate::engine::request::Headers;
use serde_json::{Value, json};

/// Two authorizers, of which the second is asked about calls of `echo`.
fn policies(settings: &Value, max_body: Option<u32>) -> Policies {
    of(&document(settings, max_body))
}

fn of(document: &Value) -> Policies {
    Policies::from_json(document.to_string().as_bytes()).unwrap()
}

fn document(settings: &Value, max_body: Option<u32>) -> Value {
    let asks = |name: &str, order: u32| {
        let mut auth = json!({
            "protocol": {"Http": {"path": "", "allowedHeaders": ["x-team"]}},
            "cluster": name, "authority": "a:1", "order": order
        });
        if let Some(max) = max_body {
            auth["maxBody"] = json!(max);
        }
        json!({
            "policy": {"namespace": "n", "name": name}, "action": "ExternalAuth",
            "mode": "Enforce", "targets": ["Gateway"], "externalAuth": auth
        })
    };
    let mut second = asks("a-second", 2);
    second["rules"] = json!([{"name": "r", "mcp": {
        "methods": [{"name": "tools/call", "params": ["echo"]}], "baseProtocol": "None"
    }}]);
    let mut document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
            "requestHeaders": "Hold", "mcpPaths": ["/mcp"], "denial": "JsonRpc",
            "limits": {"bodyBytes": 100, "depth": 8}
        },
        "listeners": [], "backends": [], "policies": [asks("z-first", 1), second]
    });
    for (name, value) in settings.as_object().unwrap() {
        document["settings"][name] = value.clone();
    }
    document
}

fn facts(method: &str, path: &str) -> StreamAttributes {
    let lines = [
        (":method", method),
        (":path", path),
        ("content-type", "application/json"),
        ("authorization", "t"),
        ("x-team", "a"),
        ("x-other", "b"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    StreamAttributes {
        headers: Headers::from_lines(lines),
        ..StreamAttributes::default()
    }
}

const ECHO: &[u8] = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo"}}"#;
const SUM: &[u8] = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"sum"}}"#;

fn answered<'p>(stream: &mut Stream, policies: &'p Policies, lines: &[(&str, &str)]) -> Step<'p> {
    // What the host adds to what others answer.
    let measured = ("x-envoy-upstream-service-time", "1");
    let headers = Headers::from_lines(lines.iter().copied().chain([measured]));
    let response = CalloutResponse::Http {
        headers: &headers,
        body: b"no",
    };
    stream.answer(policies, &response)
}

fn allowed<'p>(stream: &mut Stream, policies: &'p Policies) -> Step<'p> {
    answered(stream, policies, &[(":status", "200"), ("x-user", "me")])
}

/// The cluster that is asked, and what it is shown.
fn asked(step: Step<'_>) -> (String, Vec<(String, String)>, Vec<u8>) {
    let Step::Ask(question) = step else {
        panic!("{step:?}")
    };
    let Callout { cluster, call, .. } = *question;
    let CalloutRequest::Http { headers, body } = call else {
        panic!("{call:?}")
    };
    (cluster, headers, body)
}

fn is_refused(step: &Step<'_>, status: u16) -> bool {
    matches!(step, Step::Block(refusal) if refusal.answer.status == status)
}

#[test]
fn authorizers_are_asked_one_after_the_other() {
    let policies = policies(&json!({}), None);
    let mut stream = Stream::default();
    assert!(matches!(
        stream.headers(&policies, facts("POST", "/mcp"), false),
        Step::Wait
    ));
    let (first, headers, body) = asked(stream.body(&policies, ECHO, true));
    assert_eq!((first.as_str(), body.len()), ("z-first", 0));
    assert!(headers.contains(&("x-team".to_owned(), "a".to_owned())));
    assert!(!headers.iter().any(|(name, _)| name == "x-other"));
    let (second, ..) = asked(allowed(&mut stream, &policies));
    assert_eq!(second, "a-second");
    let Step::Continue(Permitted::Now(_, obligations)) = allowed(&mut stream, &policies) else {
        panic!()
    };
    let user = Edit::Set((b"x-user".to_vec(), b"me".to_vec()));
    assert_eq!(obligations.request, [user.clone(), user]);
    let said: Vec<_> = stream.said().iter().map(|said| &said.policy[..]).collect();
    assert_eq!(said, ["n/z-first", "n/a-second"]);
    // An answer that nobody waits for.
    assert!(matches!(allowed(&mut stream, &policies), Step::Wait));
}

/// What an authorizer over gRPC answers that wants `x-debug` taken away.
const WITHOUT_DEBUG: &[u8] = b"\x1a\x09\x2a\x07x-debug";

/// An authorizer that is shown one header, policies that allow everything where the route
/// leads and nothing at the other backend, and another policy.
fn rerouting(other: Option<(&str, &str)>) -> Policies {
    let mut document = document(&json!({}), None);
    let backend = |name: &str| json!({"namespace": "n", "name": name});
    document["backends"] = json!(["a", "b"].map(|name| json!({
        "backend": backend(name), "clusters": [name]
    })));
    let policies = document["policies"].as_array_mut().unwrap();
    policies.truncate(1);
    policies[0]["externalAuth"]["protocol"] =
        json!({"Grpc": {"allowedHeaders": ["authorization"]}});
    let mut add = |name: &str, action: &str, mode: &str, target: &Value, rule: Value| {
        policies.push(json!({
            "policy": {"namespace": "n", "name": name}, "action": action, "mode": mode,
            "targets": [target], "rules": [rule]
        }));
    };
    let (gateway, at_b) = (json!("Gateway"), json!({"Backend": backend("b")}));
    add("all", "Allow", "Enforce", &gateway, json!({"name": "r"}));
    let nothing = json!({"name": "r", "source": "spiffe://d/nobody"});
    add("none", "Allow", "Enforce", &at_b, nothing);
    if let Some((action, mode)) = other {
        let asks = json!({"name": "r", "http": {"headers": [{"name": "x-debug", "value": {"Exact": "1"}}]}});
        add("debug", action, mode, &gateway, asks);
    }
    of(&document)
}

/// SECURITY: another rule that asks about a header must not make known whether it was there.
#[test]
fn what_is_rerouted_is_the_same_whatever_rules_ask_about() {
    for other in [
        None,
        Some(("Deny", "Enforce")),
        Some(("Deny", "Audit")),
        Some(("Allow", "Audit")),
    ] {
        let policies = rerouting(other);
        for (line, goes_on) in [
            (("x-none", "2"), true),
            (("x-debug", "2"), false),
            (("X_Debug", "2"), false),
        ] {
            let mut known = facts("POST", "/mcp");
            let lines = known
                .headers
                .lines()
                .chain([(line.0.as_bytes(), line.1.as_bytes())]);
            known.headers = Headers::from_lines(lines);
            known.cluster = Some("a".to_owned());
            let mut stream = Stream::default();
            stream.headers(&policies, known, false);
            let step = stream.body(&policies, SUM, true);
            assert!(matches!(step, Step::Ask(_)), "{step:?}");
            let step = stream.answer(&policies, &CalloutResponse::Message(WITHOUT_DEBUG));
            // What is there is denied already by the rule that asks about it, perhaps.
            let passes = matches!(step, Step::Continue(_));
            assert_eq!(passes, goes_on, "{other:?} {line:?}");
        }
    }
}

/// SECURITY: newer policies cannot say where else an authorizer's change may lead a request.
#[test]
fn what_is_changed_does_not_go_on_by_newer_policies_with_several_backends() {
    let policies = rerouting(None);
    let newer = rerouting(None);
    for (line, goes_on) in [(("x-none", "2"), true), (("x-debug", "2"), false)] {
        let mut known = facts("POST", "/mcp");
        let more = [(line.0.as_bytes(), line.1.as_bytes())];
        known.headers = Headers::from_lines(known.headers.lines().chain(more));
        known.cluster = Some("a".to_owned());
        let mut stream = Stream::default();
        stream.headers(&policies, known, false);
        assert!(matches!(stream.body(&policies, SUM, true), Step::Ask(_)));
        let by = Judges {
            policies: &policies,
            newer: Some(&newer),
        };
        let step = stream.answer(by, &CalloutResponse::Message(WITHOUT_DEBUG));
        let kind = match &step {
            Step::Block(blocked) => Some(blocked.reason.kind()),
            _ => None,
        };
        assert_eq!(kind, (!goes_on).then_some("superseded"), "{step:?}");
    }
}

#[test]
fn each_call_has_a_span_of_its_own() {
    let policies = policies(&json!({}), None);
    let mut stream = Stream::default();
    stream.trace([0xff; 8]);
    stream.headers(&policies, facts("POST", "/mcp"), false);
    let span = |headers: Vec<(String, String)>| {
        let mut headers = headers.into_iter();
        let (_, value) = headers.find(|(name, _)| name == "traceparent").unwrap();
        value.split('-').nth(2).unwrap().to_owned()
    };
    let (_, headers, _) = asked(stream.body(&policies, ECHO, true));
    assert_eq!(span(headers), "ffffffffffffffff");
    // Zero is no span: such a call would have none.
    let (_, headers, _) = asked(allowed(&mut stream, &policies));
    assert!(!headers.iter().any(|(name, _)| name == "traceparent"));
}

#[test]
fn a_refusal_is_final() {
    let policies = policies(&json!({}), None);
    for (status, says_how, expected) in [
        ("403", false, 200),
        ("401", false, 200),
        ("401", true, 401),
        ("302", true, 200),
    ] {
        let mut stream = Stream::default();
        stream.headers(&policies, facts("POST", "/mcp"), false);
        stream.body(&policies, ECHO, true);
        let how = if says_how { "www-authenticate" } else { "x-a" };
        let lines = [
            (":status", status),
            (how, "Bearer"),
            ("content-length", "9"),
        ];
        let Step::Block(refusal) = answered(&mut stream, &policies, &lines) else {
            panic!()
        };
        let LocalReply {
            status: found,
            passed_on,
            body,
            ..
        } = refusal.answer;
        assert_eq!(found, expected);
        if expected == 401 {
            assert_eq!(body, b"no");
            assert_eq!(passed_on, [(how.into(), b"Bearer".to_vec())]);
        } else {
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let error = json!({"code": 403, "message": "Access to this tool is forbidden.",
                "data": {"status": status.parse::<u16>().unwrap()}});
            assert_eq!(answer, json!({"jsonrpc": "2.0", "id": "a", "error": error}));
        }
        assert_eq!(refusal.called.unwrap().method, "tools/call");
        assert!(matches!(allowed(&mut stream, &policies), Step::Wait));
    }
}

#[test]
fn what_is_no_request_is_answered_as_the_authorizer_says() {
    let policies = policies(&json!({}), None);
    let notification = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    for status in [201, 302, 403, 404] {
        let text = status.to_string();
        let lines = [(":status", text.as_str()), ("location", "/x")];
        let mut of_headers = Stream::default();
        asked(of_headers.headers(&policies, facts("GET", "/mcp"), true));
        let mut of_message = Stream::default();
        of_message.headers(&policies, facts("POST", "/mcp"), false);
        asked(of_message.body(&policies, notification, true));
        for stream in [&mut of_headers, &mut of_message] {
            let Step::Block(refusal) = answered(stream, &policies, &lines) else {
                panic!()
            };
            assert_eq!(refusal.answer.status, status);
            assert_eq!(refusal.answer.body, b"no");
            assert_eq!(refusal.answer.headers, []);
        }
    }
}

#[test]
fn without_an_answer_the_enforcement_point_decides() {
    for (error, is_outage) in [
        (CalloutError::Unavailable, true),
        (CalloutError::Timeout, true),
        (CalloutError::ServerError(502), true),
        (CalloutError::ServerError(503), true),
        (CalloutError::ServerError(504), true),
        (CalloutError::ServerError(500), false),
        (CalloutError::ServerError(501), false),
        (CalloutError::ServerError(505), false),
        (CalloutError::Status(12), false),
        (CalloutError::NotCalled, false),
        (CalloutError::BrokenOff, false),
        (CalloutError::TooLarge, false),
        (CalloutError::Unreadable, false),
    ] {
        let failed = CalloutResponse::Failed(error);
        let deny = policies(&json!({}), None);
        let mut stream = Stream::default();
        stream.headers(&deny, facts("POST", "/mcp"), false);
        stream.body(&deny, SUM, true);
        let step = stream.answer(&deny, &failed);
        assert!(is_refused(&step, 403), "{step:?}");
        let auth = json!({"timeout": 5, "onError": "Allow", "oversize": "Reject"});
        let allow = policies(&json!({"externalAuth": auth}), None);
        let mut stream = Stream::default();
        stream.headers(&allow, facts("POST", "/mcp"), false);
        stream.body(&allow, SUM, true);
        let step = stream.answer(&allow, &failed);
        assert_eq!(matches!(step, Step::Continue(_)), is_outage, "{step:?}");
        assert_eq!(is_refused(&step, 403), !is_outage, "{step:?}");
    }
}

/// With `onError: Allow` the server gets no header in the authorizer's name.
#[test]
fn without_an_answer_no_header_is_the_authorizers() {
    let auth = json!({"timeout": 5, "onError": "Allow", "oversize": "Reject"});
    let mut document = document(&json!({"externalAuth": auth}), None);
    let http = &mut document["policies"][0]["externalAuth"]["protocol"]["Http"];
    http["allowedResponseHeaders"] = json!(["x-user"]);
    let policies = of(&document);
    let mut stream = Stream::default();
    stream.headers(&policies, facts("POST", "/mcp"), false);
    stream.body(&policies, SUM, true);
    let step = stream.answer(&policies, &CalloutResponse::Failed(CalloutError::Timeout));
    let Step::Continue(Permitted::Now(_, obligations)) = step else {
        panic!("{step:?}")
    };
    assert_eq!(obligations.request, [Edit::Remove(b"x-user".to_vec())]);
}

#[test]
fn what_is_malformed_is_shown_to_nobody() {
    let policies = policies(&json!({}), Some(50));
    let mut stream = Stream::default();
    stream.headers(&policies, facts("POST", "/mcp"), false);
    let step = stream.body(&policies, b"{}", true);
    assert!(is_refused(&step, 400), "{step:?}");
    assert_eq!(stream.said(), []);
}

#[test]
fn bodies_that_are_too_long_to_show() {
    for (oversize, path, expected) in [
        ("Reject", "/mcp", None),
        ("Reject", "/other", None),
        ("Truncate", "/mcp", Some(&ECHO[..50])),
        ("Truncate", "/other", Some(&ECHO[..50])),
    ] {
        let auth = json!({"timeout": 5, "onError": "Deny", "oversize": oversize});
        let policies = policies(&json!({"externalAuth": auth}), Some(50));
        let mut stream = Stream::default();
        stream.headers(&policies, facts("POST", path), false);
        let mut last = Step::Wait;
        for (at, piece) in ECHO.chunks(10).enumerate() {
            if let Step::Wait = last {
                last = stream.body(&policies, piece, at == ECHO.len() / 10);
            }
        }
        match expected {
            None => assert!(is_refused(&last, 413), "{last:?}"),
            Some(front) => {
                let (_, headers, body) = asked(last);
                assert_eq!(body, front);
                let partial = ("x-envoy-auth-partial-body".to_owned(), "true".to_owned());
                assert!(headers.contains(&partial));
            }
        }
    }
}

/// Also where the end comes with the piece that is too much.
#[test]
fn a_body_that_ends_too_late() {
    for (oversize, length, is_refused) in [
        ("Reject", 50, false),
        ("Reject", 51, true),
        ("Truncate", 51, false),
    ] {
        let auth = json!({"timeout": 5, "onError": "Deny", "oversize": oversize});
        let policies = policies(&json!({"externalAuth": auth}), Some(50));
        let mut stream = Stream::default();
        stream.headers(&policies, facts("POST", "/other"), false);
        let step = stream.body(&policies, &vec![b'x'; length], true);
        if is_refused {
            assert!(matches!(&step, Step::Block(refusal) if refusal.answer.status == 413));
        } else {
            let (_, headers, body) = asked(step);
            let is_partial = (length > 50).to_string();
            assert_eq!(body.len(), 50);
            assert!(headers.contains(&("x-envoy-auth-partial-body".to_owned(), is_partial)));
        }
    }
}

#[test]
fn what_waits_is_accounted_for() {
    let policies = policies(&json!({}), Some(50));
    let envelopes = Rc::new(ReaderPool::default());
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = Stream::new(Rc::clone(&envelopes));
        stream.headers(&policies, facts("POST", "/other"), false);
        asked(stream.body(&policies, b"body", true));
        streams.push(stream);
    }
    assert!(envelopes.held() > 0);
    drop(streams);
    assert_eq!(envelopes.held(), 0);
}

/// One caller alone may have half of all calls open, and gets them back when they end.
#[test]
fn each_caller_has_a_share_of_the_calls() {
    let open = json!({"timeout": 5, "onError": "Allow", "oversize": "Reject"});
    let policies = policies(&json!({"externalAuth": open}), None);
    let envelopes = Rc::new(ReaderPool::default());
    let of = |name: &str| {
        let caller = crate::engine::request::SpiffeId::new(name).unwrap();
        let mut stream = Stream::new(Rc::clone(&envelopes));
        let facts = StreamAttributes {
            caller: crate::engine::request::Caller::Spiffe(caller),
            ..facts("GET", "/other")
        };
        let asks = match stream.headers(&policies, facts, true) {
            Step::Ask(_) => true,
            step => {
                assert!(is_refused(&step, 503), "{step:?}");
                let Step::Block(refusal) = step else { panic!() };
                assert_eq!(refusal.reason.kind(), "overloaded");
                false
            }
        };
        asks.then_some(stream)
    };
    let mut waiting: Vec<Stream> = Vec::new();
    waiting.extend(std::iter::from_fn(|| of("spiffe://d/a")));
    assert_eq!(waiting.len(), 512);
    let other = of("spiffe://d/b").unwrap();
    assert!(of("spiffe://d/a").is_none());
    drop(other);
    for (mut stream, lines) in waiting.into_iter().zip(
        [
            [(":status", "200"), ("x-a", "")],
            [(":status", "403"), ("x-a", "")],
        ]
        .into_iter()
        .cycle(),
    ) {
        answered(&mut stream, &policies, &lines);
        assert!(of("spiffe://d/a").is_some());
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Headers { ended: bool },
    Echo { ended: bool },
    Empty { ended: bool },
    Trailers,
    Allowed,
    Refused,
    Failed,
}

fn apply<'p>(stream: &mut Stream, policies: &'p Policies, path: &str, event: Event) -> Step<'p> {
    match event {
        Event::Headers { ended } => stream.headers(policies, facts("POST", path), ended),
        Event::Echo { ended } => stream.body(policies, ECHO, ended),
        Event::Empty { ended } => stream.body(policies, b"", ended),
        Event::Trailers => stream.trailers(policies),
        Event::Allowed => allowed(stream, policies),
        Event::Refused => answered(stream, policies, &[(":status", "403")]),
        Event::Failed => stream.answer(policies, &CalloutResponse::Failed(CalloutError::Timeout)),
    }
}

/// Every order of up to five events: nothing goes on but what every authorizer allowed
/// that was asked, and nothing at all after a refusal.
#[test]
fn no_order_of_events_gets_round_an_authorizer() {
    let all = [
        Event::Headers { ended: false },
        Event::Headers { ended: true },
        Event::Echo { ended: true },
        Event::Echo { ended: false },
        Event::Empty { ended: true },
        Event::Trailers,
        Event::Allowed,
        Event::Refused,
        Event::Failed,
    ];
    for (path, max_body, questions) in [
        ("/mcp", None, 2),
        ("/other", None, 1),
        ("/other", Some(90), 1),
    ] {
        let policies = policies(&json!({}), max_body);
        let mut permits = 0;
        for code in 0..all.len().pow(5) {
            let events: Vec<Event> = (0..5)
                .map(|place| all[code / all.len().pow(place) % all.len()])
                .collect();
            permits += usize::from(goes_on(&policies, path, &events, questions));
        }
        assert!(permits > 0, "{path}");
    }
}

/// Whether it goes on in the end.
fn goes_on(policies: &Policies, path: &str, events: &[Event], questions: usize) -> bool {
    let mut stream = Stream::default();
    let (mut open, mut allowed, mut passed, mut refused) = (0, 0, false, false);
    for event in events {
        let answers = matches!(event, Event::Allowed | Event::Refused | Event::Failed);
        let step = apply(&mut stream, policies, path, *event);
        if answers && open == 0 {
            assert!(matches!(step, Step::Wait), "{events:?}");
            continue;
        }
        if answers {
            open -= 1;
            allowed += usize::from(*event == Event::Allowed);
            let is_refused = matches!(step, Step::Block(_));
            assert_eq!(is_refused, *event != Event::Allowed, "{events:?}");
        }
        match step {
            Step::Ask(_) => {
                assert!(!passed && !refused, "{events:?}");
                open += 1;
                assert_eq!(open, 1, "{events:?}");
            }
            Step::Continue(_) => {
                assert!(!refused && open == 0 && allowed == questions, "{events:?}");
                passed = true;
            }
            Step::Block(_) => {
                // Nobody waits any more.
                open = 0;
                refused = true;
            }
            Step::PassHeaders => panic!("{events:?}"),
            Step::Wait => {}
        }
    }
    passed
}
