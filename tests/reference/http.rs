//! The HTTP part of a rule.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use accesspolicy::policy::{HeaderMatch, Http, PathMatch, ValueMatch};
use regex_lite::Regex;

use super::request::Request;
use super::truth::Truth;

/// Whether a request has what a rule asks of HTTP.
pub fn matches(http: &Http, request: &Request) -> Truth {
    let Http {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = http;
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    let authority = request.authority.as_deref().unwrap_or_default();
    let host = host(authority);
    Truth::all([
        any_of(methods, |method| Truth::from(*method == request.method)),
        any_of(paths, |wanted| path_matches(wanted, path)),
        any_of(hosts, |wanted| match &host {
            None => Truth::Undecided,
            Some(host) => Truth::from(host_matches(wanted, host)),
        }),
        any_of(ports, |port| match request.port {
            None => Truth::Undecided,
            Some(arrived) => Truth::from(port.get() == arrived),
        }),
        Truth::all(
            headers
                .iter()
                .flatten()
                .map(|wanted| header_matches(wanted, request)),
        ),
    ])
}

/// One item of a list is enough; a list that is left out is no condition.
fn any_of<T>(list: &Option<Vec<T>>, matches: impl Fn(&T) -> Truth) -> Truth {
    match list {
        None => Truth::Yes,
        Some(items) => Truth::any(items.iter().map(matches)),
    }
}

/// A path that servers read in different ways is only ever what it is spelt like. Where
/// only escapes differ, all spellings have to agree.
fn path_matches(wanted: &PathMatch, path: &str) -> Truth {
    let agree = |found: bool, others: &[bool]| match others.iter().all(|other| *other == found) {
        true => Truth::from(found),
        false => Truth::Undecided,
    };
    let under =
        |path: &str, prefix: &str| path == prefix || path.starts_with(&format!("{prefix}/"));
    match wanted {
        PathMatch::Exact(exact) if exact == path => Truth::Yes,
        PathMatch::PathPrefix(prefix) if prefix.is_empty() => Truth::Yes,
        _ if is_ambiguous(path) => Truth::Undecided,
        PathMatch::Exact(exact) => agree(false, &[unescaped(path) == unescaped(exact)]),
        PathMatch::PathPrefix(prefix) => agree(
            under(path, prefix),
            &[under(&unescaped(path), &unescaped(prefix))],
        ),
        PathMatch::RegularExpression(expression) => {
            let found = |path: &str| is_whole_match(&expression.text, path);
            let plain = unescaped(path);
            agree(found(path), &[found(&plain), found(&escaped(&plain))])
        }
    }
}

/// A path without escapes; those there are stand for ASCII or for whole characters.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (escape, after) = rest[at + 1..].split_at(2);
        bytes.push(u8::from_str_radix(escape, 16).expect("an escape"));
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).expect("characters")
}

/// A path with the escapes that it needs.
fn escaped(path: &str) -> String {
    let as_it_is = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    path.bytes()
        .map(|byte| match as_it_is(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Dot segments, empty segments, parameters, backslashes, blanks, and escapes that are
/// none, that need not be, or that hide what divides a path.
fn is_ambiguous(path: &str) -> bool {
    let found = |text: &str| with_regex(text, |regex| regex.is_match(path));
    let hides = |escape: &str| match u8::from_str_radix(&escape[1..3], 16) {
        Err(_) => true,
        Ok(byte) => {
            let byte = char::from(byte);
            byte.is_ascii_alphanumeric() || byte.is_ascii_control() || "-._~/\\%;?#".contains(byte)
        }
    };
    !path.starts_with('/')
        || found(r"//|[\\;\x00-\x20\x7f]|/\.\.?(/|$)|%($|.$|[^0-9A-Fa-f]|.[^0-9A-Fa-f])")
        || path
            .match_indices('%')
            .any(|(at, _)| hides(&path[at..at + 3]))
}

/// The host name, if everybody reads the authority in the same way.
fn host(authority: &str) -> Option<String> {
    const PLAIN: &str = r"^([-_.A-Za-z0-9]*[-_A-Za-z0-9]|\[[-_.:A-Za-z0-9]*\])(:[0-9]*)?$";
    with_regex(PLAIN, |regex| {
        Some(regex.captures(authority)?[1].to_ascii_lowercase())
    })
}

fn host_matches(wanted: &str, host: &str) -> bool {
    match wanted.strip_prefix('*') {
        None => host == wanted,
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
    }
}

/// Which of several lines counts, nobody can say; nor of names that are alike.
fn header_matches(wanted: &HeaderMatch, request: &Request) -> Truth {
    let alike = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let headers = request.headers.iter();
    let all: Vec<&(String, String)> = headers
        .filter(|(name, _)| alike(name) == alike(&wanted.name))
        .collect();
    let lines: Vec<&str> = all
        .iter()
        .filter(|(name, _)| name.to_ascii_lowercase() == wanted.name)
        .map(|(_, value)| value.as_str())
        .collect();
    let value = lines.join(",");
    let found = !lines.is_empty()
        && match &wanted.value {
            ValueMatch::Exact(exact) => *exact == value,
            ValueMatch::RegularExpression(expression) => is_whole_match(&expression.text, &value),
        };
    let is_clear = all.is_empty() || (all.len() == 1 && lines.len() == 1);
    match (found, is_clear) {
        (true, _) => Truth::Yes,
        (false, true) => Truth::No,
        (false, false) => Truth::Undecided,
    }
}

fn is_whole_match(text: &str, value: &str) -> bool {
    with_regex(&format!("^(?:{text})$"), |regex| regex.is_match(value))
}

/// There are few expressions: each is made once.
fn with_regex<T>(text: &str, with: impl FnOnce(&Regex) -> T) -> T {
    static MADE: OnceLock<Mutex<BTreeMap<String, Regex>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    if !made.contains_key(text) {
        made.insert(text.to_owned(), Regex::new(text).unwrap());
    }
    with(&made[text])
}
