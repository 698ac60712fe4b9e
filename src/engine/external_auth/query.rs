//! Changes to a request's query.

use crate::engine::request::{QueryKey, is_any_of, is_end, key_of};

/// A target (path and query) with parameters set, which take the place of all of their
/// name, and others removed. What is not named stays as it was written, in its order.
///
/// SECURITY: of their name is what some server takes for it, however it is spelt.
pub(super) fn edited(target: &[u8], set: &[(String, String)], remove: &[String]) -> Vec<u8> {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let path = parts.next().unwrap_or_default();
    let given = parts.next().unwrap_or_default();
    let names = set.iter().map(|(key, _)| key).chain(remove);
    let names: Vec<QueryKey> = names.map(|name| QueryKey::named(name.as_bytes())).collect();
    let kept = given.split(|byte| *byte == b'&');
    let kept = kept.map(|pair| without(pair, &names));
    let kept = kept.filter(|pair| !pair.is_empty());
    // As behind Envoy's own filter, a name both set and removed is removed; of one set
    // twice the last counts.
    let set = set.iter().enumerate().filter(|(index, (key, _))| {
        let mut later = set.iter().skip(index.saturating_add(1));
        !later.any(|(other, _)| other == key) && !remove.contains(key)
    });
    let set = set.map(|(_, (key, value))| format!("{key}={value}").into_bytes());
    let parameters: Vec<Vec<u8>> = kept.chain(set).collect();
    let mut edited = path.to_vec();
    if !parameters.is_empty() {
        edited.push(b'?');
        edited.extend(parameters.join(&b'&'));
    }
    edited
}

/// What stays of a pair, which some take for several.
fn without(pair: &[u8], names: &[QueryKey]) -> Vec<u8> {
    let is_named = |pair: &[u8]| is_any_of(key_of(pair), names);
    if !pair.iter().copied().any(is_end) {
        return if is_named(pair) {
            Vec::new()
        } else {
            pair.to_vec()
        };
    }
    // A name may have a `;` in it.
    if key_of(pair).iter().copied().any(is_end) && is_named(pair) {
        return Vec::new();
    }
    let mut kept = Vec::new();
    let (mut end, mut last) = (&b""[..], &b""[..]);
    for piece in pair.split_inclusive(|byte| is_end(*byte)) {
        let (bare, next) = match piece.split_last() {
            Some((byte, bare)) if is_end(*byte) => piece.split_at(bare.len()),
            _ => (piece, &b""[..]),
        };
        // SECURITY: what came behind an end stays behind it: to those to whom it is none,
        // it would be a parameter that was not there.
        last = if is_named(bare) {
            b""
        } else {
            kept.extend_from_slice(end);
            kept.extend_from_slice(bare);
            next
        };
        end = next;
    }
    kept.extend_from_slice(last);
    kept
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
            (
                "/mcp?%61=1&b=%61&a%00x=2",
                &[("a", "3")],
                &[],
                "/mcp?b=%61&a=3",
            ),
            (
                "/mcp?%20a=1&+a=1&a[]=1&a.b=1&A=1&x[a]=%5b&b",
                none,
                &["a"],
                "/mcp?x[a]=%5b&b",
            ),
            ("/mcp?z=1;a=1", none, &["a"], "/mcp?z=1"),
            ("/mcp?z=1;a=1;y;=&b", none, &["a"], "/mcp?z=1;y;=&b"),
            ("/mcp?z=1;a=1&b", none, &["z"], "/mcp?;a=1&b"),
            ("/mcp?z?a=1&b;", none, &["a"], "/mcp?z&b;"),
            ("/mcp?x=1&a;b=1&a=2", none, &["a;b"], "/mcp?x=1&a=2"),
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
