//! Scenarios over HTTP.

use std::time::Duration;

use super::observed::TRACEPARENT;
use super::scenario::{Said, Scenario, one};
use crate::authorizer::Act;
use crate::support::message::Request;
use crate::support::recorder::Answer;

pub(super) const ECHO: &str =
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#;

/// A call of a tool, longer than [`super::stage`] lets pairs show of one.
pub(super) fn call() -> Request {
    honest(Request::mcp(ECHO))
}

/// A message that is short enough.
pub(super) fn ping() -> Request {
    honest(Request::mcp(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#))
}

pub(super) fn get() -> Request {
    honest(Request::get("/files?b=2&a=1&c"))
}

/// What is no message, and `length` bytes long.
pub(super) fn upload(length: usize) -> Request {
    honest(Request::new("PUT", "/files").body("x".repeat(length)))
}

/// The same in two pieces, the first of which is longer than what is shown.
pub(super) fn pieces(of: &Request) -> Request {
    let body = of.body.concat();
    let (front, rest) = body.split_at(body.len().min(52));
    let mut request = of.clone().pieces([front, rest]);
    request.pause = Duration::from_millis(120);
    request
}

fn honest(request: Request) -> Request {
    request
        .authority("tools.example")
        .header("x-request-id", "mine")
        .header("authorization", "Bearer t")
        .header("x-team", "a")
        .header("x-user", "client")
        .header("x-there", "client")
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Said {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Said::Http(Act::Answer(Answer {
        status,
        headers: headers.iter().map(owned).collect(),
        body: body.as_bytes().to_vec(),
    }))
}

fn yes() -> Said {
    answer(
        200,
        &[("x-user", "me"), ("x-role", "a"), ("x-unlisted", "b")],
        "",
    )
}

fn no(status: u16) -> Said {
    answer(
        status,
        &[
            ("x-why", "so"),
            ("location", "/login"),
            ("content-type", "text/html"),
        ],
        "as I say",
    )
}

pub(super) fn all() -> Vec<Scenario> {
    let mut all = questions();
    all.extend(answers());
    all.extend(errors());
    all
}

fn questions() -> Vec<Scenario> {
    vec![
        one("HTTP: a call", "http", call(), yes(), &[]),
        one("HTTP: a GET", "http", get(), yes(), &[]),
        one(
            "HTTP: a body that is shown",
            "http-body",
            ping(),
            yes(),
            &[],
        ),
        one(
            "HTTP: a body that is shown of what is no message",
            "http-body",
            upload(40),
            yes(),
            &[],
        ),
        one(
            "HTTP: no body where one would be shown",
            "http-body",
            get(),
            yes(),
            &[],
        ),
        one(
            "HTTP: a body that is too long",
            "http-body",
            upload(60),
            yes(),
            &["too-long"],
        ),
        one("HTTP: a body that is cut", "http-cut", call(), yes(), &[]),
        one(
            "HTTP: a body that is cut and comes in pieces",
            "http-cut",
            pieces(&upload(90)),
            yes(),
            &[],
        ),
        one(
            "HTTP: several lines",
            "http",
            call()
                .header("x-team", "b")
                .header("cookie", "a=1")
                .header("cookie", "b=2"),
            yes(),
            &["repeated"],
        ),
        one(
            "HTTP: a header that is no text",
            "http",
            get().header("x-bytes", b"\xff"),
            yes(),
            &["not-text"],
        ),
        one(
            "HTTP: a claim that the body is cut",
            "http",
            get().header("x-envoy-auth-partial-body", "true"),
            yes(),
            &[],
        ),
        one(
            "HTTP: a path that is read in several ways",
            "http",
            get().target("/files;a"),
            yes(),
            &["ambiguous"],
        ),
        one(
            "HTTP: a trace",
            "http",
            call()
                .header("traceparent", TRACEPARENT)
                .header("tracestate", "a=1"),
            yes(),
            &["trace"],
        ),
        one(
            "HTTP: no JSON",
            "http",
            call().body("["),
            yes(),
            &["unread"],
        ),
        one(
            "HTTP: a method that MCP does not have",
            "http",
            honest(Request::new("PUT", "/mcp")),
            yes(),
            &["unread"],
        ),
    ]
}

fn answers() -> Vec<Scenario> {
    let challenge = || answer(401, &[("www-authenticate", "Bearer")], "who?");
    let judged = || {
        answer(
            200,
            &[
                ("x-user", "me"),
                ("mcp-name", "other"),
                ("content-type", "text/plain"),
            ],
            "",
        )
    };
    vec![
        one(
            "HTTP: headers of an answer, when none is listed",
            "http-unlisted",
            call(),
            judged(),
            &["unlisted"],
        ),
        one(
            "HTTP: a route by a header that the answer sets",
            "http",
            call(),
            answer(200, &[("x-user", "elsewhere")], ""),
            &["route"],
        ),
        one(
            "HTTP: 200 with two lines",
            "http",
            call(),
            answer(200, &[("x-role", "a"), ("x-role", "b")], ""),
            &["every-line", "lacks"],
        ),
        one("HTTP: 201 to a GET", "http", get(), no(201), &[]),
        one("HTTP: 204 to a GET", "http", get(), no(204), &[]),
        one("HTTP: 302 to a GET", "http", get(), no(302), &[]),
        one("HTTP: 403 to a GET", "http", get(), no(403), &[]),
        one("HTTP: 404 to a GET", "http", get(), no(404), &[]),
        one("HTTP: 429 to a GET", "http", get(), no(429), &[]),
        one("HTTP: 401 to a GET", "http", get(), challenge(), &[]),
        one("HTTP: 401 to a call", "http", call(), challenge(), &[]),
        one(
            "HTTP: 403 to a call",
            "http",
            call(),
            no(403),
            &["json-rpc"],
        ),
        one(
            "HTTP: 302 to a call",
            "http",
            call(),
            no(302),
            &["json-rpc"],
        ),
    ]
}

fn errors() -> Vec<Scenario> {
    let hang = || Said::Http(Act::Hang);
    let close = || Said::Http(Act::Close);
    vec![
        one(
            "HTTP: 500 to a GET",
            "http",
            get(),
            no(500),
            &["error-body"],
        ),
        one(
            "HTTP: 503 to a call",
            "http",
            call(),
            no(503),
            &["error-body"],
        ),
        one(
            "HTTP: no answer in time",
            "http",
            get(),
            hang(),
            &["error-body"],
        ),
        one("HTTP: no answer", "http", call(), close(), &["error-body"]),
        one(
            "HTTP: 500 where errors allow",
            "http-open",
            get(),
            no(500),
            &["no-outage"],
        ),
        one(
            "HTTP: 501 where errors allow",
            "http-open",
            call(),
            no(501),
            &["no-outage"],
        ),
        one(
            "HTTP: 503 where errors allow",
            "http-open",
            call(),
            no(503),
            &["lacks"],
        ),
        one(
            "HTTP: no answer in time where errors allow",
            "http-open",
            call(),
            hang(),
            &["lacks"],
        ),
        one(
            "HTTP: no answer where errors allow",
            "http-open",
            get(),
            close(),
            &["no-outage"],
        ),
        one(
            "HTTP: 403 where errors allow",
            "http-open",
            get(),
            no(403),
            &[],
        ),
    ]
}
