//! A server that answers the headers without waiting for the body, as it can where
//! they are streamed: it still gets no byte of a denied body.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::setup::{Mode, PROTOCOLS, Stage, anybody_may_call, call, compiled, speaking};
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::Envoy;
use crate::support::message::Request;
use crate::support::recorder::Recorder;

/// What came after the headers, on all connections.
type Bodies = Arc<Mutex<Vec<u8>>>;

/// A server that answers `answer` to the headers.
fn server(answer: &'static str) -> (SocketAddr, Bodies) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let bodies = Bodies::default();
    let held = Arc::clone(&bodies);
    // Ends with the test's process.
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let held = Arc::clone(&held);
            thread::spawn(move || serve(connection, answer, &held));
        }
    });
    (address, bodies)
}

fn serve(mut connection: TcpStream, answer: &str, bodies: &Mutex<Vec<u8>>) -> Option<()> {
    let mut last = [0; 4];
    while last != *b"\r\n\r\n" {
        last.rotate_left(1);
        connection.read_exact(&mut last[3..]).ok()?;
    }
    connection.write_all(answer.as_bytes()).ok()?;
    let mut byte = [0];
    while connection.read(&mut byte).ok()? == 1 {
        let mut bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.extend_from_slice(&byte);
    }
    Some(())
}

/// Sends a call piece by piece; what came of it at the server.
fn sent(tool: &str, answer: &'static str) -> String {
    let (address, bodies) = server(answer);
    let configuration = compiled(&anybody_may_call(&["echo"]), Mode::Stream, &Value::Null);
    let listener = Listener::plain("stream").filter(Mode::Stream.filter(&configuration));
    let bootstrap = Bootstrap::simple(listener, Cluster::new("everything", address));
    let stage = Stage {
        envoy: Envoy::start(&bootstrap.json()).expect("Envoy serves"),
        recorder: Recorder::start(),
    };
    for (_, protocol) in PROTOCOLS {
        let mut request = Request::mcp("").pieces(call(tool).as_bytes().chunks(10));
        request.pause = Duration::from_millis(20);
        // The server's answer may be out before the verdict, whole or cut short.
        let _ = speaking(&stage.client("stream"), protocol)
            .send(&request.patience(Duration::from_secs(1)));
    }
    thread::sleep(Duration::from_millis(100));
    let bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bodies).into_owned()
}

#[test]
fn an_answer_before_the_verdict_does_not_let_the_body_through() {
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    for answer in [whole, begun] {
        assert_eq!(sent("other", answer), "", "{answer}");
    }
    // The honest twin, while the answer goes on.
    assert!(sent("echo", begun).contains(r#""name":"echo""#));
}
