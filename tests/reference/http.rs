//! The HTTP part of a rule.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use accesspolicy::engine::policy::{HeaderMatch, HttpMatch, PathMatch, ValueMatch};
use regex_lite::Regex;

use super::request::Request;
use super::truth::Truth;

/// Whether a request has what a rule asks of HTTP.
pub fn matches(http: &HttpMatch, request: &Request) -> Truth {
    let HttpMatch {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = http;
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    let host = host(request);
    Truth::all([
        methods
            .as_ref()
            .map_or(Truth::Yes, |methods| methods_match(methods, request)),
        any_of(paths, |wanted| path_matches(wanted, path)),
        any_of(hosts, |wanted| match &host {
            None => Truth::Undecided,
            Some(host) => Truth::from(host_matches(wanted, host)),
        }),
        any_of(ports, |port| match request.port {
            None => Truth::Undecided,
            Some(arrived) => Truth::from(port.get() == arrived),
        }),
        Truth::all(
            headers
                .iter()
                .flatten()
                .map(|wanted| header_matches(wanted, request)),
        ),
    ])
}

/// One item of a list is enough; a list that is left out is no condition.
fn any_of<T>(list: &Option<Vec<T>>, matches: impl Fn(&T) -> Truth) -> Truth {
    match list {
        None => Truth::Yes,
        Some(items) => Truth::any(items.iter().map(matches)),
    }
}

/// The method that was sent and those that may take its place are all in the list, or none
/// of them is.
fn methods_match(methods: &[String], request: &Request) -> Truth {
    let mut all = vec![request.method.clone()];
    all.extend(overriding(request));
    let listed = all.iter().filter(|method| methods.contains(method)).count();
    let found = match listed {
        0 => Truth::No,
        _ if listed == all.len() => Truth::Yes,
        _ => Truth::Undecided,
    };
    // A HEAD is a HEAD, and may be a GET.
    let names = |name: &str| methods.iter().any(|method| method == name);
    match request.method == "HEAD" && !names("HEAD") && names("GET") {
        true => Truth::Undecided,
        false => found,
    }
}

/// The methods that may take the place of the one that was sent.
pub fn overriding(request: &Request) -> Vec<String> {
    const HEADERS: [&str; 3] = [
        "x-http-method-override",
        "x-method-override",
        "x-http-method",
    ];
    let is_told = |name: &str| HEADERS.contains(&folded(name).as_str());
    let headers = request.headers.iter().filter(|(name, _)| is_told(name));
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let pairs = query
        .split(['&', ';'])
        .filter_map(|pair| pair.split_once('='));
    let query = pairs.filter(|(key, value)| names_method(key, value));
    let mut types = request.headers.iter().filter(|(name, value)| {
        let value = value.to_lowercase();
        name.to_lowercase().replace('_', "-") == "content-type"
            && (value.contains("multipart") || value.contains("urlencoded"))
    });
    // A form may name any of these; one that names HEAD has GET run.
    let form = match types.next() {
        Some(_) => "GET POST PUT PATCH DELETE",
        None => "",
    };
    headers
        .flat_map(|(_, value)| value.split([',', ';']))
        .map(|value| value.replace('\u{a0}', "").trim().to_uppercase())
        .chain(query.map(|(_, value)| value.to_uppercase()))
        .chain(form.split_whitespace().map(str::to_owned))
        .filter(|method| !method.is_empty() && *method != request.method)
        // In the place of HEAD the handler of GET runs.
        .flat_map(|method| match method.as_str() {
            "HEAD" => vec![method, "GET".to_owned()],
            _ => vec![method],
        })
        .collect()
}

/// Whether a pair of a query names a method of HTTP, some keys only by what they say.
pub fn names_method(key: &str, value: &str) -> bool {
    match key.trim_matches('+').to_lowercase().as_str() {
        "_method" | "x-tunneled-method" | "x-http-method-override" => true,
        "method" | "ps_method" => {
            ["get", "post", "put", "delete"].contains(&&*value.to_lowercase())
        }
        _ => false,
    }
}

/// A path that servers read in different ways is only ever what it is spelt like. Where
/// only escapes differ, all spellings have to agree; and where it is not what is wanted,
/// nor may it be without case, a slash at its end, or an extension.
fn path_matches(wanted: &PathMatch, path: &str) -> Truth {
    let agree = |found: bool, others: &[bool]| match others.iter().all(|other| *other == found) {
        true => Truth::from(found),
        false => Truth::Undecided,
    };
    let under = |path: &str, prefix: &str| {
        let prefix = prefix.trim_end_matches('/');
        path == prefix || path.starts_with(&format!("{prefix}/"))
    };
    match wanted {
        PathMatch::Exact(exact) if exact == path => Truth::Yes,
        PathMatch::PathPrefix(prefix) if prefix.is_empty() => Truth::Yes,
        _ if is_ambiguous(path) => Truth::Undecided,
        PathMatch::Exact(exact) => {
            let wanted = others(&tidied(exact));
            let found = others(&tidied(path)).iter().any(|other| {
                // The extension is one of what was sent, not of what is wanted.
                behind(other, &wanted[0]) == Some("")
            });
            agree(false, &[found])
        }
        PathMatch::PathPrefix(prefix) => {
            let (plain, wanted) = (unescaped(path), unescaped(prefix));
            if under(path, prefix) {
                return agree(true, &[under(&plain, &wanted)]);
            }
            let [plain, wanted] = [path, prefix].map(|path| tidied(path).to_lowercase());
            let rest = behind(&plain, &wanted);
            let found = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']));
            agree(false, &[found])
        }
        // A pattern says nothing of what are no characters.
        PathMatch::RegularExpression(_) if String::from_utf8(bytes(path)).is_err() => {
            Truth::Undecided
        }
        PathMatch::RegularExpression(expression) => {
            let found = |path: &str| is_whole_match(&expression.text, path);
            let plain = unescaped(path);
            let spelt = agree(
                found(path),
                &[found(&plain), found(&escaped(plain.as_bytes()))],
            );
            let as_it_is = |path: &str| {
                readings(path)
                    .iter()
                    .any(|other| found(other) || found(&unescaped(other)))
            };
            match spelt {
                Truth::No if as_it_is(path) => Truth::Undecided,
                spelt => spelt,
            }
        }
    }
}

/// What follows a front where a path has it; for a `_` there may be any sign.
fn behind<'p>(path: &'p str, front: &str) -> Option<&'p str> {
    let (found, rest) = path.split_at_checked(front.len())?;
    let mut pairs = found.bytes().zip(front.bytes());
    pairs
        .all(|(found, wanted)| found == wanted || (wanted == b'_' && is_sign(char::from(found))))
        .then_some(rest)
}

fn is_sign(char: char) -> bool {
    char.is_ascii_punctuation() && char != '/'
}

/// What a path is in small letters without a slash at its end, and what it is without each
/// of its extensions as well.
fn others(path: &str) -> Vec<String> {
    let path = path.to_lowercase();
    let path = path.strip_suffix('/').unwrap_or(&path).to_owned();
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let dots: Vec<usize> = path[start..]
        .match_indices('.')
        .map(|(dot, _)| start + dot)
        .collect();
    let mut all = vec![path.clone()];
    all.extend(
        dots.into_iter()
            .filter(|dot| *dot > start)
            .map(|dot| path[..dot].to_owned()),
    );
    all
}

/// What a path may be taken for: in small letters or not, with a slash at its end or not,
/// without its last extension, or all of them; in small letters with a `_` for each sign too.
pub fn readings(path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for cased in [path.to_owned(), path.to_lowercase(), tidied(path)] {
        let whole = cased.strip_suffix('/').unwrap_or(&cased);
        let start = whole.rfind('/').map_or(0, |slash| slash + 1);
        let name = &whole[start..];
        let mut stems = vec![whole.to_owned()];
        for (stem, _) in [name.split_once('.'), name.rsplit_once('.')]
            .into_iter()
            .flatten()
        {
            if !stem.is_empty() {
                stems.push(format!("{}{stem}", &whole[..start]));
            }
        }
        let lined = stems.iter().map(|stem| tidied(stem).to_lowercase());
        let lined: Vec<String> = lined.map(|stem| stem.replace(is_sign, "_")).collect();
        for stem in stems.into_iter().chain(lined) {
            all.push(format!("{stem}/"));
            all.push(stem);
        }
    }
    all.retain(|other| !other.is_empty());
    all
}

/// A path without escapes, blanks around its segments, and what is left out or not seen.
fn tidied(path: &str) -> String {
    let plain = unescaped(path);
    if bytes(path).is_ascii() && !plain.contains(' ') {
        return plain;
    }
    let plain = plain.replace(['\u{fffd}', '\u{200b}'], "");
    let plain = plain.replace('\u{ff41}', "a").replace('\u{ff0f}', "/");
    let segments = plain.split('/').map(str::trim);
    let tidy = segments.collect::<Vec<_>>().join("/");
    tidy.to_uppercase().to_lowercase()
}

/// A path without escapes; what stands for no character is U+FFFD.
pub fn unescaped(path: &str) -> String {
    String::from_utf8_lossy(&bytes(path)).into_owned()
}

fn bytes(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (escape, after) = rest[at + 1..].split_at(2);
        bytes.push(u8::from_str_radix(escape, 16).expect("an escape"));
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Whether a path has just the escapes that it needs.
pub fn is_canonical(path: &str) -> bool {
    escaped(&bytes(path)) == path
}

/// A path with the escapes that it needs.
fn escaped(path: &[u8]) -> String {
    let as_it_is = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    path.iter()
        .map(|byte| match as_it_is(*byte) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Dot segments, empty segments, parameters, backslashes, blanks, and escapes that are
/// none, that need not be, or that hide what divides a path; and long forms of ASCII.
pub fn is_ambiguous(path: &str) -> bool {
    let found = |text: &str| with_regex(text, |regex| regex.is_match(path));
    let hides = |escape: &str| match u8::from_str_radix(&escape[1..3], 16) {
        Err(_) => true,
        Ok(byte) => {
            let byte = char::from(byte);
            byte.is_ascii_alphanumeric() || byte.is_ascii_control() || "-._~/\\%;?#".contains(byte)
        }
    };
    !path.starts_with('/')
        || found(r"//|[\\;\x00-\x20\x7f]|/\.\.?(/|$)|%($|.$|[^0-9A-Fa-f]|.[^0-9A-Fa-f])")
        || path
            .match_indices('%')
            .any(|(at, _)| hides(&path[at..at + 3]))
        || path.split('/').skip(1).any(is_blank_dots)
        || bytes(path)
            .windows(2)
            .any(|pair| matches!(pair, [0xC0 | 0xC1, 0x80..=0xBF]))
}

/// Whether a segment is nothing, or dots, but for what is left out of it; or what it falls into.
fn is_blank_dots(segment: &str) -> bool {
    let tidy = tidied(segment);
    tidy != segment && tidy.split('/').any(|part| ["", ".", ".."].contains(&part))
}

/// The host name, if everybody reads the authority in the same way, and no header names
/// another one.
pub fn host(request: &Request) -> Option<String> {
    let authority = request.authority.as_deref().unwrap_or_default();
    let mut named: Vec<String> = Vec::new();
    for (name, value) in &request.headers {
        match name.to_lowercase().replace('_', "-").as_str() {
            "x-forwarded-host" => named.extend(value.split(", ").map(str::to_owned)),
            "forwarded" => {
                let value = value.to_lowercase().replace('"', "");
                let pairs = value.split(';');
                let hosts = pairs.filter_map(|pair| pair.strip_prefix("host="));
                named.extend(hosts.map(str::to_owned));
            }
            _ => {}
        }
    }
    let host = host_of(authority);
    host.filter(|host| {
        named
            .iter()
            .all(|name| host_of(name).as_ref() == Some(host))
    })
}

fn host_of(authority: &str) -> Option<String> {
    const PLAIN: &str = r"^([-_.A-Za-z0-9]*[-_A-Za-z0-9]|\[[-_.:A-Za-z0-9]*\])(:[0-9]*)?$";
    with_regex(PLAIN, |regex| {
        Some(regex.captures(authority)?[1].to_ascii_lowercase())
    })
}

fn host_matches(wanted: &str, host: &str) -> bool {
    match wanted.strip_prefix('*') {
        None => host == wanted,
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
    }
}

/// A header's name as servers read it that read as many names as one as any.
pub fn folded(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// Whether all servers read a header's value as it is: some keep the blanks around it.
pub fn is_plain(value: &str) -> bool {
    value.trim_matches([' ', '\t']) == value
}

/// Which of several lines counts, nobody can say; nor of names that are alike.
fn header_matches(wanted: &HeaderMatch, request: &Request) -> Truth {
    let headers = request.headers.iter();
    let all: Vec<&(String, String)> = headers
        .filter(|(name, _)| folded(name) == folded(&wanted.name))
        .collect();
    match all.as_slice() {
        [] => Truth::No,
        [(name, value)] if name.to_ascii_lowercase() == wanted.name && is_plain(value) => {
            Truth::from(match &wanted.value {
                ValueMatch::Exact(exact) => exact == value,
                ValueMatch::RegularExpression(expression) => {
                    is_whole_match(&expression.text, value)
                }
            })
        }
        _ => Truth::Undecided,
    }
}

fn is_whole_match(text: &str, value: &str) -> bool {
    with_regex(&format!("^(?:{text})$"), |regex| regex.is_match(value))
}

/// There are few expressions: each is made once.
fn with_regex<T>(text: &str, with: impl FnOnce(&Regex) -> T) -> T {
    static MADE: OnceLock<Mutex<BTreeMap<String, Regex>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    if !made.contains_key(text) {
        made.insert(text.to_owned(), Regex::new(text).unwrap());
    }
    with(&made[text])
}
