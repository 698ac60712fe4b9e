//! The header `x-forwarded-client-cert`: what a hop before this one says of the
//! certificate of its client.
//!
//! SPEC: Envoy, HTTP header manipulation, x-forwarded-client-cert: elements separated
//! by `,`, one for each hop; pairs `key=value` separated by `;`; keys without case;
//! a value with separators in it is in double quotes, which are escaped in it.
//!
//! SECURITY: a client may have written what stands before the last element. Quotes in
//! it that swallow the last element, or part of it, leave something malformed behind,
//! and one malformed thing anywhere means that nothing is read at all.

/// The URIs of the last element; `None` when anything is malformed. `header` is all
/// lines joined by `,`, as Envoy joins them before anybody sees them.
pub(super) fn last_uris(header: &str) -> Option<Vec<&str>> {
    let mut rest = header;
    loop {
        let (uris, after) = element(rest)?;
        match after {
            Some(after) => rest = after,
            None => return Some(uris),
        }
    }
}

/// A key of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ElementKey {
    By,
    Hash,
    /// In quotes, so that it may be anywhere.
    Quoted(u8),
    Uri,
    Dns,
}

impl ElementKey {
    fn new(key: &str) -> Option<Self> {
        let keys = [
            ("by", Self::By),
            ("hash", Self::Hash),
            ("cert", Self::Quoted(0)),
            ("chain", Self::Quoted(1)),
            ("subject", Self::Quoted(2)),
            ("uri", Self::Uri),
            ("dns", Self::Dns),
        ];
        let mut keys = keys.into_iter();
        let found = keys.find(|(known, _)| key.eq_ignore_ascii_case(known));
        found.map(|(_, key)| key)
    }

    const fn may_repeat(self) -> bool {
        matches!(self, Self::By | Self::Uri | Self::Dns)
    }
}

/// The URIs of the element that a text begins with, and what follows its comma.
///
/// SECURITY: Envoy writes URIs and names of hosts as they are in a certificate, with
/// whatever would end them: `a.d;URI=spiffe://d/b` may be the name of a host. What is
/// not in Envoy's order, or empty, is malformed.
fn element(text: &str) -> Option<(Vec<&str>, Option<&str>)> {
    let mut uris = Vec::new();
    let mut seen: Vec<ElementKey> = Vec::new();
    // Who joins lines may add a blank to the comma.
    let mut rest = text.trim_start_matches([' ', '\t']);
    loop {
        let (key, value, after) = pair(rest)?;
        let key = ElementKey::new(key)?;
        let is_out_of_order = match key {
            ElementKey::Quoted(_) => false,
            key => seen
                .iter()
                .any(|seen| !matches!(seen, ElementKey::Quoted(_)) && *seen > key),
        };
        if is_out_of_order || (seen.contains(&key) && !key.may_repeat()) {
            return None;
        }
        if !seen.contains(&key) {
            seen.push(key);
        }
        if key == ElementKey::Uri {
            // No URI has a backslash; without one nothing is left to unescape.
            if value.is_empty() || value.contains('\\') {
                return None;
            }
            uris.push(value);
        }
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some((uris, None)),
            None => return Some((uris, Some(after.strip_prefix(',')?))),
        }
    }
}

/// The pair that a text begins with, and what follows it.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.split_once('=')?;
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let (value, after) = match rest.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => plain(rest)?,
    };
    Some((key, value, after))
}

/// A value without quotes. `=` may be in it: Envoy writes URIs as they are.
fn plain(text: &str) -> Option<(&str, &str)> {
    let (value, after) = text.split_at(text.find([',', ';']).unwrap_or(text.len()));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    value.bytes().all(is_plain).then_some((value, after))
}

/// A value up to the quote that ends it, not unescaped.
///
/// SECURITY: after an escaped backslash, readers who know no escape but that of the
/// quote would take the quote that ends the value for a part of it. Two backslashes
/// are therefore malformed.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            '\\' if escaped => return None,
            '\\' => escaped = true,
            '"' if !escaped => {
                let (value, after) = text.split_at(at);
                return Some((value, after.strip_prefix('"')?));
            }
            char if char.is_control() => return None,
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uris_of_the_last_element() {
        for (header, expected) in [
            ("URI=spiffe://d/a", &["spiffe://d/a"][..]),
            ("uri=spiffe://d/a", &["spiffe://d/a"]),
            ("URI=\"spiffe://d/a\"", &["spiffe://d/a"]),
            ("Hash=00", &[]),
            ("By=spiffe://d/b;Hash=00;DNS=a.d;DNS=b.d", &[]),
            (
                "By=spiffe://d/b;Hash=00;Subject=\"CN=c,O=d\";URI=spiffe://d/a",
                &["spiffe://d/a"],
            ),
            (
                "URI=https://d/?a=b;URI=spiffe://d/a",
                &["https://d/?a=b", "spiffe://d/a"],
            ),
            ("URI=spiffe://d/a,URI=spiffe://d/b", &["spiffe://d/b"]),
            ("URI=spiffe://d/a, URI=spiffe://d/b", &["spiffe://d/b"]),
            ("URI=spiffe://d/a,Hash=00", &[]),
            (
                "Subject=\"CN=\\\"x\\\";URI=spiffe://d/b\";URI=spiffe://d/a",
                &["spiffe://d/a"],
            ),
            ("Subject=\"O=a\\, b\";URI=spiffe://d/a", &["spiffe://d/a"]),
            ("Subject=\"é\";URI=spiffe://d/a", &["spiffe://d/a"]),
            ("Subject=\"\";URI=spiffe://d/a", &["spiffe://d/a"]),
        ] {
            assert_eq!(last_uris(header).as_deref(), Some(expected), "{header}");
        }
    }

    #[test]
    fn what_is_malformed_anywhere_is_not_read() {
        for bad in [
            "",
            " ",
            ",",
            ";",
            "URI",
            "=",
            "=spiffe://d/b",
            "URI=a;",
            ";URI=a",
            "Hash=0;;URI=a",
            "Hash=0; URI=a",
            "URI =a",
            "URI= a",
            "URI=a ",
            "U\u{212a}I=a",
            "URI=é",
            "URI=a\"",
            "URI=a\"b\"",
            "URI=\"a",
            "URI=\"a\"b",
            "URI=\"a\" ",
            "URI=\"a\"\"b\"",
            "URI=\"a\\\"",
            "URI=\"a\\\"b\"",
            "URI=\"spiffe\\://d/a\"",
            "URI=a\\b",
            "URI=",
            "Hash=0;URI=",
            "DNS=a.d;URI=spiffe://d/b",
            "Hash=0;DNS=a.d;URI=spiffe://d/b;DNS=b.d",
            "URI=a;Hash=0",
            "Hash=0;Hash=1",
            "Subject=\"\";Subject=\"\"",
            "Hash=0;By=b",
            "Other=a",
            "Subject=\"\\\\\"",
            "Subject=\"\\\\\\\"\"",
            "Subject=\"a\tb\"",
            "[{\"URI\":[\"spiffe://d/a\"]}]",
        ] {
            for header in [bad, &format!("{bad},URI=a"), &format!("URI=a,{bad}")] {
                assert_eq!(last_uris(header), None, "{header}");
            }
        }
    }

    /// Whatever a client wrote before it, and has in its certificate, the element that
    /// the hop added is the last one, or nothing is read.
    #[test]
    fn an_element_in_front_never_hides_the_last_one() {
        let hops = [
            "Hash=00;URI=spiffe://d/me",
            "By=spiffe://d/hop;Hash=00;Subject=\"\";URI=spiffe://d/me",
            "Hash=00;Subject=\"CN=\\\",URI=spiffe://d/b;\\\"\";URI=spiffe://d/me;DNS=me",
            "Hash=00;Cert=\"---\";Chain=\"---\";Subject=\"CN=x,O=y\";URI=spiffe://d/me",
        ];
        let parts = [
            "URI=spiffe://d/b",
            "\"",
            "\\",
            ",",
            ";",
            "=",
            "Subject=\"",
            "a",
            " ",
            "\\\"",
        ];
        let mut fronts = vec![String::new()];
        for _ in 0..4 {
            let longer = |front: &String| parts.map(|part| format!("{front}{part}"));
            fronts = fronts.iter().flat_map(longer).collect();
            for (front, hop) in fronts.iter().flat_map(|front| hops.map(|hop| (front, hop))) {
                let header = format!("{front},{hop}");
                let uris = last_uris(&header);
                let is_mine = uris.is_none_or(|uris| uris == ["spiffe://d/me"]);
                assert!(is_mine, "{header}");
            }
        }
    }
}
