//! What a query may not say on a path that carries MCP.
//!
//! SECURITY: Rails lets the query win over a JSON body; Laravel, Grape and Phoenix take
//! from it what the body lacks. So it is part of the message for some servers, and of
//! the request's method for others, and nobody judges it as such: what it could say
//! there is refused, however it is spelt.

use std::borrow::Cow;

use crate::engine::json::{has_letters_of, is_twin};
use crate::engine::uri::{decode_all, escaped};

use super::keys::{DECODINGS, is_end, texts, units};
use super::path::{decode, escape, may_name_any, query, without_query};
use super::{HeadError, Headers};

/// The members of a message, but for `id`: it chooses nothing, and names much else.
const MEMBERS: &[&str] = &["jsonrpc", "method", "params", "result", "error"];

/// Under which servers look for the tool and its arguments that do not look for them in
/// `params` alone.
const TOOL: &[&str] = &["tool", "toolname", "toolid", "arguments"];

/// Where Rails and Plug keep a body that is no object.
const BODY: &str = "_json";

/// Where Hanami does; by itself, it is there to get past caches.
const SHORT_BODY: &str = "_";

/// The method of HTTP, to frameworks that let a form choose it.
const METHOD: &str = "_method";

/// The same, by the letters of its name: Plack and Catalyst have `x-tunneled-method`, ASP.NET
/// and ServiceStack the names of headers.
const TUNNELED: &[&str] = &[
    "xtunneledmethod",
    "xhttpmethodoverride",
    "xmethodoverride",
    "methodoverride",
    "xhttpmethod",
];

/// The same to Restlet, and much else to others.
const PLAIN_METHOD: &str = "method";

/// The same to one server each, by their letters: PrestaShop and Alfresco.
const SERVERS_METHODS: &[&str] = &["psmethod", "alfmethod"];

/// The methods that somebody means who says [`PLAIN_METHOD`], however they are spelt.
const KNOWN_METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
];

/// Those that are other words in small letters.
const KNOWN_CAPITALS: [&str; 9] = [
    "COPY",
    "LINK",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "UNLINK",
    "UNLOCK",
];

/// The longest key that is compared, in bytes. One that is longer, and is a name to
/// somebody, is so by what cannot be seen in it.
const LONGEST: usize = 1024;

/// How many methods a query may name.
const MOST_METHODS: usize = 8;

/// Whether a message is posted beside an event stream, on which its client awaits the answer: by
/// the name that a session has in the query of such a request.
///
/// SPEC: MCP 2024-11-05, transports, HTTP with SSE. The official SDKs for TypeScript and Python
/// have these names.
pub fn awaits_event(headers: &Headers) -> bool {
    let target = headers.only(":path").and_then(query);
    let mut pairs = target
        .into_iter()
        .flat_map(|query| query.split(|byte| *byte == b'&'));
    pairs.any(|pair| pair.starts_with(b"sessionId=") || pair.starts_with(b"session_id="))
}

/// Whether the query of a target says nothing of the message, nor of another method.
///
/// # Errors
/// [`HeadError::Query`], [`HeadError::Override`] or [`HeadError::Route`].
pub(super) fn check(target: &[u8], method: &[u8]) -> Result<(), HeadError> {
    each_pair(target, |key, value| match Key::of(key) {
        _ if route(target, key, value).is_some() || is_command(key, value) => Err(HeadError::Route),
        Key {
            is_member: true, ..
        } => Err(HeadError::Query),
        Key {
            is_method: true, ..
        } if !is_method(value, method) => Err(HeadError::Override),
        Key { .. } => Ok(()),
    })
}

/// Whether a pair of a query on an MCP path is a path or a command by itself.
fn is_command(key: &[u8], value: &[u8]) -> bool {
    let key = decode_all(key);
    let names = |text: &str| has_letters_of(text, &["cmd"]);
    key.first() == Some(&b'/') || (!value.is_empty() && texts(&key).any(|text| names(&text)))
}

/// Whether the query of a target says a path that may be one of some, to a server that goes by
/// it.
pub(super) fn may_route_to(target: &[u8], prefixes: &[String]) -> bool {
    let (mut left, mut pairs) = (MOST_ROUTES, MOST_PAIRS);
    let see = |key: &[u8], value: &[u8]| {
        pairs = pairs.checked_sub(1).ok_or(HeadError::Route)?;
        let found = route(target, key, value).or_else(|| loose_route(key, value));
        let Some(path) = found else {
            return Ok(());
        };
        left = left.checked_sub(1).ok_or(HeadError::Route)?;
        match may_name_any(&path, prefixes) {
            true => Err(HeadError::Route),
            false => Ok(()),
        }
    };
    each_pair(target, see).is_err()
}

/// Whether some server takes what the query of a target says for the path.
pub(super) fn names_path(target: &[u8]) -> bool {
    let mut pairs = MOST_PAIRS;
    let see = |key: &[u8], value: &[u8]| {
        pairs = pairs.checked_sub(1).ok_or(HeadError::Route)?;
        match route(target, key, value) {
            Some(_) => Err(HeadError::Route),
            None => Ok(()),
        }
    };
    each_pair(target, see).is_err()
}

/// How many pairs of a query are looked at for a path, however often it is decoded.
///
/// SECURITY: a client chooses how many there are, and each takes a microsecond or so.
const MOST_PAIRS: usize = 1024;

/// How many paths a query may say: nobody means so many.
const MOST_ROUTES: usize = 16;

/// The path that a pair of a query says.
///
/// SECURITY: WordPress prefers `rest_route` to the path, Phalcon `_url`; Yii goes by `r`,
/// ThinkPHP by `s`, Frappe by `cmd`, others by `route`; CodeIgniter by a query that is a path,
/// of the root or of its script. PHP takes `rest.route` and `rest[route` for `rest_route`.
fn route(target: &[u8], key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let key = decode_all(key);
    if key.first() == Some(&b'/') {
        let path = without_query(target);
        let is_front = path == b"/" || path.to_ascii_lowercase().ends_with(b".php");
        return (is_front && value.is_empty()).then(|| key.to_vec());
    }
    let texts: Vec<_> = texts(&key).collect();
    let is_one = |names: &[&str]| {
        texts.iter().any(|text| {
            let front = text.split_once('[').filter(|(_, rest)| rest.contains(']'));
            let names_it = |name: &str| has_letters_of(name, names);
            names_it(text) || front.is_some_and(|(front, _)| names_it(front))
        })
    };
    // `url` by itself is a parameter like others.
    let has_line = || !key.iter().all(u8::is_ascii_alphanumeric);
    if is_one(&["restroute"]) || (is_one(&["url"]) && has_line()) {
        return Some(decode_all(value));
    }
    let divides: &[u8] = match () {
        () if is_one(&["cmd"]) => b"./",
        () if is_one(&["r", "s", "route"]) => b"/",
        () => return None,
    };
    let value = decode_all(value);
    let is_path = value.iter().any(|byte| divides.contains(byte));
    is_path.then_some(value)
}

/// The same, of what says a path to a few servers and other things to most: only where it
/// leads matters. Drupal goes by `q`, and Yii by `r` without a `/`.
fn loose_route(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let key = decode_all(key);
    if value.is_empty() {
        return key.contains(&b'/').then_some(key);
    }
    let is_one = |names: &[&str]| texts(&key).any(|text| has_letters_of(&text, names));
    let value = || decode_all(value);
    match () {
        () if is_one(&["r", "route"]) => Some(value()),
        () if is_one(&["q"]) => Some(value()).filter(|value| value.contains(&b'/')),
        () => None,
    }
}

/// The methods that the query of a target names, each spelling once; `None` where it may be
/// any: nobody means so many, nor so long a query.
pub(super) fn methods(target: &[u8]) -> Option<Vec<Vec<u8>>> {
    if target.len() > LONGEST_READ && target.contains(&b'?') {
        // Without anything that some reader leaves out of a key, the word stands there whole.
        let word = |part: &[u8]| part.eq_ignore_ascii_case(b"method");
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"?=&,/".contains(byte);
        let is_silent = target.iter().all(is_plain) && !target.windows(6).any(word);
        return is_silent.then(Vec::new);
    }
    let mut methods: Vec<Vec<u8>> = Vec::new();
    let walked = each_pair(target, |key, value| {
        let names_it = |key: &[u8]| Key::of(key).names_method(value);
        if names_it(key) || (key.contains(&b'%') && names_it(&decode_all(key))) {
            let method = decode_all(value);
            if methods.contains(&method) {
                return Ok(());
            }
            if methods.len() >= MOST_METHODS {
                return Err(HeadError::Override);
            }
            methods.push(method);
        }
        Ok(())
    });
    walked.is_ok().then_some(methods)
}

/// Shows every pair of a target's query, as often as it may be decoded.
fn each_pair(
    target: &[u8],
    see: impl FnMut(&[u8], &[u8]) -> Result<(), HeadError>,
) -> Result<(), HeadError> {
    // An escape may be the `?`.
    if !target.iter().any(|byte| matches!(byte, b'?' | b'%')) {
        return Ok(());
    }
    each_pair_decoded(target, see)
}

#[cold]
fn each_pair_decoded(
    target: &[u8],
    mut see: impl FnMut(&[u8], &[u8]) -> Result<(), HeadError>,
) -> Result<(), HeadError> {
    let mut target = Cow::Borrowed(target);
    for _ in 0..DECODINGS {
        each_pair_once(&target, &mut see)?;
        let decoded = decode(&units(&target));
        if decoded.len() == target.len() {
            return Ok(());
        }
        target = Cow::Owned(decoded);
    }
    each_pair_once(&target, &mut see)
}

/// The same, of a target that is not decoded any more.
fn each_pair_once(
    target: &[u8],
    mut see: impl FnMut(&[u8], &[u8]) -> Result<(), HeadError>,
) -> Result<(), HeadError> {
    let Some(start) = target.iter().position(|byte| *byte == b'?') else {
        return Ok(());
    };
    let query = target.get(start..).unwrap_or_default();
    let mut pairs = query.split(|byte| *byte == b'&' || is_end(*byte));
    pairs.try_for_each(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let key = parts.next().unwrap_or_default();
        see(key, parts.next().unwrap_or_default())
    })
}

/// Whether a value is a method of HTTP, and hardly anything else.
fn is_known_method(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value).replace('+', " ");
    let (word, upper) = (value.trim(), value.trim().to_uppercase());
    KNOWN_METHODS.contains(&&*upper) || KNOWN_CAPITALS.contains(&word)
}

/// Whether a value names this method and no other.
pub(super) fn is_method(value: &[u8], method: &[u8]) -> bool {
    let mut names = value.split(|byte| *byte == b',');
    names.all(|name| name.trim_ascii().eq_ignore_ascii_case(method))
}

/// What a key of a query stands for, to whoever reads it most obligingly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Key {
    is_member: bool,
    is_method: bool,
    /// It is one if its value is.
    may_be_method: bool,
}

impl Key {
    fn of(key: &[u8]) -> Self {
        let known = texts(key).map(|text| Self::of_text(&text));
        known.fold(Self::default(), |all, one| Self {
            is_member: all.is_member || one.is_member,
            is_method: all.is_method || one.is_method,
            may_be_method: all.may_be_method || one.may_be_method,
        })
    }

    /// Whether a pair names a method of HTTP by its value.
    fn names_method(self, value: &[u8]) -> bool {
        self.is_method || (self.may_be_method && is_known_method(&decode_all(value)))
    }

    fn of_text(key: &str) -> Self {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let word = key.trim_start_matches(|char| !is_word(char));
        let front = key.strip_suffix(word).unwrap_or_default();
        let mut parts = word.split(['[', ']', '.']);
        let base = parts.next().unwrap_or_default();
        let has_parts = parts.next().is_some();
        // Rails keeps a body under the name of its controller, unless the query has that.
        let is_member = |word: &str| {
            MEMBERS.contains(&word) || is_twin(word, MEMBERS, &[BODY]) || has_letters_of(word, TOOL)
        };
        let mut inner = word.split(['[', ']']).skip(1).map(str::trim);
        let word = base.trim_end_matches(|char| !is_word(char));
        if word.is_ascii() && word.len() > LONGEST {
            return Self::default();
        }
        // PHP turns what a name does not have into `_`.
        let has_line = front.ends_with(['.', '[', ' ', '+', '-']);
        let is_after_line = |name: &str| {
            let name = name.strip_prefix('_');
            has_line && name.is_some_and(|name| word.eq_ignore_ascii_case(name))
        };
        let is_body = is_after_line(BODY) || (has_parts && word == SHORT_BODY);
        Self {
            is_member: is_body || is_member(word) || inner.any(is_member),
            is_method: word == METHOD
                || is_twin(word, &[METHOD], &[])
                || is_after_line(METHOD)
                || has_letters_of(word, TUNNELED),
            may_be_method: word.eq_ignore_ascii_case(PLAIN_METHOD)
                || is_twin(word, &[PLAIN_METHOD], &[])
                || has_letters_of(word, SERVERS_METHODS),
        }
    }
}

/// The longest query whose other spellings are looked at, in bytes.
const LONGEST_READ: usize = 8 << 10;

/// Other spellings of a query, and what servers read in it, each once; `None` where it is
/// too long to look at so many.
///
/// SECURITY: `%61dmin=true` and `admin=true` are one query, so are `a=%20` and `a=+`, and
/// browsers and libraries escape more or less of what need not be.
pub fn readings(query: &[u8]) -> Option<Vec<Vec<u8>>> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._=&".contains(byte);
    if query.iter().all(is_plain) {
        return Some(Vec::new());
    }
    if query.len() > LONGEST_READ {
        return None;
    }
    let parts = parts(query);
    let with = |keeps: fn(u8) -> bool, blank: &[u8]| {
        let mut text = Vec::with_capacity(query.len());
        parts
            .iter()
            .for_each(|part| part.spell(keeps, blank, &mut text));
        text
    };
    // Escapes only where a query cannot do without, as browsers spell it.
    let least = |byte: u8| (b'!'..=b'~').contains(&byte) && !b"\"#<>".contains(&byte);
    // Those of `encodeURIComponent`, and of forms.
    let component = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let form = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._".contains(&byte);
    let plain = decode(&units(query));
    let blanks = |text: &[u8]| -> Vec<u8> {
        let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        text.iter().map(blank).collect()
    };
    let all = [
        with(least, b"%20"),
        with(least, b"+"),
        with(component, b"%20"),
        with(form, b"+"),
        decode(&blanks(query)),
        decode_all(query),
        plain,
    ];
    let mut readings: Vec<Vec<u8>> = Vec::with_capacity(all.len());
    for reading in all {
        if reading != query && !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    Some(readings)
}

/// What a query is made of.
enum QueryPart {
    /// A blank.
    Blank,
    /// What divides pairs, or a key from its value.
    Mark(u8),
    /// What an escape stands for, or a byte that could have been one.
    Byte(u8),
    /// The escape of a blank's or a dividing byte's sign, which is not the byte itself.
    Escape(u8),
}

impl QueryPart {
    fn spell(&self, keeps: fn(u8) -> bool, blank: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Blank => text.extend_from_slice(blank),
            Self::Mark(byte) => text.push(*byte),
            Self::Byte(byte) if keeps(*byte) => text.push(*byte),
            Self::Byte(byte) | Self::Escape(byte) => escape(*byte, text),
        }
    }
}

fn parts(query: &[u8]) -> Vec<QueryPart> {
    let is_mark = |byte: u8| b"&=;".contains(&byte);
    let mut parts = Vec::with_capacity(query.len());
    let mut rest = query;
    while let Some((first, later)) = rest.split_first() {
        let value = match (first, later) {
            (b'%', [high, low, ..]) => escaped(*high, *low),
            _ => None,
        };
        parts.push(match (value, *first) {
            (Some(b' '), _) | (None, b' ' | b'+') => QueryPart::Blank,
            (Some(byte), _) if is_mark(byte) || matches!(byte, b'+' | b'%') => {
                QueryPart::Escape(byte)
            }
            (Some(byte), _) => QueryPart::Byte(byte),
            (None, byte) if is_mark(byte) => QueryPart::Mark(byte),
            (None, byte) => QueryPart::Byte(byte),
        });
        rest = match value {
            Some(_) => later.get(2..).unwrap_or_default(),
            None => later,
        };
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(query: &str) -> Option<HeadError> {
        check(format!("/mcp{query}").as_bytes(), b"POST").err()
    }

    #[test]
    fn what_names_a_member() {
        for query in [
            "?method=tools/call",
            "?params[name]=danger",
            "?params%5Bname%5D=danger",
            "?params%255Bname%255D=danger",
            "?params.name=danger",
            "?params%2Ename=danger",
            "?params",
            "?params=",
            "?params[]=",
            "?jsonrpc=2.0",
            "?result=1",
            "?error[code]=1",
            "?a=b&method=x",
            "?a=b;method=x",
            "?a=b&amp;method=x",
            "?a=b%26method=x",
            "?a=b%26method%3Dx",
            "?a=b%2526method%253Dx",
            "?&method=x",
            "?=&method=x",
            "??method=x",
            "?a?method=x",
            "%3fmethod=x",
            "%253Fmethod=x",
            "?a#method=x",
            "#?method=x",
            "/x?method=x",
            "?Method=x",
            "?METHOD[a]=x",
            "?m%65thod=x",
            "?m%2565thod=x",
            "?%u006dethod=x",
            "?%c1%adethod=x",
            "?me%ffthod=x",
            "?param%C5%BF=x",
            "?param\u{17f}[name]=x",
            "?method%E2%80%8B=x",
            "?+method=x",
            "?%20method=x",
            "?method+=x",
            "?method%2b%C2%A0=x",
            "?%FF+json=x",
            "?method%00=x",
            "?method%00x=x",
            "?%00method=x",
            "?me%00thod=x",
            "?.method=x",
            "?[params][name]=x",
            "?[[params=x",
            "?]params[name]=x",
            "?params[name=x",
            "?_json=x",
            "?_json[][method]=x",
            "?_JSON=x",
            "?.json=x",
            "?[json=x",
            "?__proto__[method]=x",
            "?_[0][method]=x",
            "?mcp[method]=tools/call",
            "?mcp%5Bparams%5D%5Bname%5D=danger",
            "?x[ method ]=y",
            "?x[y][Params]=z",
            "?tool=danger",
            "?toolName=danger",
            "?tool_id=danger",
            "?arguments[path]=x",
        ] {
            assert_eq!(fault(query), Some(HeadError::Query), "{query}");
        }
    }

    #[test]
    fn what_names_another_method() {
        for query in [
            "?_method=GET",
            "?_method=DELETE&a=b",
            "?a=b;_Method=delete",
            "?_method",
            "?_method=",
            "?_method=POST&_method=PUT",
            "?_method=POST,PUT",
            "?%5Fmethod=PUT",
            "?_method%00=PUT",
            "?_method[]=PUT",
            "?x-tunneled-method=DELETE",
            "?X_HTTP_Method_Override=GET",
            "?x-http%2Dmethod=a",
        ] {
            assert_eq!(fault(query), Some(HeadError::Override), "{query}");
        }
        assert_eq!(fault("?x-tunneled-method=POST"), None);
        assert_eq!(fault("?_method=POST"), None);
        assert_eq!(fault("?_method=post&a=b"), None);
    }

    #[test]
    fn methods_by_every_key() {
        for key in [
            "_method",
            "+_method",
            "++_method",
            "+%20_method",
            "%20%20_method",
            "%5Fmethod",
            "%25255fmethod",
            ".method",
            "%2emethod",
            "[method",
            "+.method",
            "_METHOD",
            "_method[]",
            "_method[a]",
            "_method%00x",
            "%00_method",
            "_method+",
            "_method.x",
            "_meth%e2%80%8bod",
            "%u005fmethod",
            "a;_method",
            "a?_method",
            "a=b%26_method",
            "method",
            "Method[]",
            "m%65thod",
            "x-tunneled-method",
            "X-HTTP-Method-Override",
            "x_method_override",
            "x-http%2dmethod",
            "ps_method",
            "alf_method",
            "me%c0%aethod",
        ] {
            let named = methods(format!("/files?{key}=DELETE").as_bytes()).unwrap();
            assert!(named.contains(&b"DELETE".to_vec()), "{key}");
        }
        for key in [
            "methods",
            "http_methods",
            "x-method",
            "_methods",
            "x_method",
            "a_method",
            "x[_method]",
            "a=_method",
        ] {
            let named = methods(format!("/files?{key}=DELETE").as_bytes());
            assert_eq!(named, Some(Vec::<Vec<u8>>::new()), "{key}");
        }
    }

    #[test]
    fn methods_by_a_key_that_is_much_else() {
        let of = |value: &str| methods(format!("/files?method={value}").as_bytes()).unwrap();
        for value in [
            "DELETE",
            "delete",
            "+Put",
            "%50ATCH",
            "PROPFIND",
            "op\u{17f}",
        ] {
            let is_one = value != "op\u{17f}";
            assert_eq!(of(value).len(), usize::from(is_one), "{value}");
        }
        for value in [
            "",
            "search",
            "lock",
            "sms",
            "SMS",
            "GET,PUT",
            "tools/call",
            "deleted",
        ] {
            assert!(of(value).is_empty(), "{value}");
        }
    }

    /// Comparing must not cost the square of what a client sends.
    #[test]
    fn many_methods_are_any() {
        let names = |count: usize| -> String {
            let names = (0..count).map(|number| format!("_method=A{number}&"));
            format!("/files?{}", names.collect::<String>())
        };
        let count = |count| methods(names(count).as_bytes()).map(|named| named.len());
        assert_eq!(count(MOST_METHODS), Some(MOST_METHODS));
        assert_eq!(count(MOST_METHODS + 1), None);
        let long = format!("/files?{}", "a=b&".repeat(LONGEST_READ / 4));
        assert_eq!(methods(long.as_bytes()), Some(Vec::new()));
        // As many pairs as nobody means may say a path.
        assert!(!names_path(format!("/?{}", "r&".repeat(300)).as_bytes()));
        assert!(names_path(
            format!("/?{}", "r&".repeat(MOST_PAIRS)).as_bytes()
        ));
        for end in ["_METHOD=DELETE", "%5fx", "\u{e9}=b"] {
            assert_eq!(methods(format!("{long}{end}").as_bytes()), None, "{end}");
        }
        let path = format!("/{}", "a".repeat(LONGEST_READ));
        assert_eq!(methods(path.as_bytes()), Some(Vec::new()));
    }

    #[test]
    fn spellings_of_a_query() {
        for (query, other) in [
            ("%61dmin=true", "admin=true"),
            ("admin%3Dtrue", "admin=true"),
            ("%2561dmin=true", "admin=true"),
            ("%u0061dmin=true", "admin=true"),
            ("q=a+b", "q=a b"),
            ("q=a+b", "q=a%20b"),
            ("q=a%20b", "q=a+b"),
            ("q=%c3%a9", "q=%C3%A9"),
            ("q=\u{e9}", "q=%C3%A9"),
            ("q=%C3%A9", "q=\u{e9}"),
            ("u=a:b/c", "u=a%3Ab%2Fc"),
            ("u=a%3Ab%2Fc", "u=a:b/c"),
            ("a[b]=1", "a%5Bb%5D=1"),
            ("a%5Bb%5D=1", "a[b]=1"),
            ("q=a%2bb&u=%61", "q=a%2Bb&u=a"),
            ("q=a%26b&u=%61", "q=a%26b&u=a"),
            ("a=%7E", "a=~"),
            ("a=~", "a=%7E"),
        ] {
            let readings = readings(query.as_bytes()).unwrap();
            assert!(
                readings.contains(&other.as_bytes().to_vec()),
                "{query}: {readings:?}"
            );
        }
        for query in ["", "admin=true", "a=1&b=2&c", "token=e.y-J_"] {
            assert_eq!(readings(query.as_bytes()), Some(vec![]), "{query}");
        }
        assert_eq!(readings(&[b'%'; LONGEST_READ + 1]), None);
    }

    #[test]
    fn what_says_nothing_of_the_message() {
        let long = format!("?{}", "x".repeat(LONGEST + 1));
        for query in [
            "",
            "?",
            "?id=1",
            "?sessionId=1&session_id=2",
            "?api_key=k&token=method&profile=params",
            "?methods=x&parameters=y&results=z&errors=0",
            "?x.params=y",
            "?x[name]=y",
            "?tools=a,b&toolset=c&argument=d",
            "?a=method=b",
            "?_=1764503018",
            "?error_description=x&method_id=y&json=z",
            "?config=eyJtZXRob2QiOiJ4In0%3D",
            "?a=%FF%00%26",
            "?%FF=1",
            "?caf%E9=1",
            "/method/params",
            "/%20method",
            &long,
        ] {
            assert_eq!(fault(query), None, "{query}");
        }
    }
}
