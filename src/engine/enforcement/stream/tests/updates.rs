//! Policies that change while a request is read, or while an authorizer is asked about it.

use std::cell::Cell;

use super::*;
use crate::engine::enforcement::SharedStreams;
use serde_json::Value;

/// What a policy set has beside what all have.
#[derive(Debug, Clone, Copy)]
struct Set {
    tool: &'static str,
    /// A header that the rule asks for.
    header: Option<&'static str>,
    asks: bool,
    depth: u32,
    trust_domain: &'static str,
    until: Option<&'static str>,
    /// What of the base protocol the rule allows.
    base: &'static str,
    source: Option<&'static str>,
    /// Headers go on before the body is judged.
    streams: bool,
}

const BEFORE: Set = Set {
    tool: "echo",
    header: None,
    asks: false,
    depth: 8,
    trust_domain: "a.example",
    until: None,
    base: "Full",
    source: None,
    streams: false,
};

impl Set {
    fn policies(self) -> Policies {
        let mut rule = json!({"name": "r", "mcp": {
            "methods": [{"name": "tools/call", "params": [self.tool]}], "baseProtocol": self.base
        }});
        if let Some(name) = self.header {
            rule["http"] = json!({"headers": [{"name": name, "value": {"Exact": "a"}}]});
        }
        if let Some(source) = self.source {
            rule["source"] = json!(source);
        }
        if let Some(until) = self.until {
            rule["cel"] = before(until);
        }
        let name = |name: &str| json!({"namespace": "n", "name": name});
        let mut policies = vec![json!({
            "policy": name("p"), "action": "Allow", "mode": "Enforce", "targets": ["Gateway"],
            "rules": [rule],
        })];
        if self.asks {
            policies.push(json!({
                "policy": name("z"), "action": "ExternalAuth", "mode": "Enforce",
                "targets": ["Gateway"], "externalAuth": {
                    "protocol": {"Http": {"path": "", "allowedHeaders": ["x-team"]}},
                    "cluster": "z", "authority": "a:1", "order": 1
                }
            }));
        }
        let identity = json!({"Metadata": {
            "namespace": "jwt", "path": ["payload", "sub"], "trustDomain": self.trust_domain,
        }});
        let document = json!({
            "schemaVersion": 1, "digest": "", "gateway": name("g"),
            "settings": {
                "identity": identity, "allowPolicies": "All", "unprotected": "Deny",
                "requestHeaders": if self.streams { "Stream" } else { "Hold" }, "mcpPaths": ["/mcp"], "denial": "JsonRpc",
                "limits": {"bodyBytes": 100, "depth": self.depth}
            },
            "listeners": [], "backends": [], "policies": policies,
        });
        Policies::from_json(document.to_string().as_bytes()).unwrap()
    }
}

/// `request.time < timestamp(until)`
fn before(until: &str) -> Value {
    let until = format!("string {until}");
    let nodes = ["fact request.time", &until, "toTimestamp 1", "less 0 2"];
    json!({"text": "", "nodes": nodes, "patterns": []})
}

/// What becomes of a call of `echo` whose front was read when `after` came.
fn becomes(before: Set, after: Set) -> (u16, Option<&'static str>) {
    let (before, after) = (before.policies(), after.policies());
    let mut stream = Stream::default();
    let (front, rest) = ECHO.split_at(20);
    assert!(matches!(
        stream.headers(&before, facts("POST", "/mcp"), false),
        Step::Wait
    ));
    assert!(matches!(stream.body(&before, front, false), Step::Wait));
    match stream.body(both(&before, &after), rest, true) {
        Step::Continue(_) => (0, None),
        Step::Ask(_) => (1, None),
        Step::Block(refusal) => {
            let answer = String::from_utf8(refusal.answer.body).unwrap();
            assert!(
                answer.starts_with(r#"{"jsonrpc":"2.0","id":"a","error":"#),
                "{answer}"
            );
            (refusal.answer.status, Some(refusal.reason.kind()))
        }
        step => panic!("{step:?}"),
    }
}

fn both<'p>(policies: &'p Policies, newer: &'p Policies) -> Judges<'p> {
    Judges {
        policies,
        newer: Some(newer),
    }
}

#[test]
fn a_request_that_is_read_has_to_be_allowed_by_newer_policies_as_well() {
    let revoked = Set {
        tool: "sum",
        ..BEFORE
    };
    let with_header = Set {
        header: Some("x-team"),
        ..BEFORE
    };
    let asks = Set {
        asks: true,
        ..BEFORE
    };
    let another_depth = Set { depth: 9, ..BEFORE };
    let another_domain = Set {
        trust_domain: "b.example",
        ..BEFORE
    };
    let (allowed, denied, superseded) =
        ((0, None), (200, Some("policy")), (503, Some("superseded")));
    for (what, before, after, expected) in [
        ("the same", BEFORE, BEFORE, allowed),
        ("revoked", BEFORE, revoked, denied),
        // What it came to decides.
        ("granted", revoked, BEFORE, denied),
        (
            "asks for a header that was not kept",
            BEFORE,
            with_header,
            superseded,
        ),
        ("asks an authorizer from now on", BEFORE, asks, superseded),
        ("reads bodies otherwise", BEFORE, another_depth, superseded),
        (
            "names callers otherwise",
            BEFORE,
            another_domain,
            superseded,
        ),
        ("asks an authorizer no more", asks, BEFORE, (1, None)),
    ] {
        assert_eq!(becomes(before, after), expected, "{what}");
    }
}

#[test]
fn an_answer_permits_nothing_that_newer_policies_forbid() {
    let asks = Set {
        asks: true,
        ..BEFORE
    };
    let revoked = Set {
        tool: "sum",
        ..asks
    };
    let (before, same, after) = (asks.policies(), asks.policies(), revoked.policies());
    let other = BEFORE.policies();
    let headers = Headers::from_lines([(":status", "200"), ("x-envoy-upstream-service-time", "1")]);
    let yes = CalloutResponse::Http {
        headers: &headers,
        body: b"",
    };
    for (newer, status) in [(&before, 0), (&same, 0), (&other, 0), (&after, 200)] {
        let mut stream = Stream::default();
        stream.headers(&before, facts("POST", "/mcp"), false);
        let step = stream.body(&before, ECHO, true);
        assert!(matches!(step, Step::Ask(_)), "{step:?}");
        match stream.answer(both(&before, newer), &yes) {
            Step::Continue(_) => assert_eq!(status, 0),
            Step::Block(refusal) => assert_eq!(refusal.answer.status, status),
            step => panic!("{step:?}"),
        }
    }
}

/// What becomes of a request without a message whose headers two policy sets judge.
fn without_message(before: Set, after: Set, method: &str, ended: bool) -> Option<&'static str> {
    let (before, after) = (before.policies(), after.policies());
    let mut stream = Stream::default();
    match stream.headers(both(&before, &after), facts(method, "/mcp"), ended) {
        Step::Continue(_) => None,
        Step::Block(refusal) => Some(refusal.reason.kind()),
        Step::Wait => match stream.body(both(&before, &after), b"", true) {
            Step::Continue(_) => None,
            Step::Block(refusal) => Some(refusal.reason.kind()),
            step => panic!("{step:?}"),
        },
        step => panic!("{step:?}"),
    }
}

/// A host sends requests to older policies for a moment after newer ones have come.
#[test]
fn a_request_that_begins_is_judged_by_newer_policies_as_well() {
    let revoked = Set {
        base: "None",
        ..BEFORE
    };
    let with_header = Set {
        header: Some("x-team"),
        ..BEFORE
    };
    for (method, ended) in [("GET", true), ("GET", false)] {
        for (after, expected) in [
            (BEFORE, None),
            (revoked, Some("policy")),
            (with_header, Some("superseded")),
        ] {
            let becomes = without_message(BEFORE, after, method, ended);
            assert_eq!(becomes, expected, "{method} {ended} {after:?}");
        }
    }
}

#[test]
fn headers_do_not_go_on_that_newer_policies_deny() {
    let before = Set {
        streams: true,
        ..BEFORE
    };
    let nobody = Set {
        source: Some("spiffe://a.example/ns/n/sa/another"),
        ..before
    };
    let with_header = Set {
        header: Some("x-team"),
        ..before
    };
    for (after, expected) in [
        (before, None),
        (nobody, Some((403, "policy"))),
        (with_header, Some((503, "superseded"))),
    ] {
        let (before, after) = (before.policies(), after.policies());
        let mut stream = Stream::default();
        let step = stream.headers(both(&before, &after), facts("POST", "/mcp"), false);
        let refused = match step {
            Step::PassHeaders => None,
            Step::Block(refusal) => Some((refusal.answer.status, refusal.reason.kind())),
            step => panic!("{step:?}"),
        };
        assert_eq!(refused, expected);
    }
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

#[test]
fn the_time_is_that_of_the_verdict() {
    let until = Set {
        until: Some("1970-01-01T00:00:10Z"),
        ..BEFORE
    };
    let policies = until.policies();
    for (second, allowed) in [(9, true), (10, false)] {
        let envelopes = ReaderPool::on(SharedStreams {
            clock: || Some(NOW.get()),
            connection: || None,
            give_up: |_| {},
        });
        let mut stream = Stream::new(Rc::new(envelopes));
        NOW.set(0);
        stream.headers(&policies, facts("POST", "/mcp"), false);
        NOW.set(second * 1_000_000_000);
        let step = stream.body(&policies, ECHO, true);
        assert_eq!(matches!(step, Step::Continue(_)), allowed, "{step:?}");
    }
}
