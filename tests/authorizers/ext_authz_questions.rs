//! What Envoy's own filter asks, to the letter: what ours asks is to look the same.
//!
//! Seen on Envoy 1.40. Over HTTP an authorizer gets `host`, `content-length` (0 without a
//! body) and what else there is of `authorization`, `x-envoy-auth-partial-body` (with a
//! body, cut or not) and the headers listed, several lines of one name joined with `,`;
//! Envoy itself adds `x-envoy-internal` and `x-envoy-expected-rq-timeout-ms` to every
//! call. The order is that of a hash, but for the first two.
//!
//! Over gRPC it gets all headers, with those that begin with a colon, or those listed.
//! `size` is what of the body has come: all of it, unless the body is cut; then Envoy asks
//! as soon as there is enough. `x-envoy-auth-partial-body` is among the headers, and never
//! the client's own.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::{Metadata, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, OkHttpResponse};

use crate::authorizer::grpc::{self, GrpcAuthorizer};
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::Envoy;
use crate::support::ext_authz::ExtAuthz;
use crate::support::message::Request;
use crate::support::recorder::Recorder;

const BODY: &str = r#"{"text":"0123456789é"}"#;

/// A request with what matters to an authorizer.
fn request() -> Request {
    Request::mcp(BODY)
        .target("/mcp?a=b&c=%20")
        .authority("weather.example")
        .header("authorization", "Bearer x")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("x-bytes", b"\xff-\xc3\xa9-\xe2\x82")
        .header("x-request-id", "mine")
        .header("x-envoy-auth-partial-body", "mine")
}

/// The same without a body.
fn bodiless() -> Request {
    Request {
        method: "GET".to_owned(),
        body: Vec::new(),
        ..request()
    }
}

/// An authorizer that records every byte, and Envoy before it with these filters.
fn over_http(filters: Vec<(&str, ExtAuthz)>) -> (Recorder, Recorder, Envoy) {
    let (server, authorizer) = (Recorder::start(), Recorder::start());
    let listener = |(name, filter): (&str, ExtAuthz)| {
        Listener::plain(name)
            .ext_authz(&filter)
            .route("/", "server")
    };
    let bootstrap = Bootstrap {
        listeners: filters.into_iter().map(listener).collect(),
        clusters: vec![
            Cluster::new("server", server.address()),
            Cluster::new("authorizer", authorizer.address()),
        ],
    };
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    (server, authorizer, envoy)
}

#[test]
fn over_http_1() {
    let filter = || ExtAuthz::http("authorizer").path_prefix("/check");
    let listed = ["X-Twice", "cookie", "x-request-id", "accept"];
    let (_server, authorizer, envoy) = over_http(vec![
        ("bare", filter()),
        ("body", filter().body(1000)),
        ("cut", filter().body(20)),
        ("listed", filter().allowed_headers(&listed)),
    ]);
    let always = "authorization: Bearer x\n\
                  content-length: 0\n\
                  host: weather.example\n\
                  x-envoy-expected-rq-timeout-ms: 2000\n\
                  x-envoy-internal: true";
    let with = |extra: &str, length: &str| {
        let always = always.replace("length: 0", length);
        let mut lines: Vec<&str> = always.lines().chain(extra.lines()).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    for (listener, request, expected, body) in [
        ("bare", request(), with("", "length: 0"), ""),
        ("bare", bodiless(), with("", "length: 0"), ""),
        ("body", bodiless(), with("", "length: 0"), ""),
        (
            "body",
            request(),
            with("x-envoy-auth-partial-body: false", "length: 23"),
            BODY,
        ),
        (
            "cut",
            request(),
            with("x-envoy-auth-partial-body: true", "length: 20"),
            r#"{"text":"0123456789"#,
        ),
    ] {
        let what = format!("{listener} {}", request.method);
        authorizer.clear();
        let answer = Client::plain(envoy.listener(listener)).send(&request);
        assert_eq!(answer.expect("an answer").status, 200, "{what}");
        let bytes = authorizer.bytes();
        let bytes = String::from_utf8_lossy(&bytes);
        let (head, sent) = bytes.split_once("\r\n\r\n").expect("a head");
        let (start, lines) = head.split_once("\r\n").expect("a start line");
        assert_eq!(
            start,
            format!("{} /check/mcp?a=b&c=%20 HTTP/1.1", request.method),
            "{what}"
        );
        assert!(lines.starts_with("host: "), "{what}");
        let mut lines: Vec<&str> = lines.split("\r\n").collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n"), expected, "{what}");
        assert!(
            sent.starts_with(body) && (sent.is_empty() == body.is_empty()),
            "{what}: {sent}"
        );
    }
    for (client, cookie) in [
        (Client::plain(envoy.listener("listed")), "a=1,b=2"),
        (Client::plain(envoy.listener("listed")).http2(), "a=1; b=2"),
    ] {
        authorizer.clear();
        client.send(&request()).expect("an answer");
        let seen = &authorizer.requests()[0];
        assert_eq!(seen.header("x-twice").as_deref(), Some("1,2"));
        assert_eq!(seen.header("cookie").as_deref(), Some(cookie));
        assert_eq!(
            seen.header("accept").as_deref(),
            Some("application/json, text/event-stream")
        );
        assert_eq!(seen.header("x-bytes"), None);
    }
}

/// Envoy before an authorizer over gRPC, with these filters.
fn over_grpc(filters: Vec<(&str, ExtAuthz)>) -> (Recorder, GrpcAuthorizer, Envoy) {
    let server = Recorder::start();
    let authorizer = GrpcAuthorizer::answering(grpc::allow(OkHttpResponse::default()));
    let listener = |(name, filter): (&str, ExtAuthz)| {
        Listener::plain(name)
            .ext_authz(&filter)
            .route("/", "server")
    };
    let bootstrap = Bootstrap {
        listeners: filters.into_iter().map(listener).collect(),
        clusters: vec![
            Cluster::new("server", server.address()),
            Cluster::new("authorizer", authorizer.address()).http2(),
        ],
    };
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    (server, authorizer, envoy)
}

/// What the authorizer was asked last.
fn asked(authorizer: &GrpcAuthorizer) -> AttributeContext {
    let asked = authorizer.asked();
    let last = asked.last().expect("a question");
    last.check.attributes.clone().expect("attributes")
}

fn address(peer: Option<&Peer>) -> String {
    let address = peer.and_then(|peer| peer.address.as_ref()?.address.as_ref());
    match address {
        Some(address::Address::SocketAddress(socket)) => socket.address.clone(),
        other => panic!("an address, not {other:?}"),
    }
}

#[test]
fn over_grpc_all_of_the_request() {
    let filters = vec![("cut", ExtAuthz::grpc("authorizer").body(20))];
    let (_server, authorizer, envoy) = over_grpc(filters);
    let client = Client::plain(envoy.listener("cut"));
    for (client, protocol, cookie) in [
        (client.clone(), "HTTP/1.1", "a=1,b=2"),
        (client.http2(), "HTTP/2", "a=1; b=2"),
    ] {
        client.send(&request()).expect("an answer");
        let attributes = asked(&authorizer);
        assert_eq!(address(attributes.source.as_ref()), "127.0.0.1");
        assert_eq!(address(attributes.destination.as_ref()), "127.0.0.1");
        assert_eq!(attributes.metadata_context, Some(Metadata::default()));
        let mut seen = attributes.request.expect("a request");
        assert!(seen.time.is_some_and(|time| time.seconds > 0));
        let http = seen.http.as_mut().expect("HTTP");
        assert!(http.id.parse::<u64>().is_ok(), "{}", http.id);
        // The address that Envoy takes for its own is that of the machine.
        assert!(http.headers.remove("x-forwarded-for").is_some());
        let id = http.headers.remove("x-request-id").expect("an id");
        assert_ne!(id, "mine");
        let headers: BTreeMap<&str, &str> = [
            (":authority", "weather.example"),
            (":method", "POST"),
            (":path", "/mcp?a=b&c=%20"),
            (":scheme", "http"),
            ("accept", "application/json, text/event-stream"),
            ("authorization", "Bearer x"),
            ("content-length", "23"),
            ("content-type", "application/json"),
            ("cookie", cookie),
            ("x-bytes", "!-é-!!"),
            ("x-envoy-auth-partial-body", "true"),
            ("x-envoy-external-address", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-twice", "1,2"),
        ]
        .into();
        let found: BTreeMap<&str, &str> = http
            .headers
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, headers);
        http.headers.clear();
        http.id.clear();
        let expected = HttpRequest {
            method: "POST".to_owned(),
            path: "/mcp?a=b&c=%20".to_owned(),
            host: "weather.example".to_owned(),
            scheme: "http".to_owned(),
            size: 23,
            protocol: protocol.to_owned(),
            body: r#"{"text":"0123456789!"#.to_owned(),
            ..HttpRequest::default()
        };
        assert_eq!(http, &expected);
    }
}

#[test]
fn over_grpc_without_a_body_and_with_one_of_bytes() {
    let grpc = || ExtAuthz::grpc("authorizer");
    let mut bytes = grpc().body(1000);
    if let Some(body) = &mut bytes.body {
        body.bytes = true;
    }
    let filters = vec![
        ("bare", grpc()),
        ("text", grpc().body(1000)),
        ("bytes", bytes),
        ("listed", grpc().allowed_headers(&["accept"])),
    ];
    let (_server, authorizer, envoy) = over_grpc(filters);
    let ask = |listener: &str, request: &Request| {
        let client = Client::plain(envoy.listener(listener));
        client.send(request).expect("an answer");
        let request = asked(&authorizer).request;
        request.and_then(|request| request.http).expect("HTTP")
    };
    let no_text = b"a\xff\xfe\xc3b\xe2\x82";
    let partial = |http: &HttpRequest| http.headers.get("x-envoy-auth-partial-body").cloned();

    let http = ask("bare", &request());
    assert_eq!(
        (http.size, http.body.as_str(), partial(&http)),
        (0, "", None)
    );
    let http = ask("text", &bodiless());
    assert_eq!(
        (http.size, http.body.as_str(), partial(&http)),
        (0, "", None)
    );
    let http = ask("text", &request().body(no_text));
    assert_eq!((http.size, http.body.as_str()), (7, "a!!!b!!"));
    assert_eq!(partial(&http).as_deref(), Some("false"));
    let http = ask("bytes", &request().body(no_text));
    assert_eq!(
        (http.body.as_str(), http.raw_body.as_slice()),
        ("", &no_text[..])
    );
    let http = ask("listed", &request());
    let names: Vec<&String> = http.headers.keys().collect();
    assert_eq!(names, ["accept"]);
}
