//! A few expressions, and what each means in Rust.
//!
//! What expressions mean at large is shown elsewhere (`tests/expressions.rs`); this is
//! about what they are told of a request, and what becomes of those without a value.

use accesspolicy::compile;
use accesspolicy::expr::Program;

use super::request::{Asks, Request, Thing, method, things};
use super::truth::Truth;

type Meaning = fn(&Request) -> Truth;

/// Expressions and their meanings.
const EXPRESSIONS: [(&str, Meaning); 9] = [
    ("request.method == 'POST'", |request| {
        Truth::from(request.method == "POST")
    }),
    (
        "request.headers['x-team'] == 'blue'",
        |request| match line(request, "x-team") {
            Ok(Some(value)) => Truth::from(value == "blue"),
            Ok(None) | Err(()) => Truth::Undecided,
        },
    ),
    ("!has(request.headers.x_team)", |request| {
        line(request, "x_team").map_or(Truth::Undecided, |line| Truth::from(line.is_none()))
    }),
    ("request.mcp.tool_name == 'echo'", |request| {
        thing(request, |thing| match thing {
            Thing::Tool(name) => Some(name == "echo"),
            _ => None,
        })
    }),
    (
        "has(request.mcp.prompt_name) && request.mcp.prompt_name != 'hello'",
        |request| {
            let is_other = thing(request, |thing| match thing {
                Thing::Prompt(name) => Some(name != "hello"),
                _ => None,
            });
            // Where there is none, it is not asked which.
            Truth::from(is_other == Truth::Yes)
        },
    ),
    ("request.mcp.resource_uri.endsWith('1')", |request| {
        thing(request, |thing| match thing {
            Thing::Resource(uri) => Some(uri.ends_with('1')),
            _ => None,
        })
    }),
    (
        "identity.authenticated && identity.trust_domain == 'd' && destination.port < 2500",
        |request| match (&request.caller, request.port) {
            (None, _) => Truth::No,
            (Some(_), None) => Truth::Undecided,
            (Some(_), Some(port)) => Truth::from(port < 2500),
        },
    ),
    (
        "request.scheme == 'https' && source.address.startsWith('10.')",
        |request| match &request.connection {
            None => Truth::Undecided,
            Some((from, tls)) => Truth::from(*tls && from.starts_with("10.")),
        },
    ),
    (
        "request.mcp.method in ['ping', 'tools/call']",
        |request| match &request.asks {
            Asks::Message(message) => match method(message) {
                Some(method) => Truth::from(["ping", "tools/call"].contains(&method)),
                None => Truth::Undecided,
            },
            _ => Truth::Undecided,
        },
    ),
];

/// Every expression's program.
pub fn programs() -> Vec<Program> {
    let compiled = EXPRESSIONS.map(|(text, _)| compile::expression(text).expect(text));
    compiled.into()
}

/// Whether a program is true of a request that asks for one thing at most.
pub fn holds(program: &Program, request: &Request) -> Truth {
    let (_, meaning) = EXPRESSIONS
        .iter()
        .find(|(text, _)| *text == program.text)
        .expect("an expression of ours");
    meaning(request)
}

/// The one line of a header; an error where lines of names that are alike dispute it.
fn line<'r>(request: &'r Request, name: &str) -> Result<Option<&'r str>, ()> {
    let alike = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let headers = request.headers.iter();
    let all: Vec<&(String, String)> = headers
        .filter(|(other, _)| alike(other) == alike(name))
        .collect();
    match all.as_slice() {
        [] => Ok(None),
        [(other, value)] if other.eq_ignore_ascii_case(name) => Ok(Some(value)),
        _ => Err(()),
    }
}

fn thing(request: &Request, decide: impl Fn(Thing<'_>) -> Option<bool>) -> Truth {
    let Asks::Message(message) = &request.asks else {
        return Truth::Undecided;
    };
    let thing = things(message).first().copied();
    thing.and_then(decide).map_or(Truth::Undecided, Truth::from)
}
