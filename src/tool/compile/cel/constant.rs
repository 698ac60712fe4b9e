//! What facts of a request never are.

use super::identity;
use crate::engine::expr::Attribute;
use crate::tool::compile::check::NOT_IN_PATHS;

/// How a fact is compared with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) enum How {
    Is,
    Begins,
    Ends,
    Contains,
}

impl How {
    /// That it is not so.
    pub(super) const fn never(self) -> &'static str {
        match self {
            Self::Is => "is never",
            Self::Begins => "never begins with",
            Self::Ends => "never ends with",
            Self::Contains => "never contains",
        }
    }

    /// Whether the text stands at the end of the fact.
    pub(super) const fn is_back(self) -> bool {
        matches!(self, Self::Is | Self::Ends)
    }

    /// Whether the text stands at the front of the fact.
    pub(super) const fn is_front(self) -> bool {
        matches!(self, Self::Is | Self::Begins)
    }
}

/// What is wrong with a text that a fact [`never`] is or has.
///
/// A client can send any method of MCP, and two `?`.
pub(super) fn message(fact: Attribute, how: How, text: &str) -> String {
    let name = fact.as_str();
    match fact {
        Attribute::McpMethod => format!("no version of MCP has the method `{text}`"),
        Attribute::Query => format!("`{name}` is without its `?`, and `{text}` begins with one"),
        _ => format!("`{name}` {} `{text}`", how.never()),
    }
}

/// What to write instead, where a fact never is or has a text.
pub(super) fn never(fact: Attribute, how: How, text: &str) -> Option<String> {
    match fact {
        Attribute::Method => method(how, text),
        Attribute::Host | Attribute::Hostname => host(how, text),
        Attribute::Scheme => scheme(how, text),
        Attribute::UrlPath if text.contains(['?', '#']) => {
            Some("it is the path without query: ask `request.query` for what follows `?`".into())
        }
        Attribute::Path | Attribute::UrlPath => path(how, text),
        Attribute::Query => query(how, text),
        Attribute::McpMethod if how == How::Is => mcp_method(text),
        Attribute::SourceAddress => address(how, text),
        Attribute::Namespace | Attribute::ServiceAccount => identity::name(text),
        Attribute::TrustDomain => identity::trust_domain(text),
        Attribute::SpiffeId => identity::spiffe_id(how, text),
        _ => None,
    }
}

/// SECURITY: methods with small letters are refused before they are judged.
fn method(how: How, text: &str) -> Option<String> {
    if how == How::Is && text == "CONNECT" {
        return Some("tunnels are always refused".into());
    }
    let has_small = text.bytes().any(|b| b.is_ascii_lowercase());
    has_small.then(|| format!("methods are in upper case: `{}`", text.to_ascii_uppercase()))
}

fn host(how: How, text: &str) -> Option<String> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        let lower = text.to_ascii_lowercase();
        return Some(format!("hosts are in lower case here: `{lower}`"));
    }
    if text.contains(['/', ' ']) {
        return Some("it is the host alone, without scheme and path".into());
    }
    let has_end = matches!(how, How::Is | How::Ends);
    let (front, _) = port(text).filter(|_| has_end)?;
    let help = match front {
        "" => "the port is not a part of it: ask `destination.port`".to_owned(),
        front => format!("the port is not a part of it: `{front}`, and ask `destination.port`"),
    };
    Some(help)
}

/// What stands before a port and the port, where a text ends in one.
fn port(text: &str) -> Option<(&str, &str)> {
    let (front, port) = text.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let is_whole = !front.contains(':') || front.ends_with(']');
    (is_port && is_whole).then_some((front, port))
}

fn scheme(how: How, text: &str) -> Option<String> {
    let schemes = ["http", "https"];
    let may_be = schemes.iter().any(|scheme| match how {
        How::Is => *scheme == text,
        How::Begins => scheme.starts_with(text),
        How::Ends => scheme.ends_with(text),
        How::Contains => scheme.contains(text),
    });
    (!may_be).then(|| "it is `http` or `https`, in lower case".into())
}

fn path(how: How, text: &str) -> Option<String> {
    let is_wrong = match how {
        How::Is => !text.starts_with('/'),
        How::Begins => !text.starts_with('/') && !text.is_empty(),
        How::Ends | How::Contains => false,
    };
    if is_wrong {
        return Some(format!("paths begin with `/`: `/{text}`"));
    }
    let path = text.split('?').next().filter(|_| how.is_front())?;
    let part = NOT_IN_PATHS.iter().find(|part| path.contains(**part))?;
    Some(format!(
        "no path has `{part}` here: Envoy tidies it up, or refuses it"
    ))
}

/// It may begin with `?` where two of them stand in a path, which nobody means.
fn query(how: How, text: &str) -> Option<String> {
    let rest = text.strip_prefix('?').filter(|_| how.is_front())?;
    Some(format!("the query is what follows the `?`: `{rest}`"))
}

fn address(how: How, text: &str) -> Option<String> {
    if text.starts_with(['/', '@']) {
        // A socket that is a file has no port.
        return None;
    }
    if text.contains('/') {
        return Some("networks are not matched: compare with the front of an address".into());
    }
    if text.is_empty() {
        return (how == How::Is).then(|| "ask `!has(source.address)`".into());
    }
    let is_address = how == How::Is && port(text).is_none();
    let text = match text.contains(':') && !text.starts_with('[') {
        true => format!("[{text}]"),
        false => text.to_owned(),
    };
    is_address.then(|| {
        format!("the address has a port behind it: `source.address.startsWith(\"{text}:\")`")
    })
}

/// SPEC: MCP 2024-11-05 to 2026-07-28, what clients send.
const METHODS: [&str; 24] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/update",
    "tools/call",
    "tools/list",
];

/// A method that nobody knows, but for its case, a plural or what divides it.
fn mcp_method(text: &str) -> Option<String> {
    if METHODS.contains(&text) {
        return None;
    }
    if let Some(front) = text.strip_suffix('*') {
        let help = format!("`*` is no wildcard: `request.mcp.method.startsWith(\"{front}\")`");
        return Some(help);
    }
    let near = METHODS.iter().find(|method| alike(method) == alike(text))?;
    Some(format!("did you mean `{near}`?"))
}

/// A method's name without case, plurals and marks.
fn alike(method: &str) -> String {
    let lower = method.to_ascii_lowercase();
    let parts = lower.split(['/', '.', '_', '-', ':']);
    let parts = parts.map(|part| part.strip_suffix('s').unwrap_or(part));
    parts.collect()
}
