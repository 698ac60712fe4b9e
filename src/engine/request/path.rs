//! Which paths carry MCP, and what rules can ask about a path.

use std::borrow::Cow;

use super::keys::{characters, units, with_long_forms};
use super::query::names_path;
use crate::engine::json::folded;
use crate::engine::uri::{decode_all, escaped};

/// Whether a request path (with or without query) is under one of some prefixes.
///
/// SECURITY: servers decode and tidy up paths in different ways and in different orders, so
/// a path that lies under a prefix at any moment of that counts as lying there: what is
/// inspected without need is only refused when it is no MCP, and what is not inspected
/// could be anything. Many compare the front of a path, so that `/mcpx` is `/mcp` to them
/// (`createContext` of the JDK, `startsWith` in servers without a router), or the end of it
/// (`/x/mcp`, to the official Java SDK); and to PHP what is behind a script is the path.
pub(super) fn is_under_any(target: &[u8], prefixes: &[String]) -> bool {
    let path = without_query(target);
    let prefixes = || prefixes.iter().map(|prefix| prefix.as_bytes());
    let has = |path: &[u8], prefix: &[u8]| {
        let prefix = without_slash(prefix);
        without_case(path, prefix).is_some() || ends_alike(path, prefix)
    };
    if prefixes().any(|prefix| has(path, prefix)) {
        return true;
    }
    if behind_scripts(path).next().is_none() && !is_odd(path) && !prefixes().any(is_odd) {
        return false;
    }
    if path.len() > LONGEST {
        return true;
    }
    let has_line = prefixes().any(|prefix| prefix.contains(&b'_'));
    let moments = moments(path, has_line);
    let may_be = |path: &[u8], prefix: &[u8]| has(path, prefix) || may_lie(path, prefix);
    let may_be_at = |moment: &[u8], prefix: &[u8]| {
        let mut scripts = behind_scripts(moment).enumerate();
        may_be(moment, prefix)
            || may_end(moment, prefix)
            || scripts.any(|(number, path)| number >= MOST_SCRIPTS || may_be(path, prefix))
    };
    prefixes().map(decode_all).any(|prefix| {
        let tidied = tidy(prefix.clone());
        moments.iter().any(|moment| {
            may_be_at(moment, &prefix) || (tidied != prefix && may_be_at(moment, &tidied))
        })
    })
}

/// How many scripts are looked behind: nobody means so many, and each look takes the rest of
/// a path.
const MOST_SCRIPTS: usize = 16;

/// What a path is to servers that decode it, each once: without escapes; of `%u006d` and of
/// long forms as well; without what is no UTF-8, or is not seen; and where a prefix has a
/// `_`, with what is one to some.
fn moments(path: &[u8], has_line: bool) -> Vec<Vec<u8>> {
    let decoded = decode_all(path);
    let mut all = Vec::new();
    let mut add = |moment: Vec<u8>| {
        if !all.contains(&moment) {
            all.push(moment);
        }
    };
    if has_line {
        // `a%25bc` is `a%bc` before it is anything else.
        add(decode(path));
        let line = |byte: &u8| if *byte == b'\\' { b'_' } else { *byte };
        add(decoded.iter().map(line).collect());
    }
    let units = match units(path) {
        Cow::Owned(path) => decode_all(&path),
        Cow::Borrowed(_) => decoded.clone(),
    };
    add(decoded);
    if let Some(short) = with_long_forms(&units) {
        add(decode_all(&tidy(short)));
    }
    if !units.is_ascii() || units.contains(&b' ') {
        add(decode_all(&tidy(units.clone())));
    }
    add(units);
    all
}

/// Whether some server may take what a query says for the path, or for the end of one, under
/// one of some prefixes: `/shop?rest_route=/mcp` is `/wp-json/mcp` to WordPress.
pub(super) fn may_name_any(value: &[u8], prefixes: &[String]) -> bool {
    let path = match value.first() {
        Some(b'/') => value.to_vec(),
        _ => [b"/", value].concat(),
    };
    prefixes.iter().any(|prefix| {
        let mut ends = prefix
            .match_indices('/')
            .filter_map(|(at, _)| prefix.get(at..));
        ends.any(|end| end.len() > 1 && is_under_any(&path, &[end.to_owned()]))
    })
}

/// Whether the segments that a decoded path ends with may be those of a prefix.
fn may_end(path: &[u8], prefix: &[u8]) -> bool {
    let counted = |path| -> Vec<&[u8]> {
        let all = segments(path);
        all.filter(|segment| !is_left_out(segment)).collect()
    };
    let (path, prefix) = (counted(path), counted(prefix));
    let mut pairs = path.iter().rev().zip(prefix.iter().rev());
    !prefix.is_empty()
        && path.len() >= prefix.len()
        && pairs.all(|(segment, name)| reads_as(segment, name, false))
}

/// Whether a path ends as one of a policy, but for case and a slash.
fn ends_alike(path: &[u8], end: &[u8]) -> bool {
    !end.is_empty() && has_end(without_slash(path), end)
}

/// Whether a path ends so, to some server.
fn has_end(path: &[u8], end: &[u8]) -> bool {
    let start = path.len().checked_sub(end.len());
    let found = start.and_then(|start| path.get(start..));
    found.is_some_and(|found| spells(found, end))
}

/// What stands behind each script in a path, from the slash on.
fn behind_scripts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.filter_map(|(at, _)| {
        let (before, rest) = path.split_at_checked(at)?;
        is_script(before).then_some(rest)
    })
}

/// How scripts end that go by what stands behind them: PHP's, `.php7` among them, and those that
/// servers run by CGI and its relatives.
const SCRIPTS: [&str; 11] = [
    ".php", ".phtml", ".cgi", ".fcgi", ".wsgi", ".pl", ".py", ".cfm", ".asp", ".aspx", ".jsp",
];

/// Whether a path ends as a script.
pub fn is_script(path: &[u8]) -> bool {
    let unnumbered = match path {
        [front @ .., b'0'..=b'9'] => front,
        path => path,
    };
    let mut ends = SCRIPTS.iter();
    has_end(unnumbered, b".php") || ends.any(|end| has_end(path, end.as_bytes()))
}

/// The longest path whose readings are looked at, in bytes: what servers take for a whole
/// request line is about as long.
const LONGEST: usize = 8 << 10;

/// Whether a path is under a prefix as both are spelt, but for case and an extension of the
/// prefix's last segment.
pub(super) fn is_spelt_under(path: &[u8], prefix: &[u8]) -> bool {
    let prefix = without_slash(prefix);
    let ends = |byte: &u8| *byte == b'/' || (*byte == b'.' && !prefix.is_empty());
    without_case(path, prefix).is_some_and(|rest| rest.first().is_none_or(ends))
}

/// Whether a path has anything for which some server reads other segments in it.
fn is_odd(path: &[u8]) -> bool {
    let odd = |byte: &u8| matches!(byte, b'%' | b'\\' | b';' | 0..=0x20 | 0x7f..);
    path.iter().any(odd)
        || path.windows(2).any(|pair| matches!(pair, b"//" | b"/."))
        || path.first() != Some(&b'/')
}

/// Whether a decoded path may lie under a decoded prefix, at any moment of any reading.
///
/// A reading splits the path, leaves segments out, and takes others back where `..` stands.
/// Without `..` what is left follows from the root on. With it, or where the path begins as
/// an authority does (`//x/mcp`), all that is sure is that the prefix's segments stand in
/// the path in their order.
fn may_lie(path: &[u8], prefix: &[u8]) -> bool {
    let is_loose = match path.strip_prefix(b"/") {
        Some(rest) => {
            segments(rest).next().is_none_or(is_left_out) || segments(rest).any(is_parent)
        }
        None => true,
    };
    let mut prefix = segments(prefix).filter(|segment| !is_left_out(segment));
    let (mut wanted, mut following) = (prefix.next(), prefix.next());
    for segment in segments(path) {
        let Some(name) = wanted else {
            return true;
        };
        if reads_as(segment, name, following.is_none()) {
            (wanted, following) = (following, prefix.next());
        } else if !is_loose && !is_left_out(segment) {
            return false;
        }
    }
    wanted.is_none()
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
}

/// Whether a segment is nothing to some server: empty, blank, a dot, or only parameters.
fn is_left_out(segment: &[u8]) -> bool {
    reads_as(segment, b"", false) || reads_as(segment, b".", false)
}

fn is_parent(segment: &[u8]) -> bool {
    reads_as(segment, b"..", false)
}

/// Whether some server reads a decoded segment as a name: without case, control characters
/// and blanks around it, up to parameters, a NUL, or what was an escaped `?` or `#`; where it
/// is the last, by its front.
fn reads_as(segment: &[u8], name: &[u8], is_last: bool) -> bool {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control();
    let mut rest = segment.trim_ascii_start().iter();
    let name = name.split(|byte| *byte == b';').next().unwrap_or_default();
    for byte in name.trim_ascii() {
        let next = rest.find(|byte| !byte.is_ascii_control());
        if !next.is_some_and(|next| spells_byte(*next, *byte)) {
            return false;
        }
    }
    rest.next()
        .is_none_or(|byte| is_last || is_blank(byte) || matches!(byte, b';' | b'?' | b'#'))
}

/// A request target without query and fragment.
pub(super) fn without_query(target: &[u8]) -> &[u8] {
    let mut parts = target.split(|byte| matches!(byte, b'?' | b'#'));
    parts.next().unwrap_or_default()
}

/// The query of a request target: what follows its first `?`, up to a fragment.
pub(super) fn query(target: &[u8]) -> Option<&[u8]> {
    let place = target.iter().position(|byte| *byte == b'?')?;
    let before = target.get(..place)?;
    let after = target.get(place.checked_add(1)?..)?;
    let is_query = !before.contains(&b'#');
    let mut parts = after.split(|byte| *byte == b'#');
    parts.next().filter(|_| is_query)
}

/// By whole segments; a trailing slash of the prefix does not count.
pub(super) fn is_under(path: &[u8], prefix: &[u8]) -> bool {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    match path.strip_prefix(prefix) {
        Some(rest) => rest.first().is_none_or(|byte| *byte == b'/'),
        None => false,
    }
}

/// The path of a request, without query and fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestPath<'r> {
    path: &'r [u8],
    /// Some server takes what the query says for the path.
    is_in_query: bool,
}

impl<'r> RequestPath<'r> {
    /// The path of a request target.
    pub(super) fn new(target: &'r [u8]) -> Self {
        Self {
            path: without_query(target),
            is_in_query: names_path(target),
        }
    }

    /// As it came.
    pub const fn as_bytes(self) -> &'r [u8] {
        self.path
    }

    /// Whether it is a prefix or lies below it, by whole segments.
    pub fn is_under(self, prefix: &str) -> bool {
        is_under(self.path, prefix.as_bytes())
    }

    /// Whether it lies under one of some prefixes to every server: as it is spelt, and
    /// wherever it is tidied.
    pub fn is_surely_under_any(self, prefixes: &[String]) -> bool {
        let leads_out = || {
            let mut moments = moments(self.path, false).into_iter();
            is_odd(self.path) && moments.any(|path| segments(&path).any(is_parent))
        };
        prefixes.iter().any(|prefix| self.is_under(prefix)) && !leads_out()
    }

    /// The other paths that servers may take it for, without case, without a slash at its
    /// end, without an extension, and of these in small letters those with a `_` for what is
    /// one to some: each once; `None` where it is too long to look at so many.
    pub fn readings(self) -> Option<Vec<Vec<u8>>> {
        let path = self.path;
        if path.len() > LONGEST {
            return None;
        }
        let mut readings = Vec::new();
        let lower = path.to_ascii_lowercase();
        let tidied = tidied(path);
        for (path, is_lined) in [(path, false), (&*lower, false), (&*tidied, true)] {
            let whole = without_slash(path);
            let last = whole
                .rsplit(|byte| *byte == b'/')
                .next()
                .unwrap_or_default();
            let before = whole.len().saturating_sub(last.len());
            let is_dot = |byte: &u8| *byte == b'.';
            // `.env` is a name, `a.tar.gz` may have one extension or two.
            let dots = [last.iter().position(is_dot), last.iter().rposition(is_dot)];
            let dots = dots.into_iter().flatten().filter(|dot| *dot > 0);
            let stems = dots.filter_map(|dot| whole.get(..before.saturating_add(dot)));
            let stems: Vec<&[u8]> = std::iter::once(whole).chain(stems).collect();
            let lined = stems
                .iter()
                .filter(|_| is_lined)
                .filter_map(|stem| lined(&stem.to_ascii_lowercase()));
            let lined: Vec<Vec<u8>> = lined.collect();
            for stem in stems.into_iter().chain(lined.iter().map(Vec::as_slice)) {
                for reading in [stem.to_vec(), [stem, b"/"].concat()] {
                    if !reading.is_empty() && reading != self.path && !readings.contains(&reading) {
                        readings.push(reading);
                    }
                }
            }
        }
        Some(readings)
    }

    /// Whether it has just the escapes that it needs.
    pub fn is_canonical(self) -> bool {
        forms(self.path).is_none_or(|[_, escaped]| escaped == self.path)
    }

    /// Whether servers read it as different paths: dot segments, empty segments,
    /// parameters of segments, backslashes, escapes of what needs none or of what divides a
    /// path, long forms of ASCII, or a query that names a path. What is left, several `forms` of one path, is not
    /// among these.
    pub fn is_ambiguous(self) -> bool {
        let path = self.path;
        let odd = |byte: &u8| matches!(byte, b'\\' | b';' | 0..=0x20 | 0x7f);
        let segments = || path.split(|byte| *byte == b'/').skip(1);
        // SECURITY: what it may be is not looked for in a path of any length.
        path.len() > LONGEST
            || path.first() != Some(&b'/')
            || path.iter().any(odd)
            || segments().any(|segment| matches!(segment, b"." | b".."))
            || path.windows(2).any(|pair| pair == b"//")
            || path.split(|byte| *byte == b'%').skip(1).any(is_odd_escape)
            || self.is_in_query
            || ((path.contains(&b'%') || !path.is_ascii())
                && (with_long_forms(&decode(path)).is_some() || segments().any(is_blank_dots)))
    }

    /// Whether some server takes what the query says for the path.
    pub const fn is_in_query(self) -> bool {
        self.is_in_query
    }

    /// Whether it goes on behind a script, which is to go by the rest.
    pub fn is_behind_script(self) -> bool {
        let is_behind = |path: &[u8]| behind_scripts(path).next().is_some();
        is_behind(self.path) || matches!(tidied(self.path), Cow::Owned(path) if is_behind(&path))
    }
}

/// Whether a segment is nothing, or dots, once escaped blanks around it are taken off, and
/// what is no UTF-8 or is not seen; or becomes several, one of which is.
fn is_blank_dots(segment: &[u8]) -> bool {
    let tidy = tidied(segment);
    let mut parts = tidy.split(|byte| *byte == b'/');
    tidy != segment && parts.any(|part| matches!(part, b"" | b"." | b".."))
}

/// Whether what follows a `%` is no escape, or one that servers treat in different ways.
fn is_odd_escape(after: &[u8]) -> bool {
    let digits = after.split_first_chunk::<2>();
    digits
        .and_then(|([high, low], _)| escaped(*high, *low))
        .is_none_or(|byte| {
            is_unreserved(byte)
                || byte.is_ascii_control()
                || matches!(byte, b'/' | b'\\' | b'%' | b';' | b'?' | b'#')
        })
}

/// SPEC: RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A path without a slash at its end.
pub(super) fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// What follows the front that a policy has, to a server that routes without case.
pub(super) fn without_case<'p>(path: &'p [u8], front: &[u8]) -> Option<&'p [u8]> {
    let (found, rest) = path.split_at_checked(front.len())?;
    spells(found, front).then_some(rest)
}

/// Whether some server takes a part of a path for what a policy has there.
fn spells(found: &[u8], name: &[u8]) -> bool {
    found.eq_ignore_ascii_case(name)
        || (name.contains(&b'_')
            && found.len() == name.len()
            && found
                .iter()
                .zip(name)
                .all(|(found, byte)| spells_byte(*found, *byte)))
}

/// SECURITY: CherryPy runs `del_user` for `del-user` and `del.user`, CodeIgniter for the first.
const fn spells_byte(found: u8, name: u8) -> bool {
    found.eq_ignore_ascii_case(&name) || (name == b'_' && is_line(found))
}

/// Whether a byte is a `_` to servers that look for a function of a name.
const fn is_line(byte: u8) -> bool {
    byte.is_ascii_punctuation() && byte != b'/'
}

/// A path with a `_` for each byte that is one to some; `None` where there is none.
fn lined(path: &[u8]) -> Option<Vec<u8>> {
    let line = |byte: &u8| if is_line(*byte) { b'_' } else { *byte };
    let lined: Vec<u8> = path.iter().map(line).collect();
    (lined != path).then_some(lined)
}

/// A path without escapes, as servers read it that know the case of all letters and take
/// blanks off names.
pub(super) fn tidied(path: &[u8]) -> Cow<'_, [u8]> {
    match plain(path) {
        Cow::Owned(path) => Cow::Owned(tidy(path)),
        Cow::Borrowed(path) if path.contains(&b' ') => Cow::Owned(tidy(path.to_vec())),
        borrowed => borrowed,
    }
}

/// SECURITY: the lower case of the Kelvin sign is `k`, and so on. Bytes that are no UTF-8 are
/// left out by some, and what is not seen by others.
fn tidy(path: Vec<u8>) -> Vec<u8> {
    if path.is_ascii() && !path.contains(&b' ') {
        return path;
    }
    let path = narrow(&characters(&path));
    let segments = path
        .split('/')
        .map(|segment| folded(segment).trim().to_owned());
    segments.collect::<Vec<_>>().join("/").into_bytes()
}

/// A text with the ASCII for what looks like it, as code pages have it that know no more.
///
/// SECURITY: of what becomes ASCII in other ways (NFKC knows letters in circles), only what is
/// as wide as a sign of Chinese, and what divides paths, is looked at.
fn narrow(text: &str) -> String {
    let mut narrow = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            char::REPLACEMENT_CHARACTER => {}
            '\u{2024}' | '\u{fe52}' => narrow.push('.'),
            '\u{2025}' => narrow.push_str(".."),
            '\u{2044}' | '\u{2215}' => narrow.push('/'),
            '\u{ff01}'..='\u{ff5e}' => {
                let ascii = u32::from(char).saturating_sub(0xFEE0);
                narrow.push(char::from_u32(ascii).unwrap_or(char));
            }
            char => narrow.push(char),
        }
    }
    narrow
}

/// A path without escapes.
pub(super) fn plain(path: &[u8]) -> Cow<'_, [u8]> {
    match forms(path) {
        Some([plain, _]) => Cow::Owned(plain),
        None => Cow::Borrowed(path),
    }
}

/// A path in the two forms that servers bring it into: without escapes, and with those
/// that it needs. `None` where both are the path as it is.
pub(super) fn forms(path: &[u8]) -> Option<[Vec<u8>; 2]> {
    if path.is_ascii() && !path.contains(&b'%') {
        return None;
    }
    let plain = decode(path);
    let mut escaped = Vec::with_capacity(path.len());
    for byte in &plain {
        // SPEC: RFC 3986, 3.3: what a path has as it is.
        if is_unreserved(*byte) || b"!$&'()*+,;=:@/".contains(byte) {
            escaped.push(*byte);
        } else {
            escape(*byte, &mut escaped);
        }
    }
    Some([plain, escaped])
}

/// Adds the escape of a byte to a text.
pub(super) fn escape(byte: u8, text: &mut Vec<u8>) {
    let digit = |value: u8| b"0123456789ABCDEF".get(usize::from(value)).copied();
    text.push(b'%');
    text.extend([byte >> 4, byte & 15].into_iter().filter_map(digit));
}

/// Escapes decoded, once. What is none stays as it is.
pub(super) fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, later)) = rest.split_first() {
        let value = match (first, later) {
            (b'%', [high, low, ..]) => escaped(*high, *low),
            _ => None,
        };
        decoded.push(value.unwrap_or(*first));
        rest = if value.is_some() {
            later.get(2..).unwrap_or_default()
        } else {
            later
        };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_mcp(path: &str) -> bool {
        is_under_any(
            path.as_bytes(),
            &["/mcp".to_owned(), "/api/v1/mcp/".to_owned()],
        )
    }

    #[test]
    fn whole_segments() {
        for path in [
            "/mcp",
            "/mcp/",
            "/mcp/x",
            "/mcp?x=/y",
            "/mcp#x",
            "/api/v1/mcp",
            "/api/v1/mcp/x",
        ] {
            assert!(is_mcp(path), "{path}");
        }
        for path in [
            "/",
            "",
            "/mc",
            "/x/mcp/y",
            "/xmcp",
            "/health?/mcp",
            "/api/v1",
            "*",
        ] {
            assert!(!is_mcp(path), "{path}");
        }
    }

    #[test]
    fn what_a_server_could_read_as_mcp() {
        for path in [
            "//mcp",
            "/./mcp",
            "/x/../mcp",
            "/%6dcp",
            "/%6Dcp",
            "/%256dcp",
            "/x/%2e%2e/mcp",
            "/x%2f..%2fmcp",
            "\\mcp",
            "/x\\..\\mcp",
            "/MCP",
            "/mcp;a=b",
            "/;x/mcp",
            "/mcp%20",
            "/%2fmcp",
            "mcp",
            "/api//v1/mcp",
            "/mcp%00",
            "/mcp%00.txt",
            "/mcp%00/../../x",
            "/x%00/../mcp",
            "/mcp%3fx",
            "/%2525252525252525256dcp",
            "/mcp%23/../x",
            "/mcp%2F..%2Fx",
            "/%6dcp/../x",
            "/MCP/..%20/x",
            "/mcp.json",
            "/mcp.x/y",
            "/mcp%2ejson",
            "/Mcp.",
            "/mcp;a/../x",
            "/x/..;a=b/mcp",
            "/x%2fy/..\\../mcp%20/../x",
            "/a/x%2fy/../%2e%2e/mcp",
            "/a/../api/v1/b/../mcp/../x",
            "//host/mcp",
            "/%2fhost/mcp",
            "\\\\host\\mcp",
            "http://host/mcp",
            "/.//host/mcp",
            "/m%09cp",
            "/%20mcp",
            "/API/V1/mcp.json",
            "/mcpx",
            "/MCP-v2/x",
            "/mcp%41",
            "/api/v1/mcp_",
            "/x/mcp",
            "/x/%6dCP/",
            "/x/y/api/v1/mcp",
            "/index.php/mcp/x",
            "/Index.PHP/%6dcp",
            "/x%2ephp/mcp/x",
            "//host/mcpx",
            "/%ffmcp",
            "/m%ffcp",
            "/mcp%ff",
            "/m%80cp",
            "/m%C3cp",
            "/m%25ffcp",
            "/m%ed%a0%80cp",
            "/x/%ff..%ff/mcp",
            "/%ff/mcp",
            "/x/m%ffcp",
            "/index.php/m%ffcp/x",
            "/index.ph%ffp/mcp/x",
            "/m%c0%aecp",
            "/%c1%adcp",
            "/%e0%81%adcp",
            "/x%c0%af..%c0%afmcp/x",
            "/%u006dcp",
            "/m%E2%80%8Bcp",
            "/m\u{ad}cp",
            "/m\u{fffd}cp",
            "/\u{feff}mcp",
            "/\u{ff4d}cp",
            "/x\u{ff0f}..\u{2215}mcp/x",
            "/x/\u{2025}/mcp/x",
        ] {
            assert!(is_mcp(path), "{path}");
        }
        for path in [
            &b"/m\xffcp"[..],
            b"/\xc1\xadcp",
            b"/m\xff%ffcp/x",
            b"/%\xff6dcp",
        ] {
            let found = is_under_any(path, &["/mcp".to_owned()]);
            assert!(found, "{}", path.escape_ascii());
        }
        assert!(is_mcp(&format!("/%20{}", "x".repeat(LONGEST))));
    }

    #[test]
    fn what_no_server_could_read_as_mcp() {
        for path in [
            "/x.mcp",
            "/x/%6dc",
            "/x;a/mcp/x",
            "/mc%2f",
            "/caf%C3%A9/mcp/x",
            "/api.json/v1/mcp/x",
            "/api/v1/..",
            "/x/../y",
            "/files//mcp/x",
            "/x.php",
            "/x.php/mc",
            "//host/x/mc",
            "/%C3%A9t%C3%A9",
            "/m%C3%A9cp",
            "/%E6%97%A5%E6%9C%AC/x",
            "/x%ff",
            "/mc%c0%ae",
        ] {
            assert!(!is_mcp(path), "{path}");
        }
    }

    #[test]
    fn what_every_server_reads_as_mcp() {
        let is_surely = |path: &str| {
            RequestPath::new(path.as_bytes()).is_surely_under_any(&["/mcp".to_owned()])
        };
        for path in [
            "/mcp",
            "/mcp/",
            "/mcp/a%20b",
            "/mcp?a=/../b",
            "/mcp/a..b/.c",
            "/mcp//x",
            "/mcp/%C3%A9..%C3%A9",
            "/mcp/%ff",
        ] {
            assert!(is_surely(path), "{path}");
        }
        for path in [
            "/MCP",
            "/%6dcp",
            "/mcp.json",
            "/mcp;a",
            "//mcp",
            "/mcp/../x",
            "/mcp%2f..%2fx",
            "/mcp/..%2fx",
            "/mcp/%252e%252e/x",
            "/mcp/..;a/x",
            "/mcp/.. /x",
            "/mcp/x\\..\\..",
            "/mcpx",
            "/mcp/%ff..%ff/x",
            "/mcp/.%ff./x",
            "/mcp/%c0%ae%c0%ae/x",
            "/mcp/x%c0%af..%c0%afx",
            "/mcp/.%E2%80%8B./x",
        ] {
            assert!(!is_surely(path), "{path}");
        }
    }

    #[test]
    fn prefixes_in_other_spellings() {
        for (prefix, path) in [
            ("/MCP", "/mcp"),
            ("/m%63p", "/mcp"),
            ("/caf%C3%A9", "/caf\u{e9}"),
            ("/caf\u{e9}", "/caf%c3%a9"),
            ("/mcp;v=1", "/mcp"),
            ("//mcp", "/mcp/x"),
        ] {
            assert!(
                is_under_any(path.as_bytes(), &[prefix.to_owned()]),
                "{path}"
            );
        }
        assert!(!is_under_any(b"/cafe", &["/caf%C3%A9".to_owned()]));
    }

    #[test]
    fn functions_that_a_path_may_name() {
        let is = |path: &str| is_under_any(path.as_bytes(), &["/mcp_server/v_1".to_owned()]);
        for path in [
            "/mcp_server/v_1",
            "/mcp-server/v-1",
            "/MCP.server/v~1/x",
            "/mcp%2Dserver/v%251",
            "/mcp%21server/v_1",
            "/mcp%25aerver/v_1",
            "/mcp;server/v_1",
            "/mcp\\server/v_1",
            "/x/../mcp\\server/v\\1/x",
            "/x/mcp-server/v:1",
            "/index.php/mcp-server/v-1/x",
            "/m%ffcp-server/v-1",
        ] {
            let expected = path != "/mcp%25aerver/v_1";
            assert_eq!(is(path), expected, "{path}");
        }
        for path in [
            "/mcp/server/v_1",
            "/mcpxserver/v_1",
            "/mcp--server/v_1",
            "/mcp-server/v",
        ] {
            assert!(!is(path), "{path}");
        }
        // Only where a prefix has one.
        assert!(!is_under_any(b"/mcp_server", &["/mcp-server".to_owned()]));
        assert!(!RequestPath::new(b"/mcp-server/x").is_under("/mcp_server"));
    }

    #[test]
    fn scripts_are_looked_behind_so_many_times() {
        let path = |count: usize| format!("/{}", "x.php/".repeat(count));
        assert!(!is_mcp(&path(MOST_SCRIPTS)));
        assert!(is_mcp(&path(MOST_SCRIPTS + 1)));
    }

    #[test]
    fn paths_that_servers_read_in_one_way() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/a..b/.c/...",
            "/A_~-",
            "/a%20b",
            "/%C3%A9",
            "/%2b%26",
            "/a%ff",
            "/%E9t%E9",
            "/\u{ff41}\u{ff0f}b",
            "/\u{2026}",
        ] {
            assert!(!RequestPath::new(path.as_bytes()).is_ambiguous(), "{path}");
        }
        for path in [
            "",
            "*",
            "a",
            "//",
            "/a//b",
            "/./a",
            "/a/.",
            "/a/../b",
            "/..",
            "/a\\b",
            "/a;b",
            "/a b",
            "/%",
            "/%4",
            "/%zz",
            "/%41",
            "/%2e%2E/a",
            "/a%2fb",
            "/a%5Cb",
            "/%2541",
            "/a%00",
            "/a%3Fb",
            "/a%23",
            "/%7e",
            "/%ff",
            "/a/%ff/b",
            "/a/%ff..%ff/b",
            "/a/.%e2%80%8b./b",
            "/a%c0%aeb",
            "/a\u{ff0f}..\u{ff0f}b",
            "/a/\u{2025}/b",
        ] {
            assert!(RequestPath::new(path.as_bytes()).is_ambiguous(), "{path}");
        }
    }

    #[test]
    fn forms_of_one_path() {
        for path in ["/caf\u{e9}", "/caf%C3%A9", "/caf%c3%a9"] {
            let [plain, escaped] = forms(path.as_bytes()).unwrap();
            assert_eq!(plain, "/caf\u{e9}".as_bytes(), "{path}");
            assert_eq!(escaped, b"/caf%C3%A9", "{path}");
        }
        let [plain, escaped] = forms(b"/a%3Ab%40%20c").unwrap();
        assert_eq!((&*plain, &*escaped), (&b"/a:b@ c"[..], &b"/a:b@%20c"[..]));
        assert_eq!(forms(b"/a:b"), None);
    }

    #[test]
    fn the_root_is_every_path() {
        for path in ["/", "/x", "/x/y"] {
            assert!(is_under_any(path.as_bytes(), &["/".to_owned()]), "{path}");
        }
    }
}
