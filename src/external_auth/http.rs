//! Protocol HTTP: the client's request is the question, the status the answer.

use std::iter;

use super::names::{may_be_changed, may_be_shown};
use super::question::{Call, Unshown};
use super::{AskError, Changes, Header, Reply, Verdict};
use crate::policy::HttpAuth;
use crate::request::Headers;

/// The question about a request.
///
/// SPEC: Gateway API, `HTTPAuthConfig`: Host, Method, Path, Content-Length and
/// Authorization are always sent, and of other headers those that are listed.
pub(super) fn question(
    auth: &HttpAuth,
    authority: &str,
    shown: &Headers,
    body: &[u8],
    is_partial: bool,
    context: Vec<(String, String)>,
) -> Result<Call, Unshown> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).map_err(|_| Unshown::NotText);
    let only = |name: &str| text(shown.only(name).unwrap_or_default());
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add(":method", only(":method")?);
    let path = only(":path")?;
    add(":path", format!("{}{path}", auth.path));
    add(
        ":authority",
        match shown.only(":authority") {
            Some(client) => text(client)?,
            None => authority.to_owned(),
        },
    );
    add("content-length", body.len().to_string());
    if !body.is_empty() {
        // As Envoy's own filter says it, also where the body is whole.
        add("x-envoy-auth-partial-body", is_partial.to_string());
    }
    let added = ["authorization", "traceparent", "tracestate", "x-request-id"];
    let listed = auth.allowed_headers.iter().map(String::as_str);
    let listed = listed.filter(|name| !added.contains(name));
    let listed = listed.filter(|name| may_be_shown(name.as_bytes()));
    for name in iter::once("authorization").chain(listed) {
        if shown.has_alike(name) {
            return Err(Unshown::Alike);
        }
        for value in shown.all(name) {
            add(name, text(value)?);
        }
    }
    headers.extend(context);
    Ok(Call::Http {
        headers,
        body: body.to_vec(),
    })
}

/// What an answer means: exactly 200 allows, what is below 500 refuses.
pub(super) fn verdict(auth: &HttpAuth, headers: &Headers, body: &[u8]) -> Verdict {
    let status = headers.only(":status");
    let status = status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    // The host answers itself where nobody else did, and then has measured nothing.
    let is_answered = headers.has("x-envoy-upstream-service-time");
    match status {
        Some(200) => Verdict::Allow(changes(auth, headers)),
        Some(status @ 201..500) => Verdict::Refuse(Reply {
            status,
            headers: lines(headers).collect(),
            body: body.to_vec(),
        }),
        Some(504) if !is_answered => Verdict::Error(AskError::Timeout),
        Some(500..) if !is_answered => Verdict::Error(AskError::Unavailable),
        Some(status @ 500..) => Verdict::Error(AskError::ServerError(status)),
        Some(..200) | None => Verdict::Error(AskError::Unreadable),
    }
}

/// SPEC: Gateway API, `allowedResponseHeaders`: the headers listed, or without a list all
/// but the authority, are copied into the request. They take the place of the client's.
fn changes(auth: &HttpAuth, headers: &Headers) -> Changes {
    let listed = |name: &[u8]| match &auth.allowed_response_headers {
        Some(listed) => {
            let mut listed = listed.iter();
            listed.any(|listed| name.eq_ignore_ascii_case(listed.as_bytes()))
        }
        None => true,
    };
    let mut changes = Changes::default();
    for (name, value) in lines(headers).filter(|(name, _)| may_be_changed(name) && listed(name)) {
        let mut set = changes.set.iter();
        // All lines of the answer, and none of the client's.
        if set.any(|(other, _)| *other == name) {
            changes.append.push((name, value));
        } else {
            changes.set.push((name, value));
        }
    }
    changes
}

/// Every line, its name in lower case.
fn lines(headers: &Headers) -> impl Iterator<Item = Header> {
    let lines = headers.lines();
    lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
