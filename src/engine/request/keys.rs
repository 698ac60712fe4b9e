//! How servers read the keys of a query.

use std::borrow::Cow;

use crate::engine::json::folded;

use super::path::decode;

/// How many times over a query is decoded: by a gateway, and by the server.
pub(super) const DECODINGS: usize = 2;

/// Where a key begins behind what is no `&`.
///
/// SECURITY: a query begins at the first `?` to most and at the last to some, and pairs
/// end at `&` to all and at `;` to some.
pub const fn is_end(byte: u8) -> bool {
    matches!(byte, b'?' | b';' | b'#')
}

/// The key of a pair.
pub fn key_of(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// A key of a query, as those read it who read it most obligingly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryKey {
    readings: Vec<KeyReading>,
}

/// What somebody takes a key for: a name, and members of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyReading {
    /// Where brackets and dots lead to a member.
    path: Vec<String>,
    /// As PHP has it: only brackets do, and what a name does not have becomes `_`.
    php: Vec<String>,
}

impl QueryKey {
    /// A name as it is written in a query, which nobody but the server decodes.
    pub fn named(written: &[u8]) -> Self {
        Self::decoded(written, 1)
    }

    /// A key as a client writes it.
    fn written(written: &[u8]) -> Self {
        Self::decoded(written, DECODINGS)
    }

    fn decoded(written: &[u8], times: usize) -> Self {
        let mut readings: Vec<KeyReading> = Vec::new();
        let mut key = Cow::Borrowed(written);
        for _ in 0..times {
            let once = decode(&units(&key));
            let is_same = once.len() == key.len();
            if is_same && !readings.is_empty() {
                break;
            }
            key = Cow::Owned(once);
            let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
            let spaced: Vec<u8> = key.iter().map(blank).collect();
            readings.extend(texts(&spaced).map(|text| KeyReading::of(&text)));
            if is_same {
                break;
            }
        }
        Self { readings }
    }

    /// Whether somebody takes it for `name`, or for a member of it.
    fn is_of(&self, name: &Self) -> bool {
        let mut pairs = self.readings.iter().flat_map(|reading| {
            let names = name.readings.iter();
            names.map(move |name| (reading, name))
        });
        pairs.any(|(reading, name)| reading.is_of(name))
    }
}

/// Whether a key, as a client writes it, is one of these names to somebody.
pub fn is_any_of(key: &[u8], names: &[QueryKey]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if key.iter().all(is_plain) {
        // Most are, and a client may send any number.
        let mut readings = names.iter().flat_map(|name| &name.readings);
        return readings.any(|reading| reading.is_plainly(key));
    }
    let key = QueryKey::written(key);
    names.iter().any(|name| key.is_of(name))
}

impl KeyReading {
    fn of(text: &str) -> Self {
        let text = folded(text);
        let names = |text: &str, ends: &[char]| -> Vec<String> {
            let names = text.split(|char| ends.contains(&char));
            let names = names.map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        let text = text.trim_start();
        // A bracket that nothing closes, or that comes first, is as good as a dot.
        let bracket = text.find('[').filter(|at| {
            let after = text.get(*at..).unwrap_or_default();
            *at > 0 && after.contains(']')
        });
        let (base, members) = text
            .split_at_checked(bracket.unwrap_or(text.len()))
            .unwrap_or_default();
        let of_name = |char: char| match char {
            ' ' | '.' | '[' => '_',
            char => char,
        };
        let mut php = vec![base.chars().map(of_name).collect()];
        php.extend(names(members, &['[', ']']));
        Self {
            path: names(text, &['[', ']', '.']),
            php,
        }
    }

    /// Whether it is this, to those who look at it without case.
    fn is_plainly(&self, key: &[u8]) -> bool {
        let is = |names: &[String]| match names {
            [name] => name.as_bytes().eq_ignore_ascii_case(key),
            _ => false,
        };
        is(&self.path) || is(&self.php)
    }

    fn is_of(&self, name: &Self) -> bool {
        let is_path = !name.path.is_empty() && self.path.starts_with(&name.path);
        is_path || self.php.starts_with(&name.php)
    }
}

/// The texts that a key is to its readers: those of C strings stop at a NUL, others drop
/// it.
pub(super) fn texts(key: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let cut = key.split(|byte| *byte == 0).next().unwrap_or_default();
    let [text, other] = readings(cut);
    let [whole, other_whole] = if cut.len() < key.len() {
        let whole: Vec<u8> = key.iter().copied().filter(|byte| *byte != 0).collect();
        readings(&whole).map(|text| text.map(|text| Cow::Owned(text.into_owned())))
    } else {
        [None, None]
    };
    [text, other, whole, other_whole].into_iter().flatten()
}

/// What bytes are to those who leave out what is no UTF-8, and to those who take long forms
/// for ASCII, where there are any.
fn readings(bytes: &[u8]) -> [Option<Cow<'_, str>>; 2] {
    let long = with_long_forms(bytes).map(|bytes| Cow::Owned(characters(&bytes).into_owned()));
    [Some(characters(bytes)), long]
}

/// The text with `%u0041` for `A`, as ASP.NET and JavaScript's `unescape` know it.
pub(super) fn units(text: &[u8]) -> Cow<'_, [u8]> {
    let is_unit = |pair: &[u8]| pair.eq_ignore_ascii_case(b"%u");
    if !text.windows(2).any(is_unit) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, later)) = rest.split_first() {
        let digits = match rest.split_at_checked(2) {
            Some((front, digits)) if is_unit(front) => digits.split_at_checked(4),
            _ => None,
        };
        let unit = digits.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            let char = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((char, after))
        });
        rest = match unit {
            Some((char, after)) => {
                plain.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
            None => {
                plain.push(*first);
                later
            }
        };
    }
    Cow::Owned(plain)
}

/// The characters of a text: bytes that are no UTF-8 are left out.
///
/// SECURITY: Bottle and others decode a path and a query so: `%ffmcp` is `mcp` to them.
pub(super) fn characters(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.retain(|char| char != char::REPLACEMENT_CHARACTER);
    Cow::Owned(text)
}

/// A text with ASCII for its long forms, as decoders take them that do not look whether a
/// form is the shortest; `None` where it has none.
///
/// SECURITY: no UTF-8 has any. `%c0%ae` is a dot to old servers, and nothing to those who
/// leave out what is no UTF-8.
pub(super) fn with_long_forms(text: &[u8]) -> Option<Vec<u8>> {
    if !text
        .iter()
        .any(|byte| matches!(byte, 0xC0 | 0xC1 | 0xE0 | 0xF0))
    {
        return None;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, later)) = rest.split_first() {
        let long = long_form(rest);
        plain.push(long.map_or(*first, |(byte, _)| byte));
        rest = long.map_or(later, |(_, after)| after);
    }
    (plain.len() < text.len()).then_some(plain)
}

/// The byte of ASCII that a text begins with in two, three or four bytes, and what follows.
fn long_form(text: &[u8]) -> Option<(u8, &[u8])> {
    let (high, low, after) = match text {
        [high @ (0xC0 | 0xC1), low, after @ ..]
        | [0xE0, high @ (0x80 | 0x81), low, after @ ..]
        | [0xF0, 0x80, high @ (0x80 | 0x81), low, after @ ..] => (high, low, after),
        _ => return None,
    };
    let is_later = matches!(low, 0x80..=0xBF);
    is_later.then_some((((high & 1) << 6) | (low & 0x3F), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(key: &str, name: &str) -> bool {
        let name = QueryKey::named(name.as_bytes());
        let is_of = QueryKey::written(key.as_bytes()).is_of(&name);
        assert_eq!(is_any_of(key.as_bytes(), &[name]), is_of, "{key}");
        is_of
    }

    #[test]
    fn spellings() {
        for (name, keys) in [
            (
                "admin",
                &[
                    "admin",
                    "%61dmin",
                    "%2561dmin",
                    "%u0061dmin",
                    "%20admin",
                    "+admin",
                    "admin+",
                    "%09admin",
                    "%00admin",
                    "ad%00min",
                    "admin%00x",
                    "admin[]",
                    "admin[x][y]",
                    "admin%5B%5D",
                    "admin[",
                    "admin.x",
                    "[admin]",
                    ".admin",
                    "ADMIN",
                    "adm%C4%B1n",
                    "admin%E2%80%8B",
                    "%c1%a1dmin",
                    "%e0%81%a1dmin",
                    "%f0%80%81%a1dmin",
                    "ad%ffmin",
                    "ad%c0%aemin",
                ][..],
            ),
            (
                "user_id",
                &["user.id", "user%20id", "user+id", "user[id", "+user.id[x]"],
            ),
            ("user.id", &["user_id", "user[id]", "user.id", "user.id[]"]),
            ("filter%5Bx%5D", &["filter[x]", "filter.x", "filter[x][y]"]),
            ("filter%5B%5D", &["filter", "filter[]", "filter[x]"]),
            ("_admin", &[".admin", "[admin", "_admin"]),
            ("%61dmin", &["admin", "%61dmin"]),
            ("$top", &["$top", "%24top"]),
            ("", &[""]),
        ] {
            for key in keys {
                assert!(is_of(key, name), "{key} {name}");
            }
        }
    }

    #[test]
    fn other_keys() {
        for (name, keys) in [
            (
                "admin",
                &[
                    "", "admins", "admin_", "admin-x", "x[admin]", "x.admin", "-admin", "$admin",
                    "_admin", "adm", "a[dmin]",
                ][..],
            ),
            ("user_id", &["user", "user[id]", "userid", "user-id"]),
            ("user.id", &["user", "user.ids", "id"]),
            ("filter%5Bx%5D", &["filter", "filter[y]", "filter[]"]),
            ("$top", &["top"]),
            ("", &["a", "[]", ".", "[a]"]),
            ("%5B", &["a", "x[a]"]),
        ] {
            for key in keys {
                assert!(!is_of(key, name), "{key} {name}");
            }
        }
    }
}
