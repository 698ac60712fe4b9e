//! Routes, and what they do with it.

use serde_json::{Value, json};

use crate::setup::{Case, Setup, follow, follow_with, of_type, off, structured};

const ROUTE: &str = "envoy.config.route.v3.Route";

/// A route with what it says of filters, under a key.
fn route(key: &str, per_filter: Value) -> Value {
    let route = json!({
        "match": {"prefix": "/"},
        "route": {"cluster": "everything"},
        key: per_filter,
    });
    of_type(ROUTE, route)
}

/// A virtual host that matches by a tree, with a route in it.
fn by_tree(host: &mut Value, route: Value) {
    let input = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
    *host = json!({"name": "mcp", "domains": ["*"], "matcher": {"matcher_tree": {
        "input": {"name": "x", "typed_config": of_type(input, json!({"header_name": ":path"}))},
        "prefix_match_map": {"map": {"/": {"action": {
            "name": "route", "typed_config": route,
        }}}},
    }}});
}

/// A route by weight.
fn by_weight(host: &mut Value, per_filter: Value) {
    host["routes"] = json!([{"match": {"prefix": "/"}, "route": {"weighted_clusters": {
        "clusters": [{"name": "everything", "weight": 1, "typed_per_filter_config": per_filter}],
    }}}]);
}

#[test]
fn routes_round_it_are_found() {
    let cases: [Case; 9] = [
        (
            "off by a matcher",
            |it| by_tree(it.host(), route("typed_per_filter_config", off())),
            &["enabled"],
            &[],
        ),
        (
            "off by a matcher, in other letters",
            |it| {
                let route = structured(route("typedPerFilterConfig", off()));
                by_tree(it.host(), route);
            },
            &["enabled"],
            &[],
        ),
        (
            "a matcher",
            |it| by_tree(it.host(), route("typed_per_filter_config", json!({}))),
            &[],
            &[],
        ),
        (
            "off by weight",
            |it| by_weight(it.host(), off()),
            &["enabled"],
            &[],
        ),
        ("by weight", |it| by_weight(it.host(), json!({})), &[], &[]),
        (
            "several routes of a name",
            |it| {
                let plain = it.manager().clone();
                it.discover_routes("b.json", true);
                it.second(|_| {});
                *it.manager() = plain;
                it.discover_routes("a.json", false);
            },
            &["enabled", "enabled"],
            &[],
        ),
        (
            "routes that are discovered",
            |it| {
                it.discover_routes("a.json", false);
            },
            &[],
            &[],
        ),
        (
            "a mirror to a backend",
            |it| {
                let mirrors = json!([{"cluster": "everything"}]);
                it.host()["request_mirror_policies"] = mirrors;
            },
            &["mirrors"],
            &[],
        ),
        (
            "a mirror to another cluster",
            |it| {
                let mirrors = json!([{"cluster": "authorizer"}]);
                it.host()["routes"][0]["route"]["request_mirror_policies"] = mirrors;
            },
            &[],
            &["mirrors"],
        ),
    ];
    follow(&cases, json!({}));
}

/// A route by weight that is tried again.
fn retried(host: &mut Value, refresh: Value) {
    host["routes"] = json!([{"match": {"prefix": "/"}, "route": {
        "weighted_clusters": {"clusters": [{"name": "everything", "weight": 1}]},
        "retry_policy": {"retry_on": "5xx", "refresh_cluster_on_retry": refresh},
    }}]);
}

#[test]
fn retries_elsewhere_are_found() {
    let cases: [Case; 6] = [
        (
            "of a route",
            |it| retried(it.host(), json!(true)),
            &["retries"],
            &[],
        ),
        (
            "not of a route",
            |it| retried(it.host(), json!(false)),
            &[],
            &[],
        ),
        (
            "of a virtual host",
            |it| {
                it.host()["retry_policy"] =
                    json!({"retry_on": "5xx", "refresh_cluster_on_retry": true});
            },
            &["retries"],
            &[],
        ),
        (
            "by another type",
            |it| {
                let policy = json!({"retry_on": "5xx", "refresh_cluster_on_retry": true});
                it.host()["retry_policy_typed_config"] =
                    of_type("envoy.config.route.v3.RetryPolicy", policy);
            },
            &["retries"],
            &[],
        ),
        (
            "of routes that are discovered",
            |it| {
                retried(it.host(), json!(true));
                it.discover_routes("a.json", false);
            },
            &["retries"],
            &[],
        ),
        (
            "of a cluster",
            |it| {
                let kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
                let policy = json!({"retry_on": "5xx", "refresh_cluster_on_retry": true});
                let http = json!({"http_protocol_options": {}});
                it.cluster()["typed_extension_protocol_options"] = json!({kind: of_type(kind, json!({
                    "explicit_http_config": http, "retry_policy": policy,
                }))});
            },
            &["retries"],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// A route that is rewritten.
fn rewritten(it: &mut Setup, from: &str, key: &str, to: Value) {
    let mut route = json!({"match": {"prefix": from}, "route": {"cluster": "everything"}});
    route["route"][key] = to;
    let routes = it.host()["routes"].as_array_mut();
    routes.unwrap().insert(0, route);
}

/// Adds a header to every request.
fn add_header(it: &mut Setup, name: &str) {
    let header = json!({"header": {"key": name, "value": "x"}});
    it.host()["request_headers_to_add"] = json!([header]);
}

#[test]
fn rewrites_behind_it_are_found() {
    let cases: [Case; 9] = [
        (
            "to where MCP is",
            |it| rewritten(it, "/other", "prefix_rewrite", json!("/mcp")),
            &["rewrites"],
            &[],
        ),
        (
            "to what may be there",
            |it| rewritten(it, "/other/", "prefix_rewrite", json!("/")),
            &["rewrites"],
            &[],
        ),
        (
            "from where MCP is",
            |it| rewritten(it, "/mcp", "prefix_rewrite", json!("/")),
            &[],
            &[],
        ),
        (
            "to elsewhere",
            |it| rewritten(it, "/other", "prefix_rewrite", json!("/else")),
            &[],
            &[],
        ),
        (
            "by a regular expression to what may be there",
            |it| {
                let regex = json!({"pattern": {"regex": "^/other/*"}, "substitution": "/"});
                rewritten(it, "/other", "regex_rewrite", regex);
            },
            &["rewrites"],
            &[],
        ),
        (
            "by a regular expression to elsewhere",
            |it| {
                let regex = json!({"pattern": {"regex": "^/(.)*$"}, "substitution": "/x/\\1"});
                rewritten(it, "/other", "regex_rewrite", regex);
            },
            &[],
            &[],
        ),
        (
            "a header that a policy reads",
            |it| add_header(it, "X-Team"),
            &[],
            &["rewrites"],
        ),
        ("another header", |it| add_header(it, "x-other"), &[], &[]),
        (
            "a header of the answer",
            |it| {
                let policy = json!({"response_headers_to_copy": ["x-team"]});
                rewritten(it, "/other", "internal_redirect_policy", policy);
            },
            &[],
            &["rewrites"],
        ),
    ];
    follow_with(&cases, json!({}), |policy| {
        let rule = &mut policy["policies"][0]["rules"][0];
        let value = json!({"Exact": "x"});
        rule["http"] = json!({"headers": [{"name": "x-team", "value": value}]});
    });
}

#[test]
fn paths_that_policies_read_are_looked_at() {
    let cases: [Case; 3] = [
        ("as they come", |_| {}, &[], &[]),
        (
            "rewritten",
            |it| rewritten(it, "/other", "prefix_rewrite", json!("/else")),
            &[],
            &["rewrites"],
        ),
        (
            "with another host",
            |it| rewritten(it, "/other", "host_rewrite_header", json!("x-host")),
            &[],
            &[],
        ),
    ];
    follow_with(&cases, json!({}), |policy| {
        let rule = &mut policy["policies"][0]["rules"][0];
        rule["http"] = json!({"paths": [{"Exact": "/mcp"}]});
    });
}

#[test]
fn hosts_that_policies_read_are_looked_at() {
    let cases: [Case; 2] = [
        (
            "that clients choose again",
            |it| rewritten(it, "/other", "host_rewrite_header", json!("x-host")),
            &[],
            &["rewrites"],
        ),
        (
            "that are fixed",
            |it| rewritten(it, "/other", "host_rewrite_literal", json!("host")),
            &[],
            &[],
        ),
    ];
    follow_with(&cases, json!({}), |policy| {
        let rule = &mut policy["policies"][0]["rules"][0];
        rule["http"] = json!({"hosts": ["mcp"]});
    });
}
