//! Answers without an end, when policies change: `onRevocation` says whether they go on.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;

/// How soon a stream is gone that is cut, however busy the machine is.
const SOON: Duration = Duration::from_secs(10);

/// A server that begins to answer with events, and never ends; it tells of each stream.
fn endless() -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let (told, begun) = mpsc::channel();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("a connection");
            let told = told.clone();
            std::thread::spawn(move || {
                let _ = connection.read(&mut [0; 4096]);
                let _ = connection.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n",
                );
                let _ = told.send(());
                let _ = connection.read_to_end(&mut Vec::new());
            });
        }
    });
    (address, begun)
}

/// What discovery gives, with a policy of this number under a setting.
pub(super) fn under(setting: &str, number: usize) -> String {
    let mut policy: Value = serde_json::from_str(&policies(number).0).unwrap();
    policy.as_object_mut().unwrap().remove("seal");
    policy["settings"]["onRevocation"] = json!(setting);
    let policy = serde_json::from_value(policy).unwrap();
    render::discovery(&policy, filter_module().to_str().unwrap())
}

/// Opens streams, has the policy change, and tells how many are gone soon after.
fn gone(setting: &str) -> usize {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    place(&file, &under(setting, 0));
    let (server, begun) = endless();
    let envoy = discovering(&file, server);
    let taken = count(&envoy, UPDATED);
    let address = envoy.listener("mcp");
    let (ended, ends) = mpsc::channel();
    let clients = [Client::plain(address), Client::plain(address).http2()];
    for client in clients.into_iter().cycle().take(8) {
        let ended = ended.clone();
        std::thread::spawn(move || {
            let mut call = request("open", 0);
            call.patience = SOON * 6;
            let _ = ended.send(client.send(&call));
        });
        begun.recv_timeout(SOON).expect("it comes to the server");
    }
    assert!(ends.try_recv().is_err(), "they are all open");
    place(&file, &under(setting, 1));
    wait(&envoy, UPDATED, taken + 1);
    let changed = Instant::now();
    let mut gone = 0;
    while gone < 8 {
        let left = SOON.saturating_sub(changed.elapsed());
        let Ok(response) = ends.recv_timeout(left) else {
            break;
        };
        // Cut, not ended.
        assert!(response.is_err() || response.is_ok_and(|response| !response.complete));
        gone += 1;
    }
    assert_eq!(envoy.vm_failures(), []);
    // Nobody else is touched.
    let client = Client::plain(address);
    let answer = client.send(&request("denied", 0)).expect("an answer");
    assert_eq!(answer.json()["error"]["code"], json!(403));
    gone
}

#[test]
fn streams_are_cut_where_the_setting_says_so() {
    assert_eq!(gone("Close"), 8);
}

#[test]
fn streams_go_on_otherwise() {
    assert_eq!(gone("Keep"), 0);
}

/// A stream whose request has a body that never comes was permitted when its headers were.
#[test]
fn a_stream_whose_request_never_ends_is_cut_too() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    let text = |number: usize| {
        let mut policy: Value = serde_json::from_str(&policies(number).0).unwrap();
        policy.as_object_mut().unwrap().remove("seal");
        policy["settings"]["onRevocation"] = json!("Close");
        policy["settings"]["requestHeaders"] = json!("Stream");
        policy["settings"]["mcpPaths"] = json!(["/mcp"]);
        for policy in policy["policies"].as_array_mut().unwrap() {
            policy["rules"] = json!([{"name": format!("rule-{number}")}]);
        }
        let policy = serde_json::from_value(policy).unwrap();
        render::discovery(&policy, filter_module().to_str().unwrap())
    };
    place(&file, &text(0));
    let (server, begun) = endless();
    let envoy = discovering(&file, server);
    let taken = count(&envoy, UPDATED);
    let mut connection = TcpStream::connect(envoy.listener("mcp")).expect("a connection");
    connection
        .write_all(b"GET /mcp HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .expect("a request");
    begun.recv_timeout(SOON).expect("it comes to the server");
    place(&file, &text(1));
    wait(&envoy, UPDATED, taken + 1);
    connection.set_read_timeout(Some(SOON)).expect("a timeout");
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer);
    assert!(
        read.is_ok(),
        "{read:?}: {}",
        String::from_utf8_lossy(&answer)
    );
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}
