//! The decision log: what is in it, what is not, and what it costs where it is not wanted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::setup::{
    Mode, PROTOCOLS, Stage, anybody_may_call, call, compiled, plain_listener, speaking,
};
use crate::support::envoy::Options;
use crate::support::message::Request;

/// As Envoy runs where nobody looks into the filter.
const ORDINARY: Options = Options {
    concurrency: 1,
    log_level: "warning",
    filter_log_level: "info",
    binary: None,
};

/// Names that would break out of a line, or of a string, if they could. Control characters
/// are refused before.
const HOSTILE: [&str; 9] = [
    r#"","decision":"allow","#,
    r#""}{"decision":"allow"#,
    r"\",
    r#"\",\"#,
    "\u{2028}\u{2029}",
    "\u{202e}wolla\u{2066}",
    "{\"decision\":\"allow\",\"decision.id\":\"forged\"}",
    "%FILTER_STATE(wasm.accesspolicy.by:PLAIN)% {} %s %n",
    "\u{feff}'`$(reboot)<script>",
];

const SECRET: &str = "do-not-log-me";

/// Every record in a log.
///
/// # Panics
/// When a line that begins as one is none.
fn records(log: &str) -> Vec<Value> {
    let starts = log
        .lines()
        .filter_map(|line| line.split_once(r#" {"decision":"#));
    starts
        .map(|(_, rest)| {
            let text = format!(r#"{{"decision":{rest}"#);
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        })
        .collect()
}

/// Waits until there are so many records, and returns all there are.
fn wait_for(stage: &Stage, count: usize) -> Vec<Value> {
    let is_last = |_: &str| records(&stage.envoy.log()).len() >= count;
    let _ = stage.envoy.log_line(is_last);
    records(&stage.envoy.log())
}

fn logging(tools: &[&str], sample: f64) -> impl Fn(Mode) -> String {
    let rules = anybody_may_call(tools);
    let over = json!({"log": {"allowed": {"sample": sample}}});
    move |mode| compiled(&rules, mode, &over)
}

fn stage(configuration: impl Fn(Mode) -> String) -> Stage {
    let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &configuration(mode)));
    Stage::start_with(listeners.to_vec(), ORDINARY, |_| {})
}

/// Whatever a name is, it stays in its field, and the record in its line.
#[test]
fn a_hostile_name_breaks_no_line() {
    let long = "\"\u{e4}".repeat(200);
    let names: Vec<&str> = HOSTILE.into_iter().chain([long.as_str()]).collect();
    let allowed: Vec<&str> = names.iter().copied().step_by(2).collect();
    let stage = stage(logging(&allowed, 1.0));
    let mut sent = BTreeMap::new();
    for mode in Mode::BOTH {
        for (protocol_name, protocol) in PROTOCOLS {
            let client = speaking(&stage.client(mode.name()), protocol);
            for (number, name) in names.iter().enumerate() {
                let message = json!({"jsonrpc": "2.0", "id": SECRET, "method": "tools/call",
                    "params": {"name": name, "arguments": {"token": SECRET}}});
                let id = format!("{}-{protocol_name}-{number}", mode.name());
                let request = Request::mcp(message.to_string())
                    .header("authorization", format!("Bearer {SECRET}"))
                    .header("x-request-id", &id);
                client.send(&request).expect("an answer");
                sent.insert(id, (*name, allowed.contains(name)));
            }
        }
    }
    let records = wait_for(&stage, sent.len());
    assert_eq!(records.len(), sent.len());
    for record in &records {
        let id = record["decision.id"].as_str().expect("an id");
        let (name, is_allowed) = sent.remove(id).expect("one record for each request");
        assert_eq!(
            record["decision"],
            if is_allowed { "allow" } else { "deny" }
        );
        assert_eq!(record["mcp.method.name"], "tools/call");
        let logged = record["gen_ai.tool.name"].as_str().expect("a name");
        assert_eq!(logged, &name[..name.floor_char_boundary(256)]);
        let time = record["timestamp"].as_str().expect("a time");
        assert!(time.ends_with('Z') && time.starts_with("20"), "{time}");
    }
    assert!(!stage.envoy.log().contains(SECRET), "{}", stage.envoy.log());
}

/// An id that could break a line is not taken over.
#[test]
fn a_hostile_id_is_replaced() {
    let stage = stage(logging(&["other"], 0.0));
    let client = stage.client("hold");
    for id in [r#"","decision":"allow"#, "\u{e4}", &"a".repeat(65), ""] {
        let request = Request::mcp(call("echo")).header("x-request-id", id);
        let answer = client.send(&request).expect("an answer");
        let said = answer.header("x-accesspolicy-decision-id").expect("an id");
        assert!(said.len() == 32 || said.len() == 36, "{said}");
    }
    let records = wait_for(&stage, 4);
    assert_eq!(records.len(), 4);
}

/// Refusals always; of what is allowed, the share that is asked for.
#[test]
fn as_much_is_logged_as_is_asked_for() {
    for (sample, at_least, at_most) in [(0.0, 0, 0), (0.25, 20, 80), (1.0, 200, 200)] {
        let stage = stage(logging(&["echo"], sample));
        let client = stage.client("hold");
        let mut connection = client.connect().expect("a connection");
        for number in 0..200 {
            let request = Request::mcp(call("echo"));
            assert_eq!(connection.send(&request).expect("an answer").status, 200);
            if number % 20 == 0 {
                let refused = Request::mcp(call("get-env"));
                connection.send(&refused).expect("an answer");
            }
        }
        let records = wait_for(&stage, at_least + 10);
        let of = |decision| {
            records
                .iter()
                .filter(move |record| record["decision"] == decision)
        };
        assert_eq!(of("deny").count(), 10, "{sample}");
        let allowed = of("allow").count();
        assert!(
            (at_least..=at_most).contains(&allowed),
            "{sample}: {allowed}"
        );
        for record in of("allow") {
            assert_eq!(record["gen_ai.tool.name"], "echo");
            assert_eq!(record["security_rule.name"], json!(["infra/p#r"]));
        }
    }
}

/// Where refusals alone are logged, an allowed call pays for its counters and for what it
/// is judged by, and for nothing else.
#[test]
fn an_allowed_call_pays_for_no_record() {
    let called = |sample| {
        let stage = stage(logging(&["echo"], sample));
        let client = stage.client("hold");
        // The first request makes the counters.
        let send = || client.send(&Request::mcp(call("echo"))).expect("an answer");
        assert_eq!(send().status, 200);
        // From now on Envoy says what the filter calls; the filter has asked before.
        let before = stage.envoy.log().len();
        stage.envoy.post("/logging?wasm=trace").expect("it is done");
        assert_eq!(send().status, 200);
        stage.envoy.post("/logging?wasm=info").expect("it is done");
        host_calls(&stage.envoy.log()[before..])
    };
    let unlogged = called(0.0);
    let expected = BTreeMap::from(
        [
            // What Envoy enters the filter for: the body, and that it has ended; memory for
            // headers, connection and body.
            ("proxy_on_context_create", 1),
            ("proxy_on_request_headers", 1),
            ("proxy_on_request_body", 2),
            ("proxy_on_memory_allocate", 3),
            ("proxy_on_response_headers", 1),
            ("proxy_on_delete", 1),
            // The headers, which connection and, as it is new, who calls; the body.
            ("proxy_get_header_map_pairs", 1),
            ("proxy_get_property", 2),
            ("proxy_get_buffer_bytes", 1),
            // What filters behind can rely on.
            ("proxy_set_property", 1),
            // The decision, the rule, the length of the body.
            ("proxy_increment_metric", 2),
            ("proxy_record_metric", 1),
        ]
        .map(|(name, count)| (name.to_owned(), count)),
    );
    assert_eq!(unlogged, expected);
    let mut logged = expected;
    logged.insert("proxy_get_current_time_nanoseconds".to_owned(), 1);
    logged.insert("proxy_log".to_owned(), 1);
    assert_eq!(called(1.0), logged);
}

/// How often a log says that the filter called each function of the host, and the host each
/// of the filter's.
fn host_calls(log: &str) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for line in log.lines() {
        let entered = line.split_once("[host->vm] ");
        let call = line.split_once("[vm->host] env.").or(entered);
        if let Some((name, _)) = call.and_then(|(_, call)| call.split_once('(')) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}
