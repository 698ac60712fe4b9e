//! A few expressions, and what each means in Rust.
//!
//! What expressions mean at large is shown elsewhere (`tests/expressions.rs`); this is
//! about what they are told of a request, and what becomes of those without a value.

use accesspolicy::engine::expr::CelProgram;
use accesspolicy::tool::compile;

use super::http::{
    folded, host, is_ambiguous, is_canonical, is_plain, overriding, readings, unescaped,
};
use super::mcp::unknown;
use super::request::{Asks, Request, Thing, method, things};
use super::truth::Truth;
use super::uri;

type Meaning = fn(&Request) -> Truth;

/// Expressions and their meanings.
const EXPRESSIONS: [(&str, Meaning); 17] = [
    ("request.method == 'GET'", |request| {
        method_is(request, "GET")
    }),
    ("request.method == 'POST'", |request| {
        method_is(request, "POST")
    }),
    ("request.url_path.startsWith('/files/')", |request| {
        let is_below = |path: &str| path.starts_with("/files/");
        url_path(request, |path| match is_below(path) {
            true => Truth::Yes,
            false if readings(path).iter().any(|other| is_below(other)) => Truth::Undecided,
            false => Truth::No,
        })
    }),
    ("request.url_path != '/Admin'", |request| {
        let may_be = |path: &String| path.to_lowercase() == "/admin";
        url_path(request, |path| match path {
            "/Admin" => Truth::No,
            _ if readings(path).iter().any(may_be) => Truth::Undecided,
            _ => Truth::Yes,
        })
    }),
    ("request.url_path == '/my_files'", |request| {
        let is_one = |path: &String| path == "/my_files";
        url_path(request, |path| match path {
            "/my_files" => Truth::Yes,
            _ if readings(path).iter().any(is_one) => Truth::Undecided,
            _ => Truth::No,
        })
    }),
    ("request.query == 'a=b c'", |request| {
        let query = request.path.split_once('?').map(|(_, query)| query);
        match query.map(|query| (query, unescaped(&query.replace('+', " ")))) {
            None => Truth::Undecided,
            Some(("a=b c", _)) => Truth::Yes,
            Some((_, plain)) if plain == "a=b c" => Truth::Undecided,
            Some(_) => Truth::No,
        }
    }),
    ("request.hostname == 'tools.example'", |request| {
        host(request).map_or(Truth::Undecided, |host| {
            Truth::from(host == "tools.example")
        })
    }),
    ("request.host != 'tools.example'", |request| {
        let authority = request.authority.as_deref().unwrap_or_default();
        match host(request) {
            Some(host) if host == authority => Truth::from(host != "tools.example"),
            _ => Truth::Undecided,
        }
    }),
    (
        "request.headers.exists(name, name == 'x-team')",
        |request| {
            let mut names = request.headers.iter().map(|(name, _)| name);
            match names
                .clone()
                .any(|name| folded(name) != name.to_lowercase())
            {
                true => Truth::Undecided,
                false => Truth::from(names.any(|name| name.eq_ignore_ascii_case("x-team"))),
            }
        },
    ),
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
            match &request.asks {
                // A method that no version knows may act on anything.
                Asks::Message(message) if unknown(message).is_some() => Truth::Undecided,
                // Where there is none, it is not asked which.
                _ => Truth::from(is_other == Truth::Yes),
            }
        },
    ),
    ("request.mcp.resource_uri.endsWith('1')", |request| {
        let ends = |uri: &str| uri.ends_with('1');
        if goes_back(request) {
            return Truth::Undecided;
        }
        match thing(request, |thing| match thing {
            Thing::Resource(uri) => Some(ends(uri)),
            _ => None,
        }) {
            Truth::No if is_unsure(request) => Truth::Undecided,
            Truth::No if reads(request).iter().any(|other| ends(other)) => Truth::Undecided,
            found => found,
        }
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
                Some(method) if ["ping", "tools/call"].contains(&method) => Truth::Yes,
                // A method that no version knows may be any to its server.
                Some(_) if unknown(message).is_some() => Truth::Undecided,
                Some(_) => Truth::No,
                None => Truth::Undecided,
            },
            _ => Truth::Undecided,
        },
    ),
];

/// Every expression's program.
pub fn programs() -> Vec<CelProgram> {
    let compiled = EXPRESSIONS.map(|(text, _)| compile::expression(text).expect(text));
    compiled.into()
}

/// Whether a program is true of a request that asks for one thing at most.
pub fn holds(program: &CelProgram, request: &Request) -> Truth {
    let (_, meaning) = EXPRESSIONS
        .iter()
        .find(|(text, _)| *text == program.text)
        .expect("an expression of ours");
    meaning(request)
}

/// The one line of a header; an error where lines of names that are alike dispute it.
fn line<'r>(request: &'r Request, name: &str) -> Result<Option<&'r str>, ()> {
    let headers = request.headers.iter();
    let all: Vec<&(String, String)> = headers
        .filter(|(other, _)| folded(other) == folded(name))
        .collect();
    match all.as_slice() {
        [] => Ok(None),
        [(other, value)] if other.eq_ignore_ascii_case(name) && is_plain(value) => Ok(Some(value)),
        _ => Err(()),
    }
}

/// What may be read for the uri that is acted on.
fn reads(request: &Request) -> Vec<String> {
    let Asks::Message(message) = &request.asks else {
        return Vec::new();
    };
    match things(message).first() {
        Some(Thing::Resource(uri)) => uri::readings(uri),
        _ => Vec::new(),
    }
}

/// Whether the uri that is acted on has `..` in it.
fn goes_back(request: &Request) -> bool {
    let Asks::Message(message) = &request.asks else {
        return false;
    };
    match things(message).first() {
        Some(Thing::Resource(uri)) => uri::goes_back(uri),
        _ => false,
    }
}

/// Whether the uri that is acted on may name any host.
fn is_unsure(request: &Request) -> bool {
    let Asks::Message(message) = &request.asks else {
        return false;
    };
    match things(message).first() {
        Some(Thing::Resource(uri)) => uri::is_unsure(uri),
        _ => false,
    }
}

/// Whether the method is one, to which whatever may be taken for it has to agree.
fn method_is(request: &Request, wanted: &str) -> Truth {
    let mut all = vec![request.method.clone()];
    all.extend(overriding(request));
    if request.method == "HEAD" {
        all.push("GET".to_owned());
    }
    match all.iter().filter(|method| *method == wanted).count() {
        0 => Truth::No,
        found if found == all.len() => Truth::Yes,
        _ => Truth::Undecided,
    }
}

/// What an expression is, of a path that it can be told.
fn url_path(request: &Request, decide: impl Fn(&str) -> Truth) -> Truth {
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    if is_ambiguous(path) || !is_canonical(path) {
        return Truth::Undecided;
    }
    decide(path)
}

fn thing(request: &Request, decide: impl Fn(Thing<'_>) -> Option<bool>) -> Truth {
    let Asks::Message(message) = &request.asks else {
        return Truth::Undecided;
    };
    let thing = things(message).first().copied();
    thing.and_then(decide).map_or(Truth::Undecided, Truth::from)
}
