//! Bodies that never end: they are answered in time, and fill nothing that others need.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::setup::{Mode, PROTOCOLS, Stage, anybody_may_call, call, compiled, speaking};
use crate::support::client::{Client, Protocol};
use crate::support::config::Listener;
use crate::support::message::Request;

/// A stage with bodies as long as can be, that may take a second.
fn stage(over: &Value) -> Stage {
    Stage::plain(|mode| compiled(&anybody_may_call(&["echo"]), mode, over))
}

/// A call that never ends.
fn endless(front: &str) -> Request {
    let mut request = Request::mcp("")
        .pieces([front, " "])
        .patience(Duration::from_secs(60));
    request.pause = Duration::from_secs(50);
    request
}

#[test]
fn a_body_that_does_not_come_in_time() {
    let stage = stage(&json!({"limits": {"bodyTimeout": "2s"}}));
    let front = call("echo");
    let (front, _) = front.split_at(30);
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            let id = format!("slow.{}.{name}", mode.name());
            let client = speaking(&stage.client(mode.name()), protocol);
            let start = Instant::now();
            let answer = client.send(&endless(front).header("x-request-id", &id));
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, 408, "{id}: {answer:?}");
            assert_eq!(answer.json()["error"]["code"], json!(-32000), "{id}");
            let took = start.elapsed();
            assert!((1..5).contains(&took.as_secs()), "{id}: {took:?}");
            let records = stage.records(std::iter::once(&*id));
            assert_eq!(records[&id][0]["reason"], "timeout", "{records:?}");
            let seen = stage.recorder.requests_when_quiet();
            assert_eq!(stage.leaked(mode, &seen, &id), None, "{id}");
            // The honest twin: one that comes slowly, but in time.
            let mut slow = Request::mcp("").pieces(call("echo").as_bytes().chunks(20));
            slow.pause = Duration::from_millis(150);
            let answer = client.send(&slow).expect("an answer");
            assert_eq!(answer.json()["result"], json!({}), "{id}");
        }
    }
    let counted = "wasmcustom.accesspolicy_requests_total;decision=reject;reason=timeout";
    assert_eq!(stage.envoy.stat(counted), 4);
}

/// Many that hold as much as they can: those that come after them are not refused.
#[test]
fn who_holds_the_most_gives_way() {
    let over = json!({"limits": {"bodyBytes": 64 << 20, "bodyTimeout": "60s"}});
    let stage = Stage::start_with(
        Mode::BOTH
            .map(|mode| {
                // What makes the filter keep bodies.
                let mut rules = anybody_may_call(&["echo"]);
                rules[0]["authorization"] = json!({
                    "type": "CEL",
                    "mcp": {"methods": [{"name": "tools/call", "params": ["echo"]}]},
                    "cel": {"expression": "!has(request.mcp.params.arguments.no)"},
                });
                let text = compiled(&rules, mode, &over);
                crate::setup::plain_listener(mode, &text)
            })
            .to_vec(),
        crate::support::envoy::Options::default(),
        |_| {},
    );
    // Envoy itself takes so much of a body at once.
    let text = "a".repeat(900 << 10);
    let front = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"x":"{text}"#);
    let client = stage.client("hold");
    let h2 = speaking(&client, Protocol::Http2);
    let connections: Vec<_> = (0..8)
        .map(|_| h2.connect().expect("a connection"))
        .collect();
    // Together more than all may hold.
    let open: Vec<_> = (0..600)
        .map(|number| connections[number % 8].begin(endless(&front)))
        .collect();
    std::thread::sleep(Duration::from_secs(5));
    let honest = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "echo", "arguments": {}},
    });
    for _ in 0..20 {
        let start = Instant::now();
        let answer = client
            .send(&Request::mcp(honest.to_string()))
            .expect("an answer");
        assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
    }
    let given_up = "wasmcustom.accesspolicy_requests_total;decision=reject;reason=overloaded";
    let given_up = stage.envoy.stat(given_up);
    println!(
        "{given_up} given up; {} bytes",
        stage.envoy.stat("wasmcustom.accesspolicy_memory_bytes")
    );
    assert!(given_up > 0);
    drop(open);
}

/// Each answer that a tick gives calls the filter again within the one before.
#[test]
fn many_that_end_at_once() {
    const STREAMS: usize = 2000;
    let stage = stage(&json!({"limits": {"bodyTimeout": "2s"}}));
    let client = stage.client(Mode::Hold.name());
    let h2 = speaking(&client, Protocol::Http2);
    let connections: Vec<_> = (0..20)
        .map(|_| h2.connect().expect("a connection"))
        .collect();
    let front = call("echo");
    let (front, _) = front.split_at(30);
    let open: Vec<_> = (0..STREAMS)
        .map(|number| connections[number % 20].begin(endless(front)))
        .collect();
    let counted = "wasmcustom.accesspolicy_requests_total;decision=reject;reason=timeout";
    let start = Instant::now();
    while stage.envoy.stat(counted) < STREAMS as u64 {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{}",
            stage.envoy.log()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(stage.envoy.vm_failures(), []);
    let answer = client.send(&Request::mcp(call("echo"))).expect("an answer");
    assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
    drop(open);
}

/// Many that hold little each, and fill the budget together: not even the one call is lost for
/// which others are given up.
#[test]
fn many_small_bodies_shut_out_nobody() {
    let stage = stage(&json!({"limits": {"bodyTimeout": "60s"}}));
    let client = stage.client(Mode::Hold.name());
    let h2 = speaking(&client, Protocol::Http2);
    let text = "a".repeat(15_500);
    let front =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{text}"#);
    let request = endless(&front);
    let mut open = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..20 {
        let connection = h2.connect().expect("a connection");
        open.extend((0..900).map(|_| connection.begin(request.clone())));
        connections.push(connection);
    }
    let given_up = "wasmcustom.accesspolicy_requests_total;decision=reject;reason=overloaded";
    let start = Instant::now();
    while stage.envoy.stat(given_up) == 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "they fill nothing"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    for _ in 0..50 {
        let start = Instant::now();
        let answer = client.send(&Request::mcp(call("echo"))).expect("an answer");
        assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }
    assert_eq!(stage.envoy.vm_failures(), []);
    drop((open, connections));
}

/// How long honest calls take, of which 99 in 100 are no longer.
fn honest(client: &Client, calls: usize) -> Duration {
    let mut connection = client.connect().expect("a connection");
    let mut took: Vec<Duration> = (0..calls)
        .map(|_| {
            let start = Instant::now();
            let answer = connection.send(&Request::mcp(call("echo")));
            let answer = answer.expect("an answer");
            assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
            start.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[calls * 99 / 100]
}

/// A thousand that do not come to an end: one byte after another, all at once but for the end,
/// and by callers whom no rule is for. Honest calls take no longer.
#[test]
fn a_thousand_slow_bodies() {
    let over = json!({"limits": {"bodyTimeout": "60s"}});
    let open_to_all = compiled(&anybody_may_call(&["echo"]), Mode::Hold, &over);
    let mut rules = anybody_may_call(&["echo"]);
    rules[0]["source"] = json!({"type": "SPIFFE", "spiffe": "spiffe://cluster.local/ns/a/sa/b"});
    let for_one = compiled(&rules, Mode::Hold, &over);
    let nobodys = Listener::plain("nobodys").filter(Mode::Hold.filter(&for_one));
    let listeners = vec![
        crate::setup::plain_listener(Mode::Hold, &open_to_all),
        nobodys.route("/", "everything"),
    ];
    let stage = Stage::start(listeners);
    let client = stage.client(Mode::Hold.name());
    let quiet = honest(&client, 2000);
    let text = "a".repeat(600 << 10);
    let large = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"x":"{text}"#);
    let trickling = |number: usize| {
        let mut request = Request::mcp("").pieces(call("echo").as_bytes().chunks(1));
        request.pause = Duration::from_millis(500 + number as u64 % 100);
        request.patience(Duration::from_secs(60))
    };
    let connect = |name: &str| {
        let client = speaking(&stage.client(name), Protocol::Http2);
        client.connect().expect("a connection")
    };
    let to_all: Vec<_> = (0..8).map(|_| connect(Mode::Hold.name())).collect();
    let to_nobody: Vec<_> = (0..4).map(|_| connect("nobodys")).collect();
    let open: Vec<_> = (0..1000)
        .map(|number| match number % 3 {
            0 => to_all[number % 8].begin(trickling(number)),
            1 => to_all[number % 8].begin(endless(&large)),
            _ => to_nobody[number % 4].begin(endless(r#"{"jsonrpc":"2.0","id":"#)),
        })
        .collect();
    std::thread::sleep(Duration::from_secs(5));
    let held = |name: &str| {
        let active = format!("http.{name}.downstream_rq_active");
        stage.envoy.stat(&active)
    };
    let (to_all, to_nobody) = (held(Mode::Hold.name()), held("nobodys"));
    assert!(
        to_all > 600 && to_nobody > 300,
        "{to_all} and {to_nobody} are held"
    );
    let loud = honest(&client, 2000);
    println!("99 in 100 within {quiet:?}, then within {loud:?}");
    // What is shorter than that depends on what else the machine does.
    assert!(
        loud < quiet.max(Duration::from_millis(20)) * 2,
        "{quiet:?}, {loud:?}"
    );
    drop(open);
}
