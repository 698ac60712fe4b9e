//! What reading costs in memory.
#![cfg(not(target_arch = "wasm32"))]

use accesspolicy::engine::decision::{Allowance, CompletedCalls, Decision, decide};
use accesspolicy::engine::mcp::{Claims, MessageReader};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Headers, HttpRequest, Operation, Request};
use allocation_counter::measure;
use serde_json::{Value, json};

const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get-sum","arguments":{"a":2,"b":[3,{"c":"\u00e4"}]},"_meta":{"progressToken":7}}}"#;

fn read(envelope: &mut MessageReader, body: &[u8]) {
    envelope.reset();
    for piece in body.chunks(50) {
        envelope.push(piece).expect("well-formed");
    }
    envelope.message(&Claims::default()).expect("a message");
}

#[test]
fn an_envelope_that_has_read_before_allocates_nothing() {
    let mut envelope = MessageReader::new(64);
    read(&mut envelope, CALL);
    let again = measure(|| read(&mut envelope, CALL));
    assert_eq!(again.count_total, 0, "{again:?}");
}

#[test]
fn what_is_skipped_takes_no_memory() {
    let large = "x".repeat(1_000_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"a":"{large}"}}}}}}"#
    );
    let mut envelope = MessageReader::new(64);
    let read = measure(|| read(&mut envelope, body.as_bytes()));
    assert!(read.bytes_max < 4_096, "{read:?}");
}

/// The bound that a configuration's `bodyBytes` puts on the reader: what the keys
/// of the objects now open take.
#[test]
fn keys_take_a_small_multiple_of_the_body() {
    let mut body = String::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":{"#);
    for number in 0..9_900 {
        body.push_str(&format!("\"{number:x}\":0,"));
    }
    body.push_str(r#""z":0}}}"#);
    let mut envelope = MessageReader::new(64);
    let cost = measure(|| read(&mut envelope, body.as_bytes()));
    // Vectors double, and for a moment both the old and the new one are there.
    assert!(
        cost.bytes_max < 16 * body.len() as u64,
        "{cost:?} for {}",
        body.len()
    );
}

/// A Deny policy of rules, and one that allows.
fn policies(rules: usize, rule: &dyn Fn(usize) -> Value) -> Policies {
    let rules = (0..rules).map(|number| {
        let mut rule = rule(number);
        rule["name"] = json!(format!("r{number}"));
        rule
    });
    let policy = |name: &str, action: &str, rules: Value| {
        json!({
            "policy": {"namespace": "i", "name": name}, "action": action, "mode": "Enforce",
            "targets": ["Gateway"], "rules": rules,
        })
    };
    let document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "i", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
            "requestHeaders": "Hold", "denial": "JsonRpc",
            "limits": {"bodyBytes": 1000, "depth": 64}
        },
        "listeners": [], "backends": [],
        "policies": [
            policy("all", "Allow", json!([{"name": "r"}])),
            policy("no", "Deny", rules.collect()),
        ],
    });
    Policies::from_json(document.to_string().as_bytes()).expect("a policy")
}

/// A kind of rule, by number; none of them matches.
type Kind<'k> = (&'k str, &'k dyn Fn(usize) -> Value);

/// What is derived of a head takes many times its length, and is derived once: a rule more
/// takes no more than a note of what it came to, and what is made of its own texts.
#[test]
fn rules_share_what_is_derived_of_a_head() {
    let cel = |fact: &str, number: usize| {
        let nodes = [format!("fact {fact}"), format!("string X{number}")];
        json!({"cel": {"text": "", "patterns": [], "nodes": [nodes[0], nodes[1], "equal 0 1"]}})
    };
    let is_in_names = |number: usize| {
        let name = format!("string y{number}");
        json!({"cel": {"text": "", "patterns": [], "nodes":
            [name.as_str(), "fact request.headers", "in 0 1"]}})
    };
    let kinds: [Kind<'_>; 9] = [
        (
            "exact",
            &|it| json!({"http": {"paths": [{"Exact": format!("/admin/{it}")}]}}),
        ),
        (
            "prefix",
            &|it| json!({"http": {"paths": [{"PathPrefix": format!("/admin/{it}")}]}}),
        ),
        (
            "near",
            &|it| json!({"http": {"paths": [{"Exact": format!("/a b/{it}")}]}}),
        ),
        (
            "host",
            &|it| json!({"http": {"hosts": [format!("h{it}.test")]}}),
        ),
        ("method", &|_| json!({"http": {"methods": ["DELETE"]}})),
        ("hostname", &|it| cel("request.hostname", it)),
        ("host in CEL", &|it| cel("request.host", it)),
        ("id", &|it| cel("request.id", it)),
        ("names", &is_in_names),
    ];
    let path = format!("/{}x.Y", "a%20/".repeat(1600));
    let hosts = "a.test,".repeat(1100) + "a.test";
    let forwarded = "host=a.test;".repeat(600);
    let methods = "GET,".repeat(2000) + "GET";
    let blanks = " ".repeat(50_000) + "v";
    let heads = [
        (":path", &*path),
        ("x-forwarded-host", &hosts),
        ("forwarded", &forwarded),
        ("x-http-method-override", &methods),
        ("x-blanks", &blanks),
    ];
    for (name, rule) in kinds {
        for (header, value) in heads {
            let path = [(":path", "/x")].into_iter();
            let path = path.filter(|_| header != ":path");
            let lines = [
                (":method", "POST"),
                (":authority", "a.test"),
                ("x-request-id", "a"),
            ];
            let lines = lines.into_iter().chain(path).chain([(header, value)]);
            let headers = Headers::from_lines(lines);
            let cost = |rules: usize| {
                let policies = policies(rules, rule);
                measure(|| {
                    let decision = judge(&policies, &headers);
                    assert!(matches!(decision, Decision::Allow(_)), "{decision:?}");
                })
            };
            let (few, many) = (cost(10), cost(500));
            let more = many.bytes_total.saturating_sub(few.bytes_total);
            assert!(more < 490 * 300, "{name}, {header}: {few:?}, {many:?}");
        }
    }
}

fn judge<'p>(policies: &'p Policies, headers: &Headers) -> Decision<'p> {
    let request = Request {
        caller: &Caller::default(),
        cluster: None,
        http: HttpRequest::new(headers, None),
        operation: Operation::Http,
        body: b"",
        size: None,
        address: None,
        scheme: None,
        destination: None,
        protocol: None,
        arrived: None,
        time: None,
    };
    decide(
        policies,
        &request,
        &CompletedCalls::default(),
        &Allowance::default(),
    )
}
