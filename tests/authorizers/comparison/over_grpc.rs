//! Scenarios over gRPC.

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption, QueryParameter};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, OkHttpResponse};
use envoy_types::pb::google::protobuf::BoolValue;
use tonic::Status;

use super::observed::TRACEPARENT;
use super::over_http::{call, get, pieces, ping, upload};
use super::scenario::{Said, Scenario, one};
use crate::authorizer::Act;
use crate::authorizer::grpc::{allow, deny, status};

fn says(answer: CheckResponse) -> Said {
    Said::Grpc(Act::Answer(Ok(answer)))
}

fn yes() -> Said {
    ok(OkHttpResponse::default())
}

fn ok(changes: OkHttpResponse) -> Said {
    says(allow(changes))
}

fn sets(headers: Vec<HeaderValueOption>) -> Said {
    ok(OkHttpResponse {
        headers,
        ..OkHttpResponse::default()
    })
}

#[allow(deprecated, reason = "authorizers still use it")]
fn option(name: &str, value: &str, append: Option<bool>, append_action: i32) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            raw_value: Vec::new(),
        }),
        append: append.map(|value| BoolValue { value }),
        append_action,
        keep_empty_value: false,
    }
}

fn set(name: &str, value: &str) -> HeaderValueOption {
    option(name, value, None, 0)
}

fn no(code: i32, headers: Vec<HeaderValueOption>) -> Said {
    let mut refusal = deny(code, "as I say");
    if let Some(HttpResponse::DeniedResponse(denied)) = &mut refusal.http_response {
        denied.headers = headers;
    }
    says(refusal)
}

fn of(code: Option<i32>, http_response: Option<HttpResponse>) -> Said {
    says(CheckResponse {
        status: code.map(status),
        http_response,
        ..CheckResponse::default()
    })
}

pub(super) fn all() -> Vec<Scenario> {
    let mut all = questions();
    all.extend(changes());
    all.extend(refusals());
    all.extend(errors());
    all
}

fn questions() -> Vec<Scenario> {
    vec![
        one("gRPC: a call", "grpc", call(), yes(), &[]),
        one("gRPC: a GET", "grpc", get(), yes(), &[]),
        one("gRPC: what is no message", "grpc", upload(40), yes(), &[]),
        one(
            "gRPC: what is no message, of a length not told",
            "grpc",
            pieces(&upload(90)),
            yes(),
            &[],
        ),
        one(
            "gRPC: a body that is shown",
            "grpc-body",
            ping(),
            yes(),
            &[],
        ),
        one(
            "gRPC: a body that is shown of what is no message",
            "grpc-body",
            upload(40),
            yes(),
            &[],
        ),
        one(
            "gRPC: a body that is no text",
            "grpc-body",
            upload(0).body(b"a\xff\xfe\xc3b\xe2\x82"),
            yes(),
            &["raw-body"],
        ),
        one(
            "gRPC: no body where one would be shown",
            "grpc-body",
            get(),
            yes(),
            &[],
        ),
        one(
            "gRPC: a body that is too long",
            "grpc-body",
            upload(60),
            yes(),
            &["too-long"],
        ),
        one(
            "gRPC: a body that is cut",
            "grpc-cut",
            upload(90),
            yes(),
            &[],
        ),
        one(
            "gRPC: a message that is cut and comes in pieces",
            "grpc-cut",
            pieces(&call()),
            yes(),
            &["whole"],
        ),
        one(
            "gRPC: several lines",
            "grpc",
            call()
                .header("x-team", "b")
                .header("cookie", "a=1")
                .header("cookie", "b=2"),
            yes(),
            &[],
        ),
        one(
            "gRPC: a header that is no text",
            "grpc",
            get().header("x-bytes", b"\xff-\xc3\xa9"),
            yes(),
            &[],
        ),
        one(
            "gRPC: a claim that the body is cut",
            "grpc",
            get().header("x-envoy-auth-partial-body", "true"),
            yes(),
            &[],
        ),
        one("gRPC: headers listed", "grpc-listed", call(), yes(), &[]),
        one(
            "gRPC: a caller with a certificate",
            "grpc-tls",
            call(),
            yes(),
            &["own-name"],
        ),
        one(
            "gRPC: a trace",
            "grpc",
            call()
                .header("traceparent", TRACEPARENT)
                .header("tracestate", "a=1"),
            yes(),
            &["trace"],
        ),
        one(
            "gRPC: no JSON",
            "grpc",
            call().body("["),
            yes(),
            &["unread"],
        ),
        one(
            "gRPC: two authorizers",
            "grpc-twice",
            get(),
            sets(vec![set("x-user", "me")]),
            &["later"],
        ),
    ]
}

fn changes() -> Vec<Scenario> {
    let both = |append, action| {
        let options = ["x-there", "x-new"].map(|name| option(name, "authorizer", append, action));
        ok(OkHttpResponse {
            headers: options.to_vec(),
            response_headers_to_add: options.to_vec(),
            headers_to_remove: vec![
                "authorization".to_owned(),
                "host".to_owned(),
                ":path".to_owned(),
            ],
            ..OkHttpResponse::default()
        })
    };
    let parameter = |key: &str| QueryParameter {
        key: key.to_owned(),
        value: "9".to_owned(),
    };
    let query = |set: &[&str], remove: &[&str]| {
        ok(OkHttpResponse {
            query_parameters_to_set: set.iter().map(|key| parameter(key)).collect(),
            query_parameters_to_remove: remove.iter().map(|&key| key.to_owned()).collect(),
            ..OkHttpResponse::default()
        })
    };
    vec![
        one(
            "gRPC: headers that are set",
            "grpc",
            call(),
            both(None, 0),
            &[],
        ),
        one(
            "gRPC: headers that are set or overwritten",
            "grpc",
            call(),
            both(None, 2),
            &[],
        ),
        one(
            "gRPC: headers that are replaced",
            "grpc",
            call(),
            both(Some(false), 0),
            &[],
        ),
        one(
            "gRPC: headers that are appended",
            "grpc",
            call(),
            both(Some(true), 0),
            &["append-new", "lines"],
        ),
        one(
            "gRPC: a header if there is none",
            "grpc",
            get(),
            both(None, 1),
            &["if-there"],
        ),
        one(
            "gRPC: a header if there is one",
            "grpc",
            get(),
            both(None, 3),
            &["if-there"],
        ),
        one(
            "gRPC: a host",
            "grpc",
            get(),
            sets(vec![set("host", "other")]),
            &["host-path"],
        ),
        one(
            "gRPC: a path",
            "grpc",
            get(),
            sets(vec![set(":path", "/other")]),
            &["host-path"],
        ),
        one(
            "gRPC: what was judged",
            "grpc",
            call(),
            sets(vec![
                set("content-type", "text/plain"),
                set("mcp-name", "other"),
            ]),
            &["judged"],
        ),
        one(
            "gRPC: a route by a header that the answer sets",
            "grpc",
            get(),
            sets(vec![set("x-user", "elsewhere")]),
            &["route"],
        ),
        one(
            "gRPC: a query parameter that is removed",
            "grpc",
            get(),
            query(&[], &["b"]),
            &["query"],
        ),
        one(
            "gRPC: a query parameter that is set",
            "grpc",
            get(),
            query(&["a"], &[]),
            &["query"],
        ),
        one(
            "gRPC: the same parameter set and removed",
            "grpc",
            get(),
            query(&["a"], &["a"]),
            &["query"],
        ),
        one(
            "gRPC: a parameter that is two",
            "grpc",
            get(),
            query(&["a&d"], &[]),
            &["one-parameter"],
        ),
    ]
}

fn refusals() -> Vec<Scenario> {
    let so = || {
        vec![
            set("x-why", "so"),
            set("x-why", "too"),
            set("location", "/login"),
        ]
    };
    let allowed = || Some(HttpResponse::OkResponse(OkHttpResponse::default()));
    let denied = || deny(0, "no").http_response;
    vec![
        one("gRPC: 302 to a GET", "grpc", get(), no(302, so()), &[]),
        one("gRPC: 404 to a GET", "grpc", get(), no(404, so()), &[]),
        one("gRPC: 500 to a GET", "grpc", get(), no(500, so()), &[]),
        one(
            "gRPC: a status that is none",
            "grpc",
            get(),
            no(0, so()),
            &[],
        ),
        one(
            "gRPC: a refusal that appends",
            "grpc",
            get(),
            no(403, vec![option("x-why", "so", Some(true), 0)]),
            &["refusal-append"],
        ),
        one(
            "gRPC: 401 to a call",
            "grpc",
            call(),
            no(401, vec![set("www-authenticate", "Bearer")]),
            &[],
        ),
        one(
            "gRPC: 403 to a call",
            "grpc",
            call(),
            no(403, so()),
            &["json-rpc"],
        ),
        one(
            "gRPC: OK and nothing else",
            "grpc",
            get(),
            of(Some(0), None),
            &[],
        ),
        one(
            "gRPC: a permission without a status",
            "grpc",
            get(),
            of(None, allowed()),
            &[],
        ),
        one(
            "gRPC: nothing at all",
            "grpc",
            get(),
            of(None, None),
            &["silence"],
        ),
        one(
            "gRPC: a status that refuses, and nothing else",
            "grpc",
            get(),
            of(Some(7), None),
            &[],
        ),
        one(
            "gRPC: a permission with a status that refuses",
            "grpc",
            get(),
            of(Some(7), allowed()),
            &[],
        ),
        one(
            "gRPC: a refusal with the status OK",
            "grpc",
            get(),
            of(Some(0), denied()),
            &["contradiction"],
        ),
    ]
}

fn errors() -> Vec<Scenario> {
    let failed = |status| Said::Grpc(Act::Answer(Err(status)));
    let hang = || Said::Grpc(Act::Hang);
    let close = || Said::Grpc(Act::Close);
    let unavailable = || failed(Status::unavailable("no"));
    let denied = || failed(Status::permission_denied("no"));
    vec![
        one(
            "gRPC: the call is unavailable",
            "grpc",
            get(),
            unavailable(),
            &["error-body"],
        ),
        one(
            "gRPC: the call is not permitted",
            "grpc",
            call(),
            denied(),
            &["error-body"],
        ),
        one(
            "gRPC: no answer in time",
            "grpc",
            get(),
            hang(),
            &["error-body"],
        ),
        one("gRPC: no answer", "grpc", call(), close(), &["error-body"]),
        one(
            "gRPC: the call is unavailable where errors allow",
            "grpc-open",
            get(),
            unavailable(),
            &[],
        ),
        one(
            "gRPC: the call is not permitted where errors allow",
            "grpc-open",
            call(),
            denied(),
            &["no-outage"],
        ),
        one(
            "gRPC: no answer in time where errors allow",
            "grpc-open",
            call(),
            hang(),
            &[],
        ),
        one(
            "gRPC: no answer where errors allow",
            "grpc-open",
            get(),
            close(),
            &["no-outage"],
        ),
        one(
            "gRPC: nothing at all where errors allow",
            "grpc-open",
            get(),
            of(None, None),
            &["silence"],
        ),
    ]
}
