//! With `onError: Allow`: what a client can bring about refuses, and only outages open.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::desk::{GATEWAY, asks, asks_grpc, configured, policy};
use crate::setup::{Mode, PROTOCOLS, Stage, call, plain_listener, speaking};
use crate::support::config::Cluster;
use crate::support::envoy::Options;
use crate::support::message::Request;
use crate::support::port::Port;
use crate::support::recorder::Answer;

/// An Envoy that asks the cluster `authorizer` and lets requests go on in an outage.
fn open(cluster: Cluster, spec: &Value) -> Stage {
    let over = json!({"externalAuth": {"timeout": "800ms", "onError": "Allow"}});
    let listeners = Mode::BOTH.map(|mode| {
        let asking = policy("asking", GATEWAY, spec.clone());
        plain_listener(mode, &configured(&[asking], mode, &over))
    });
    Stage::start_beside(
        vec![cluster],
        listeners.to_vec(),
        Options::default(),
        |_| {},
    )
}

/// Sends a call by each mode and protocol: whether it went on, and what the record says of
/// the authorizer.
fn assert_becomes(stage: &Stage, does: &str, goes_on: bool, detail: &str) {
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            stage.recorder.clear();
            let id = format!("{}.{name}.{does}", mode.name());
            let client = speaking(&stage.client(mode.name()), protocol);
            let request = Request::mcp(call("echo"))
                .header("x-request-id", &id)
                .header("x-do", does);
            let answer = client.send(&request).expect("an answer");
            let status = if goes_on { 200 } else { 403 };
            assert_eq!(answer.status, status, "{id}: {answer:?}");
            let seen = stage.recorder.requests_when_quiet();
            match goes_on {
                true => assert_eq!(seen.len(), 1, "{id}: {seen:?}"),
                false => assert_eq!(stage.leaked(mode, &seen, &id), None, "{id}"),
            }
            let records = stage.records(std::iter::once(&*id));
            let said = &records[&id][0]["external_auth"][0]["detail"];
            let said = said.as_str().unwrap_or_default();
            assert!(said.contains(detail), "{id}: {said}");
        }
    }
}

/// Takes connections, and does with each as `does` says.
fn serve(does: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || does(stream));
        }
    });
    address
}

/// Answers, or does not, as the request says.
fn answer_badly(mut stream: TcpStream) {
    let mut request = vec![0; 65536];
    let length = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let does = request.split("x-do: ").nth(1).unwrap_or_default();
    let words: &[u8] = match does.split('\r').next().unwrap_or_default() {
        "nonsense" => b"nonsense\r\n\r\n",
        "half-headers" => b"HTTP/1.1 200 OK\r\nx: y",
        "half-body" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "words" => {
            b"HTTP/1.1 500 No\r\ncontent-length: 98\r\n\r\nupstream connect error or \
              disconnect/reset before headers. reset reason: remote connection failure"
        }
        "hang" => {
            std::thread::sleep(Duration::from_secs(2));
            b""
        }
        _ => b"",
    };
    let _ = stream.write_all(words);
    let _ = stream.shutdown(Shutdown::Write);
    std::thread::sleep(Duration::from_millis(100));
}

fn told() -> Value {
    asks("authorizer", &json!({"http": {"allowedHeaders": ["x-do"]}}))
}

#[test]
fn a_connection_that_was_made_is_no_outage() {
    let stage = open(Cluster::new("authorizer", serve(answer_badly)), &told());
    for (does, goes_on, detail) in [
        ("close", false, "broke off"),
        ("nonsense", false, "broke off"),
        ("half-headers", false, "broke off"),
        ("half-body", false, "broke off"),
        ("words", false, "failed (500)"),
        ("hang", true, "in time"),
    ] {
        assert_becomes(&stage, does, goes_on, detail);
    }
    let at_once = Cluster::new("authorizer", serve(drop));
    assert_becomes(&open(at_once.clone(), &told()), "drop", false, "broke off");
    let stage = open(at_once.http2(), &asks_grpc("authorizer", &json!({})));
    assert_becomes(&stage, "drop", false, "broke off");
    let after = Cluster::new("authorizer", serve(answer_badly)).http2();
    let stage = open(after, &asks_grpc("authorizer", &json!({})));
    assert_becomes(&stage, "close", false, "broke off");
}

#[test]
fn a_connection_that_cannot_be_made_is_one() {
    let down = Port::new().expect("a port");
    let cluster = Cluster::new("authorizer", ([127, 0, 0, 1], down.number).into());
    assert_becomes(&open(cluster.clone(), &told()), "down", true, "reached");
    let stage = open(cluster.http2(), &asks_grpc("authorizer", &json!({})));
    assert_becomes(&stage, "down", true, "reached");
}

/// Envoy answers with 200 itself, where a question looks like gRPC and cannot be asked.
#[test]
fn a_failure_that_looks_like_a_permission_is_none() {
    let asking = asks(
        "authorizer",
        &json!({"http": {"allowedHeaders": ["content-type"]}}),
    );
    let down = Port::new().expect("a port");
    let hangs = serve(|_| std::thread::sleep(Duration::from_secs(2)));
    for (what, address) in [
        ("down", ([127, 0, 0, 1], down.number).into()),
        ("drops", serve(drop)),
        ("hangs", hangs),
    ] {
        let stage = open(Cluster::new("authorizer", address), &asking);
        for mode in Mode::BOTH {
            for (name, protocol) in PROTOCOLS {
                let client = speaking(&stage.client(mode.name()), protocol);
                for media in ["application/grpc", "application/grpc+proto"] {
                    let request = Request::new("DELETE", "/mcp")
                        .header("content-type", media)
                        .header("mcp-session-id", "s");
                    let answer = client.send(&request).expect("an answer");
                    // As Envoy says 403 to who speaks gRPC.
                    let status = answer.header("grpc-status");
                    assert_eq!(status.as_deref(), Some("7"), "{what} {mode:?} {name}");
                }
            }
        }
        assert_eq!(stage.recorder.requests().len(), 0, "{what}");
    }
    // The honest twin: one that answers.
    let authorizer = HttpAuthorizer::start(|_| {
        Act::Answer(Answer {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let stage = open(Cluster::new("authorizer", authorizer.address()), &asking);
    for mode in Mode::BOTH {
        let request = Request::new("DELETE", "/mcp")
            .header("content-type", "application/grpc")
            .header("mcp-session-id", "s");
        let answer = stage.client(mode.name()).send(&request);
        assert_eq!(answer.expect("an answer").status, 200, "{mode:?}");
    }
}

#[test]
fn statuses_that_open() {
    let authorizer = HttpAuthorizer::start(|seen| {
        let does = seen.header("x-do").unwrap_or_default();
        let overloaded = ("x-envoy-overloaded".to_owned(), "true".to_owned());
        Act::Answer(Answer {
            status: does.parse().unwrap_or(503),
            headers: (does == "overloaded")
                .then_some(overloaded)
                .into_iter()
                .collect(),
            body: Vec::new(),
        })
    });
    let stage = open(Cluster::new("authorizer", authorizer.address()), &told());
    for status in [500, 501, 502, 503, 504, 505, 507] {
        let goes_on = (502..=504).contains(&status);
        let detail = format!("failed ({status})");
        assert_becomes(&stage, &status.to_string(), goes_on, &detail);
    }
    assert_becomes(&stage, "overloaded", false, "made no call");
}

/// What is beyond a circuit breaker is not judged, and does not go on.
#[test]
fn many_at_once_are_no_outage() {
    let authorizer = HttpAuthorizer::start(|_| {
        let refusal = Answer {
            status: 403,
            headers: Vec::new(),
            body: Vec::new(),
        };
        Act::Later(Duration::from_millis(300), refusal)
    });
    let cluster = Cluster::new("authorizer", authorizer.address()).at_once(16);
    let stage = open(cluster, &asks("authorizer", &json!({})));
    for mode in Mode::BOTH {
        for (_, protocol) in PROTOCOLS {
            authorizer.clear();
            stage.recorder.clear();
            let client = speaking(&stage.client(mode.name()), protocol);
            let answers: Vec<u16> = std::thread::scope(|scope| {
                let send = || client.send(&Request::mcp(call("echo"))).expect("an answer");
                let calls: Vec<_> = (0..40).map(|_| scope.spawn(send)).collect();
                let answers = calls
                    .into_iter()
                    .map(|call| call.join().expect("an answer"));
                answers.map(|answer| answer.status).collect()
            });
            let unanswered = answers.iter().filter(|status| **status == 403).count();
            let refused = answers.iter().filter(|status| **status == 200).count();
            assert!(unanswered > 0 && refused > 0, "{answers:?}");
            assert_eq!(unanswered + refused, 40, "{answers:?}");
            let seen = stage.recorder.requests_when_quiet();
            let reached = seen
                .iter()
                .any(|seen| seen.complete || !seen.body.is_empty());
            assert!(!reached, "{seen:?}");
        }
    }
}
