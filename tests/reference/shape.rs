//! What is refused of a request whatever policies say, though its body is a message.

use accesspolicy::engine::policy::{CompiledPolicy, UnknownMembers};
use serde_json::Value;

use super::http::folded;
use super::request::{Asks, Request, method};

const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// Headers that some servers take for the method.
const OVERRIDING: [&str; 3] = [
    "x-http-method-override",
    "x-method-override",
    "x-http-method",
];

/// Whether a request on a path of MCP is refused as it stands.
pub fn is_refused(document: &CompiledPolicy, request: &Request) -> bool {
    match &request.asks {
        Asks::Http => false,
        Asks::Nonsense { .. } => true,
        Asks::Message(message) => {
            says_more(request)
                || has_unknown_members(document, message)
                || has_other_words(message)
                || is_late_response(request, message)
        }
        Asks::Get | Asks::Delete { .. } | Asks::Options => says_more(request),
    }
}

/// Whether some server runs a method for another one: on any path.
pub fn is_odd_method(method: &str) -> bool {
    method.chars().any(char::is_lowercase)
}

/// Whether a query is part of the message, or anything names another method.
pub fn says_more(request: &Request) -> bool {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let query = query.replace("%5B", "[").replace("%6d", "m");
    let mut methods: Vec<&str> = Vec::new();
    for pair in query.split(['&', ';']) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A member in brackets behind any key is one as well.
        let mut inner = key.split(['[', ']']).skip(1);
        if inner.any(|part| part != "id" && MEMBERS.contains(&part)) {
            return true;
        }
        let key = key.split(['[', '.']).next().unwrap_or_default();
        match key.trim_matches('+').to_lowercase().as_str() {
            "id" => {}
            "_json" | "tool" | "arguments" => return true,
            "_method" | "x-tunneled-method" | "x-http-method-override" => methods.push(value),
            member if MEMBERS.contains(&member) => return true,
            _ => {}
        }
    }
    for (name, value) in &request.headers {
        let name = folded(name);
        if OVERRIDING.contains(&name.as_str()) {
            methods.extend(value.split(','));
        }
    }
    let mut methods = methods.into_iter();
    methods.any(|method| method.to_uppercase() != request.method)
}

fn has_unknown_members(document: &CompiledPolicy, message: &Value) -> bool {
    let keys: Vec<&String> = message.as_object().expect("an object").keys().collect();
    let mut unknown = keys.into_iter().filter(|key| !MEMBERS.contains(&&***key));
    match document.settings.unknown_members {
        UnknownMembers::Reject => unknown.next().is_some(),
        UnknownMembers::Pass => unknown.any(|key| key == "_json"),
    }
}

/// Whether a call of a tool names another one, or has arguments, under other keys.
fn has_other_words(message: &Value) -> bool {
    let params = &message["params"];
    method(message) == Some("tools/call")
        && (["tool", "toolName", "tool_name"]
            .iter()
            .filter_map(|key| params.get(key))
            .any(|named| *named != params["name"])
            || params.get("args").is_some())
}

/// Whether it is a response in a version that has none.
fn is_late_response(request: &Request, message: &Value) -> bool {
    let mut headers = request.headers.iter();
    let is_late =
        |(name, value): &(String, String)| name == "mcp-protocol-version" && value == "2026-07-28";
    method(message).is_none() && headers.any(is_late)
}
