//! Many requests on one connection, and many connections at once: each has its own
//! verdict, and its own answer.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::setup::{
    Mode, PROTOCOLS, Stage, anybody_may_call, call, compiled, is_denied, json_of, plain_listener,
    speaking,
};
use crate::support::envoy::Options;
use crate::support::message::Request;

fn stage() -> Stage {
    let listeners = Mode::BOTH.map(|mode| {
        let configuration = compiled(&anybody_may_call(&["echo"]), mode, &Value::Null);
        plain_listener(mode, &configuration)
    });
    let options = Options {
        concurrency: 2,
        ..Options::default()
    };
    Stage::start_with(listeners.to_vec(), options, |_| {})
}

/// Requests of one connection, every third denied.
const REQUESTS: usize = 60;

#[test]
fn many_of_each_on_two_workers() {
    let stage = stage();
    thread::scope(|scope| {
        for connection in 0..12 {
            let mode = Mode::BOTH[connection % 2];
            let (_, protocol) = PROTOCOLS[connection / 2 % 2];
            let client = speaking(&stage.client(mode.name()), protocol);
            scope.spawn(move || {
                let mut open = client.connect().expect("a connection");
                for number in 0..REQUESTS {
                    let id = format!("{connection}-{number}");
                    let denied = number % 3 == 2;
                    let tool = if denied { "other" } else { "echo" };
                    let mut message: Value = serde_json::from_str(&call(tool)).expect("JSON");
                    message["id"] = json!(id);
                    let answer = open.send(&Request::mcp(message.to_string()));
                    let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
                    if denied {
                        assert!(is_denied(&answer, &json!(id)), "{answer:?}");
                    } else {
                        let echoed = json!({"jsonrpc": "2.0", "id": id, "result": {}});
                        assert_eq!(json_of(&answer), echoed);
                    }
                }
            });
        }
    });
    let seen = stage.recorder.requests_when_quiet();
    let complete = seen.iter().filter(|seen| seen.complete);
    assert_eq!(complete.count(), 12 * REQUESTS * 2 / 3);
    assert!(!stage.recorder.received(br#""name":"other""#));
}

/// Bytes that are left over from a refused request are not the next request's.
#[test]
fn requests_in_one_packet() {
    let stage = stage();
    let written = |tool: &str, last: bool| {
        let body = call(tool);
        let close = if last { "connection: close\r\n" } else { "" };
        format!(
            "POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{close}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for mode in Mode::BOTH {
        // No longer: Envoy closes when answers of its own queue up.
        for tools in [["other", "echo"], ["echo", "other"]] {
            stage.recorder.clear();
            let packet = tools.map(|tool| written(tool, tool == tools[1])).concat();
            let client = stage.client(mode.name());
            let answers = client.raw(&[packet], Duration::from_secs(3));
            let answers = answers.expect("answers");
            let answers = String::from_utf8_lossy(&answers);
            let verdicts: Vec<bool> = answers
                .split("HTTP/1.1 ")
                .skip(1)
                .map(|answer| answer.contains(r#""result""#))
                .collect();
            assert_eq!(verdicts, tools.map(|tool| tool == "echo"), "{answers}");
            let seen = stage.recorder.requests_when_quiet();
            assert_eq!(seen.iter().filter(|seen| seen.complete).count(), 1);
            assert!(!stage.recorder.received(br#""name":"other""#));
        }
    }
}
