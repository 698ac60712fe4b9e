//! The MCP part of a rule.

use accesspolicy::engine::mcp::Method;
use accesspolicy::engine::policy::{BaseProtocol, Mcp};
use serde_json::Value;

use super::request::{Asks, Thing, method, things};
use super::uri;

/// Whether a request is what the MCP part asks for, to allow it.
///
/// A completion that only the base protocol lets through is a case of its own: see
/// [`is_base_completion`].
pub fn matches(mcp: &Mcp, asks: &Asks) -> bool {
    match (asks, &mcp.methods) {
        (Asks::Http, _) => false,
        (_, None) => mcp.base_protocol == BaseProtocol::None || is_base_protocol(mcp, asks),
        (Asks::Message(message), Some(_)) => {
            is_base_protocol(mcp, asks) || lists_message(mcp, message)
        }
        (_, Some(_)) => is_base_protocol(mcp, asks),
    }
}

/// Whether a request is what the MCP part asks for, or touches it, to refuse it: by any
/// spelling of the uris that it names.
pub fn touches(mcp: &Mcp, asks: &Asks) -> bool {
    let Asks::Message(message) = asks else {
        return matches(mcp, asks);
    };
    touches_as_it_is(mcp, message, asks)
        || respelt(mcp, message)
            .iter()
            .any(|message| touches_as_it_is(mcp, message, &Asks::Message(message.clone())))
}

/// The message with each uri that is listed in the place of its own, where both are
/// spellings of one.
fn respelt(mcp: &Mcp, message: &Value) -> Vec<Value> {
    let Some(Thing::Resource(uri)) = things(message).first().copied() else {
        return Vec::new();
    };
    let methods = mcp.methods.iter().flatten();
    let methods = methods.filter(|method| method.name.as_str().starts_with("resources/"));
    let listed = methods.flat_map(|method| method.params.iter().flatten());
    let listed = listed.filter(|other| uri::is_one(other, uri));
    listed.map(|other| with_uri(message, other)).collect()
}

fn with_uri(message: &Value, uri: &str) -> Value {
    let mut message = message.clone();
    let place = match method(&message) {
        Some("completion/complete") => "/params/ref/uri",
        Some("subscriptions/listen") => "/params/notifications/resourceSubscriptions/0",
        _ => "/params/uri",
    };
    *message.pointer_mut(place).expect("a uri") = uri.into();
    message
}

fn touches_as_it_is(mcp: &Mcp, message: &Value, asks: &Asks) -> bool {
    // Completing tells of the thing what getting it would.
    let completes = method(message) == Some("completion/complete");
    let touches = completes && things(message).into_iter().any(|thing| gets(mcp, thing));
    touches || matches(mcp, asks) || unknown(message).is_some()
}

/// Whether the params of a method that no version knows name anything, under any word.
fn names_something(message: &Value) -> bool {
    let words = ["name", "uri", "tool", "toolName", "tool_name"];
    let names = |word| message["params"].get(word).is_some();
    unknown(message).is_some() && words.into_iter().any(names)
}

/// A method that no version knows.
pub fn unknown(message: &Value) -> Option<&str> {
    method(message).filter(|method| !Method::NAMES.contains(method))
}

/// Whether a message is a completion, and the MCP part lets it through as part of the
/// base protocol, not because it has no condition on methods.
pub fn is_base_completion(mcp: &Mcp, asks: &Asks) -> bool {
    let Asks::Message(message) = asks else {
        return false;
    };
    method(message) == Some("completion/complete") && mcp.base_protocol == BaseProtocol::Full
}

/// Whether the MCP part lists what may be got of a thing's kind.
pub fn restricts(mcp: &Mcp, thing: Thing<'_>) -> bool {
    let methods = mcp.methods.iter().flatten();
    let mut lists = methods.filter(|method| method.params.is_some());
    lists.any(|method| Some(method.name.as_str()) == getter(thing))
}

/// Whether the MCP part matches getting a prompt or reading a resource.
pub fn gets(mcp: &Mcp, thing: Thing<'_>) -> bool {
    match (&mcp.methods, getter(thing)) {
        (None, _) => mcp.base_protocol == BaseProtocol::None,
        (Some(_), None) => false,
        (Some(_), Some(getter)) => lists(mcp, getter, Some(thing)),
    }
}

fn getter(thing: Thing<'_>) -> Option<&'static str> {
    match thing {
        Thing::Prompt(_) => Some("prompts/get"),
        Thing::Resource(_) => Some("resources/read"),
        Thing::Tool(_) | Thing::Task(_) => None,
    }
}

fn lists_message(mcp: &Mcp, message: &Value) -> bool {
    // One thing at most: see `Request::parts`.
    let thing = things(message).first().copied();
    match (method(message), thing) {
        (None, _) => false,
        // Listening for a resource is subscribing to it.
        (Some("subscriptions/listen"), Some(Thing::Resource(_))) => {
            lists(mcp, "resources/subscribe", thing)
        }
        (Some(method), _) => lists(mcp, method, thing),
    }
}

/// Whether a method, and the thing it acts on, is listed.
fn lists(mcp: &Mcp, called: &str, thing: Option<Thing<'_>>) -> bool {
    let name = thing.map(|thing| match thing {
        Thing::Tool(name) | Thing::Prompt(name) | Thing::Resource(name) | Thing::Task(name) => name,
    });
    mcp.methods.iter().flatten().any(|method| {
        let listed = method.name.as_str();
        let is_category = !listed.contains('/');
        if is_category {
            return called.starts_with(&format!("{listed}/"));
        }
        listed == called
            && match &method.params {
                None => true,
                Some(params) => params.iter().any(|param| Some(param.as_str()) == name),
            }
    })
}

/// Whether a request belongs to what the MCP part has of the base protocol.
fn is_base_protocol(mcp: &Mcp, asks: &Asks) -> bool {
    match mcp.base_protocol {
        BaseProtocol::None => false,
        BaseProtocol::Session => is_of_session(asks),
        BaseProtocol::Full => is_of_session(asks) || is_of_rest(asks),
    }
}

/// What it takes to begin a session, to end it and to list tools.
fn is_of_session(asks: &Asks) -> bool {
    let Asks::Message(message) = asks else {
        return matches!(asks, Asks::Get | Asks::Delete { session: true });
    };
    match method(message) {
        Some("initialize" | "server/discover" | "notifications/initialized" | "tools/list") => true,
        // One that names nothing takes the place of GET in 2026-07-28.
        Some("subscriptions/listen") => things(message).is_empty(),
        _ => false,
    }
}

fn is_of_rest(asks: &Asks) -> bool {
    let Asks::Message(message) = asks else {
        return false;
    };
    if names_something(message) {
        return false;
    }
    let prefixes = ["completion/", "logging/", "notifications/"];
    method(message).is_some_and(|method| {
        method == "ping" || prefixes.iter().any(|prefix| method.starts_with(prefix))
    })
}
