//! Protocol HTTP: the client's request is the question, the status the answer.

use std::iter;

use super::callout::{CalloutRequest, Unshown};
use super::names::{may_be_changed, may_be_copied, may_be_shown};
use super::verdict::host_failure;
use super::{CalloutError, CalloutVerdict, Header, Reply, RequestedChanges};
use crate::engine::policy::{CalloutHost, HttpAuth};
use crate::engine::request::{Headers, is_alike};

/// The question about a request.
///
/// SPEC: Gateway API, `HTTPAuthConfig`: Host, Method, Path, Content-Length and
/// Authorization are always sent, and of other headers those that are listed.
pub(super) fn question(
    auth: &HttpAuth,
    (host, authority): (CalloutHost, &str),
    shown: &Headers,
    body: &[u8],
    is_partial: bool,
    context: Vec<(String, String)>,
) -> Result<CalloutRequest, Unshown> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).map_err(|_| Unshown::NotText);
    let only = |name: &str| text(shown.only(name).unwrap_or_default());
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add(":method", only(":method")?);
    let path = only(":path")?;
    add(":path", format!("{}{path}", auth.path));
    let client = shown
        .only(":authority")
        .filter(|_| host == CalloutHost::Client);
    add(
        ":authority",
        match client {
            Some(client) => text(client)?,
            None => authority.to_owned(),
        },
    );
    add("content-length", body.len().to_string());
    if is_partial || !body.is_empty() {
        // As Envoy's own filter says it, also where the body is whole.
        // SECURITY: nothing of a body, unsaid, is a request without one.
        add("x-envoy-auth-partial-body", is_partial.to_string());
    }
    let added = ["authorization", "traceparent", "tracestate", "x-request-id"];
    let listed = auth.allowed_headers.iter().map(String::as_str);
    let listed = listed.filter(|name| !added.contains(name));
    let listed = listed.filter(|name| may_be_shown(name.as_bytes()));
    for name in iter::once("authorization").chain(listed) {
        if shown.has_alike(name.as_bytes()) {
            return Err(Unshown::Alike);
        }
        if shown.has_blanks(name.as_bytes()) {
            return Err(Unshown::Blanks);
        }
        let mut lines = shown.all(name);
        let first = lines.next();
        // DEVIATION: Envoy's own filter shows them joined, and sends them on as they came.
        if lines.next().is_some() {
            return Err(Unshown::Repeated);
        }
        if let Some(value) = first {
            add(name, text(value)?);
        }
    }
    headers.extend(context);
    Ok(CalloutRequest::Http {
        headers,
        body: body.to_vec(),
    })
}

/// What an answer means: exactly 200 allows, what is below 500 refuses.
pub(super) fn verdict(auth: &HttpAuth, headers: &Headers, body: &[u8]) -> CalloutVerdict {
    let status = headers.only(":status");
    let status = status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    // SECURITY: what the host says itself is no answer, whatever its status: to a question
    // that looks like gRPC it reports every failure with 200.
    match status {
        // SECURITY: a proxy before the authorizer does so as well.
        Some(_) if looks_like_grpc(headers) => CalloutVerdict::Error(CalloutError::Unreadable),
        Some(status) if !headers.has(MEASURED) => {
            CalloutVerdict::Error(failure(status, headers, body))
        }
        Some(200) => CalloutVerdict::Allow(changes(auth, headers)),
        Some(status @ 201..500) => CalloutVerdict::Deny(Reply {
            status,
            headers: lines(headers).collect(),
            body: body.to_vec(),
        }),
        Some(500..) if headers.has(OVERLOADED) => CalloutVerdict::Error(CalloutError::NotCalled),
        Some(status @ 500..) => CalloutVerdict::Error(CalloutError::ServerError(status)),
        Some(..200) | None => CalloutVerdict::Error(CalloutError::Unreadable),
    }
}

/// What the host adds to what others answer, how long they took. It answers itself where
/// nobody else did, and then has measured nothing.
const MEASURED: &str = "x-envoy-upstream-service-time";

/// Whether an answer is one of gRPC, which no question over HTTP has.
fn looks_like_grpc(headers: &Headers) -> bool {
    let mut types = headers.all("content-type");
    let is_grpc = |line: &[u8]| {
        let front = line.get(..GRPC.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(GRPC))
    };
    headers.has("grpc-status") || types.any(is_grpc)
}

const GRPC: &[u8] = b"application/grpc";

/// What a host says that has too many calls open.
const OVERLOADED: &str = "x-envoy-overloaded";

/// What kind of error the host reports.
fn failure(status: u16, headers: &Headers, body: &[u8]) -> CalloutError {
    if headers.has(OVERLOADED) {
        return CalloutError::NotCalled;
    }
    // SECURITY: words that are not known are no outage.
    let words = std::str::from_utf8(body).ok().and_then(host_failure);
    match (words, status) {
        (None, 504) => CalloutError::Timeout,
        (words, _) => words.unwrap_or(CalloutError::BrokenOff),
    }
}

/// SPEC: Gateway API, `allowedResponseHeaders`: the headers listed, or without a list all
/// but the authority, are copied into the request. They take the place of the client's.
fn changes(auth: &HttpAuth, headers: &Headers) -> RequestedChanges {
    let listed = auth.allowed_response_headers.as_deref();
    let is_copied = |name: &[u8]| match listed {
        Some(listed) => {
            let mut listed = listed.iter();
            may_be_changed(name)
                && listed.any(|listed| name.eq_ignore_ascii_case(listed.as_bytes()))
        }
        None => may_be_copied(name),
    };
    let mut changes = RequestedChanges::default();
    for (name, value) in lines(headers).filter(|(name, _)| is_copied(name)) {
        let mut set = changes.set.iter();
        // All lines of the answer, and none of the client's.
        if set.any(|(other, _)| *other == name) {
            changes.append.push((name, value));
        } else {
            changes.set.push((name, value));
        }
    }
    changes.remove = listed_names(auth)
        .filter(|name| !changes.set.iter().any(|(other, _)| other == name))
        .collect();
    changes
}

/// What becomes of a request that goes on without an answer.
///
/// SECURITY: the server takes what has the name of a listed header for the authorizer's,
/// whoever wrote it. One that no answer has is none, and not the client's.
pub(super) fn unanswered(auth: &HttpAuth) -> RequestedChanges {
    RequestedChanges {
        remove: listed_names(auth).collect(),
        ..RequestedChanges::default()
    }
}

fn listed_names(auth: &HttpAuth) -> impl Iterator<Item = Vec<u8>> {
    let listed = auth.allowed_response_headers.iter().flatten();
    let listed = listed.filter(|name| may_be_changed(name.as_bytes()));
    listed.map(|name| name.to_ascii_lowercase().into_bytes())
}

/// Every line that is of the message, its name in lower case.
///
/// SPEC: RFC 9110, 7.6.1: what `Connection` names is of the connection, and goes no further.
fn lines(headers: &Headers) -> impl Iterator<Item = Header> {
    let options = headers.all("connection");
    let options = options.flat_map(|value| value.split(|byte| *byte == b','));
    let options: Vec<&[u8]> = options.map(<[u8]>::trim_ascii).collect();
    let lines = headers.lines();
    let lines = lines.filter(move |(name, _)| !options.iter().any(|option| is_alike(option, name)));
    lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
