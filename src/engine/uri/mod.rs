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

mod escapes;
mod host;

use std::borrow::Cow;

pub use escapes::{decode_all, escaped};
use host::HostKind;

/// The forms of a uri that a rule names: those of [`asked`] that keep its query, and those of
/// whatever host and whatever uri of its scheme.
pub fn listed(uri: &str) -> Vec<String> {
    let uri = Uri::new(uri);
    // A host that a `file` uri names is not left out: that would be every host's file.
    let names_host = uri.scheme == "file" && uri.has_host();
    let pairs = uri.all_pairs();
    let mut forms = vec![uri.form(UriHost::Segment, &pairs)];
    if !names_host {
        forms.push(uri.form(UriHost::Root, &pairs));
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
    if let Some(any) = any_of_long(uri) {
        return any;
    }
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
    if let Some(any) = any_of_long(uri) {
        return any;
    }
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

/// The longest uri that is read, in bytes; a longer one may be any of its scheme.
///
/// SECURITY: its forms would take many times its length, and a client chooses that.
const LONGEST: usize = 8 << 10;

/// The forms of a uri that is too long to be read.
fn any_of_long(uri: &str) -> Option<Vec<String>> {
    if uri.len() <= LONGEST {
        return None;
    }
    let front = trimmed(uri).chars().filter(|char| !is_break(*char));
    let front: String = front.take(LONGEST / 4).collect();
    let scheme = Uri::new(&front).scheme;
    Some(vec![any_host(&scheme), any_uri(&scheme)])
}

/// How many pairs of a query are looked at one by one; a uri with more may be any.
const PAIRS: usize = 5;

/// Whether it cannot be said which host, or which uri of its scheme, a uri is.
pub fn is_unsure(uri: &str) -> bool {
    if uri.len() > LONGEST {
        return true;
    }
    let uri = Uri::new(uri);
    uri.is_unsure || uri.is_disputed
}

/// Whether a uri names something else than it seems to, to servers that resolve `..`.
pub fn goes_back(uri: &str) -> bool {
    uri.len() > LONGEST || Uri::new(uri).goes_back
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
    let mut form = uri.form(UriHost::Segment, &uri.all_pairs());
    if text.ends_with('/') && !form.ends_with('/') {
        form.push('/');
    }
    Some(form)
}

/// What the host of a uri is to its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UriHost {
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
        let spelt = trimmed(uri);
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
            .map(|pair| with_blanks(plain(pair.as_bytes())))
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
        for host in [UriHost::Segment, UriHost::Root] {
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
    fn form(&self, host: UriHost, pairs: &[&[u8]]) -> String {
        let is_file = self.scheme == "file";
        let mut segments: Vec<&[u8]> = Vec::new();
        // Whoever looks at the path of a `file` uri alone sees no host.
        let is_rooted = host == UriHost::Root && !is_file && self.has_host();
        let own = match host {
            UriHost::Segment => Some(&*self.host),
            UriHost::Root => None,
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

/// With a blank for `+`, as forms are read.
fn with_blanks(mut text: Vec<u8>) -> Vec<u8> {
    for byte in &mut text {
        if *byte == b'+' {
            *byte = b' ';
        }
    }
    text
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

/// Without the blanks around it.
///
/// SPEC: WHATWG URL, "basic URL parser": they are nothing, and nor are new lines within.
fn trimmed(uri: &str) -> &str {
    uri.trim_matches(|char: char| char <= ' ')
}

const fn is_break(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r')
}

/// Without the characters that are nothing wherever they stand.
fn without_breaks(uri: &str) -> Cow<'_, str> {
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

#[cfg(test)]
mod tests;
