//! Every field of a question is where the published types look for it.

use std::collections::{BTreeMap, HashMap};

use accesspolicy::engine::external_auth::Unshown;
use accesspolicy::engine::external_auth::grpc::{
    ARGUMENTS_DEPTH, CheckQuestion, McpFacts, QUESTION_LIMIT, check_request, grpc_service,
};
use accesspolicy::engine::mcp::Object;
use envoy_types::pb::envoy::config::core::v3::grpc_service::TargetSpecifier;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, GrpcService, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use proptest::prelude::*;
use prost::Message;
use serde_json::json;

/// The question as the published types read it.
fn asked(question: &CheckQuestion<'_>) -> AttributeContext {
    let bytes = check_request(question).expect("a question");
    let request = CheckRequest::decode(bytes.as_slice()).expect("a message");
    request.attributes.expect("attributes")
}

fn http(attributes: &AttributeContext) -> &HttpRequest {
    let request = attributes.request.as_ref().expect("a request");
    request.http.as_ref().expect("an HTTP request")
}

/// JSON as the published types have it.
fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(is_true) => Kind::BoolValue(*is_true),
        Json::Number(number) => Kind::NumberValue(number.as_f64().expect("a double")),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(value).collect(),
        }),
        Json::Object(members) => Kind::StructValue(Struct {
            fields: members.iter().map(|(k, v)| (k.clone(), value(v))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// The metadata that says what this message is.
fn metadata(message: &serde_json::Value) -> HashMap<String, Struct> {
    let Some(Kind::StructValue(fields)) = value(message).kind else {
        panic!("an object, not {message}")
    };
    ["mcp_proxy", "envoy.filters.http.mcp"]
        .map(|name| (name.to_owned(), fields.clone()))
        .into()
}

fn mcp(facts: McpFacts<'_>) -> HashMap<String, Struct> {
    let question = CheckQuestion {
        mcp: Some(facts),
        ..CheckQuestion::default()
    };
    let attributes = asked(&question);
    attributes
        .metadata_context
        .expect("metadata")
        .filter_metadata
}

fn arguments(text: &[u8]) -> Result<Vec<u8>, Unshown> {
    check_request(&CheckQuestion {
        mcp: Some(McpFacts {
            arguments: Some(text),
            ..McpFacts::default()
        }),
        ..CheckQuestion::default()
    })
}

#[test]
fn a_call_of_a_tool() {
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"POST"),
        (b"x-twice", b"1"),
        (b"x-bytes", b"\xff-\xc3\xa9-\xe2\x82"),
        (b"x-twice", b"2"),
    ];
    let question = CheckQuestion {
        source: Some("10.0.0.1:4711"),
        principal: Some("spiffe://cluster.local/ns/a/sa/b"),
        destination: Some("[::1]:443"),
        time: Some(1_795_317_453_471_024_000),
        id: b"6d153c1e",
        method: b"POST",
        path: b"/mcp?a=b",
        host: b"weather.example",
        scheme: b"https",
        protocol: b"HTTP/2",
        headers: &headers,
        size: Some(33),
        body: Some("{\"a\":\"é\"}".as_bytes()),
        mcp: Some(McpFacts {
            id: Some(b"7"),
            method: Some("tools/call"),
            thing: Some(Object::Tool("echo")),
            arguments: Some(br#"{"text":"x"}"#),
            ..McpFacts::default()
        }),
    };
    let attributes = asked(&question);

    let source = attributes.source.as_ref().expect("a source");
    assert_eq!(socket(source.address.as_ref()), Some(("10.0.0.1", 4711)));
    assert_eq!(source.principal, "spiffe://cluster.local/ns/a/sa/b");
    let destination = attributes.destination.as_ref().expect("a destination");
    assert_eq!(socket(destination.address.as_ref()), Some(("::1", 443)));
    let request = attributes.request.as_ref().expect("a request");
    let time = request.time.as_ref().expect("a time");
    assert_eq!((time.seconds, time.nanos), (1_795_317_453, 471_024_000));
    let headers = [
        (":method", "POST"),
        ("x-twice", "1,2"),
        ("x-bytes", "!-é-!!"),
    ];
    let expected = HttpRequest {
        id: "6d153c1e".to_owned(),
        method: "POST".to_owned(),
        headers: headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        path: "/mcp?a=b".to_owned(),
        host: "weather.example".to_owned(),
        scheme: "https".to_owned(),
        size: 33,
        protocol: "HTTP/2".to_owned(),
        body: "{\"a\":\"é\"}".to_owned(),
        ..HttpRequest::default()
    };
    assert_eq!(http(&attributes), &expected);
    let message = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": "x"}},
    });
    let found = attributes.metadata_context.expect("metadata");
    assert_eq!(found.filter_metadata, metadata(&message));
}

/// The address and port of a peer.
fn socket(address: Option<&Address>) -> Option<(&str, u32)> {
    match address?.address.as_ref()? {
        address::Address::SocketAddress(socket) => match socket.port_specifier.as_ref()? {
            PortSpecifier::PortValue(port) => Some((&socket.address, *port)),
            PortSpecifier::NamedPort(_) => None,
        },
        _ => None,
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let attributes = asked(&CheckQuestion::default());
    assert_eq!(attributes.source.as_ref().expect("a source").address, None);
    assert_eq!(attributes.request.as_ref().expect("a request").time, None);
    let expected = HttpRequest {
        size: -1,
        ..HttpRequest::default()
    };
    assert_eq!(http(&attributes), &expected);
    let metadata = attributes.metadata_context.expect("metadata");
    assert!(metadata.filter_metadata.is_empty());
    assert_eq!(
        mcp(McpFacts::default()),
        self::metadata(&json!({"jsonrpc": "2.0"}))
    );
}

#[test]
fn a_connection_over_a_socket_of_the_system() {
    let question = CheckQuestion {
        source: Some("/run/envoy.sock"),
        ..CheckQuestion::default()
    };
    let source = asked(&question).source.expect("a source");
    let address = source.address.and_then(|address| address.address);
    match address {
        Some(address::Address::Pipe(pipe)) => assert_eq!(pipe.path, "/run/envoy.sock"),
        other => panic!("a pipe, not {other:?}"),
    }
}

#[test]
fn things_by_the_names_they_have_in_messages() {
    for (thing, key) in [
        (Object::Tool("x"), "name"),
        (Object::Prompt("x"), "name"),
        (Object::Resource("x"), "uri"),
        (Object::Task("x"), "taskId"),
    ] {
        let facts = McpFacts {
            thing: Some(thing),
            ..McpFacts::default()
        };
        let expected = json!({"jsonrpc": "2.0", "params": {key: "x"}});
        assert_eq!(mcp(facts), metadata(&expected), "{key}");
    }
}

/// An authorizer that saw them as doubles would judge others than the server gets.
#[test]
fn numbers_that_no_double_holds() {
    for text in [
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "100000000000000000000000000001",
        "1e999",
        "-1e999",
    ] {
        let text = format!("[1,{{\"a\":{text}}}]");
        assert_eq!(arguments(text.as_bytes()), Err(Unshown::Inexact), "{text}");
    }
    for (text, expected) in [
        ("[9007199254740992]", 9_007_199_254_740_992.0),
        ("[-9223372036854775808]", -9_223_372_036_854_775_808.0),
        ("[1e300]", 1e300),
        ("[1e-999]", 0.0),
        ("[0.1]", 0.1),
    ] {
        let facts = McpFacts {
            arguments: Some(text.as_bytes()),
            ..McpFacts::default()
        };
        let expected = json!({"jsonrpc": "2.0", "params": {"arguments": [expected]}});
        assert_eq!(mcp(facts), metadata(&expected), "{text}");
    }
}

/// Libraries take no longer messages, unless they are told to.
#[test]
fn no_question_is_longer_than_libraries_take() {
    let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
    let most = arguments(zeros(150_000).as_bytes()).expect("a question");
    assert!(most.len() <= QUESTION_LIMIT);
    for text in [
        zeros(200_000),
        zeros(30_000_000),
        format!("\"{}\"", "x".repeat(2_000_000)),
    ] {
        assert_eq!(
            arguments(text.as_bytes()),
            Err(Unshown::TooLarge),
            "{}",
            text.len()
        );
    }
    let body = vec![b'x'; QUESTION_LIMIT + 1];
    let question = CheckQuestion {
        body: Some(&body),
        ..CheckQuestion::default()
    };
    assert_eq!(check_request(&question), Err(Unshown::TooLarge));
}

/// What a subscription is to, an authorizer sees.
#[test]
fn what_a_subscription_names() {
    let facts = McpFacts {
        method: Some("subscriptions/listen"),
        notifications: Some(br#"{"resourceSubscriptions":["file:///a"]}"#),
        ..McpFacts::default()
    };
    let expected = json!({"jsonrpc": "2.0", "method": "subscriptions/listen",
        "params": {"notifications": {"resourceSubscriptions": ["file:///a"]}}});
    assert_eq!(mcp(facts), metadata(&expected));
}

#[test]
fn arguments_as_deep_as_every_reader_takes_them() {
    let nested = |depth: usize, open: &str, close: &str| {
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        arguments(text.as_bytes())
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deepest = nested(ARGUMENTS_DEPTH, open, close).expect("a question");
        CheckRequest::decode(deepest.as_slice()).expect("a message");
        for depth in [ARGUMENTS_DEPTH + 1, 100_000] {
            assert_eq!(nested(depth, open, close), Err(Unshown::TooDeep), "{depth}");
        }
    }
}

#[test]
fn what_is_no_json_is_no_question() {
    for text in [
        "", " ", "{", "[1", "]", "{]", "[1}", "{\"a\"}", "{1:2}", "x", "1 2", ",", "\"a",
    ] {
        assert!(arguments(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_cluster_is_named_as_a_service() {
    let service = GrpcService::decode(grpc_service("authorino").expect("a name").as_bytes())
        .expect("a message");
    match service.target_specifier {
        Some(TargetSpecifier::EnvoyGrpc(envoy)) => assert_eq!(envoy.cluster_name, "authorino"),
        other => panic!("a cluster, not {other:?}"),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        // Those that a double holds.
        (-(1i64 << 53)..=1 << 53).prop_map(Json::from),
        (i64::MIN >> 11..=i64::MAX >> 11).prop_map(|number| Json::from(number << 11)),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let key = any::<String>();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            prop::collection::vec((key, inner), 0..8)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Bytes as Envoy makes text of them: one `!` for each that is not UTF-8.
fn text(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().to_owned() + &"!".repeat(chunk.invalid().len()))
        .collect()
}

type Lines = Vec<(Vec<u8>, Vec<u8>)>;

fn any_lines() -> impl Strategy<Value = Lines> {
    // Few names, so that some come twice.
    let name = "[a-d]{1,2}".prop_map(String::into_bytes);
    prop::collection::vec((name, any::<Vec<u8>>()), 0..12)
}

proptest! {
    #[test]
    fn arguments_are_the_same_value(json in any_json(), is_pretty: bool) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&json)
        } else {
            serde_json::to_string(&json)
        };
        let text = text.expect("JSON");
        let facts = McpFacts { arguments: Some(text.as_bytes()), ..McpFacts::default() };
        let expected = json!({"jsonrpc": "2.0", "params": {"arguments": json}});
        prop_assert_eq!(mcp(facts), metadata(&expected));
    }

    #[test]
    fn damaged_arguments_are_read_in_some_way(json in any_json(), at: prop::sample::Index, byte: u8) {
        let mut text = serde_json::to_vec(&json).expect("JSON");
        let at = at.index(text.len());
        text[at] = byte;
        // Whatever becomes of it, the message is one.
        if let Ok(bytes) = arguments(&text) {
            prop_assert!(CheckRequest::decode(bytes.as_slice()).is_ok());
        }
        let _ = arguments(&text[..at]);
    }

    #[test]
    fn requests_are_told_whole(
        lines in any_lines(),
        fields in prop::array::uniform6(any::<Vec<u8>>()),
        body: Option<Vec<u8>>,
        size: Option<u32>,
        time: Option<u64>,
        principal: Option<String>,
    ) {
        let borrowed: Vec<(&[u8], &[u8])> =
            lines.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let [id, method, path, host, scheme, protocol] = &fields;
        let question = CheckQuestion {
            principal: principal.as_deref(),
            time,
            id,
            method,
            path,
            host,
            scheme,
            protocol,
            headers: &borrowed,
            size: size.map(u64::from),
            body: body.as_deref(),
            ..CheckQuestion::default()
        };
        let attributes = asked(&question);
        let mut headers: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
        for (name, value) in &borrowed {
            headers.entry(*name).or_default().push(*value);
        }
        let is_text = body.as_ref().is_none_or(|body| std::str::from_utf8(body).is_ok());
        let expected = HttpRequest {
            id: text(id),
            method: text(method),
            headers: headers.iter().map(|(k, v)| (text(k), text(&v.join(&b',')))).collect(),
            path: text(path),
            host: text(host),
            scheme: text(scheme),
            protocol: text(protocol),
            size: size.map_or(-1, i64::from),
            body: body.as_deref().map(text).unwrap_or_default(),
            raw_body: body.filter(|_| !is_text).unwrap_or_default(),
            ..HttpRequest::default()
        };
        prop_assert_eq!(http(&attributes), &expected);
        let seen = attributes.request.as_ref().and_then(|request| request.time.as_ref());
        let seen = seen.map(|time| time.seconds as u64 * 1_000_000_000 + time.nanos as u64);
        prop_assert_eq!(seen, time);
        prop_assert_eq!(attributes.source.expect("a source").principal, principal.unwrap_or_default());
    }
}
