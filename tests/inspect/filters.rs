//! Filters around it.

use serde_json::{Value, json};

use crate::setup::{Case, follow, http, of_type, structured};

fn cache() -> Value {
    let kept = "envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig";
    let kept = json!({"typed_config": of_type(kept, json!({}))});
    http("cache", "cache.v3.CacheConfig", kept)
}

/// A filter that is used for requests with a header.
fn matched(filter: &Value) -> Value {
    let kind = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";
    let input = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
    let skip = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter";
    let value = json!({
        "extension_config": filter,
        "xds_matcher": {"matcher_tree": {
            "input": {"name": "x", "typed_config": of_type(input, json!({"header_name": "x"}))},
            "exact_match_map": {"map": {"y": {"action": {
                "name": "skip", "typed_config": of_type(skip, json!({})),
            }}}},
        }},
    });
    json!({"name": "matched", "typed_config": of_type(kind, value)})
}

#[test]
fn filters_around_it_are_found() {
    let cases: [Case; 12] = [
        (
            "a cache before it",
            |it| it.filters().insert(0, cache()),
            &["before"],
            &[],
        ),
        (
            "a cache of the second kind",
            |it| {
                let kept = "envoy.extensions.http.cache_v2.simple_http_cache.v3.\
                            SimpleHttpCacheV2Config";
                let kept = json!({"typed_config": of_type(kept, json!({}))});
                it.filters()
                    .insert(0, http("kept", "cache_v2.v3.CacheV2Config", kept));
            },
            &["before"],
            &[],
        ),
        (
            "a cache in another filter",
            |it| it.filters().insert(0, matched(&cache())),
            &["before"],
            &[],
        ),
        (
            "a cache by another type",
            |it| {
                let mut cache = cache();
                cache["typed_config"] = structured(cache["typed_config"].take());
                it.filters().insert(0, cache);
            },
            &["before"],
            &[],
        ),
        (
            "a cache that is discovered",
            |it| {
                let found = it.extension("cache.json", "cache", &cache()["typed_config"]);
                it.filters().insert(0, found);
            },
            &["before"],
            &[],
        ),
        (
            "another filter in another filter",
            |it| {
                it.filters()
                    .insert(0, matched(&http("cors", "cors.v3.Cors", json!({}))))
            },
            &[],
            &[],
        ),
        (
            "a program before it",
            |it| {
                let code = json!({"default_source_code": {"inline_string": "x = 1"}});
                it.filters().insert(0, http("lua", "lua.v3.Lua", code));
            },
            &[],
            &["before"],
        ),
        (
            "a program behind it with Istio's name",
            |it| {
                let code = json!({"default_source_code": {"inline_string": "x = 1"}});
                it.filters().insert(1, http("istio.x", "lua.v3.Lua", code));
            },
            &["last"],
            &[],
        ),
        (
            "one whose type ends as a harmless one's does",
            |it| {
                let bridge = json!({"content_type": "application/json"});
                let kind = "grpc_http1_reverse_bridge.v3.FilterConfig";
                it.filters().insert(1, http("bridge", kind, bridge));
            },
            &["last"],
            &[],
        ),
        (
            "the harmless one",
            |it| {
                it.filters()
                    .insert(1, http("x", "grpc_stats.v3.FilterConfig", json!({})))
            },
            &[],
            &[],
        ),
        (
            "filters upstream",
            |it| {
                let filters = upstream(true);
                let router = it.filters().last_mut().unwrap();
                router["typed_config"]["upstream_http_filters"] = filters.clone();
                it.cluster()["typed_extension_protocol_options"] = options(filters);
            },
            &[],
            &["upstream", "upstream"],
        ),
        (
            "nothing but the codec upstream",
            |it| {
                let filters = upstream(false);
                let router = it.filters().last_mut().unwrap();
                router["typed_config"]["upstream_http_filters"] = filters.clone();
                it.cluster()["typed_extension_protocol_options"] = options(filters);
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// Filters upstream, with one that changes headers or without.
fn upstream(changing: bool) -> Value {
    let header = json!({"header": {"key": "x-team", "value": "x"}});
    let mutations = json!({"mutations": {"request_mutations": [{"append": header}]}});
    let mut filters = vec![http("x", "header_mutation.v3.HeaderMutation", mutations)];
    filters.retain(|_| changing);
    filters.push(http("codec", "upstream_codec.v3.UpstreamCodec", json!({})));
    json!(filters)
}

/// A cluster's options for HTTP.
fn options(filters: Value) -> Value {
    let kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let http = json!({"http_protocol_options": {}});
    json!({kind: of_type(kind, json!({
        "explicit_http_config": http, "http_filters": filters,
    }))})
}
