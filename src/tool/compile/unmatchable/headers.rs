//! Headers that no request has here, or not with the value that is asked for.

use super::is_expression;
use crate::tool::api::decode::{Located, Problem};
use crate::tool::api::v1alpha1::HeaderMatch;
use crate::tool::compile::invisible;

/// What is told of elsewhere: what clients may say in them.
const TOLD: [&str; 2] = ["x-envoy-external-address", "x-envoy-internal"];

/// Headers whose values have `*` in earnest.
const WITH_STARS: [&str; 2] = ["accept", "if-"];

/// The warnings about a header.
pub(super) fn header(header: &Located<HeaderMatch>) -> Vec<Problem> {
    let HeaderMatch { name, value, .. } = &header.value;
    let (Some(name), Some(value)) = (name, value) else {
        return Vec::new();
    };
    let exact = (!is_expression(&header.value)).then_some(value);
    let warnings = [
        authority(name),
        of_envoy(name),
        of_connection(name, exact),
        exact.and_then(line_break),
        exact.and_then(blank_ends),
        unseen(value),
        exact.and_then(|value| star(name, value)),
    ];
    warnings.into_iter().flatten().collect()
}

fn authority(name: &Located<String>) -> Option<Problem> {
    name.value.eq_ignore_ascii_case("host").then(|| {
        let message = "no request has the header `host`: to Envoy it is the authority";
        Problem::new(&name.at, message).help("list the host in `hosts`")
    })
}

/// Envoy's own headers are not the client's.
fn of_envoy(name: &Located<String>) -> Option<Problem> {
    let lower = name.value.to_ascii_lowercase();
    if lower == "x-request-id" {
        let message = "`x-request-id` is in every request: Envoy adds it where the client sends \
                       none, and may replace the client's";
        return Some(
            Problem::new(&name.at, message).help("ask for a header that clients have to send"),
        );
    }
    (lower.starts_with("x-envoy-") && !TOLD.contains(&&*lower)).then(|| {
        let message = format!(
            "`{lower}` is Envoy's own: it drops most such headers where they come from clients, \
             and sets most of them after the rule was asked"
        );
        Problem::new(&name.at, message)
            .help("ask for a header that the client, or a proxy in front, sends")
    })
}

/// What Envoy takes away because it is for the connection.
///
/// SPEC: Envoy, HTTP header sanitizing, and upgrades: of a WebSocket the headers stay.
fn of_connection(name: &Located<String>, exact: Option<&Located<String>>) -> Option<Problem> {
    let lower = name.value.to_ascii_lowercase();
    let value = exact.map(|exact| exact.value.to_ascii_lowercase());
    let has = |word: &str| value.as_ref().is_none_or(|value| value.contains(word));
    let is_dropped = match lower.as_str() {
        "keep-alive" | "proxy-connection" | "transfer-encoding" => true,
        "connection" => !has("upgrade"),
        "upgrade" => !has("websocket"),
        "te" => !has("trailers"),
        "expect" => value.as_deref() == Some("100-continue"),
        _ => false,
    };
    is_dropped.then(|| {
        let message = match &value {
            Some(value) if !matches!(&*lower, "keep-alive" | "proxy-connection") => {
                format!(
                    "no request has `{lower}: {value}`: Envoy drops it before the rule is asked"
                )
            }
            _ => format!(
                "no request has the header `{lower}`: Envoy drops it before the rule is asked"
            ),
        };
        Problem::new(&name.at, message)
            .help("ask for a header of the request, not of the connection")
    })
}

/// A block of YAML ends in a line break unless it is said otherwise.
fn line_break(value: &Located<String>) -> Option<Problem> {
    value.value.contains(['\r', '\n', '\0']).then(|| {
        let message = "no header has a line break or NUL in its value";
        Problem::new(&value.at, message).help("write the value on one line")
    })
}

/// SPEC: RFC 9110, 5.5: blanks around a value are not a part of it.
fn blank_ends(value: &Located<String>) -> Option<Problem> {
    let trimmed = value.value.trim_matches([' ', '\t']);
    (trimmed != value.value).then(|| {
        let message = format!(
            "no header has the value `{}`: blanks at its ends are taken off",
            value.value
        );
        Problem::new(&value.at, message).help(format!("write it without them: `{trimmed}`"))
    })
}

fn unseen(value: &Located<String>) -> Option<Problem> {
    let letter = invisible::named(&value.value)?;
    let message = format!(
        "the value `{}` has an invisible letter, {letter}",
        invisible::shown(&value.value)
    );
    Some(Problem::new(&value.at, message).help("write it without, unless clients send it so"))
}

fn star(name: &Located<String>, value: &Located<String>) -> Option<Problem> {
    let lower = name.value.to_ascii_lowercase();
    let has_stars = WITH_STARS.iter().any(|front| lower.starts_with(front));
    (value.value.contains('*') && !has_stars).then(|| {
        let message = format!("`{}` is the whole value: `*` is no wildcard", value.value);
        let help = match value.value.as_str() {
            "*" => "for any value say `type: RegularExpression` and `value: .*`",
            _ => "for a pattern say `type: RegularExpression`, in which `.*` is anything",
        };
        Problem::new(&value.at, message).help(help)
    })
}
