//! What in a name looks like a pattern, a list or a quotation, where it is compared as it is.
//!
//! SPEC: MCP 2025-11-25, tools: names are of letters, digits, `_`, `-`, `.` and `/`. What else
//! a server may name a thing is taken for a name too, unless other matchers read it otherwise.

/// What a name looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) struct Likeness {
    /// What it is not: the end of a sentence.
    pub(in crate::tool::compile) is_none: &'static str,
    /// Whether several things are meant, or one that is named otherwise.
    pub(in crate::tool::compile) means_several: bool,
}

/// Classes, escapes and repetitions that no name has.
const EXPRESSIONS: [&str; 12] = [
    ".+", ".?", "(?", ")+", ")?", "]+", "]?", "\\.", "\\d", "\\w", "\\s", "\\b",
];

/// What a name of a tool or prompt looks like.
pub(in crate::tool::compile) fn of_name(name: &str) -> Option<Likeness> {
    let several = |is_none| {
        Some(Likeness {
            is_none,
            means_several: true,
        })
    };
    let one = |is_none| {
        Some(Likeness {
            is_none,
            means_several: false,
        })
    };
    let inner = |first: char, last: char| {
        let rest = name.strip_prefix(first)?.strip_suffix(last)?;
        (!rest.is_empty()).then_some(rest)
    };
    if !name.contains(char::is_alphanumeric) {
        return None;
    }
    let is_quoted = ['"', '\'', '`']
        .iter()
        .any(|mark| inner(*mark, *mark).is_some());
    if is_quoted {
        one("the quotes are a part of it")
    } else if name.contains('|') {
        several("`|` is no alternative")
    } else if EXPRESSIONS.iter().any(|part| name.contains(part)) || has_class(name) {
        several("it is no regular expression")
    } else if inner('/', '/').is_some_and(|rest| !rest.contains('/')) {
        several("the slashes make no regular expression")
    } else if name.contains([',', ';']) {
        several("it is no list")
    } else if name.ends_with('?') && !name.contains(' ') {
        several("`?` stands for no letter")
    } else if name.ends_with("()") || inner('(', ')').is_some() {
        one("the brackets are a part of it")
    } else if name.starts_with('!') {
        several("`!` negates nothing")
    } else if begins_with_method(name) {
        one("the method is a part of it")
    } else {
        None
    }
}

/// Whether uris stand in a row.
pub(in crate::tool::compile) fn of_uri(uri: &str) -> Option<Likeness> {
    let has_scheme = |part: &str| part.trim().contains("://");
    let are_several = [',', '|', ';', ' '].iter().any(|mark| {
        let mut parts = uri.split(*mark).peekable();
        uri.contains(*mark) && parts.all(has_scheme)
    });
    let is_expression = uri.ends_with(".+");
    (are_several || is_expression).then_some(Likeness {
        is_none: match are_several {
            true => "it is no list",
            false => "it is no regular expression",
        },
        means_several: true,
    })
}

fn has_class(name: &str) -> bool {
    name.split_once('[')
        .is_some_and(|(_, rest)| rest.find(']').is_some_and(|end| end > 0))
}

/// Whether a name has the method before it: `tools/call rm`.
fn begins_with_method(name: &str) -> bool {
    let methods = ["tools/call", "prompts/get"];
    methods.iter().any(|method| {
        let rest = name.strip_prefix(method);
        rest.is_some_and(|rest| rest.starts_with([' ', ':']))
    })
}

#[cfg(test)]
mod tests {
    use super::{of_name, of_uri};

    #[test]
    fn patterns_and_lists_are_told_from_names() {
        for name in [
            "rm|del",
            "(rm|del)",
            "rm,del",
            "rm, del",
            "{rm,del}",
            "rm;del",
            "rm.+",
            "rm?",
            "/rm/",
            "\"rm\"",
            "'rm'",
            "`rm`",
            "rm()",
            "(rm)",
            "tools/call rm",
            "tools/call:rm",
            "!echo",
            "rm[0-9]",
            "rm\\.x",
            "(?i)rm",
        ] {
            assert!(of_name(name).is_some(), "{name}");
        }
        for name in [
            "a.b",
            "a/b",
            "/a/b/",
            "get it",
            "a^b",
            "$a",
            "{a}",
            "größe",
            "a-b_c",
            "c++",
            "a:b",
            "arr[]",
            "tools/call/rm",
            "tools/call",
            "it's",
            "()",
            "!",
            "\"",
            "what now?",
            "?",
            "|",
            ",",
            "a@b",
            "/",
            "read (v2)",
            "",
        ] {
            assert_eq!(of_name(name), None, "{name}");
        }
    }

    #[test]
    fn rows_of_uris_are_told_from_uris() {
        for uri in [
            "file:///a,file:///b",
            "a://b | c://d",
            "a://b c://d",
            "file:///a/.+",
        ] {
            assert!(of_uri(uri).is_some(), "{uri}");
        }
        for uri in [
            "file:///a,b",
            "file:///C|/a",
            "a://b?c=d,e",
            "urn:a,urn:b",
            "a://b",
        ] {
            assert_eq!(of_uri(uri), None, "{uri}");
        }
    }
}
