//! Which spellings of a uri are one to some server. Those that are generated have a scheme,
//! two slashes, and no host but what stands there.

/// Whether a uri that a rule lists may be the one that a request names.
pub fn is_one(listed: &str, asked: &str) -> bool {
    let listed = [read(listed, true, true), read(listed, false, true)];
    let mut asked = [(true, true), (true, false), (false, true), (false, false)]
        .map(|(pops_host, keeps_query)| read(asked, pops_host, keeps_query))
        .into_iter();
    asked.any(|asked| listed.contains(&asked))
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
    let mut segments = vec![host.to_lowercase()];
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
    (scheme.to_lowercase(), segments, query.to_owned())
}
