//! What a uri is to servers that read it otherwise than byte for byte.
//!
//! Servers parse uris before they act on them: the case of scheme and host is lost, escapes
//! are decoded, dot segments taken out, `file:/x` and `file://localhost/x` are
//! `file:///x`. What is made here is no uri for anybody to act on, but the same for all
//! spellings of one, so that a rule against one of them finds the others.
//!
//! INVARIANT: more spellings may come to one form than one server would take for the same,
//! and none that is certain to differ is told apart at a rule's cost: forms are for rules
//! that refuse, or ask. What allows is compared byte for byte.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

/// Decodes until nothing is left to decode, in one pass.
///
/// SECURITY: a chain of servers decodes as often as it is long, and a client must not be
/// able to choose what that costs here.
pub fn decode_all(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for byte in text {
        decoded.push(*byte);
        // What an escape stands for may be the end of another one.
        while let Some((rest, value)) = escape_at_end(&decoded) {
            decoded.truncate(rest);
            decoded.push(value);
        }
    }
    decoded
}

/// Where an escape at the end of a text begins, and the byte that it stands for.
fn escape_at_end(text: &[u8]) -> Option<(usize, u8)> {
    let (rest, [mark, high, low]) = text.split_last_chunk::<3>()?;
    if *mark != b'%' {
        return None;
    }
    Some((rest.len(), escaped(*high, *low)?))
}

/// The byte that two hexadecimal digits stand for.
pub fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = digit(high).zip(digit(low))?;
    u8::try_from((high << 4) | low).ok()
}

/// The forms of a uri that a rule names: those of [`asked`] that keep its query.
pub fn listed(uri: &str) -> Vec<String> {
    let uri = Uri::new(uri);
    // A host that a `file` uri names is not left out: that would be every host's file.
    let names_host = uri.scheme == "file" && uri.has_host();
    let mut forms = vec![uri.form(Host::Segment, true)];
    if !names_host {
        forms.push(uri.form(Host::Root, true));
    }
    forms.dedup();
    forms
}

/// The forms of a uri that a request names, each once: with the host as the root of its
/// path, and with the host as a segment that `..` takes back; with its query and without.
///
/// SECURITY: FastMCP's template `db://{name}` serves `db://admin?x` as `db://admin`, and
/// servers that look at a uri's path alone serve `file://any/x` as `file:///x`.
pub fn asked(uri: &str) -> Vec<String> {
    let uri = Uri::new(uri);
    let mut forms = Vec::with_capacity(4);
    for host in [Host::Segment, Host::Root] {
        for keeps_query in [true, false] {
            let form = uri.form(host, keeps_query);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The form of a constant that a uri is compared with, as far as it is one: a slash at its
/// end is kept, so that what begins with it goes on beyond it.
pub fn of_constant(text: &str) -> Option<String> {
    let is_uri = text.contains("://") || text.get(..5)?.eq_ignore_ascii_case("file:");
    let uri = Uri::new(text);
    // The front of a uri, up to where a host or path would begin, is as good as its form.
    if !is_uri || (uri.host.is_empty() && uri.path.iter().all(|byte| *byte == b'/')) {
        return None;
    }
    let mut form = uri.form(Host::Segment, true);
    if text.ends_with('/') && !form.ends_with('/') {
        form.push('/');
    }
    Some(form)
}

/// What the host of a uri is to its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    /// Its root.
    Root,
    /// Its first segment.
    Segment,
}

/// The parts of a uri, decoded.
struct Uri {
    /// In lower case; empty where there is none.
    scheme: String,
    /// In lower case, without what does not matter for it.
    host: Vec<u8>,
    path: Vec<u8>,
    /// Without `?`; empty where there is none.
    query: Vec<u8>,
}

/// Schemes whose uris have a host, however many slashes are before it, and their ports.
///
/// SPEC: WHATWG URL, "special scheme".
const SPECIAL: [(&str, &[u8]); 5] = [
    ("http", b":80"),
    ("https", b":443"),
    ("ws", b":80"),
    ("wss", b":443"),
    ("ftp", b":21"),
];

impl Uri {
    fn new(uri: &str) -> Self {
        // SPEC: WHATWG URL, "basic URL parser": blanks around a uri and new lines within
        // are nothing.
        let uri = uri.trim_matches(|char: char| char <= ' ');
        let uri = uri.split('#').next().unwrap_or_default();
        let (uri, query) = uri.split_once('?').unwrap_or((uri, ""));
        let (scheme, rest) = match uri.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), uri),
        };
        let rest = plain(rest.as_bytes());
        let special = SPECIAL.iter().find(|(name, _)| *name == scheme);
        let authority = match special {
            Some(_) => Some(trim_slashes(&rest)),
            None => rest.strip_prefix(b"//"),
        };
        let (host, path) = match authority {
            Some(rest) => {
                let end = rest.iter().position(|byte| *byte == b'/');
                rest.split_at_checked(end.unwrap_or(rest.len()))
                    .unwrap_or_default()
            }
            None => (&[][..], &*rest),
        };
        let mut host = host.to_ascii_lowercase();
        if let Some((_, port)) = special {
            host = without_user(&host).to_vec();
            for end in [port, &b":"[..], &b"."[..]] {
                if host.ends_with(end) {
                    host.truncate(host.len().saturating_sub(end.len()));
                }
            }
        }
        if scheme == "file" && host == b"localhost" {
            host.clear();
        }
        Self {
            path: path.to_vec(),
            query: plain(query.as_bytes()),
            scheme,
            host,
        }
    }

    fn has_host(&self) -> bool {
        !self.host.is_empty()
    }

    /// One text for all spellings.
    fn form(&self, host: Host, keeps_query: bool) -> String {
        let is_file = self.scheme == "file";
        let mut segments: Vec<&[u8]> = Vec::new();
        // Whoever looks at the path of a `file` uri alone sees no host.
        let is_rooted = host == Host::Root && !is_file && self.has_host();
        let own = match host {
            Host::Segment => Some(&*self.host),
            Host::Root => None,
        };
        if is_rooted {
            segments.push(&self.host);
        }
        for segment in own.into_iter().chain(self.path.split(|byte| *byte == b'/')) {
            match segment {
                b"" | b"." => {}
                b".." if is_rooted && segments.len() == 1 => {}
                b".." => drop(segments.pop()),
                name => segments.push(name),
            }
        }
        let mut form = self.scheme.clone().into_bytes();
        if !form.is_empty() {
            form.extend_from_slice(if is_file { b":///" } else { b"://" });
        } else if self.path.starts_with(b"/") {
            form.push(b'/');
        }
        form.extend_from_slice(&segments.join(&b'/'));
        if keeps_query && !self.query.is_empty() {
            form.push(b'?');
            form.extend_from_slice(&self.query);
        }
        String::from_utf8_lossy(&form).into_owned()
    }
}

/// SPEC: RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(is_inner)
}

/// Decoded, without control characters, and with `/` for `\`.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = decode_all(text);
    plain.retain(|byte| !byte.is_ascii_control());
    for byte in &mut plain {
        if *byte == b'\\' {
            *byte = b'/';
        }
    }
    plain
}

fn trim_slashes(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte != b'/');
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

fn without_user(authority: &[u8]) -> &[u8] {
    authority
        .rsplit(|byte| *byte == b'@')
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a rule that lists a uri is found by a request that names one.
    fn finds(uri: &str, asked_for: &str) -> bool {
        let listed = listed(uri);
        asked(asked_for).iter().any(|form| listed.contains(form))
    }

    #[test]
    fn spellings_of_one_uri() {
        for (uri, others) in [
            (
                "file:///secret",
                &[
                    "FILE:///secret",
                    "file:///x/../secret",
                    "file:/secret",
                    "file://localhost/secret",
                    "file://LocalHost/secret",
                    "file://any/secret",
                    "file:secret",
                    "file:////secret",
                    "file:///./secret",
                    "file:///x/%2e%2e/secret",
                    "file:///x%2f..%2fsecret",
                    "file:///%73ecret",
                    "file:///%2573ecret",
                    "file:///secret?",
                    "file:///secret#",
                    "file:///secret#x",
                    "file:///secret?x=1",
                    "file:///secret/",
                    "file:\\\\\\secret",
                    " file:///secret\n",
                    "file:///sec\tret",
                    "file://x/../secret",
                ][..],
            ),
            (
                "db://admin",
                &[
                    "db://%61dmin",
                    "db://%61%64min",
                    "db://admin?",
                    "db://admin?x",
                    "db://admin#",
                    "DB://ADMIN",
                    "db://admin/",
                    "db://admin/.",
                    "db://x/../admin",
                    "db://x%2F..%2Fadmin",
                    "db:admin",
                ],
            ),
            (
                "https://example.com/a?b=c",
                &[
                    "HTTPS://Example.COM:443/a?b=c",
                    "https://user:pass@example.com/a?b=c",
                    "https:/example.com/a?b=c",
                    "https://example.com./x/../a?b=c#d",
                    "https://example.com/a?%62=c",
                ],
            ),
            ("FILE://localhost/x/../a%20b", &["file:///a b"]),
            ("notes", &["./notes", "notes/", "x/../notes", "%6eotes"]),
            ("a://x/../y", &["a://x/y", "a://y"]),
        ] {
            for other in others {
                assert!(finds(uri, other), "{uri}: {other}");
            }
        }
    }

    #[test]
    fn other_uris() {
        for (uri, other) in [
            ("file:///secret", "file:///secrets"),
            ("file:///secret", "file:///secret/x"),
            ("file:///secret", "file:///x/secret"),
            ("file:///secret", "db:///secret"),
            ("file:///secret", "file:///Secret"),
            ("file://server/share", "file:///share"),
            ("db://admin", "db://administrator"),
            ("db://admin", "db://user/admin"),
            ("db://admin", "db://user?admin"),
            ("db://admin?x=1", "db://admin"),
            ("db://admin?x=1", "db://admin?x=2"),
            ("db://a@b", "db://c@b"),
            ("lang://c%23", "lang://c"),
            ("https://example.com/a", "https://example.com:8443/a"),
            ("https://example.com/a", "http://example.com/a"),
            ("", "a"),
        ] {
            assert!(!finds(uri, other), "{uri}: {other}");
        }
    }

    #[test]
    fn what_is_decoded_may_be_an_escape_again() {
        for (text, decoded) in [
            ("%2525252541", "A"),
            ("%%32%35", "%"),
            ("%4%31", "A"),
            ("%zz%4", "%zz%4"),
            ("a%20b", "a b"),
        ] {
            assert_eq!(decode_all(text.as_bytes()), decoded.as_bytes(), "{text}");
        }
    }

    #[test]
    fn constants() {
        for (text, form) in [
            ("FILE://localhost/etc/", Some("file:///etc/")),
            ("db://%61", Some("db://a")),
            ("file:///x", Some("file:///x")),
            ("db://", None),
            ("file:///", None),
            ("..", None),
            ("/etc", None),
        ] {
            assert_eq!(of_constant(text).as_deref(), form, "{text}");
        }
    }
}
