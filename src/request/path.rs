//! Which paths carry MCP, and what rules can ask about a path.

/// Whether a request path (with or without query) is under one of some prefixes.
///
/// SECURITY: servers decode and tidy up paths in different ways, so a path that
/// could come to lie under a prefix counts as lying there: what is inspected
/// without need is only refused when it is no MCP, and what is not inspected
/// could be anything.
pub(super) fn is_under_any(target: &[u8], prefixes: &[String]) -> bool {
    let path = without_query(target);
    prefixes
        .iter()
        .any(|prefix| is_under(path, prefix.as_bytes()))
        || (is_ambiguous(path) && {
            let Some(decoded) = decode_all(path) else {
                return true;
            };
            // To some, a path ends at what was an encoded NUL, `?` or `#`.
            let cut = decoded.split(|byte| matches!(byte, 0 | b'?' | b'#')).next();
            [Some(decoded.as_slice()), cut]
                .into_iter()
                .flatten()
                .map(tidy)
                .any(|tidied| {
                    prefixes
                        .iter()
                        .any(|prefix| is_under(&tidied, &tidy(prefix.as_bytes())))
                })
        })
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
pub fn is_under(path: &[u8], prefix: &[u8]) -> bool {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    match path.strip_prefix(prefix) {
        Some(rest) => rest.first().is_none_or(|byte| *byte == b'/'),
        None => false,
    }
}

/// The path of a request, without query and fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestPath<'r>(&'r [u8]);

impl<'r> RequestPath<'r> {
    /// The path of a request target.
    pub(super) fn new(target: &'r [u8]) -> Self {
        Self(without_query(target))
    }

    /// As it came.
    pub const fn as_bytes(self) -> &'r [u8] {
        self.0
    }

    /// Whether it is a prefix or lies below it, by whole segments.
    pub fn is_under(self, prefix: &str) -> bool {
        is_under(self.0, prefix.as_bytes())
    }

    /// Whether it has just the escapes that it needs.
    pub fn is_canonical(self) -> bool {
        forms(self.0).is_none_or(|[_, escaped]| escaped == self.0)
    }

    /// Whether servers read it as different paths: dot segments, empty segments,
    /// parameters of segments, backslashes, or escapes of what needs none or of what
    /// divides a path. What is left, several [`forms`] of one path, is not among these.
    pub fn is_ambiguous(self) -> bool {
        let path = self.0;
        let plain = |byte: &u8| matches!(byte, b'\\' | b';' | 0..=0x20 | 0x7f);
        let segments = || path.split(|byte| *byte == b'/').skip(1);
        path.first() != Some(&b'/')
            || path.iter().any(plain)
            || segments().any(|segment| matches!(segment, b"." | b".."))
            || path.windows(2).any(|pair| pair == b"//")
            || path.split(|byte| *byte == b'%').skip(1).any(is_odd_escape)
    }
}

/// Whether what follows a `%` is no escape, or one that servers treat in different ways.
fn is_odd_escape(after: &[u8]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let Some(([high, low], _)) = after.split_first_chunk::<2>() else {
        return true;
    };
    let Some((high, low)) = digit(*high).zip(digit(*low)) else {
        return true;
    };
    match u8::try_from((high << 4) | low) {
        Ok(byte) => {
            is_unreserved(byte)
                || byte.is_ascii_control()
                || matches!(byte, b'/' | b'\\' | b'%' | b';' | b'?' | b'#')
        }
        Err(_) => true,
    }
}

/// SPEC: RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A path in the two forms that servers bring it into: without escapes, and with those
/// that it needs. `None` where both are the path as it is.
pub fn forms(path: &[u8]) -> Option<[Vec<u8>; 2]> {
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
            let digit = |value: u8| b"0123456789ABCDEF".get(usize::from(value)).copied();
            escaped.push(b'%');
            escaped.extend([byte >> 4, byte & 15].into_iter().filter_map(digit));
        }
    }
    Some([plain, escaped])
}

/// Whether a server might read the path as another one that carries MCP.
fn is_ambiguous(path: &[u8]) -> bool {
    path.iter().any(|byte| {
        matches!(byte, b'%' | b'\\' | b';' | 0..=0x20 | 0x7f..) || byte.is_ascii_uppercase()
    }) || path.windows(2).any(|pair| matches!(pair, b"//" | b"/."))
        || path.first() != Some(&b'/')
}

/// How many times over a path is decoded.
///
/// SECURITY: each time costs the path's length, so a client must not choose how many.
const DECODINGS: usize = 8;

/// The path decoded until nothing is left to decode; `None` when that takes too long,
/// which no honest path does.
fn decode_all(path: &[u8]) -> Option<Vec<u8>> {
    let mut path = path.to_vec();
    for _ in 0..DECODINGS {
        let decoded = decode(&path);
        if decoded.len() == path.len() {
            return Some(path);
        }
        path = decoded;
    }
    None
}

/// Escapes decoded, once. What is none stays as it is.
pub(super) fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, later)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let escape = match (first, later) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        let value = escape.and_then(|(high, low)| u8::try_from((high << 4) | low).ok());
        decoded.push(value.unwrap_or(*first));
        rest = if value.is_some() {
            later.get(2..).unwrap_or_default()
        } else {
            later
        };
    }
    decoded
}

/// A decoded path as the most obliging of servers would read it: without parameters,
/// case, or empty and dot segments.
fn tidy(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment
            .split(|byte| matches!(byte, b';' | 0))
            .next()
            .unwrap_or_default();
        match name.trim_ascii() {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => segments.push(name.to_ascii_lowercase()),
        }
    }
    let mut tidy = Vec::with_capacity(path.len());
    for segment in segments {
        tidy.push(b'/');
        tidy.extend_from_slice(&segment);
    }
    tidy
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
            "/mcpx",
            "/mc",
            "/x/mcp",
            "/health?/mcp",
            "/api/v1",
            "/api/v1/mcpx",
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
        ] {
            assert!(is_mcp(path), "{path}");
        }
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
