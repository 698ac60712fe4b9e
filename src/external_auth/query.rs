//! Changes to a request's query.

/// A target (path and query) with parameters set, which take the place of all of their
/// name, and others removed. What is not named stays as it was written, in its order.
pub(super) fn edited(target: &[u8], set: &[(String, String)], remove: &[String]) -> Vec<u8> {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let path = parts.next().unwrap_or_default();
    let given = parts.next().unwrap_or_default();
    let is_named = |parameter: &&[u8]| {
        let name = parameter.split(|byte| *byte == b'=').next();
        let is = |other: &String| name == Some(other.as_bytes());
        !parameter.is_empty() && !set.iter().any(|(key, _)| is(key)) && !remove.iter().any(is)
    };
    let kept = given.split(|byte| *byte == b'&').filter(is_named);
    // As behind Envoy's own filter, a name both set and removed is removed; of one set
    // twice the last counts.
    let set = set.iter().enumerate().filter(|(index, (key, _))| {
        let mut later = set.iter().skip(index.saturating_add(1));
        !later.any(|(other, _)| other == key) && !remove.contains(key)
    });
    let set = set.map(|(_, (key, value))| format!("{key}={value}").into_bytes());
    let parameters: Vec<Vec<u8>> = kept.map(<[u8]>::to_vec).chain(set).collect();
    let mut edited = path.to_vec();
    if !parameters.is_empty() {
        edited.push(b'?');
        edited.extend(parameters.join(&b'&'));
    }
    edited
}

/// Whether a text is part of a query: one parameter's name or value, and no more.
///
/// SPEC: RFC 3986, 3.4; `%` begins an escape, as the authorizer wrote it.
pub(super) fn is_part(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$'()*+,;:@/?".contains(&byte);
    text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_changes() {
        let set = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let none: &[(&str, &str)] = &[];
        for (target, pairs, remove, expected) in [
            ("/mcp", &[("a", "1")][..], &[][..], "/mcp?a=1"),
            ("/mcp?b=2&a&c=%20", &[("a", "1")], &[], "/mcp?b=2&c=%20&a=1"),
            ("/mcp?a=0&a=1&ab=2", &[("a", "3")], &[], "/mcp?ab=2&a=3"),
            ("/mcp?a=0&b=1", none, &["a"], "/mcp?b=1"),
            ("/mcp?a=0", none, &["a"], "/mcp"),
            ("/mcp?b", &[("a", "1")], &["a"], "/mcp?b"),
            ("/mcp?b", &[("a", "1"), ("a", "2")], &[], "/mcp?b&a=2"),
            ("/mcp?", &[("a", "?")], &[], "/mcp?a=?"),
        ] {
            let remove: Vec<String> = remove.iter().map(|key| (*key).to_owned()).collect();
            let edited = edited(target.as_bytes(), &set(pairs), &remove);
            assert_eq!(String::from_utf8_lossy(&edited), expected, "{target}");
        }
    }

    #[test]
    fn what_is_more_than_one_part() {
        for part in ["", "a", "a%20b", "/x?", "a+b"] {
            assert!(is_part(part), "{part}");
        }
        for more in ["a&b", "a=b", "a#b", "a b", "a\r", "é", "\0", "\""] {
            assert!(!is_part(more), "{more}");
        }
    }
}
