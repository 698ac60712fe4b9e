//! What routes change behind the filter, of what it read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::clusters::Leading;
use super::dump::{Chain, Dump};
use super::typed::{all_called, below, is_called, member, text};
use crate::engine::policy::{CompiledPolicy, Rule};

/// What takes another path than the client's.
const PATHS: [&str; 4] = [
    "prefix_rewrite",
    "regex_rewrite",
    "path_rewrite_policy",
    "path_rewrite",
];

/// Those of which nobody can say which path that is.
const ANY: [&str; 2] = ["path_rewrite_policy", "path_rewrite"];

/// What takes the host from the request.
const HOSTS: [&str; 2] = ["host_rewrite_header", "host_rewrite_path_regex"];

/// Paths that carry MCP to the backend, and do not where they are judged.
pub(super) fn paths(
    dump: Dump<'_>,
    chain: &Chain<'_>,
    policy: &CompiledPolicy,
    leading: &Leading<'_>,
) -> Option<String> {
    let prefixes = policy.settings.mcp_paths.as_deref()?;
    let all = dump.routes(chain.manager).into_iter();
    let all = all.flat_map(|routes| below(routes).into_iter().map(|(_, part)| part));
    let rewritten = all.filter_map(|route| {
        let action = member(route, "route")?;
        let to = replaced(action)?;
        let cluster = member(action, "cluster").and_then(Value::as_str);
        let is_other = cluster.is_some_and(|name| !leading.is_empty() && !leading.has(name));
        let matched = member(route, "match");
        let from = matched.map(front).unwrap_or_default();
        let carries = |path: &str| prefixes.iter().any(|prefix| path.starts_with(bare(prefix)));
        let may_carry = prefixes.iter().any(|prefix| prefix.starts_with(to));
        let is_wrong = !is_other && (carries(to) || may_carry) && !carries(from);
        is_wrong.then(|| format!("`{from}` to `{to}`"))
    });
    let rewritten: BTreeSet<String> = rewritten.collect();
    (!rewritten.is_empty()).then(|| {
        let rewritten: Vec<String> = rewritten.into_iter().collect();
        format!(
            "routes rewrite paths that `mcp.paths` does not list to what may be one that it \
             does: {}: list them as clients send them",
            rewritten.join(", ")
        )
    })
}

/// With what a path begins, or may, that a route rewrites.
fn replaced(action: &Value) -> Option<&str> {
    let regex = member(action, "regex_rewrite").and_then(|regex| member(regex, "substitution"));
    let to = member(action, "prefix_rewrite").or(regex)?.as_str()?;
    // What follows stands for something of the path that came.
    Some(to.split('\\').next().unwrap_or_default())
}

fn bare(prefix: &str) -> &str {
    prefix.trim_end_matches('/')
}

/// With what every path that a route takes begins.
fn front(matched: &Value) -> &str {
    let keys = ["prefix", "path", "path_separated_prefix"];
    let mut found = keys.iter().filter_map(|key| member(matched, key)?.as_str());
    found.next().unwrap_or_default()
}

/// What policies read that routes change.
pub(super) fn read(dump: Dump<'_>, chain: &Chain<'_>, policy: &CompiledPolicy) -> Option<String> {
    let rules = policy.policies.iter().flat_map(|it| &it.rules);
    let rules: Vec<&Rule> = rules.flatten().collect();
    let routes = dump.routes(chain.manager);
    let has = |name: &&str| {
        routes
            .iter()
            .any(|it| all_called(it, name).next().is_some())
    };
    let mut changed = BTreeSet::new();
    let is_read = rules.iter().any(|rule| reads_path(rule));
    let carries_mcp = policy.settings.mcp_paths.is_some();
    if PATHS.iter().any(has) && is_read || ANY.iter().any(has) && carries_mcp {
        changed.insert("the path".to_owned());
    }
    if HOSTS.iter().any(has) && rules.iter().any(|rule| reads_host(rule)) {
        changed.insert("the host, which the client chooses".to_owned());
    }
    for name in routes.iter().flat_map(|routes| headers(routes)) {
        if rules.iter().any(|rule| reads_header(rule, &name)) {
            changed.insert(format!("the header `{name}`"));
        }
    }
    (!changed.is_empty()).then(|| {
        let changed: Vec<String> = changed.into_iter().collect();
        format!(
            "behind it routes change what policies read: {}: backends get something else than \
             was judged",
            changed.join(", ")
        )
    })
}

/// The headers that routes set or take away.
fn headers(routes: &Value) -> BTreeSet<String> {
    let all = below(routes).into_iter();
    let lists = all.filter_map(|(key, list)| Some((key, list.as_array()?)));
    let names = lists.flat_map(|(key, list)| {
        let is = |name| is_called(key, name);
        let is_added = is("request_headers_to_add");
        let is_named = is("request_headers_to_remove") || is("response_headers_to_copy");
        list.iter().filter_map(move |item| match () {
            () if is_added => member(item, "header").map(|header| text(header, "/key")),
            () if is_named => item.as_str(),
            () => None,
        })
    });
    names.map(str::to_ascii_lowercase).collect()
}

fn reads(rule: &Rule, what: &str) -> bool {
    rule.cel.as_ref().is_some_and(|cel| cel.text.contains(what))
}

fn reads_path(rule: &Rule) -> bool {
    let http = rule.http.as_ref();
    http.is_some_and(|http| http.paths.is_some())
        || ["request.path", "request.url_path", "request.query"]
            .iter()
            .any(|fact| reads(rule, fact))
}

fn reads_host(rule: &Rule) -> bool {
    let http = rule.http.as_ref();
    http.is_some_and(|http| http.hosts.is_some()) || reads(rule, "request.host")
}

fn reads_header(rule: &Rule, name: &str) -> bool {
    let http = rule.http.as_ref();
    let mut own = http
        .and_then(|it| it.headers.as_ref())
        .into_iter()
        .flatten();
    own.any(|header| header.name == name) || reads(rule, "request.headers") && reads(rule, name)
}
