//! The memory that a module takes, under bodies that are meant to take as much as can be:
//! they grow by leaps, side by side, and go away in an order that leaves no wide gap.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::setup::{Mode, anybody_may_call, call, compiled, is_denied, plain_listener, speaking};
use crate::support::client::{Client, Connection, Protocol};
use crate::support::config::{Bootstrap, Cluster};
use crate::support::envoy::Envoy;
use crate::support::message::Request;
use crate::support::recorder::Recorder;

/// What the README names.
const MOST: u64 = 512 << 20;

/// How long, unless `ACCESSPOLICY_SECONDS` says.
const SECONDS: u64 = 20;

/// The parts of messages that something is kept of: bodies, long keys, many keys, names.
fn patterns() -> Vec<(&'static str, String)> {
    let keys = |count: usize, length: usize| -> String {
        let keys = (0..count).map(|number| format!("\"{number:0length$}\":0,"));
        keys.collect()
    };
    let nested = |depth: usize| -> String {
        let levels = (0..depth).map(|level| format!("{}\"{level}\":{{", keys(150, 9)));
        levels.collect()
    };
    vec![
        ("a long text", format!("\"x\":\"{}", "a".repeat(3 << 20))),
        ("many keys", keys(9_900, 5)),
        ("long keys", keys(9_900, 300)),
        ("keys at every depth", nested(60)),
        ("a long name", format!("\"name\":\"{}", "a".repeat(3 << 20))),
        ("one key", format!("\"{}", "k".repeat(3 << 20))),
    ]
}

/// A message that never ends, in pieces.
fn endless(pattern: &str, seed: usize) -> Request {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{pattern}"#);
    // Each ends somewhere else.
    let length = text.len() / (1 + seed % 5);
    let pieces = text.as_bytes()[..length].chunks(1 << (12 + seed % 8));
    let mut request = Request::mcp("").pieces(pieces.chain([b" ".as_slice()]));
    request.pause = Duration::from_millis(1);
    // Some go away soon, and leave gaps.
    request.patience = Duration::from_millis(500 + (seed as u64 * 997) % 8_000);
    request.cut = seed.is_multiple_of(2);
    request
}

#[test]
fn no_pattern_of_bodies_takes_more_than_the_readme_names() {
    let over = json!({"limits": {"bodyBytes": 64 << 20, "bodyTimeout": "10s"}});
    let mut rules = anybody_may_call(&["echo"]);
    // What makes the filter keep bodies.
    rules[0]["authorization"] = json!({
        "type": "CEL",
        "mcp": {"methods": [{"name": "tools/call", "params": ["echo"]}]},
        "cel": {"expression": "request.mcp.params.arguments.yes == 1"},
    });
    let recorder = Recorder::start();
    let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &compiled(&rules, mode, &over)));
    let clusters = ["everything", "http2"].map(|name| Cluster::new(name, recorder.address()));
    let mut bootstrap = Bootstrap {
        listeners: listeners.to_vec(),
        clusters: clusters.to_vec(),
    }
    .json();
    for listener in bootstrap["static_resources"]["listeners"]
        .as_array_mut()
        .unwrap()
    {
        listener["per_connection_buffer_limit_bytes"] = json!(64 << 20);
    }
    let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
    let client = Client::plain(envoy.listener("hold"));
    let connections: Vec<Connection> = (0..24)
        .map(|_| {
            speaking(&client, Protocol::Http2)
                .connect()
                .expect("a connection")
        })
        .collect();
    let patterns = patterns();
    let seconds = std::env::var("ACCESSPOLICY_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    let seconds = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let start = Instant::now();
    let mut open = Vec::new();
    let (mut most, mut sent) = (0, 0);
    let allowed = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"yes": 1}},
    });
    for seed in 0.. {
        open.retain(|call: &tokio::task::JoinHandle<_>| !call.is_finished());
        sent = seed;
        if start.elapsed() > seconds {
            break;
        }
        let (_, pattern) = &patterns[(seed / 7) % patterns.len()];
        open.push(connections[seed % connections.len()].begin(endless(pattern, seed)));
        if seed % 50 == 0 {
            let answer = client
                .send(&Request::mcp(allowed.to_string()))
                .expect("an answer");
            assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
            most = most.max(envoy.stat("wasmcustom.accesspolicy_memory_bytes"));
        }
    }
    std::thread::sleep(Duration::from_millis(1500));
    most = most.max(envoy.stat("wasmcustom.accesspolicy_memory_bytes"));
    println!("{sent} requests, {most} bytes");
    assert!(most < MOST, "{most} bytes");
    let answer = client.send(&Request::mcp(call("sum"))).expect("an answer");
    assert!(is_denied(&answer, &json!(7)), "{answer:?}");
    let seen = recorder.requests();
    assert!(
        seen.iter()
            .all(|seen| seen.body == allowed.to_string().as_bytes())
    );
    assert_eq!(envoy.vm_failures(), []);
    let _: Value = answer.json();
}
