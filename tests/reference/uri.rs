//! Which spellings of a uri are one to some server. Those that are generated have a scheme
//! and two slashes.

use std::net::Ipv4Addr;

/// Whether a uri that a rule lists may be the one that a request names.
pub fn is_one(listed: &str, asked: &str) -> bool {
    let listed = [read(listed, true, true), read(listed, false, true)];
    let is_unsure = is_unsure(asked);
    let mut asked = [true, false]
        .into_iter()
        .flat_map(|pops_host| parts(read(asked, pops_host, true)));
    let is_unsure = is_unsure && asked.clone().any(|asked| asked.0 == listed[0].0);
    is_unsure || asked.any(|asked| listed.contains(&asked))
}

/// Whether a uri may name any host, as only tables say which name another one is, or any
/// uri, as it depends on the server what `..` takes back.
pub fn is_unsure(uri: &str) -> bool {
    is_disputed(uri) || is_of_tables(uri)
}

/// Whether servers that resolve `..` take it for another one.
pub fn goes_back(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().expect("a part");
    let path = path.replace("%2F", "/").replace("%2e", ".");
    path.split('/').any(|part| part == "..")
}

fn is_disputed(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().expect("a part");
    let takes_back = path.replace("%2F", "/").split('/').any(|part| part == "..");
    let (_, path) = path.split_once("://").expect("a scheme");
    takes_back && (path.contains('%') || path.contains("//"))
}

fn is_of_tables(uri: &str) -> bool {
    let (scheme, rest) = uri.split_once("://").expect("a scheme");
    let host = rest.split(['/', '?', '#']).next().expect("a part");
    !scheme.eq_ignore_ascii_case("a") && (!host.is_ascii() || host.contains("xn--"))
}

/// The texts that servers may read for a uri.
pub fn readings(uri: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (pops_host, keeps_query) in [(true, true), (true, false), (false, true), (false, false)] {
        let (scheme, segments, query) = read(uri, pops_host, keeps_query);
        let query = if query.is_empty() {
            query
        } else {
            format!("?{query}")
        };
        let text = format!("{scheme}://{}{query}", segments.join("/"));
        all.push(format!("{text}/"));
        all.push(text);
    }
    all
}

/// The same with any of the pairs of its query.
fn parts(
    (scheme, segments, query): (String, Vec<String>, String),
) -> Vec<(String, Vec<String>, String)> {
    let mut all = vec![Vec::new()];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let with = all.clone().into_iter().map(|mut some| {
            some.push(pair);
            some
        });
        all.extend(with.collect::<Vec<_>>());
    }
    let all = all.into_iter();
    all.map(|pairs| (scheme.clone(), segments.clone(), pairs.join("&")))
        .collect()
}

/// Scheme, segments and query, as a server reads them.
fn read(uri: &str, pops_host: bool, keeps_query: bool) -> (String, Vec<String>, String) {
    let uri = uri.split('#').next().expect("a part");
    let (uri, query) = uri.split_once('?').unwrap_or((uri, ""));
    let (scheme, rest) = uri.split_once("://").expect("a scheme");
    let rest = rest
        .replace("%2F", "/")
        .replace("%31", "1")
        .replace("%2e", ".");
    let (host, path) = rest.split_once('/').unwrap_or((&rest, ""));
    let host = match scheme.to_lowercase().as_str() {
        "http" | "ws" => special_host(&host.to_lowercase()),
        _ => host
            .trim_start_matches('@')
            .trim_end_matches(':')
            .to_lowercase(),
    };
    let mut segments = vec![host];
    segments.retain(|host| !(host.is_empty() || pops_host && host == "."));
    let root = if pops_host { 0 } else { segments.len() };
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.len() > root => drop(segments.pop()),
            ".." => {}
            name => segments.push(name.to_owned()),
        }
    }
    let query = if keeps_query { query } else { "" };
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    (scheme.to_lowercase(), segments, pairs.join("&"))
}

/// A host without what browsers leave out, and an address in the usual notation.
fn special_host(host: &str) -> String {
    let host = host.rsplit('@').next().expect("a part");
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let host = host.trim_end_matches('.');
    let host = address(host).unwrap_or_else(|| host.to_owned());
    match port.trim_start_matches('0') {
        "" | "80" => host,
        port => format!("{host}:{port}"),
    }
}

/// The last part of an address stands for all that are missing.
fn address(host: &str) -> Option<String> {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let bits = [24, 16, 8].into_iter().zip(first);
    let address = bits.fold(*last, |address, (bits, part)| address | part << bits);
    Some(Ipv4Addr::from(address).to_string())
}
