mod asking;
mod updates;

use super::*;
use crate::engine::decision::{Denial, DenialReason};
use crate::engine::enforcement::Blocked;
use crate::engine::mcp::ObjectKind;
use crate::engine::request::{Caller, Headers};
use serde_json::json;

fn policies(request_headers: &str, denial: &str) -> Policies {
    let document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
            "requestHeaders": request_headers, "mcpPaths": ["/mcp"], "denial": denial,
            "limits": {"bodyBytes": 100, "depth": 8}
        },
        "listeners": [], "backends": [],
        "policies": [{
            "policy": {"namespace": "n", "name": "p"}, "action": "Allow", "mode": "Enforce", "targets": ["Gateway"],
            "rules": [{"name": "r", "mcp": {
                "methods": [{"name": "tools/call", "params": ["echo"]}], "baseProtocol": "Full"
            }}]
        }]
    });
    Policies::from_json(document.to_string().as_bytes()).unwrap()
}

fn facts(method: &str, path: &str) -> StreamAttributes {
    let lines = [
        (":method", method),
        (":path", path),
        ("content-type", "application/json"),
    ];
    StreamAttributes {
        headers: Headers::from_lines(lines),
        caller: Caller::Anonymous,
        cluster: None,
        ..StreamAttributes::default()
    }
}

const ECHO: &[u8] = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo"}}"#;
const SUM: &[u8] = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"sum"}}"#;

/// What is left when only the outcome counts.
#[derive(Debug, PartialEq)]
enum Seen {
    Wait,
    PassHeaders,
    Continue,
    Refuse(u16),
}

fn seen(step: &Step<'_>) -> Seen {
    match step {
        Step::Wait => Seen::Wait,
        Step::PassHeaders => Seen::PassHeaders,
        Step::Ask(_) => panic!("nobody is to be asked"),
        Step::Continue(_) => Seen::Continue,
        Step::Block(refusal) => Seen::Refuse(refusal.answer.status),
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Headers { ended: bool },
    Echo { ended: bool },
    Sum { ended: bool },
    Empty { ended: bool },
    Trailers,
}

fn apply<'p>(stream: &mut Stream, policies: &'p Policies, event: Event) -> Step<'p> {
    match event {
        Event::Headers { ended } => stream.headers(policies, facts("POST", "/mcp"), ended),
        Event::Echo { ended } => stream.body(policies, ECHO, ended),
        Event::Sum { ended } => stream.body(policies, SUM, ended),
        Event::Empty { ended } => stream.body(policies, b"", ended),
        Event::Trailers => stream.trailers(policies),
    }
}

fn run(policies: &Policies, events: &[Event]) -> Vec<Seen> {
    let mut stream = Stream::default();
    events
        .iter()
        .map(|event| seen(&apply(&mut stream, policies, *event)))
        .collect()
}

const START: Event = Event::Headers { ended: false };

#[test]
fn the_verdict_comes_with_the_end_of_the_body() {
    let policies = policies("Hold", "JsonRpc");
    for (events, expected) in [
        (&[START, Event::Echo { ended: true }][..], Seen::Continue),
        (
            &[
                START,
                Event::Echo { ended: false },
                Event::Empty { ended: true },
            ],
            Seen::Continue,
        ),
        (
            &[START, Event::Echo { ended: false }, Event::Trailers],
            Seen::Continue,
        ),
        (&[START, Event::Sum { ended: true }], Seen::Refuse(200)),
        (
            &[
                START,
                Event::Sum { ended: false },
                Event::Empty { ended: true },
            ],
            Seen::Refuse(200),
        ),
        (
            &[START, Event::Sum { ended: false }, Event::Trailers],
            Seen::Refuse(200),
        ),
        (&[START, Event::Empty { ended: true }], Seen::Refuse(400)),
        (&[START, Event::Trailers], Seen::Refuse(400)),
        (&[Event::Headers { ended: true }], Seen::Refuse(400)),
        (
            &[
                START,
                Event::Echo { ended: false },
                Event::Echo { ended: true },
            ],
            Seen::Refuse(413),
        ),
    ] {
        let seen = run(&policies, events);
        let (last, before) = seen.split_last().unwrap();
        assert_eq!(*last, expected, "{events:?}");
        assert!(before.iter().all(|seen| *seen == Seen::Wait), "{events:?}");
    }
}

#[test]
fn stream_lets_headers_go_and_nothing_else() {
    let policies = policies("Stream", "JsonRpc");
    let seen = run(
        &policies,
        &[START, Event::Sum { ended: false }, Event::Trailers],
    );
    assert_eq!(seen, [Seen::PassHeaders, Seen::Wait, Seen::Refuse(200)]);
}

/// Every order of up to five events: nothing goes on before a permit, nothing
/// after a refusal, and a permit only follows a whole message that is allowed.
#[test]
fn no_order_of_events_gets_anything_through() {
    let all = [
        START,
        Event::Headers { ended: true },
        Event::Echo { ended: true },
        Event::Echo { ended: false },
        Event::Sum { ended: true },
        Event::Sum { ended: false },
        Event::Empty { ended: true },
        Event::Empty { ended: false },
        Event::Trailers,
    ];
    let policies = policies("Hold", "JsonRpc");
    for code in 0..all.len().pow(5) {
        let events: Vec<Event> = (0..5)
            .map(|place| all[code / all.len().pow(place) % all.len()])
            .collect();
        let seen = run(&policies, &events);
        let permit = seen.iter().position(|seen| *seen == Seen::Continue);
        if let Some(permit) = permit {
            let mut before = events[..=permit].iter();
            assert!(
                matches!(before.next(), Some(Event::Headers { ended: false })),
                "{events:?}"
            );
            let bodies: Vec<_> = before
                .filter(|e| !matches!(e, Event::Empty { .. } | Event::Trailers))
                .collect();
            assert!(matches!(bodies[..], [Event::Echo { .. }]), "{events:?}");
        }
        let refusal = seen.iter().position(|seen| matches!(seen, Seen::Refuse(_)));
        if let (Some(refusal), Some(permit)) = (refusal, permit) {
            // A second header block after a verdict is refused; nothing else can follow one.
            assert!(
                permit < refusal && matches!(events[refusal], Event::Headers { .. }),
                "{events:?}"
            );
        }
        if let Some(refusal) = refusal {
            let after = &seen[refusal + 1..];
            assert!(!after.contains(&Seen::Continue), "{events:?}");
        }
    }
}

#[test]
fn what_is_not_mcp_is_judged_by_its_headers() {
    let policies = policies("Hold", "JsonRpc");
    let mut stream = Stream::default();
    assert_eq!(
        seen(&stream.headers(&policies, facts("GET", "/mcp"), true)),
        Seen::Continue
    );
    let mut stream = Stream::default();
    assert_eq!(
        seen(&stream.headers(&policies, facts("POST", "/other"), false)),
        Seen::Refuse(403)
    );
    assert_eq!(seen(&stream.body(&policies, ECHO, true)), Seen::Wait);
}

fn refusal(denial: &str, body: &[u8]) -> (u16, String) {
    let policies = policies("Hold", denial);
    let mut stream = Stream::default();
    stream.headers(&policies, facts("POST", "/mcp"), false);
    match stream.body(&policies, body, true) {
        Step::Block(refusal) => (
            refusal.answer.status,
            String::from_utf8(refusal.answer.body).unwrap(),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers() {
    let forbidden = r#"{"jsonrpc":"2.0","id":"\u0061","error":{"code":403,"message":"Access to this tool is forbidden."}}"#;
    let sum = br#"{"jsonrpc":"2.0","id":"\u0061","method":"tools/call","params":{"name":"s\"m"}}"#;
    assert_eq!(refusal("JsonRpc", sum), (200, forbidden.to_owned()));
    assert_eq!(refusal("Http403", sum), (403, forbidden.to_owned()));
    let hidden =
        r#"{"jsonrpc":"2.0","id":"\u0061","error":{"code":-32602,"message":"Unknown tool: s\"m"}}"#;
    assert_eq!(refusal("Hide", sum), (200, hidden.to_owned()));
    let list = br#"{"jsonrpc":"2.0","id":9007199254740993,"method":"prompts/list"}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":9007199254740993,"error":{"code":-32601,"message":"Method not found"}}"#;
    assert_eq!(refusal("Hide", list), (200, unknown.to_owned()));
    let response = br#"{"jsonrpc":"2.0","method":"other"}"#;
    assert_eq!(
        refusal("JsonRpc", response),
        (403, "Access is forbidden.\n".to_owned())
    );
    let twice = br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#;
    let duplicate = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request: duplicate key (at byte 24)"}}"#;
    assert_eq!(refusal("JsonRpc", twice), (400, duplicate.to_owned()));
    let nameless = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    let missing = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: params do not name what the method acts on"}}"#;
    assert_eq!(refusal("JsonRpc", nameless), (400, missing.to_owned()));
}

#[test]
fn the_record_says_what_the_answer_does_not() {
    let policies = policies("Hold", "JsonRpc");
    let mut stream = Stream::default();
    stream.headers(&policies, facts("POST", "/mcp"), false);
    let Step::Block(refusal) = stream.body(&policies, SUM, true) else {
        panic!()
    };
    let Blocked {
        reason: Reason::Denied(Denial { reason, .. }),
        called,
        ..
    } = *refusal
    else {
        panic!()
    };
    assert!(
        matches!(reason, DenialReason::NotAllowed { policy: Some(policy), .. } if policy.name == "p")
    );
    let called = called.unwrap();
    assert_eq!(called.method, "tools/call");
    assert_eq!(called.object, Some((ObjectKind::Tool, "sum".to_owned())));
}

/// What goes on is only looked at where somebody wants to know.
#[test]
fn what_an_allowed_request_calls_is_kept_for_a_record_only() {
    let policies = policies("Hold", "JsonRpc");
    for keeps in [false, true] {
        let mut stream = Stream::default();
        if keeps {
            stream.keep_called();
        }
        stream.headers(&policies, facts("POST", "/mcp"), false);
        let step = stream.body(&policies, ECHO, true);
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
        let called = stream.called().map(|called| called.method.as_str());
        assert_eq!(called, keeps.then_some("tools/call"));
    }
}

/// Rules for one caller alone, whose HTTP part names a host.
fn for_one(request_headers: &str) -> Policies {
    let document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
            "requestHeaders": request_headers, "mcpPaths": ["/mcp"], "denial": "JsonRpc",
            "limits": {"bodyBytes": 1 << 20, "depth": 8}
        },
        "listeners": [], "backends": [],
        "policies": [{
            "policy": {"namespace": "n", "name": "p"}, "action": "Allow", "mode": "Enforce", "targets": ["Gateway"],
            "rules": [{
                "name": "r", "source": "spiffe://d/a", "http": {"hosts": ["tools.test"]},
                "mcp": {"methods": [{"name": "tools/call", "params": ["echo"]}], "baseProtocol": "None"}
            }]
        }]
    });
    Policies::from_json(document.to_string().as_bytes()).unwrap()
}

fn posted(caller: Option<&str>, host: &str, length: Option<&str>) -> StreamAttributes {
    let lines = [
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", host),
        ("content-type", "application/json"),
    ];
    let length = length.map(|length| ("content-length", length));
    StreamAttributes {
        headers: Headers::from_lines(lines.into_iter().chain(length)),
        caller: caller.map_or(Caller::Anonymous, |id| {
            Caller::Spiffe(crate::engine::request::SpiffeId::new(id).unwrap())
        }),
        ..StreamAttributes::default()
    }
}

const A: Option<&str> = Some("spiffe://d/a");

/// Those whom no rule could allow, whatever they post.
const STRANGERS: [(Option<&str>, &str); 3] = [
    (None, "tools.test"),
    (Some("spiffe://d/b"), "tools.test"),
    (A, "other.test"),
];

#[test]
fn streamed_headers_of_strangers_do_not_go_on() {
    let policies = for_one("Stream");
    for ended in [false, true] {
        for (caller, host) in STRANGERS {
            let mut stream = Stream::default();
            let step = stream.headers(&policies, posted(caller, host, None), ended);
            let Step::Block(refusal) = step else {
                panic!("{caller:?} {host}: {step:?}")
            };
            assert!(matches!(refusal.reason, Reason::DeniedByHeaders(_)));
            assert_eq!(refusal.answer.status, 403);
            let told: serde_json::Value = serde_json::from_slice(&refusal.answer.body).unwrap();
            assert_eq!(told["error"]["code"], 403);
            assert!(told["id"].is_null());
        }
    }
    let mut stream = Stream::default();
    let step = stream.headers(&policies, posted(A, "tools.test", None), false);
    assert_eq!(seen(&step), Seen::PassHeaders);
}

#[test]
fn held_strangers_are_answered_with_their_id() {
    let policies = for_one("Hold");
    for (caller, host) in STRANGERS {
        let mut stream = Stream::default();
        let step = stream.headers(&policies, posted(caller, host, None), false);
        assert_eq!(seen(&step), Seen::Wait);
        let step = stream.body(&policies, ECHO, true);
        let Step::Block(refusal) = step else {
            panic!("{step:?}")
        };
        assert!(matches!(refusal.reason, Reason::Denied(_)));
        assert_eq!(refusal.answer.status, 200);
        assert!(
            refusal
                .answer
                .body
                .starts_with(br#"{"jsonrpc":"2.0","id":"a""#)
        );
    }
}

#[test]
fn little_is_read_of_held_strangers() {
    let policies = for_one("Hold");
    let long = format!("{{\"method\":\"{}", "a".repeat(70_000));
    let (caller, host) = STRANGERS[0];
    let denied = |step: &Step<'_>| match step {
        Step::Block(refusal) => {
            matches!(refusal.reason, Reason::DeniedByHeaders(_)) && refusal.answer.status == 403
        }
        _ => false,
    };
    let mut stream = Stream::default();
    assert!(denied(&stream.headers(
        &policies,
        posted(caller, host, Some("70000")),
        false
    )));
    let mut stream = Stream::default();
    stream.headers(&policies, posted(caller, host, None), false);
    assert_eq!(stream.body_limit(&policies), Some(1 << 16));
    assert!(denied(&stream.body(&policies, long.as_bytes(), false)));
    let mut stream = Stream::default();
    stream.headers(&policies, posted(caller, host, None), false);
    assert!(denied(&stream.body_too_large(&policies)));
    // Of others the limit is that of the enforcement point.
    let mut stream = Stream::default();
    stream.headers(&policies, posted(A, "tools.test", None), false);
    assert_eq!(stream.body_limit(&policies), Some(1 << 20));
    assert_eq!(
        seen(&stream.body(&policies, long.as_bytes(), false)),
        Seen::Wait
    );
}

/// Strangers who fill their budget keep nobody else from being read.
#[test]
fn strangers_fill_a_budget_of_their_own() {
    let policies = for_one("Hold");
    let envelopes = Rc::new(ReaderPool::default());
    let body = format!("{{\"{}", "a".repeat(60_000));
    let mut strangers = Vec::new();
    let is_refused = loop {
        let mut stream = Stream::new(Rc::clone(&envelopes));
        stream.headers(&policies, posted(None, "tools.test", None), false);
        let step = stream.body(&policies, body.as_bytes(), false);
        let is_refused = match &step {
            Step::Block(refusal) => matches!(refusal.reason, Reason::DeniedByHeaders(_)),
            _ => false,
        };
        strangers.push(stream);
        if is_refused || strangers.len() > 10_000 {
            break is_refused;
        }
    };
    assert!(is_refused, "{} streams", strangers.len());
    let mut stream = Stream::new(Rc::clone(&envelopes));
    stream.headers(&policies, posted(A, "tools.test", None), false);
    assert_eq!(seen(&stream.body(&policies, ECHO, true)), Seen::Continue);
}

#[test]
fn what_ends_undecided_is_abandoned() {
    let policies = policies("Hold", "JsonRpc");
    assert_eq!(Stream::default().abandon(), None);
    let mut stream = Stream::default();
    let step = stream.headers(&policies, facts("POST", "/mcp"), false);
    assert_eq!(seen(&step), Seen::Wait);
    let step = stream.body(&policies, &ECHO[..10], false);
    assert_eq!(seen(&step), Seen::Wait);
    assert_eq!(stream.abandon(), Some(Abandoned { called: None }));
    assert_eq!(stream.abandon(), None);
    let mut stream = Stream::default();
    stream.headers(&policies, facts("POST", "/mcp"), false);
    stream.body(&policies, ECHO, true);
    assert_eq!(stream.abandon(), None);
}
