//! What the two sides are compared by: names of what can be seen, and how it looked, in a
//! form that is the same each time.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};

use crate::authorizer::cerbos::object;
use crate::authorizer::grpc::Asked;
use crate::support::message::Response;
use crate::support::recorder::Seen;

pub(super) type Observed = BTreeMap<String, String>;

/// What a client says of its trace.
pub(super) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the client got.
pub(super) fn client(observed: &mut Observed, answer: &Response) {
    observed.insert("client.status".to_owned(), answer.status.to_string());
    observed.insert("client.body".to_owned(), answer.text());
    let told = answer.headers.iter();
    // The length is the body's; whether the connection goes on is a matter of when what came.
    let told = told.filter(|(name, _)| name != "content-length" && name != "connection");
    headers(observed, "client", told);
}

/// What the server got, and which.
pub(super) fn server(observed: &mut Observed, name: &str, seen: &[Seen]) {
    for seen in seen {
        observed.insert("server.which".to_owned(), name.to_owned());
        request(observed, "server", seen);
    }
}

/// What an authorizer was asked over HTTP.
pub(super) fn http(observed: &mut Observed, asked: &[Seen]) {
    observed.insert("asked".to_owned(), asked.len().to_string());
    for (number, asked) in asked.iter().enumerate() {
        request(observed, &format!("asked.{number}"), asked);
    }
}

fn request(observed: &mut Observed, of: &str, seen: &Seen) {
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    for (key, value) in [
        ("method", &seen.method),
        ("target", &seen.target),
        ("authority", &seen.authority),
        ("body", &body),
    ] {
        observed.insert(format!("{of}.{key}"), value.clone());
    }
    headers(observed, of, &seen.headers);
}

/// What an authorizer was asked over gRPC.
pub(super) fn grpc(observed: &mut Observed, asked: &[Asked]) {
    observed.insert("asked".to_owned(), asked.len().to_string());
    for (number, asked) in asked.iter().enumerate() {
        let of = format!("asked.{number}");
        headers(observed, &format!("{of}.call"), &asked.headers);
        let check = asked.check.attributes.clone().unwrap_or_default();
        attributes(observed, &of, check);
    }
}

/// Every field of the question, taken apart so that no new one goes unseen.
fn attributes(observed: &mut Observed, of: &str, attributes: AttributeContext) {
    let AttributeContext {
        source,
        destination,
        request,
        context_extensions,
        metadata_context,
        route_metadata_context,
        tls_session,
    } = attributes;
    let mut put = |key: &str, value: String| observed.insert(format!("{of}.{key}"), value);
    for (name, found) in [("source", source), ("destination", destination)] {
        let found = found.unwrap_or_default();
        put(&format!("{name}.address"), address(&found));
        put(&format!("{name}.principal"), found.principal);
        put(&format!("{name}.service"), found.service);
        put(&format!("{name}.certificate"), found.certificate);
        put(&format!("{name}.labels"), format!("{:?}", found.labels));
    }
    put("context_extensions", format!("{context_extensions:?}"));
    put(
        "route_metadata_context",
        format!("{route_metadata_context:?}"),
    );
    put("tls_session", format!("{tls_session:?}"));
    let metadata = metadata_context.unwrap_or_default();
    put(
        "typed_metadata",
        format!("{:?}", metadata.typed_filter_metadata),
    );
    for (name, fields) in &metadata.filter_metadata {
        put(&format!("metadata.{name}"), object(fields).to_string());
    }
    let request = request.unwrap_or_default();
    let time = request.time.map(|time| time.seconds > 1_000_000_000);
    put("time", format!("{time:?}"));
    http_request(observed, of, request.http.unwrap_or_default());
}

fn http_request(observed: &mut Observed, of: &str, http: HttpRequest) {
    let HttpRequest {
        id,
        method,
        headers,
        header_map,
        path,
        host,
        scheme,
        query,
        fragment,
        size,
        protocol,
        body,
        raw_body,
    } = http;
    let id = match id.parse::<u64>() {
        Ok(_) => "a number".to_owned(),
        Err(_) => id,
    };
    for (key, value) in [
        ("id", id),
        ("method", method),
        ("path", path),
        ("host", host),
        ("scheme", scheme),
        ("query", query),
        ("fragment", fragment),
        ("size", size.to_string()),
        ("protocol", protocol),
        ("body", body),
        ("raw_body", raw_body.escape_ascii().to_string()),
        ("header_map", format!("{header_map:?}")),
    ] {
        observed.insert(format!("{of}.{key}"), value);
    }
    for (name, value) in headers {
        let value = said(&name, value);
        observed.insert(format!("{of}.header.{name}"), value);
    }
}

fn address(peer: &Peer) -> String {
    match peer.address.as_ref().and_then(|of| of.address.as_ref()) {
        Some(Address::SocketAddress(socket)) => match socket.port_specifier {
            Some(PortSpecifier::PortValue(1..)) => format!("{} and a port", socket.address),
            ref other => format!("{} and {other:?}", socket.address),
        },
        other => format!("{other:?}"),
    }
}

/// Header lines; several of one name with a bar between them.
fn headers<'h>(
    observed: &mut Observed,
    of: &str,
    lines: impl IntoIterator<Item = &'h (String, Vec<u8>)>,
) {
    for (name, value) in lines {
        let value = said(name, value.escape_ascii().to_string());
        let held = observed.entry(format!("{of}.header.{name}"));
        held.and_modify(|held| *held = format!("{held} | {value}"))
            .or_insert(value);
    }
}

/// A header's value, where it is another each time by what it is.
fn said(name: &str, value: String) -> String {
    match name {
        "x-forwarded-for" => "an address".to_owned(),
        "x-envoy-upstream-service-time" => "a time".to_owned(),
        "date" => "a date".to_owned(),
        "traceparent" if value != TRACEPARENT => {
            let parts: Vec<&str> = value.split('-').collect();
            match parts[..] {
                [version, trace, span, flags] if span.len() == 16 => {
                    format!("{version}-{trace}-a span-{flags}")
                }
                _ => value,
            }
        }
        _ => value,
    }
}
