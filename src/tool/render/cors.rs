//! What lets pages of other origins call MCP servers from a browser.
//!
//! The filter adds nothing to responses by itself. A preflight names no caller, so that
//! policies with sources deny it, and a page cannot read a response that does not allow its
//! origin: both are for Envoy's own filter, which stands before.

use std::str::FromStr;

use super::template::{Template, indented, quoted};
use super::{Proxy, name_with};
use crate::engine::policy::CompiledPolicy;

/// The origin of pages: `scheme://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// What is no origin. Its display is one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is what browsers send of a page: `https://app.example` or \
     `http://localhost:8080`, in lower case, without a path or a `*`"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    /// SPEC: RFC 6454, 6.2: without the port where it is the scheme's own.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError)?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let is_of_scheme =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let is_of_host = |c: char| is_of_scheme(c) && c != '+' || "_[]:".contains(c);
        let is_port = port.is_none_or(|port| {
            let number = port.parse::<u16>().ok();
            let own = matches!((scheme, port), ("http", "80") | ("https", "443"));
            number.is_some_and(|number| number > 0 && number.to_string() == port) && !own
        });
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(is_of_scheme);
        let is_host = !host.is_empty() && host.chars().all(is_of_host);
        let is_one = is_scheme && is_host && is_port;
        is_one.then(|| Self(text.to_owned())).ok_or(OriginError)
    }
}

/// What clients of MCP send that a page may not send unasked.
const ALLOWED: [&str; 10] = [
    "authorization",
    "content-type",
    "accept",
    "last-event-id",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "traceparent",
    "tracestate",
];

/// What they read of a response.
const EXPOSED: [&str; 3] = [
    "mcp-session-id",
    "x-accesspolicy-decision-id",
    "www-authenticate",
];

/// Envoy's filter, as a block of `http_filters` that goes before the others, with the part for
/// routes in its comment.
pub fn cors_filter(origins: &[Origin]) -> String {
    let policy = indented(&policy(origins), 4);
    let policy: String = policy.lines().map(|line| format!("# {line}\n")).collect();
    Template(include_str!("cors-filter.yaml")).fill(&[("policy", &policy)])
}

/// The same as a manifest for Istio.
pub fn istio_cors(compiled: &CompiledPolicy, origins: &[Origin], proxy: Proxy) -> String {
    Template(include_str!("cors-istio.yaml")).fill(&[
        ("name", &name_with(compiled, "cors")),
        ("namespace", &quoted(&compiled.gateway.namespace)),
        ("gateway", &quoted(&compiled.gateway.name)),
        ("context", proxy.context()),
        ("policy", &indented(&policy(origins), 14)),
    ])
}

/// The same as a manifest for Envoy Gateway.
pub fn envoy_gateway_cors(compiled: &CompiledPolicy, origins: &[Origin]) -> String {
    let list = |items: &[String]| -> String {
        items
            .iter()
            .map(|item| format!("      - {item}\n"))
            .collect()
    };
    let origins: Vec<String> = origins.iter().map(|Origin(text)| quoted(text)).collect();
    let own = |names: &[&str]| {
        list(
            &names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    Template(include_str!("cors-envoy-gateway.yaml")).fill(&[
        ("name", &name_with(compiled, "cors")),
        ("namespace", &quoted(&compiled.gateway.namespace)),
        ("gateway", &quoted(&compiled.gateway.name)),
        ("origins", &list(&origins)),
        ("allowed", &own(&ALLOWED)),
        ("exposed", &own(&EXPOSED)),
    ])
}

fn policy(origins: &[Origin]) -> String {
    let origins: String = origins
        .iter()
        .map(|Origin(text)| format!("  - {{exact: {}}}\n", quoted(text)))
        .collect();
    Template(include_str!("cors-policy.yaml")).fill(&[
        ("origins", &origins),
        ("allowed", &ALLOWED.join(", ")),
        ("exposed", &EXPOSED.join(", ")),
    ])
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn origins() {
        for good in [
            "https://app.example",
            "http://localhost:8080",
            "http://[::1]:8080",
            "http://[::1]",
            "vscode-webview://x",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example",
            "https://app.example/",
            "https://app.example:443",
            "https://App.example",
            "https://*.example",
            "https://",
            "https://a:0",
            "https://a:x",
            "https://a b",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
