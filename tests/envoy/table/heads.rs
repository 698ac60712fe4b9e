//! What is refused by its headers, or for what they say of the body.

use super::{CALL, Case, case};
use crate::support::client::Protocol;
use crate::support::message::Request;

fn typed(media: &str) -> Request {
    Request::mcp(CALL)
        .without("content-type")
        .header("content-type", media)
}

pub(super) fn media() -> Vec<Case> {
    let honest = || typed("Application/JSON; charset=\"UTF-8\"");
    let encoded = |encoding: &str| Request::mcp(CALL).header("content-encoding", encoding);
    let cases = [
        (
            "servers guess what is not said",
            Request::mcp(CALL).without("content-type"),
        ),
        (
            "another type, that lax servers parse as JSON",
            typed("text/plain"),
        ),
        (
            "a type that merely begins like JSON",
            typed("application/json5"),
        ),
        (
            "a type that contains the right words",
            typed("text/plain, application/json"),
        ),
        (
            "two types: servers take either",
            Request::mcp(CALL).header("content-type", "text/plain"),
        ),
        (
            "a charset that reads ASCII otherwise",
            typed("application/json; charset=utf-7"),
        ),
        (
            "two charsets: servers take either",
            typed("application/json;charset=utf-8;charset=utf-16"),
        ),
    ];
    let mut cases: Vec<Case> = cases
        .into_iter()
        .map(|(why, refused)| case(why, refused, 415, honest()))
        .collect();
    let encodings = [
        ("servers inflate what we cannot read", "gzip"),
        ("the second encoding counts as well", "identity, br"),
    ];
    cases.extend(
        encodings
            .into_iter()
            .map(|(why, encoding)| case(why, encoded(encoding), 415, encoded("identity"))),
    );
    cases
}

pub(super) fn methods() -> Vec<Case> {
    let with = |method: &str| {
        let request = Request {
            method: method.to_owned(),
            ..Request::mcp(CALL)
        };
        request.header("mcp-session-id", "1")
    };
    let bare = |method: &str| Request::new(method, "/mcp").header("mcp-session-id", "1");
    let mut cases = vec![
        case(
            "a body where MCP has none: a call hidden in a GET",
            with("GET"),
            400,
            bare("GET"),
        ),
        case(
            "a body where MCP has none: in a DELETE",
            with("DELETE"),
            400,
            bare("DELETE"),
        ),
        case(
            "a body where MCP has none: in an OPTIONS",
            with("OPTIONS"),
            400,
            bare("OPTIONS"),
        ),
        case(
            "some frameworks route PUT like POST",
            with("PUT"),
            405,
            with("POST"),
        ),
        case(
            "some frameworks route PATCH like POST",
            with("PATCH"),
            405,
            with("POST"),
        ),
        case(
            "some frameworks run GET handlers for HEAD",
            bare("HEAD"),
            405,
            bare("GET"),
        ),
    ];
    let upgrade = |method: &str| {
        bare(method)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let tunnel = case(
        "nobody could read what follows",
        upgrade("GET"),
        400,
        bare("GET"),
    );
    cases.push(Case {
        only: Some(Protocol::Http1),
        ..tunnel
    });
    // In HTTP/1.1 Envoy itself knows no such method.
    let unknown = case("a method of nobody's", with("CALL"), 405, with("POST"));
    cases.push(Case {
        only: Some(Protocol::Http2),
        ..unknown
    });
    cases
}

/// A call as 2026-07-28 has it.
fn repeating(method: &str, name: &str, version: &str) -> Request {
    let call = CALL.replace(
        r#""name":"echo""#,
        r#""name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
    );
    Request::mcp(call)
        .header("mcp-method", method)
        .header("mcp-name", name)
        .header("mcp-protocol-version", version)
}

pub(super) fn claims() -> Vec<Case> {
    let plain = |name: &str, value: &str| Request::mcp(CALL).header(name, value);
    let honest = || repeating("tools/call", "=?base64?ZWNobw==?=", "2026-07-28");
    let cases = [
        (
            "a filter that trusts the header allows the wrong method",
            plain("mcp-method", "ping"),
            plain("mcp-method", "tools/call"),
        ),
        (
            "a filter that trusts the header allows the wrong tool",
            plain("mcp-name", "other"),
            plain("mcp-name", "echo"),
        ),
        (
            "two names: servers take either",
            plain("mcp-name", "echo").header("mcp-name", "echo"),
            plain("mcp-name", "echo"),
        ),
        (
            "the wrong tool in its encoded form",
            plain("mcp-name", "=?base64?b3RoZXI=?="),
            plain("mcp-name", "=?base64?ZWNobw==?="),
        ),
        (
            "another version than the body's",
            repeating("tools/call", "echo", "2025-11-25"),
            honest(),
        ),
        (
            "a name that the version requires",
            honest().without("mcp-name"),
            honest(),
        ),
    ];
    cases
        .into_iter()
        .map(|(why, refused, honest)| Case {
            code: Some(-32020),
            ..case(why, refused, 400, honest)
        })
        .collect()
}
