//! However a body comes, whole or in pieces, with trailers or broken off, an allowed
//! one arrives as it was sent and a denied one not at all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::setup::{
    HTTP2, Mode, PROTOCOLS, Stage, anybody_may_call, call, compiled, is, is_denied, json_of,
    plain_listener, speaking,
};
use crate::support::client::Protocol;
use crate::support::envoy::Options;
use crate::support::message::{Length, Request};

fn stage() -> Stage {
    Stage::plain(|mode| compiled(&anybody_may_call(&["echo"]), mode, &Value::Null))
}

/// Runs `test` for each mode and protocol, with an id for its requests.
fn each(mut test: impl FnMut(Mode, Protocol, &str)) {
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            test(mode, protocol, &format!("{}.{name}", mode.name()));
        }
    }
}

/// A call of a tool with a text among its arguments.
fn call_with(tool: &str, text: &str) -> String {
    let params = json!({"arguments": {"text": text}, "name": tool});
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string()
}

/// Sends `body` as it is for the allowed tool and for the denied one, each made into
/// a request by `shape`.
fn assert_twins(stage: &Stage, shape: impl Fn(&str) -> Request, body: impl Fn(&str) -> String) {
    each(|mode, protocol, name| {
        let client = speaking(&stage.client(mode.name()), protocol);
        let send = |tool: &str, id: &str| {
            let request = shape(&body(tool)).header("x-request-id", id);
            client
                .send(&request)
                .unwrap_or_else(|error| panic!("{id} {tool}: {error}"))
        };
        stage.recorder.clear();
        let (allowed, denied) = (format!("{name}.allowed"), format!("{name}.denied"));
        let answer = send("echo", &allowed);
        assert_eq!(json_of(&answer)["result"], json!({}), "{name}: {answer:?}");
        let answer = send("other", &denied);
        assert!(is_denied(&answer, &json!(7)), "{name}: {answer:?}");

        let seen = stage.recorder.requests_when_quiet();
        assert_eq!(stage.leaked(mode, &seen, &denied), None, "{name}");
        let arrived: Vec<_> = seen.iter().filter(|seen| is(seen, &allowed)).collect();
        let [arrived] = arrived.as_slice() else {
            panic!("{name}: arrived as {arrived:?}");
        };
        assert!(arrived.complete, "{name}");
        assert!(arrived.body == body("echo").as_bytes(), "{name}: altered");
        assert_eq!(arrived.trailers, shape("").trailers, "{name}");
    });
}

#[test]
fn one_byte_at_a_time() {
    let shape = |body: &str| Request::mcp("").pieces(body.as_bytes().chunks(1));
    assert_twins(&stage(), shape, call);
}

#[test]
fn empty_pieces_among_the_others_and_at_the_end() {
    let shape = |body: &str| {
        let (first, second) = body.split_at(body.len() / 2);
        // Never two empty pieces in a row: Envoy ends an HTTP/2 connection for that.
        Request::mcp("").pieces(["", first, "", second, ""])
    };
    assert_twins(&stage(), shape, call);
}

/// No piece is ever marked as the last.
#[test]
fn trailers_after_the_body() {
    let stage = stage();
    let shape = |body: &str| {
        Request::mcp("")
            .pieces(body.as_bytes().chunks(20))
            .trailer("x-last", "word")
    };
    assert_twins(&stage, shape, call);
    let shape = |body: &str| {
        let whole = Request::mcp(body).length(Length::Open);
        whole.trailer("x-last", "word")
    };
    assert_twins(&stage, shape, call);
}

/// Some servers join trailers with the headers, which were judged before.
#[test]
fn trailers_that_name_headers_do_not_go_on() {
    let stage = stage();
    for mode in Mode::BOTH {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&stage.client(mode.name()), protocol);
            let message = Request::mcp(call("echo")).length(Length::Open);
            for request in [message.clone(), message.authority(HTTP2)] {
                stage.recorder.clear();
                let request = request
                    .trailer("x-last", "word")
                    .trailer("x-forwarded-host", "admin.test")
                    .trailer("mcp-session-id", "other")
                    .trailer("authorization", "Bearer other");
                let answer = client.send(&request).expect("an answer");
                assert_eq!(answer.status, 200, "{mode:?} {answer:?}");
                let seen = stage.recorder.requests_when_quiet();
                let names: Vec<&str> = seen[0].trailers.iter().map(|(name, _)| &name[..]).collect();
                assert_eq!(names, ["x-last"], "{mode:?} {protocol:?}");
            }
        }
    }
}

#[test]
fn a_server_that_speaks_http2() {
    let stage = stage();
    let whole = |body: &str| Request::mcp(body).authority(HTTP2);
    assert_twins(&stage, whole, call);
    let pieces = |body: &str| {
        let pieces = body.as_bytes().chunks(7);
        let request = Request::mcp("").authority(HTTP2).pieces(pieces);
        request.trailer("x-last", "word")
    };
    assert_twins(&stage, pieces, call);
}

#[test]
fn nearly_a_mebibyte() {
    let stage = stage();
    let text: String = (0_u32..)
        .map(|n| format!("{n:x}äé\"\\ "))
        .take(78_000)
        .collect();
    let body = |tool: &str| call_with(tool, &text);
    assert!(
        (900 << 10..1 << 20).contains(&body("echo").len()),
        "{}",
        body("echo").len()
    );
    assert_twins(&stage, |body| Request::mcp(body), body);
    let shape = |body: &str| Request::mcp("").pieces(body.as_bytes().chunks(100_000));
    assert_twins(&stage, shape, body);
}

/// Sends `body` whole and in pieces; either way the answer is `status`, and the
/// server sees none of it.
fn assert_refused(stage: &Stage, body: &str, status: u16) {
    each(|mode, protocol, name| {
        let client = speaking(&stage.client(mode.name()), protocol);
        let whole = Request::mcp(body);
        let pieces = Request::mcp("").pieces(body.as_bytes().chunks(10_000));
        for (shape, request) in [("whole", whole), ("pieces", pieces)] {
            let id = format!("{name}.{shape}");
            let answer = client.send(&request.header("x-request-id", &id));
            let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(answer.status, status, "{id}: {answer:?}");
            let seen = stage.recorder.requests_when_quiet();
            assert_eq!(stage.leaked(mode, &seen, &id), None, "{id}");
        }
    });
}

#[test]
fn longer_than_the_policy_allows() {
    let over = json!({"limits": {"bodyBytes": 65536}});
    let stage = Stage::plain(|mode| compiled(&anybody_may_call(&["echo"]), mode, &over));
    let empty = call_with("echo", "").len();
    let of_size = |size: usize| call_with("echo", &"x".repeat(size - empty));
    assert_refused(&stage, &of_size(65537), 413);
    each(|mode, protocol, name| {
        let client = speaking(&stage.client(mode.name()), protocol);
        let answer = client
            .send(&Request::mcp(of_size(65536)))
            .expect("an answer");
        assert_eq!(json_of(&answer)["result"], json!({}), "{name}: {answer:?}");
    });
}

/// Envoy itself answers; the body must not slip through for want of a verdict.
#[test]
fn longer_than_envoy_holds() {
    let listeners = Mode::BOTH.map(|mode| {
        let configuration = compiled(&anybody_may_call(&["echo"]), mode, &Value::Null);
        let mut listener = plain_listener(mode, &configuration);
        listener.buffer_limit = Some(32768);
        listener
    });
    // In HTTP/2 the bound is the stream's window.
    let small = |manager: &mut Value| {
        manager["http2_protocol_options"] = json!({"initial_stream_window_size": 65535});
    };
    let stage = Stage::start_with(listeners.to_vec(), Options::default(), small);
    assert_refused(&stage, &call_with("echo", &"x".repeat(500_000)), 413);
}

/// The refusal comes with the first piece; what the client sends after it is lost.
#[test]
fn refused_before_its_end() {
    let body = format!(
        "{{\"method\":1,\"method\":2,\"x\":\"{}\"}}",
        "x".repeat(300_000)
    );
    assert_refused(&stage(), &body, 400);
}

#[test]
fn a_client_that_goes_away_halfway() {
    let stage = stage();
    each(|mode, protocol, name| {
        let client = speaking(&stage.client(mode.name()), protocol);
        // Whole messages that lack only their end, and the half of one.
        for (number, body) in [call("echo"), call("echo")[..30].to_owned()]
            .iter()
            .enumerate()
        {
            let id = format!("{name}.{number}");
            let request = Request::mcp("").pieces([body]).cut();
            let answer = client.send(
                &request
                    .header("x-request-id", &id)
                    .patience(Duration::from_secs(2)),
            );
            assert!(answer.is_err(), "{id}: {answer:?}");
            let seen = stage.recorder.requests_when_quiet();
            assert_eq!(stage.leaked(mode, &seen, &id), None, "{id}");
        }
        let answer = client.send(&Request::mcp(call("echo"))).expect("an answer");
        assert_eq!(json_of(&answer)["result"], json!({}), "{name}: {answer:?}");
    });
}
