//! What an authorizer is asked.

use std::time::{SystemTime, UNIX_EPOCH};

use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Peer;
use serde_json::{Value, json};

use super::{desk, lines, once};
use crate::authorizer::cerbos::object;
use crate::authorizer::grpc::{GrpcAuthorizer, allow};
use crate::desk::{Desk, GATEWAY, asks_grpc, configured, policy};
use crate::setup::{Mode, call};
use crate::support::certificates::Authority;
use crate::support::client::Client;
use crate::support::config::Listener;
use crate::support::message::{Length, Request};

const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/reader";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn willing() -> GrpcAuthorizer {
    GrpcAuthorizer::answering(allow(OkHttpResponse::default()))
}

fn address(peer: &Peer) -> (String, u32) {
    match peer.address.as_ref().and_then(|of| of.address.as_ref()) {
        Some(Address::SocketAddress(socket)) => match socket.port_specifier {
            Some(PortSpecifier::PortValue(port)) => (socket.address.clone(), port),
            _ => panic!("a port, not {socket:?}"),
        },
        other => panic!("an address, not {other:?}"),
    }
}

fn calling() -> Request {
    let message = json!({"jsonrpc": "2.0", "id": "seven", "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": "é", "n": [1, null, true]}}});
    Request::mcp(message.to_string())
        .target("/mcp?a=b&c=%20")
        .authority("tools.example")
        .header("authorization", "Bearer t")
        .header("x-team", "1")
        .header("x-team", "2")
        .header("x-bytes", b"\xff-\xc3\xa9")
        .header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
        .header("tracestate", "a=1")
}

/// Every field, over mutual TLS.
#[test]
fn every_field() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let caller = authority.client("caller", &[CALLER]).expect("one more");
    let vouches = authority.certificate();
    let listeners = Mode::BOTH.map(|mode| {
        let asking = policy("asking", GATEWAY, asks_grpc("authorizer", &Value::Null));
        Listener::tls(mode.name(), &server, &vouches, false)
            .filter(mode.filter(&configured(&[asking], mode, &json!({"edge": true}))))
            .route("/", "everything")
    });
    let desk = Desk::with(willing(), listeners.to_vec());
    let listener = |mode: Mode| desk.stage.envoy.listener(mode.name());
    let by = |mode| Client::tls(listener(mode), &vouches, Some(&caller)).expect("PEM files");
    desk.each_by(by, &calling(), |id, mode, answer, asked, server| {
        assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
        let http = once(asked, id);
        let asked = &asked[0];
        let attributes = asked.check.attributes.as_ref().expect("attributes");
        let (source, destination) = (attributes.source.as_ref(), attributes.destination.as_ref());
        let (source, destination) = (
            source.expect("a source"),
            destination.expect("a destination"),
        );
        assert_eq!(source.principal, CALLER, "{id}");
        let (from, port) = address(source);
        assert!(from == "127.0.0.1" && port > 0, "{id}: {source:?}");
        let to = ("127.0.0.1".to_owned(), u32::from(listener(mode).port()));
        assert_eq!(address(destination), to, "{id}");
        let time = attributes.request.as_ref().and_then(|of| of.time.as_ref());
        let time = u64::try_from(time.expect("a time").seconds).expect("after 1970");
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a time");
        assert!(now.as_secs().abs_diff(time) < 60, "{id}: {time}");

        let protocol = if id.contains(".h1.") {
            "HTTP/1.1"
        } else {
            "HTTP/2"
        };
        for (name, found, expected) in [
            ("id", &http.id, id),
            ("method", &http.method, "POST"),
            ("path", &http.path, "/mcp?a=b&c=%20"),
            ("host", &http.host, "tools.example"),
            ("scheme", &http.scheme, "https"),
            ("protocol", &http.protocol, protocol),
            ("body", &http.body, ""),
        ] {
            assert_eq!(found, expected, "{id}: {name}");
        }
        assert_eq!(
            http.size,
            i64::try_from(calling().body[0].len()).expect("short"),
            "{id}"
        );
        assert!(http.raw_body.is_empty(), "{id}");
        for (name, expected) in [
            (":authority", "tools.example"),
            (":method", "POST"),
            (":path", "/mcp?a=b&c=%20"),
            (":scheme", "https"),
            ("authorization", "Bearer t"),
            ("content-type", "application/json"),
            ("x-team", "1,2"),
            ("x-bytes", "!-é"),
            ("x-request-id", id),
        ] {
            assert_eq!(
                http.headers.get(name).map(String::as_str),
                Some(expected),
                "{id}: {name}"
            );
        }
        assert_eq!(http.headers.get("x-envoy-auth-partial-body"), None, "{id}");

        let metadata = attributes.metadata_context.as_ref().expect("metadata");
        assert_eq!(metadata.filter_metadata.len(), 2, "{id}");
        for name in ["mcp_proxy", "envoy.filters.http.mcp"] {
            let arguments = json!({"text": "é", "n": [1.0, null, true]});
            let expected = json!({"jsonrpc": "2.0", "id": "seven", "method": "tools/call",
                "params": {"name": "echo", "arguments": arguments}});
            assert_eq!(
                object(&metadata.filter_metadata[name]),
                expected,
                "{id}: {name}"
            );
        }

        let [parent] = &lines(&asked.headers, "traceparent")[..] else {
            panic!("{id}: {asked:?}")
        };
        let parts: Vec<&str> = parent.split('-').collect();
        let ["00", TRACE, span, "01"] = parts[..] else {
            panic!("{id}: {parent}")
        };
        assert!(span.len() == 16 && span != SPAN, "{id}: {span}");
        assert_eq!(lines(&asked.headers, "tracestate"), ["a=1"], "{id}");
        assert_eq!(lines(&asked.headers, "x-request-id"), [id], "{id}");
    });
}

/// No certificate, no trace, no message, only the headers listed, and nothing of address and
/// scheme, which a client could say where this Envoy is not the edge.
#[test]
fn what_there_is_not() {
    let listed = json!({"grpc": {"allowedHeaders": ["X-Team"]}});
    let desk = desk(willing(), &listed, &Value::Null);
    let request = Request::get("/files?x")
        .header("x-team", "1")
        .header("x-other", "2");
    desk.each(&request, |id, _, answer, asked, server| {
        assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
        let http = once(asked, id);
        let headers: Vec<_> = http.headers.iter().collect();
        assert_eq!(headers, [(&"x-team".to_owned(), &"1".to_owned())], "{id}");
        assert_eq!((&*http.method, &*http.path), ("GET", "/files?x"), "{id}");
        assert_eq!((&*http.id, &*http.scheme, http.size), (id, "", 0), "{id}");
        let attributes = asked[0].check.attributes.as_ref().expect("attributes");
        let source = attributes.source.as_ref().expect("a source");
        assert_eq!((&*source.principal, &source.address), ("", &None), "{id}");
        let metadata = attributes.metadata_context.as_ref();
        assert!(
            metadata.is_some_and(|of| of.filter_metadata.is_empty()),
            "{id}"
        );
        assert!(lines(&asked[0].headers, "traceparent").is_empty(), "{id}");
        assert_eq!(lines(&asked[0].headers, "x-request-id"), [id], "{id}");
    });
}

#[test]
fn bodies_are_shown_as_far_as_they_may() {
    for (oversize, is_cut) in [("Reject", false), ("Truncate", true)] {
        let shows = json!({"forwardBody": {"maxSize": 100}});
        let over = json!({"externalAuth": {"oversize": oversize}});
        let desk = desk(willing(), &shows, &over);
        let (short, long) = (call("echo"), call(&"e".repeat(100)));
        for (target, body) in [
            ("/mcp", &short),
            ("/mcp", &long),
            ("/files", &short),
            ("/files", &long),
        ] {
            let whole = Request::mcp(body).target(target);
            let pieces = Request::mcp("")
                .target(target)
                .pieces(body.as_bytes().chunks(30));
            let declared = pieces.clone().length(Length::Declared);
            for request in [
                whole,
                pieces.clone(),
                declared,
                pieces.trailer("x-last", "1"),
            ] {
                desk.each(&request, |id, mode, answer, asked, server| {
                    // No body is awaited of what is not MCP: nobody is asked about it.
                    if mode == Mode::Stream && target == "/files" {
                        assert_eq!((answer.status, asked.len()), (200, 0), "{id}: {answer:?}");
                        return;
                    }
                    if body.len() > 100 && !is_cut {
                        desk.assert_refused(id, mode, server);
                        assert_eq!((answer.status, asked.len()), (413, 0), "{id}: {answer:?}");
                        return;
                    }
                    let http = once(asked, id);
                    assert_eq!(http.body, body[..body.len().min(100)], "{id} {target}");
                    let partial = http.headers.get("x-envoy-auth-partial-body");
                    let expected = (body.len() > 100).to_string();
                    assert_eq!(partial, Some(&expected), "{id} {target}");
                    let [server] = server else {
                        panic!("{id}: {answer:?}")
                    };
                    assert!(
                        server.complete && server.body == body.as_bytes(),
                        "{id} {target}"
                    );
                });
            }
        }
        // What is no text is shown as text, and byte for byte.
        let bytes = b"a\xff\xfeb";
        let request = Request::mcp(bytes).target("/files");
        desk.each(&request, |id, mode, _, asked, _| {
            if mode == Mode::Stream {
                return;
            }
            let http = once(asked, id);
            assert_eq!((&*http.body, &*http.raw_body), ("a!!b", &bytes[..]), "{id}");
        });
    }
}
