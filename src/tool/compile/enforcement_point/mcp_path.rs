//! The paths that carry MCP.
//!
//! SECURITY: what is no path of a request is refused: under a pattern taken literally no
//! request lies, and nothing of what it was meant for would be judged as MCP.

use crate::tool::api::decode::{Problem, StringForm, Undecoded, text};

const HELP: &str = "an absolute path without query, such as `/mcp`; no `//`, no `.` or `..` as a \
                    segment, no `%2f`";

const MCP_PATH: StringForm = StringForm {
    is: "a path prefix",
    min: 1,
    max: 1024,
    matches: is_path,
    help: HELP,
};

/// Reads a path, and says of what is written for other matchers what to write here.
pub(super) fn mcp_path(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let before = problems.len();
    let written = value.node.text();
    let path = text(&MCP_PATH)(value, problems);
    let reported = problems.get_mut(before..).unwrap_or_default();
    if let (Some(written), [problem]) = (written, reported)
        && let Some(help) = instead(written)
    {
        problem.help = Some(help.into());
    }
    path
}

/// What is most likely meant by a path that is none.
fn instead(path: &str) -> Option<String> {
    let pattern = path.find(['*', '{', '}']).or_else(|| path.find("/:"));
    let trimmed = path.trim();
    let help = if trimmed.is_empty() {
        return None;
    } else if trimmed != path {
        format!("write it without blanks at its ends: `{trimmed}`")
    } else if let Some((front, _)) = path.split_once(['?', '#']) {
        format!("a path ends where its query begins: `{front}`")
    } else if let Some((front, _)) = pattern.and_then(|at| path.split_at_checked(at)) {
        let front = match front.trim_end_matches('/') {
            "" => "/",
            front => front,
        };
        format!("there are no patterns here: `{front}` is for every path that begins with it")
    } else if path.split('/').any(is_dots) {
        "write the path that it leads to: no `.` or `..` as a segment, as it is or as `%2e`"
            .to_owned()
    } else {
        return None;
    };
    Some(help)
}

/// SPEC: Gateway API, `HTTPPathMatch`, for Exact and PathPrefix; and of the characters, the
/// ones that a path has in RFC 3986, 3.3, but `*`, and `:` where a segment begins.
fn is_path(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@/%".contains(&b);
    let escape = |rest: &str| {
        rest.get(..2)
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    path.starts_with('/')
        && path.bytes().all(plain)
        && path.split('%').skip(1).all(escape)
        && !path.contains("//")
        && !lower.contains("%2f")
        && !path
            .split('/')
            .any(|segment| is_dots(segment) || segment.starts_with(':'))
}

/// Whether a segment is a dot segment, as it is, or to who decodes it or leaves parameters out.
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let decoded = name.to_ascii_lowercase().replace("%2e", ".");
    matches!(decoded.as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn path_prefixes() {
        for good in [
            "/", "/mcp", "/a/b/", "/a%20b", "/.a", "/a..b", "/a:b", "/%2ea",
        ] {
            assert!(is_path(good), "{good}");
        }
        for bad in [
            "",
            "mcp",
            "//",
            "/a//b",
            "/a?b",
            "/a#b",
            "/./a",
            "/a/..",
            "/a%2Fb",
            "/a%2",
            "/a b",
            "/é",
            "/%zz",
            "/mcp*",
            "/*/mcp",
            "/**",
            "/{id}",
            "/:id/mcp",
            "/mcp ",
            " /mcp",
            "/a/%2e%2E/b",
            "/%2e/mcp",
            "/.%2e",
            "/..;a/mcp",
            "/%2e%2e;a",
        ] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
