//! Headers that no request has here, or not with the value that is asked for.

use super::is_expression;
use crate::tool::api::decode::{FieldPlace, Located, Problem};
use crate::tool::api::v1alpha1::HeaderMatch;
use crate::tool::compile::lint::invisible;
use crate::tool::compile::regex;

/// What is said, and what to write instead.
type Said = (String, String);

/// What is told of elsewhere: what clients may say in them.
const TOLD: [&str; 2] = ["x-envoy-external-address", "x-envoy-internal"];

/// Headers whose values have `*` in earnest.
const WITH_STARS: [&str; 2] = ["accept", "if-"];

/// The warnings about a header.
pub(super) fn header(header: &Located<HeaderMatch>) -> Vec<Problem> {
    let is_exact = !is_expression(&header.value);
    let HeaderMatch { name, value, .. } = &header.value;
    let (Some(name), Some(value)) = (name, value) else {
        return Vec::new();
    };
    let lower = name.value.to_ascii_lowercase();
    let text = &value.value;
    let of_name = authority(&lower)
        .or_else(|| of_envoy(&lower))
        .or_else(|| of_connection(&lower, is_exact.then_some(text)));
    let of_value = match is_exact {
        true => [
            line_break(text),
            blank_ends(text),
            unseen(text),
            star(&lower, text),
        ],
        false => [unseen(text), no_end(text), None, None],
    };
    let place = |at: &FieldPlace| {
        let at = at.clone();
        move |(message, help): Said| Problem::new(&at, message).help(help)
    };
    let of_name = of_name.into_iter().map(place(&name.at));
    let of_value = of_value.into_iter().flatten().map(place(&value.at));
    of_name.chain(of_value).collect()
}

fn authority(name: &str) -> Option<Said> {
    (name == "host").then(|| {
        let message = "no request has the header `host`: to Envoy it is the authority";
        (message.into(), "list the host in `hosts`".into())
    })
}

/// Envoy's own headers are not the client's.
pub(in crate::tool::compile) fn of_envoy(name: &str) -> Option<Said> {
    if name == "x-request-id" {
        let message = "`x-request-id` is in every request: Envoy adds it where the client sends \
                       none, and may replace the client's";
        let help = "ask for a header that clients have to send";
        return Some((message.into(), help.into()));
    }
    (name.starts_with("x-envoy-") && !TOLD.contains(&name)).then(|| {
        let message = format!(
            "`{name}` is Envoy's own: it drops most such headers where they come from clients, \
             and sets most of them after the rule was asked"
        );
        let help = "ask for a header that the client, or a proxy in front, sends";
        (message, help.into())
    })
}

/// What Envoy takes away because it is for the connection.
///
/// SPEC: Envoy, HTTP header sanitizing, and upgrades: of a WebSocket the headers stay.
pub(in crate::tool::compile) fn of_connection(name: &str, exact: Option<&str>) -> Option<Said> {
    let value = exact.map(str::to_ascii_lowercase);
    let has = |word: &str| value.as_ref().is_none_or(|value| value.contains(word));
    let is_dropped = match name {
        "keep-alive" | "proxy-connection" | "transfer-encoding" => true,
        "connection" => !has("upgrade"),
        "upgrade" => !has("websocket"),
        "te" => !has("trailers"),
        "expect" => value.as_deref() == Some("100-continue"),
        _ => false,
    };
    is_dropped.then(|| {
        let message = match &value {
            Some(value) if !matches!(name, "keep-alive" | "proxy-connection") => {
                format!("no request has `{name}: {value}`: Envoy drops it before the rule is asked")
            }
            _ => format!(
                "no request has the header `{name}`: Envoy drops it before the rule is asked"
            ),
        };
        let help = "ask for a header of the request, not of the connection";
        (message, help.into())
    })
}

/// A block of YAML ends in a line break unless it is said otherwise.
pub(in crate::tool::compile) fn line_break(value: &str) -> Option<Said> {
    value.contains(['\r', '\n', '\0']).then(|| {
        let message = "no header has a line break or NUL in its value";
        (message.into(), "write the value on one line".into())
    })
}

/// SPEC: RFC 9110, 5.5: blanks around a value are not a part of it.
fn blank_ends(value: &str) -> Option<Said> {
    let trimmed = value.trim_matches([' ', '\t']);
    (trimmed != value).then(|| {
        let message =
            format!("no header has the value `{value}`: blanks at its ends are taken off");
        (message, format!("write it without them: `{trimmed}`"))
    })
}

pub(in crate::tool::compile) fn unseen(value: &str) -> Option<Said> {
    let letter = invisible::named(value)?;
    let message = format!(
        "the value `{}` has an invisible letter, {letter}",
        invisible::shown(value)
    );
    let help = "write it without, unless clients send it so";
    Some((message, help.into()))
}

fn star(name: &str, value: &str) -> Option<Said> {
    (value.contains('*') && !has_stars(name)).then(|| {
        let message = format!("`{value}` is the whole value: `*` is no wildcard");
        let help = match value {
            "*" => "for any value say `type: RegularExpression` and `value: .*`",
            _ => "for a pattern say `type: RegularExpression`, in which `.*` is anything",
        };
        (message, help.into())
    })
}

/// Whether the values of a header have `*` in earnest.
pub(in crate::tool::compile) fn has_stars(name: &str) -> bool {
    WITH_STARS.iter().any(|front| name.starts_with(front))
}

/// Other matchers search a value, so that a part of it is enough.
fn no_end(expression: &str) -> Option<Said> {
    let (is_plain, is_begun) = (regex::is_plain(expression), expression.starts_with('^'));
    if let Some(front) = regex::glob(expression) {
        let message = format!("`{expression}` does not match all that begins with `{front}`");
        let help = format!("`*` repeats the letter before it: for anything write `{front}.*`");
        return Some((message, help));
    }
    let is_open = is_plain || (is_begun && !regex::says_its_end(expression));
    is_open.then(|| {
        let message = format!("the whole value is matched: `{expression}` is not searched in it");
        let help = match is_begun {
            true => "add `.*` for what goes on after it, or `$` if it is the whole value",
            false => "say `.*` before and after it, or `type: Exact` if it is the whole value",
        };
        (message, help.into())
    })
}
