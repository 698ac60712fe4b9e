//! The harness itself: what a client sends through Envoy is what the recorder says.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::time::Duration;

use support::certificates::Authority;
use support::client::Client;
use support::config::{Bootstrap, Cluster, Listener};
use support::envoy::{self, Envoy};
use support::message::{Length, Request};
use support::recorder::Recorder;

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#;

fn plain() -> (Recorder, Envoy) {
    let recorder = Recorder::start();
    let cluster = Cluster::new("everything", recorder.address());
    let bootstrap = Bootstrap::simple(Listener::plain("plain"), cluster);
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    (recorder, envoy)
}

#[test]
fn what_is_sent_is_what_the_server_saw() {
    let (recorder, envoy) = plain();
    let client = Client::plain(envoy.listener("plain"));
    for client in [client.clone(), client.http2()] {
        recorder.clear();
        let request = Request::mcp(CALL)
            .target("/mcp?a=b")
            .header("x-bytes", b"\xff\xfe")
            .header("x-twice", "1")
            .header("x-twice", "2");
        let answer = client.send(&request).expect("an answer");
        assert_eq!((answer.status, answer.complete), (200, true));
        assert_eq!(answer.json()["id"], 7);

        let requests = recorder.requests();
        let [seen] = requests.as_slice() else {
            panic!("one request, not {requests:?}")
        };
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            ("POST", "/mcp?a=b")
        );
        assert_eq!(
            (seen.body.as_slice(), seen.complete),
            (CALL.as_bytes(), true)
        );
        assert!(
            seen.headers
                .contains(&("x-bytes".into(), b"\xff\xfe".to_vec()))
        );
        let twice = seen.headers.iter().filter(|(name, _)| name == "x-twice");
        assert_eq!(twice.count(), 2);
        assert!(recorder.received(b"tools/call"));
    }
}

#[test]
fn pieces_and_trailers_arrive_in_both_protocols() {
    let (recorder, envoy) = plain();
    let client = Client::plain(envoy.listener("plain"));
    for client in [client.clone(), client.http2()] {
        recorder.clear();
        let request = Request::mcp("")
            .pieces(CALL.as_bytes().chunks(10))
            .trailer("x-last", "word");
        assert_eq!(client.send(&request).expect("an answer").status, 200);
        let requests = recorder.requests();
        assert_eq!(requests[0].body, CALL.as_bytes());
        assert_eq!(requests[0].trailers, [("x-last".into(), b"word".to_vec())]);
    }
}

#[test]
fn a_request_that_breaks_off_is_seen_as_far_as_it_came() {
    let (recorder, envoy) = plain();
    let client = Client::plain(envoy.listener("plain")).http2();
    let request = Request::mcp("").pieces(["half a ", "message"]).cut();
    assert!(client.send(&request).is_err());
    let requests = recorder.requests_when_quiet();
    assert_eq!(requests[0].body, b"half a message");
    assert!(!requests[0].complete);
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let (recorder, envoy) = plain();
    let client = Client::plain(envoy.listener("plain"));
    let pieces = [
        "POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n",
        "ab",
        "cd",
    ];
    let answer = client
        .raw(&pieces, Duration::from_millis(500))
        .expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(recorder.requests()[0].body, b"abcd");
}

#[test]
fn one_connection_carries_several_requests() {
    let (recorder, envoy) = plain();
    let client = Client::plain(envoy.listener("plain"));
    for client in [client.clone(), client.http2()] {
        let mut connection = client.connect().expect("a connection");
        for _ in 0..3 {
            let request = Request::mcp(CALL).length(Length::Open);
            assert_eq!(connection.send(&request).expect("an answer").status, 200);
        }
    }
    assert_eq!(recorder.requests().len(), 6);
    assert_eq!(envoy.stat("http.plain.downstream_cx_total"), 2);
}

#[test]
fn client_certificates_are_asked_for_as_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let known = authority
        .client("known", &["spiffe://cluster.local/ns/a/sa/b"])
        .expect("one");
    let several = authority
        .client("several", &["spiffe://a/b", "spiffe://c/d"])
        .expect("one");
    let other = Authority::new(folder.path(), "other").expect("an authority");
    let foreign = other
        .client("foreign", &["spiffe://cluster.local/ns/a/sa/b"])
        .expect("one");

    let recorder = Recorder::start();
    let ca = authority.certificate();
    let bootstrap = Bootstrap {
        listeners: vec![
            Listener::tls("required", &server, &ca, true).route("/", "everything"),
            Listener::tls("optional", &server, &ca, false).route("/", "everything"),
        ],
        clusters: vec![Cluster::new("everything", recorder.address()).http2()],
    };
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    let required = envoy.listener("required");
    let optional = envoy.listener("optional");
    for (address, identity, served) in [
        (required, Some(&known), true),
        (required, Some(&several), true),
        (required, Some(&foreign), false),
        (required, None, false),
        (optional, Some(&known), true),
        (optional, Some(&foreign), false),
        (optional, None, true),
    ] {
        let client = Client::tls(address, &ca, identity).expect("PEM files");
        for client in [client.clone(), client.http2()] {
            let answer = client.send(&Request::mcp(CALL));
            assert_eq!(answer.is_ok(), served, "{identity:?}: {answer:?}");
        }
    }
}

#[test]
fn a_configuration_that_envoy_refuses_says_why() {
    let mut configuration = Bootstrap::default().json();
    assert!(envoy::validate(&configuration).is_ok());
    configuration["static_resources"]["listeners"] = serde_json::json!([{"name": 5, "no": 1}]);
    let refused = envoy::validate(&configuration).expect_err("it is refused");
    assert!(refused.log.contains("static_resources"), "{refused}");
    let refused = Envoy::start(&configuration).expect_err("it is refused");
    assert!(refused.log.contains("static_resources"), "{refused}");
}

/// Keys of the demo stay on disk.
#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    for _ in 0..2 {
        let identity = authority.client("mine", &[]).expect("a certificate");
        let key = std::fs::metadata(&identity.key)
            .expect("a key")
            .permissions();
        assert_eq!(key.mode() & 0o777, 0o600);
        let others = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&identity.key, others).expect("permissions");
    }
}
