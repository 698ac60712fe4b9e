//! What a uri is to servers that read it otherwise than byte for byte.
//!
//! Servers parse uris before they act on them: the case of scheme and host is lost, escapes
//! are decoded, dot segments taken out, `file:/x` and `file://localhost/x` are
//! `file:///x`. What is made here is no uri for anybody to act on, but the same for all
//! spellings of one, so that a rule against one of them finds the others.
//!
//! Hosts that only a table of Unicode, or of punycode, can bring into one form are told as
//! such: they may be any host of their scheme. Where it depends on the server what `..`
//! takes back, a uri may be any one of its scheme.
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

use core::net::{Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

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

/// The forms of a uri that a rule names: those of [`asked`] that keep its query, and those of
/// whatever host and whatever uri of its scheme.
pub fn listed(uri: &str) -> Vec<String> {
    let uri = Uri::new(uri);
    // A host that a `file` uri names is not left out: that would be every host's file.
    let names_host = uri.scheme == "file" && uri.has_host();
    let pairs = uri.all_pairs();
    let mut forms = vec![uri.form(Host::Segment, &pairs)];
    if !names_host {
        forms.push(uri.form(Host::Root, &pairs));
    }
    forms.dedup();
    if uri.has_host() {
        forms.push(any_host(&uri.scheme));
    }
    forms.push(any_uri(&uri.scheme));
    forms
}

/// The form of all hosts of a scheme, which no uri has.
fn any_host(scheme: &str) -> String {
    format!("{scheme}:")
}

/// The form of all uris of a scheme, which none of them has.
fn any_uri(scheme: &str) -> String {
    format!("{scheme}:/")
}

/// The forms of a uri that a request names, each once: with the host as the root of its
/// path, and with the host as a segment that `..` takes back; with its query and without.
/// And that of whatever host, or uri, where it cannot be said which one it names.
///
/// SECURITY: FastMCP's template `db://{name}` serves `db://admin?x` as `db://admin`, and
/// servers that look at a uri's path alone serve `file://any/x` as `file:///x`.
pub fn asked(uri: &str) -> Vec<String> {
    let uri = Uri::new(uri);
    let queries = [uri.all_pairs(), Vec::new()];
    uri.forms(&queries)
}

/// The forms of what a uri may name to a rule that refuses: those of [`asked`], with any of the
/// pairs of its query and without the others.
///
/// SECURITY: `?limit=10&row=root` is `?row=root` to who looks for `row`, and so is
/// `?row=root&row=me` to who takes the first.
pub fn asked_among_others(uri: &str) -> Vec<String> {
    let mut uri = Uri::new(uri);
    let pairs = uri.all_pairs();
    if pairs.len() > PAIRS {
        uri.is_disputed = true;
        return uri.forms(&[Vec::new()]);
    }
    let queries: Vec<Vec<&[u8]>> = (0..1_u32 << pairs.len())
        .map(|chosen| {
            let pairs = pairs.iter().enumerate();
            let pairs = pairs.filter(|(at, _)| chosen >> at & 1 == 1);
            pairs.map(|(_, pair)| *pair).collect()
        })
        .collect();
    uri.forms(&queries)
}

/// How many pairs of a query are looked at one by one; a uri with more may be any.
const PAIRS: usize = 5;

/// Whether it cannot be said which host, or which uri of its scheme, a uri is.
pub fn is_unsure(uri: &str) -> bool {
    let uri = Uri::new(uri);
    uri.is_unsure || uri.is_disputed
}

/// Whether a uri names something else than it seems to, to servers that resolve `..`.
pub fn goes_back(uri: &str) -> bool {
    Uri::new(uri).goes_back
}

/// Whether two forms are of one scheme.
pub fn is_of_one_scheme(form: &str, other: &str) -> bool {
    let scheme = |form: &str| form.split_once(':').map(|(scheme, _)| scheme.to_owned());
    scheme(form) == scheme(other)
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
    let mut form = uri.form(Host::Segment, &uri.all_pairs());
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
    /// The pairs of the query, in order, each once.
    pairs: Vec<Vec<u8>>,
    /// Whether another host may be the same one to some server.
    is_unsure: bool,
    /// Whether it depends on the server what `..` takes back.
    is_disputed: bool,
    /// Whether there is any `..`.
    goes_back: bool,
}

/// Schemes whose uris have a host, however many slashes are before it, and their ports.
///
/// SPEC: WHATWG URL, "special scheme".
const SPECIAL: [(&str, &[u8]); 5] = [
    ("http", b"80"),
    ("https", b"443"),
    ("ws", b"80"),
    ("wss", b"443"),
    ("ftp", b"21"),
];

impl Uri {
    fn new(uri: &str) -> Self {
        // SPEC: WHATWG URL, "basic URL parser": blanks around a uri and new lines within
        // are nothing.
        let spelt = uri.trim_matches(|char: char| char <= ' ');
        let uri = without_breaks(spelt);
        let (uri, fragment) = uri.split_once('#').unwrap_or((&uri, ""));
        let (uri, query) = uri.split_once('?').unwrap_or((uri, ""));
        let (scheme, rest) = match uri.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), uri),
        };
        let special = SPECIAL.iter().find(|(name, _)| *name == scheme);
        let (user, rest) = match special {
            Some(_) => split_user(rest),
            None => ("", rest),
        };
        let mut rest = slashed(rest.as_bytes());
        // What is left out below makes no host of a path.
        let has_authority = special.is_some() || rest.starts_with(b"//");
        rest.retain(|byte| !byte.is_ascii_control());
        let is_file = scheme == "file";
        let has_drive = has_drive(&rest);
        if is_file {
            name_drives(&mut rest);
        }
        let authority = match special {
            Some(_) => Some(trim_slashes(&rest)),
            None => rest.strip_prefix(b"//"),
        };
        // SPEC: WHATWG URL, "file host state": a drive is no host.
        let authority = authority
            .filter(|_| has_authority)
            .filter(|rest| !is_file || !is_drive(first_segment(rest)));
        let (host, path) = match authority {
            Some(rest) => rest
                .split_at_checked(first_segment(rest).len())
                .unwrap_or_default(),
            None => (&[][..], &*rest),
        };
        let kind = match special {
            Some((_, port)) => HostKind::Special(port),
            None if is_file => HostKind::File,
            None => HostKind::Opaque,
        };
        let (mut host, is_unsure) = kind.form(&host.to_ascii_lowercase());
        if is_file && host == b"localhost" {
            host.clear();
        }
        let mut pairs: Vec<Vec<u8>> = query
            .split('&')
            .map(|pair| plain(pair.as_bytes()))
            .filter(|pair| !pair.is_empty())
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        // SECURITY: `file:///a%2Fb/../secret` is `/secret` to who splits first, and
        // `/a/secret` to who decodes first; so it is with what counts as a segment to one
        // and as none to the other, and where `..` stops.
        let behind =
            pairs.iter().any(|pair| takes_back(pair)) || takes_back(&plain(fragment.as_bytes()));
        let goes_back = behind || takes_back(&rest);
        let is_disputed = behind
            || goes_back
                && (spelt.contains(|char: char| matches!(char, '%' | '\\') || char.is_control())
                    || path.windows(2).any(|pair| pair == b"//")
                    || has_drive
                    || is_file && !host.is_empty());
        Self {
            path: path.to_vec(),
            pairs,
            is_disputed,
            goes_back,
            // What is escaped in a user may be the end of the authority to others.
            is_unsure: is_unsure || user.contains('%'),
            scheme,
            host,
        }
    }

    fn has_host(&self) -> bool {
        !self.host.is_empty()
    }

    /// The forms with each of these queries, each once.
    fn forms(&self, queries: &[Vec<&[u8]>]) -> Vec<String> {
        let mut forms = Vec::with_capacity(4);
        for host in [Host::Segment, Host::Root] {
            for pairs in queries {
                let form = self.form(host, pairs);
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        if self.is_unsure {
            forms.push(any_host(&self.scheme));
        }
        if self.is_disputed {
            forms.push(any_uri(&self.scheme));
        }
        forms
    }

    /// The pairs of the query, each once and in order.
    fn all_pairs(&self) -> Vec<&[u8]> {
        self.pairs.iter().map(Vec::as_slice).collect()
    }

    /// One text for all spellings.
    fn form(&self, host: Host, pairs: &[&[u8]]) -> String {
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
        if !pairs.is_empty() {
            form.push(b'?');
            form.extend_from_slice(&pairs.join(&b'&'));
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
    let mut plain = slashed(text);
    plain.retain(|byte| !byte.is_ascii_control());
    plain
}

/// Decoded, and with `/` for `\`.
fn slashed(text: &[u8]) -> Vec<u8> {
    let mut slashed = decode_all(text);
    for byte in &mut slashed {
        if *byte == b'\\' {
            *byte = b'/';
        }
    }
    slashed
}

/// Whether any segment is `..`.
fn takes_back(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'/')
        .any(|segment| segment == b"..")
}

fn first_segment(text: &[u8]) -> &[u8] {
    let mut segments = text.split(|byte| *byte == b'/');
    segments.next().unwrap_or_default()
}

/// SPEC: WHATWG URL, "Windows drive letter".
fn is_drive(segment: &[u8]) -> bool {
    matches!(segment, [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

/// Whether any segment may be a drive: Node.js lets `..` stop at whatever begins like one,
/// and the crate `url`, which Python's pydantic uses, in uris of every scheme.
fn has_drive(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|segment| segment.get(..2).is_some_and(is_drive))
}

/// Writes drives with a colon.
fn name_drives(path: &mut [u8]) {
    let segments = path.split_mut(|byte| *byte == b'/');
    for segment in segments.filter(|segment| is_drive(segment)) {
        if let Some(mark) = segment.last_mut() {
            *mark = b':';
        }
    }
}

fn trim_slashes(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte != b'/');
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

/// Without the characters that are nothing wherever they stand.
fn without_breaks(uri: &str) -> Cow<'_, str> {
    let is_break = |char: char| matches!(char, '\t' | '\n' | '\r');
    if uri.contains(is_break) {
        Cow::Owned(uri.replace(is_break, ""))
    } else {
        Cow::Borrowed(uri)
    }
}

/// The user of what follows a special scheme, as it is spelt, and what is left without it.
fn split_user(rest: &str) -> (&str, &str) {
    let is_slash = |char: char| matches!(char, '/' | '\\');
    let rest = rest.trim_start_matches(is_slash);
    let authority = rest.split(is_slash).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => {
            let host = user.len().saturating_add(1);
            (user, rest.get(host..).unwrap_or_default())
        }
        None => ("", rest),
    }
}

/// What a host is to servers that read uris as browsers do.
#[derive(Clone, Copy)]
enum HostKind {
    /// A name or an address, before a port that need not be written.
    Special(&'static [u8]),
    /// A name or an address.
    File,
    /// What stands there.
    Opaque,
}

impl HostKind {
    /// The form of a decoded authority in lower case: without a user or a port that is
    /// empty, or the one that is meant anyway. And whether another may be the same.
    ///
    /// SPEC: WHATWG URL, "host parsing".
    fn form(self, authority: &[u8]) -> (Vec<u8>, bool) {
        let host = match self {
            Self::Special(_) => authority.rsplit(|byte| *byte == b'@').next(),
            _ => [&b":@"[..], b"@"]
                .iter()
                .find_map(|user| authority.strip_prefix(*user)),
        };
        let (host, port) = split_port(host.unwrap_or(authority));
        let (mut form, is_unsure) = self.name(host);
        let is_default = |port: &[u8]| matches!(self, Self::Special(default) if port == default);
        if let Some(port) = port.filter(|port| !is_default(port)) {
            form.push(b':');
            form.extend_from_slice(port);
        }
        (form, is_unsure)
    }

    fn name(self, host: &[u8]) -> (Vec<u8>, bool) {
        if host.first() == Some(&b'[') {
            let address = host.strip_prefix(b"[").and_then(|x| x.strip_suffix(b"]"));
            let address = address.and_then(|text| std::str::from_utf8(text).ok());
            return match address.and_then(|text| text.parse::<Ipv6Addr>().ok()) {
                Some(address) => (format!("[{address}]").into_bytes(), false),
                None => (host.to_vec(), true),
            };
        }
        match self {
            Self::Opaque => (host.to_vec(), false),
            Self::Special(_) => {
                let host = host.strip_suffix(b".").unwrap_or(host);
                match is_number(host).then(|| ipv4(host)) {
                    Some(Some(address)) => (address.into_bytes(), false),
                    Some(None) => (host.to_vec(), true),
                    None => (host.to_vec(), !is_plain_name(host)),
                }
            }
            // The host is left as it is, since it is a part of the path to some.
            Self::File => (host.to_vec(), is_number(host) || !is_plain_name(host)),
        }
    }
}

/// A host, and the port behind it without zeros at its front.
fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let parts = authority.iter().rposition(|byte| *byte == b':');
    let parts = parts.and_then(|colon| authority.split_at_checked(colon));
    let Some((host, [_, port @ ..])) = parts else {
        return (authority, None);
    };
    if !port.iter().all(u8::is_ascii_digit) {
        return (authority, None);
    }
    let zeros = port.iter().take_while(|digit| **digit == b'0').count();
    let number = port.get(zeros.min(port.len().saturating_sub(1))..);
    (host, number.filter(|number| !number.is_empty()))
}

/// Whether a name is the same however it is brought into the form of names.
///
/// SPEC: UTS 46 maps nothing of ASCII but its case; WHATWG URL, "forbidden host code point".
fn is_plain_name(host: &[u8]) -> bool {
    let is_odd = |byte: &u8| !byte.is_ascii_graphic() || b"#/:<>?@[\\]^|%".contains(byte);
    let mut labels = host.split(|byte| *byte == b'.');
    !host.iter().any(is_odd) && !labels.any(|label| label.starts_with(b"xn--"))
}

/// Whether a host is an address of IPv4, or none at all.
///
/// SPEC: WHATWG URL, "ends in a number checker".
fn is_number(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    (!last.is_empty() && last.iter().all(u8::is_ascii_digit))
        || last.strip_prefix(b"0x").is_some_and(is_hex)
}

/// An address of IPv4 in the usual notation.
///
/// SPEC: WHATWG URL, "IPv4 parser".
fn ipv4(host: &[u8]) -> Option<String> {
    let mut address: u32 = 0;
    let mut left: u32 = 4;
    let mut parts = host.split(|byte| *byte == b'.').peekable();
    while let Some(part) = parts.next() {
        let number = ipv4_number(part)?;
        let bits = match parts.peek() {
            Some(_) => 8,
            None => left.checked_mul(8)?,
        };
        if number.checked_shr(bits).unwrap_or(0) != 0 || left == 0 {
            return None;
        }
        address = address.checked_shl(bits).unwrap_or(0) | number;
        left = left.checked_sub(1)?;
    }
    Some(Ipv4Addr::from_bits(address).to_string())
}

fn ipv4_number(part: &[u8]) -> Option<u32> {
    let (digits, radix) = match part {
        [b'0', b'x', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        [] => return None,
        digits => (digits, 10),
    };
    let mut number: u32 = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix)?;
        number = number.checked_mul(radix)?.checked_add(digit)?;
    }
    Some(number)
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
            (
                "http://127.0.0.1/x",
                &[
                    "http://127.0.0.1/x",
                    "http://127.1/x",
                    "http://2130706433/x",
                    "http://0x7f.0.0.1/x",
                    "http://0177.0.0.1/x",
                    "http://0x7F000001/x",
                    "http://127.0.1/x",
                    "http://127.0.0.1.:080/x",
                    "http://127%2E0.0.1/x",
                    "http://127\u{3002}0.0.1/x",
                    "http://\u{ff11}27.0.0.1/x",
                    "http://127.0.0.08/x",
                ][..],
            ),
            (
                "http://2130706433/x",
                &["http://127.0.0.1/x", "http://0x7f.1/x"],
            ),
            (
                "http://[::1]/x",
                &[
                    "http://[0:0:0:0:0:0:0:1]/x",
                    "http://[::0.0.0.1]:80/x",
                    "http://[::0001]/x",
                    "http://[::1%25eth0]/x",
                    "http://[::1/x",
                ],
            ),
            ("db://[::1]", &["db://[0::1]"]),
            (
                "db://admin",
                &["db://@admin", "db://:@admin", "db://admin:"],
            ),
            ("db://admin:80", &["db://admin:080", "db://@admin:0080"]),
            (
                "http://secret.test/",
                &[
                    "http://secret.test:080/",
                    "http://secret.test:00080",
                    "http://\u{ff53}ecret.test/",
                    "http://te%EF%BD%93t/",
                    "http://sec\u{ad}ret.test/",
                    "http://xn--anything/",
                    "http://a.XN--b/",
                    "ht\ttp://secret.test/",
                    "http://x%2F@secret.test/",
                    "http://x@y@secret.test/",
                ],
            ),
            (
                "http://xn--bcher-kva.test/",
                &["http://b\u{fc}cher.test/", "http://b%C3%BCcher.test/"],
            ),
            ("http://b\u{fc}cher.test/", &["http://xn--bcher-kva.test/"]),
            ("file://server/x", &["file://\u{ff53}erver/x"]),
            ("notes", &["./notes", "notes/", "x/../notes", "%6eotes"]),
            ("a://x/../y", &["a://x/y", "a://y"]),
            (
                "file:///C:/secret",
                &[
                    "file:///C|/secret",
                    "file://C:/secret",
                    "file://C|/secret",
                    "file:C|/secret",
                    "file:///./C|/secret",
                    "file://localhost/C|/secret",
                    "file:///C:/../secret",
                    "file:///c:x/../secret",
                ],
            ),
            ("file://server/secret", &["file://server/../secret"]),
            (
                "file:///dir/secret",
                &[
                    "file:///dir//../secret",
                    "file:///dir/%00/../secret",
                    "file:///dir/\0/../secret",
                    "file:///dir/\t/../secret",
                    "file:///dir/a%2Fb/../secret",
                    "file:///dir/a%5Cb/../secret",
                    "file:///dir/a%252Fb/%252e%252e/secret",
                    "file:///dir/x?/../secret",
                    "file:///dir/x#/%2e./secret",
                ],
            ),
            (
                "http://secret.test/a/b",
                &[
                    "http://secret.test/a//../b",
                    "http://secret.test/a/x%2Fy/../b",
                    "http://secret.test/a/x%2fy/%2E%2e/b",
                ],
            ),
            (
                "db://x/admin",
                &["db://x/y%2Fz/../admin", "db://x/y\\z/../admin"],
            ),
            ("db://x/C:/admin", &["db://x/C:/../admin"]),
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
            ("http://127.0.0.1/", "http://127.0.0.2/"),
            ("http://127.0.0.1/", "http://127.0.0.1:8080/"),
            ("http://[::1]/", "http://[::2]/"),
            ("http://[::1]/", "http://[::ffff:0.0.0.1]/"),
            ("http://secret.test/", "http://{host}/"),
            ("http://secret.test/", "http://secret_test/"),
            ("http://secret.test/", "https://\u{ff53}ecret.test/"),
            ("file:///secret", "file://\u{fc}/x"),
            ("db://admin", "db://\u{fc}"),
            ("db://admin", "db://127.1"),
            ("db://admin", "db://u@admin"),
            ("db://127.0.0.1", "db://127.1"),
            ("", "a"),
            ("file:///secret", "file:///dir/x/../other"),
            ("file:///secret", "file:///a%2Fb/secret"),
            ("file:///secret", "file:///dir//secret"),
            ("file:///secret", "file:///x%2F..y"),
            ("file:///secret", "file:///C:/secret"),
            ("file:///secret", "db://a%2Fb/../secret"),
            ("file:///a|b", "file:///a:b"),
            ("db://admin", "db://user/x/../y/"),
            ("db://admin", "db://c|/x"),
            ("http://secret.test/", "http://other.test/a/../b?c=..#x.."),
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
