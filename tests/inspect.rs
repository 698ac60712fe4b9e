//! `accesspolicy check`: what it says of a running Envoy, as `render` writes it and with each
//! thing in it that takes the filter away.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use accesspolicy::policy::CompiledPolicy;
use serde_json::{Value, json};
use support::certificates::Authority;
use support::envoy::Envoy;
use support::{filter_module, root, yaml};
use tempfile::TempDir;

fn tool(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.args(arguments).current_dir(root());
    command.output().expect("it runs")
}

/// The demo's policy, compiled, and a whole Envoy with it.
fn demo(folder: &Path) -> (String, Value) {
    let of = |name: &str| format!("policies/demo/{name}.yaml");
    let (policy, point) = (of("policy"), of("enforcement-point"));
    let compiled = folder.join("policy.json").display().to_string();
    let done = tool(&[
        "compile",
        &policy,
        "--enforcement-point",
        &point,
        "-o",
        &compiled,
    ]);
    assert!(done.status.success(), "{done:?}");
    let authority = Authority::new(folder, "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    for (from, to) in [
        (authority.certificate(), "authority.pem"),
        (server.certificate.clone(), "server.pem"),
        (server.key.clone(), "server.key"),
    ] {
        if from != folder.join(to) {
            std::fs::copy(from, folder.join(to)).expect("a copy");
        }
    }
    let done = tool(&[
        "render",
        "--format",
        "envoy",
        "--form",
        "bootstrap",
        "--config",
        &compiled,
        "--module",
        filter_module().to_str().expect("a path"),
        "--listen",
        "127.0.0.1:0",
        "--admin-port",
        "1",
        "--cluster",
        "authorizer=127.0.0.1:9",
        "--certificates",
        folder.to_str().expect("a path"),
    ]);
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8(done.stdout).expect("text");
    let mut bootstrap = yaml::parse(&text).expect("YAML");
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    (compiled, bootstrap)
}

/// What is wrong with an Envoy, and what is warned of, by what was looked at.
fn found(envoy: &Envoy, compiled: &str) -> (Vec<String>, Vec<String>, Option<i32>) {
    let address = envoy.admin().to_string();
    let done = tool(&[
        "check", "--config", compiled, "--envoy", &address, "--output", "json",
    ]);
    let code = done.status.code();
    (with(&done, "wrong"), with(&done, "warning"), code)
}

/// The same of a dump.
fn found_in(dump: &Value, folder: &Path, compiled: &str) -> (Vec<String>, Vec<String>) {
    let file = folder.join("dump.json").display().to_string();
    std::fs::write(&file, dump.to_string()).expect("a file");
    let done = tool(&[
        "check",
        "--config",
        compiled,
        "--config-dump",
        &file,
        "--output",
        "json",
    ]);
    (with(&done, "wrong"), with(&done, "warning"))
}

/// What was looked at of which something is said.
fn with(done: &Output, what: &str) -> Vec<String> {
    let findings: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    let findings = findings["findings"].as_array().expect("findings").iter();
    let with = findings.filter(|finding| !finding[what].is_null());
    with.map(|finding| finding["check"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Something that takes the filter away, or what it relies on.
type Change = fn(manager: &mut Value, chain: &mut Value);

#[test]
fn what_takes_the_filter_away_is_found() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let changes: [(&[&str], Change); 12] = [
        (&[], |_, _| {}),
        (&["filter"], |manager, _| {
            manager["http_filters"].as_array_mut().unwrap().remove(0);
        }),
        (&["digest"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            let text = config["configuration"]["value"].as_str().unwrap();
            let mut policy: Value = serde_json::from_str(text).unwrap();
            policy["digest"] = json!("sha256:0");
            config["configuration"]["value"] = json!(policy.to_string());
        }),
        (&["digest"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            let text = config["configuration"]["value"].as_str().unwrap();
            let mut policy: Value = serde_json::from_str(text).unwrap();
            policy["settings"]["unprotected"] = json!("Allow");
            config["configuration"]["value"] = json!(policy.to_string());
        }),
        (&["enabled"], |manager, _| {
            manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = json!({
                "accesspolicy": {
                    "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                    "disabled": true,
                    "config": {"@type": "type.googleapis.com/google.protobuf.Empty"},
                },
            });
        }),
        (&["last"], |manager, _| {
            let buffer = json!({"name": "buffer", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 1000,
            }});
            manager["http_filters"]
                .as_array_mut()
                .unwrap()
                .insert(1, buffer);
        }),
        (&["failure"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            config["failure_policy"] = json!("FAIL_OPEN");
        }),
        (&["headers"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            config
                .as_object_mut()
                .unwrap()
                .remove("allow_on_headers_stop_iteration");
        }),
        (&["upgrades"], |manager, _| {
            let router = manager["http_filters"].as_array().unwrap().last().unwrap();
            manager["upgrade_configs"] =
                json!([{"upgrade_type": "websocket", "filters": [router.clone()]}]);
        }),
        (&["paths"], |manager, _| {
            manager["normalize_path"] = json!(false)
        }),
        (&["certificates"], |_, chain| {
            let tls = &mut chain["transport_socket"]["typed_config"]["common_tls_context"];
            tls["validation_context"]["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
        }),
        (&["certificates"], |_, chain| {
            let tls = &mut chain["transport_socket"]["typed_config"];
            tls["disable_stateful_session_resumption"] = json!(false);
        }),
    ];
    for (expected, change) in changes {
        let mut bootstrap = bootstrap.clone();
        let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
        let mut manager = chain["filters"][0]["typed_config"].take();
        change(&mut manager, chain);
        chain["filters"][0]["typed_config"] = manager;
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        let (wrong, warned, code) = found(&envoy, &compiled);
        assert_eq!(wrong, expected);
        assert!(warned.is_empty(), "{expected:?}: {warned:?}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{expected:?}");
    }
}

/// Something of a type of Envoy's.
fn of_type(name: &str, value: Value) -> Value {
    let mut value = value;
    value["@type"] = json!(format!("type.googleapis.com/{name}"));
    value
}

/// An HTTP filter.
fn http(name: &str, kind: &str, value: Value) -> Value {
    let kind = format!("envoy.extensions.filters.http.{kind}");
    json!({"name": name, "typed_config": of_type(&kind, value)})
}

/// Types of Envoy's.
const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const ROUTE: &str = "envoy.config.route.v3.Route";

/// An Envoy that is to be, and the folder that what it discovers is in.
struct Setup {
    folder: PathBuf,
    bootstrap: Value,
}

impl Setup {
    fn listener(&mut self) -> &mut Value {
        &mut self.bootstrap["static_resources"]["listeners"][0]
    }

    fn chain(&mut self) -> &mut Value {
        &mut self.listener()["filter_chains"][0]
    }

    fn manager(&mut self) -> &mut Value {
        &mut self.chain()["filters"][0]["typed_config"]
    }

    fn filters(&mut self) -> &mut Vec<Value> {
        self.manager()["http_filters"].as_array_mut().unwrap()
    }

    fn host(&mut self) -> &mut Value {
        &mut self.manager()["route_config"]["virtual_hosts"][0]
    }

    fn context(&mut self) -> &mut Value {
        &mut self.chain()["transport_socket"]["typed_config"]["common_tls_context"]
    }

    fn cluster(&mut self) -> &mut Value {
        let clusters = self.bootstrap["static_resources"]["clusters"].as_array_mut();
        let mut clusters = clusters.unwrap().iter_mut();
        clusters.find(|it| it["name"] == "everything").unwrap()
    }

    /// A file with a resource, from which it is discovered.
    fn discovered(&self, file: &str, kind: &str, resource: Value) -> Value {
        let path = self.folder.join(file);
        let next = self.folder.join("next");
        let resources = json!({"resources": [of_type(kind, resource)]});
        std::fs::write(&next, resources.to_string()).expect("a file");
        std::fs::rename(&next, &path).expect("a file");
        json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
    }

    /// The same of a filter.
    fn extension(&self, file: &str, name: &str, typed: &Value) -> Value {
        let resource = json!({"name": name, "typed_config": typed});
        let source = self.discovered(file, "envoy.config.core.v3.TypedExtensionConfig", resource);
        json!({"name": name, "config_discovery": {
            "config_source": source, "type_urls": [typed["@type"]],
        }})
    }

    /// A second listener, as the first.
    fn second(&mut self, change: impl FnOnce(&mut Value)) {
        let mut listener = self.listener().clone();
        listener["name"] = json!("second");
        change(&mut listener);
        let listeners = self.bootstrap["static_resources"]["listeners"].as_array_mut();
        listeners.unwrap().push(listener);
    }

    /// The routes, discovered from a file, with the filter on or off.
    fn discover_routes(&mut self, file: &str, is_off: bool) {
        let mut routes = self.manager()["route_config"].take();
        if is_off {
            routes["typed_per_filter_config"] = off();
        }
        let kind = "envoy.config.route.v3.RouteConfiguration";
        let source = self.discovered(file, kind, routes.clone());
        let manager = self.manager();
        manager.as_object_mut().unwrap().remove("route_config");
        manager["rds"] = json!({"route_config_name": routes["name"], "config_source": source});
    }

    /// Whom the listener trusts, as a secret.
    fn secret(&mut self, change: impl FnOnce(&mut Value)) -> Value {
        let mut context = self.context()["validation_context"].take();
        self.context()
            .as_object_mut()
            .unwrap()
            .remove("validation_context");
        change(&mut context);
        let kind = "envoy.extensions.transport_sockets.tls.v3.Secret";
        let resource = json!({"name": "ca", "validation_context": context});
        json!({"name": "ca", "sds_config": self.discovered("ca.json", kind, resource)})
    }
}

/// What a route says that switches the filter off.
fn off() -> Value {
    let kind = "envoy.config.route.v3.FilterConfig";
    let empty = of_type("google.protobuf.Empty", json!({}));
    json!({"accesspolicy": of_type(kind, json!({"disabled": true, "config": empty}))})
}

/// Changes an Envoy, and says what is wrong then, and what is warned of.
type Case = (
    &'static str,
    fn(&mut Setup),
    &'static [&'static str],
    &'static [&'static str],
);

/// Runs each, and looks.
fn follow(cases: &[Case], settings: Value) {
    let folder = TempDir::new().expect("a folder");
    let (compiled, mut bootstrap) = demo(folder.path());
    let text = std::fs::read_to_string(&compiled).expect("the policy");
    let mut policy: Value = serde_json::from_str(&text).expect("JSON");
    for (key, value) in settings.as_object().unwrap() {
        policy["settings"][key] = value.clone();
    }
    let policy: CompiledPolicy = serde_json::from_value(policy).expect("a policy");
    let policy = serde_json::to_string(&policy.sealed()).expect("JSON");
    std::fs::write(&compiled, &policy).expect("a file");
    let at = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0\
              /typed_config/config/configuration/value";
    *bootstrap.pointer_mut(at).expect("its configuration") = json!(policy);
    for (name, change, wrong, warned) in cases {
        let mut setup = Setup {
            folder: folder.path().to_owned(),
            bootstrap: bootstrap.clone(),
        };
        change(&mut setup);
        let envoy = Envoy::start(&setup.bootstrap);
        let envoy = envoy.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (is_wrong, is_warned, code) = found(&envoy, &compiled);
        assert_eq!(is_wrong, *wrong, "{name}");
        assert_eq!(is_warned, *warned, "{name}");
        assert_eq!(code, Some(i32::from(!wrong.is_empty())), "{name}");
    }
}

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

/// The filter, discovered from a file, with a failure policy.
fn discover(it: &mut Setup, file: &str, failure: &str) {
    let mut typed = it.filters()[0]["typed_config"].clone();
    typed["config"]["failure_policy"] = json!(failure);
    assert_eq!(typed["@type"], format!("type.googleapis.com/{WASM}"));
    it.filters()[0] = it.extension(file, "accesspolicy", &typed);
}

/// A connection manager that is discovered, with the filter or without.
fn discover_manager(it: &mut Setup, with: bool) {
    let mut manager = it.manager().clone();
    if !with {
        manager["http_filters"].as_array_mut().unwrap().remove(0);
    }
    assert_eq!(manager["@type"], format!("type.googleapis.com/{MANAGER}"));
    let filter = it.extension("manager.json", "manager", &manager);
    it.second(|listener| listener["filter_chains"][0]["filters"] = json!([filter]));
}

/// What the filter may call and be called by, but for one name.
fn restricted(but: &str) -> Value {
    let bytes = std::fs::read(filter_module()).expect("the module");
    let mut names: Vec<String> = vec!["malloc".to_owned()];
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        match payload.expect("a module") {
            wasmparser::Payload::ImportSection(imports) => {
                let imports = imports.into_imports();
                names.extend(imports.map(|import| import.expect("an import").name.to_owned()));
            }
            wasmparser::Payload::ExportSection(exports) => {
                let exports = exports.into_iter();
                names.extend(exports.map(|export| export.expect("an export").name.to_owned()));
            }
            _ => {}
        }
    }
    names.retain(|name| name != but);
    names.into_iter().map(|name| (name, json!({}))).collect()
}

#[test]
fn what_is_discovered_is_looked_at() {
    let cases: [Case; 8] = [
        (
            "the filter, and another until then",
            |it| {
                discover(it, "a.json", "FAIL_RELOAD");
                let discovery = &mut it.filters()[0]["config_discovery"];
                let deny = http("x", "rbac.v3.RBAC", json!({"rules": {}}))["typed_config"].take();
                let urls = discovery["type_urls"].as_array_mut().unwrap();
                urls.push(deny["@type"].clone());
                discovery["default_config"] = deny;
            },
            &[],
            &["filter"],
        ),
        (
            "several filters of a name",
            |it| {
                let plain = it.filters()[0].clone();
                discover(it, "b.json", "FAIL_OPEN");
                it.second(|_| {});
                it.filters()[0] = plain;
                discover(it, "a.json", "FAIL_RELOAD");
            },
            &["failure", "failure"],
            &[],
        ),
        (
            "the filter",
            |it| discover(it, "a.json", "FAIL_RELOAD"),
            &[],
            &[],
        ),
        (
            "a manager without",
            |it| discover_manager(it, false),
            &["filter"],
            &[],
        ),
        ("a manager with", |it| discover_manager(it, true), &[], &[]),
        (
            "a callback too few",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                let allowed = restricted("proxy_on_request_body");
                config["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
            },
            &["callbacks"],
            &[],
        ),
        (
            "all that it takes",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                let allowed = restricted("");
                config["vm_config"]["capability_restriction_config"] =
                    json!({"allowed_capabilities": allowed});
            },
            &[],
            &[],
        ),
        (
            "an empty restriction",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                config["capability_restriction_config"] = json!({});
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// The dump of an Envoy as it has to be, and the path of its listener.
fn dumped(bootstrap: &Value) -> (Value, String) {
    let envoy = Envoy::start(bootstrap).expect("Envoy serves");
    let dump = envoy.ask("/config_dump?include_eds").expect("a dump");
    let dump: Value = serde_json::from_str(&dump).expect("JSON");
    let mut configs = dump["configs"].as_array().unwrap().iter();
    let at = configs.position(|it| it.get("static_listeners").is_some());
    let at = at.expect("listeners");
    (dump, format!("/configs/{at}/static_listeners/0/listener"))
}

/// Each of the callbacks that the module has.
#[test]
fn every_callback_is_needed() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, listener) = dumped(&bootstrap);
    let all = restricted("");
    let names = all.as_object().unwrap().keys();
    let callbacks: Vec<_> = names.filter(|name| name.starts_with("proxy_on_")).collect();
    assert!(callbacks.len() > 10, "{callbacks:?}");
    let config = format!(
        "{listener}/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config"
    );
    for name in callbacks {
        let mut dump = dump.clone();
        dump.pointer_mut(&config).expect("the filter")["vm_config"]["capability_restriction_config"] =
            json!({"allowed_capabilities": restricted(name)});
        let (wrong, _) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, ["callbacks"], "{name}");
    }
}

/// Changes a listener in a dump.
type Edit = fn(&mut Value);

/// Where the dump does not have what a listener does.
#[test]
fn what_cannot_be_seen_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, listener) = dumped(&bootstrap);
    let changes: [(&[&str], Edit); 6] = [
        (&[], |_| {}),
        (&["filter"], |it| {
            it["fcds_config"] = json!({"name": "chains"})
        }),
        (&["filter", "filter"], |it| {
            let filter = &mut it["filter_chains"][0]["filters"][0];
            let typed = filter["typed_config"].take();
            let discovery = json!({"type_urls": [typed["@type"]]});
            *filter = json!({"name": "manager", "config_discovery": discovery});
        }),
        (&["filter", "filter"], |it| {
            let typed = &mut it["filter_chains"][0]["filters"][0]["typed_config"];
            *typed = structured(typed.take());
        }),
        (&["enabled"], |it| {
            let manager = &mut it["filter_chains"][0]["filters"][0]["typed_config"];
            manager.as_object_mut().unwrap().remove("route_config");
            manager["rds"] = json!({"route_config_name": "mcp"});
        }),
        (&["before"], |it| {
            let manager = &mut it["filter_chains"][0]["filters"][0]["typed_config"];
            let filter = json!({"name": "x", "config_discovery": {"type_urls": ["a/b"]}});
            let filters = manager["http_filters"].as_array_mut().unwrap();
            filters.insert(0, filter);
        }),
    ];
    for (expected, change) in changes {
        let mut dump = dump.clone();
        change(dump.pointer_mut(&listener).expect("the listener"));
        let (wrong, warned) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, expected);
        assert!(warned.is_empty(), "{expected:?}: {warned:?}");
    }
    let mut dump = dump;
    let listener = dump.pointer_mut(&listener).expect("the listener");
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["route_config"]["vhds"] = json!({});
    let (wrong, warned) = found_in(&dump, folder.path(), &compiled);
    assert_eq!((wrong.len(), warned), (0, vec!["enabled".to_owned()]));
}

/// The same, of a type that says which it stands for.
fn structured(mut typed: Value) -> Value {
    let members = typed.as_object_mut().unwrap();
    let url = members.remove("@type").unwrap();
    of_type(
        "xds.type.v3.TypedStruct",
        json!({"type_url": url, "value": typed}),
    )
}

#[test]
fn whom_it_trusts_is_found() {
    let cases: [Case; 8] = [
        (
            "a secret",
            |it| {
                let secret = it.secret(|_| {});
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &[],
            &[],
        ),
        (
            "a secret that accepts all",
            |it| {
                let secret = it.secret(|context| {
                    context["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
                });
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "a secret without an authority",
            |it| {
                let secret = it.secret(|context| *context = json!({"max_verify_depth": 1}));
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "half of it a secret",
            |it| {
                let secret = it.secret(|_| {});
                it.context()["combined_validation_context"] = json!({
                    "default_validation_context": {"max_verify_depth": 1},
                    "validation_context_sds_secret_config": secret,
                });
            },
            &[],
            &[],
        ),
        (
            "the half that is a secret accepts all",
            |it| {
                let secret = it.secret(|context| {
                    context["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
                });
                it.context()["combined_validation_context"] = json!({
                    "default_validation_context": {},
                    "validation_context_sds_secret_config": secret,
                });
            },
            &["certificates"],
            &[],
        ),
        (
            "a secret of the bootstrap",
            |it| {
                let _ = it.secret(|_| {});
                let text = std::fs::read_to_string(it.folder.join("ca.json"));
                let file: Value = serde_json::from_str(&text.expect("a file")).expect("JSON");
                let mut secret = file["resources"][0].clone();
                secret.as_object_mut().unwrap().remove("@type");
                it.bootstrap["static_resources"]["secrets"] = json!([secret]);
                it.context()["validation_context_sds_secret_config"] = json!({"name": "ca"});
            },
            &[],
            &[],
        ),
        (
            "a secret that does not come",
            |it| {
                let mut secret = it.secret(|_| {});
                secret["name"] = json!("other");
                secret["sds_config"]["initial_fetch_timeout"] = json!("0.1s");
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "Envoy's validator of SPIFFE IDs",
            |it| {
                let kind = "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";
                let authority = it.context()["validation_context"]["trusted_ca"].clone();
                let domains = json!([{"name": "cluster.local", "trust_bundle": authority}]);
                it.context()["validation_context"] = json!({"custom_validator_config": {
                    "name": "envoy.tls.cert_validator.spiffe",
                    "typed_config": of_type(kind, json!({"trust_domains": domains})),
                }});
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

#[test]
fn addresses_that_are_told_are_found() {
    let cases: [Case; 5] = [
        ("the connection's", |_| {}, &[], &[]),
        (
            "a hop's",
            |it| it.manager()["xff_num_trusted_hops"] = json!(1),
            &["edge"],
            &[],
        ),
        (
            "an extension's",
            |it| {
                let kind = "envoy.extensions.http.original_ip_detection.custom_header.v3.\
                            CustomHeaderConfig";
                let config = of_type(kind, json!({"header_name": "x-real-ip"}));
                let manager = it.manager();
                manager["original_ip_detection_extensions"] =
                    json!([{"name": "x", "typed_config": config}]);
                // Envoy takes one of them only.
                manager["use_remote_address"] = json!(false);
            },
            &["edge"],
            &[],
        ),
        (
            "the listener's",
            |it| {
                let kind = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
                it.listener()["listener_filters"] =
                    json!([{"name": "x", "typed_config": of_type(kind, json!({}))}]);
            },
            &["edge"],
            &[],
        ),
        (
            "another filter of the listener's",
            |it| {
                let kind = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
                it.listener()["listener_filters"] =
                    json!([{"name": "x", "typed_config": of_type(kind, json!({}))}]);
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({"edge": true}));
}

/// A listener that leads connections on, without HTTP.
fn connections(it: &mut Setup, filters: &[(&str, Value)]) {
    let filters = filters.iter().map(|(kind, value)| {
        let kind = format!("envoy.extensions.filters.network.{kind}");
        json!({"name": kind, "typed_config": of_type(&kind, value.clone())})
    });
    let filters: Vec<Value> = filters.collect();
    it.second(|listener| listener["filter_chains"][0]["filters"] = json!(filters));
}

#[test]
fn connections_round_it_are_found() {
    let cases: [Case; 5] = [
        (
            "to a cluster of a backend's",
            |it| {
                let kind = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";
                let clusters = of_type(kind, json!({"clusters": ["everything"]}));
                let made = json!({
                    "name": "made",
                    "lb_policy": "CLUSTER_PROVIDED",
                    "cluster_type": {"name": "made", "typed_config": clusters},
                });
                let all = it.bootstrap["static_resources"]["clusters"].as_array_mut();
                all.unwrap().push(made);
                let to = json!({"stat_prefix": "x", "cluster": "made"});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
        (
            "to a backend",
            |it| {
                let to = json!({"stat_prefix": "x", "cluster": "everything"});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
        (
            "to a backend by weight",
            |it| {
                let clusters = json!([{"name": "everything", "weight": 1}]);
                let to = json!({"stat_prefix": "x", "weighted_clusters": {"clusters": clusters}});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
        (
            "to what clients name",
            |it| {
                let to = json!({"stat_prefix": "x", "cluster": "authorizer"});
                let named = ("sni_cluster.v3.SniCluster", json!({}));
                connections(it, &[named, ("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
        (
            "to another cluster",
            |it| {
                let to = json!({"stat_prefix": "everything", "cluster": "authorizer"});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// A listener that was put in another's place, and connections to that one go on.
#[test]
fn what_goes_on_without_it_is_warned_of() {
    for with in [true, false] {
        let folder = TempDir::new().expect("a folder");
        let (compiled, bootstrap) = demo(folder.path());
        let mut setup = Setup {
            folder: folder.path().to_owned(),
            bootstrap,
        };
        let listener = setup.listener().clone();
        let mut former = listener.clone();
        former["stat_prefix"] = json!("former");
        if !with {
            let manager = &mut former["filter_chains"][0]["filters"][0]["typed_config"];
            manager["http_filters"].as_array_mut().unwrap().remove(0);
        }
        let kind = "envoy.config.listener.v3.Listener";
        let source = setup.discovered("listener.json", kind, former);
        setup.bootstrap["static_resources"]["listeners"] = json!([]);
        setup.bootstrap["dynamic_resources"] = json!({"lds_config": source});
        let envoy = Envoy::start(&setup.bootstrap).expect("Envoy serves");
        let _ = setup.discovered("listener.json", kind, listener);
        let is_draining = || envoy.stat("listener_manager.total_listeners_draining") == 1;
        let start = std::time::Instant::now();
        while !is_draining() {
            assert!(start.elapsed().as_secs() < 20, "it does not drain");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let expected: &[&str] = if with { &[] } else { &["filter"] };
        let (wrong, warned, _) = found(&envoy, &compiled);
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(warned, expected);
    }
}

/// As Envoy Gateway has it where a rule has several backendRefs: one cluster, a locality for each.
#[test]
fn several_backends_in_one_cluster_are_warned_of() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, mut bootstrap) = demo(folder.path());
    let policy = std::fs::read_to_string(&compiled).expect("the policy");
    let policy: Value = serde_json::from_str(&policy).expect("JSON");
    let listed = policy["backends"][0]["clusters"][0].clone();
    let warning = |bootstrap: &Value| {
        let envoy = Envoy::start(bootstrap).expect("Envoy serves");
        let address = envoy.admin().to_string();
        let done = tool(&["check", "--config", &compiled, "--envoy", &address]);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let said = String::from_utf8(done.stdout).expect("text");
        said.contains("warning: behind")
    };
    let clusters = bootstrap["static_resources"]["clusters"].as_array();
    let at = clusters.and_then(|all| all.iter().position(|found| found["name"] == listed));
    let at = at.expect("the cluster");
    let at = format!("/static_resources/clusters/{at}/load_assignment/endpoints");
    let place = bootstrap
        .pointer(&format!("{at}/0"))
        .expect("an endpoint")
        .clone();
    let mut with_backends = |count: usize| {
        let places = (0..count).map(|number| {
            let mut place = place.clone();
            place["locality"] = json!({"region": format!("httproute/a/b/rule/0/backend/{number}")});
            place["load_balancing_weight"] = json!(1);
            place
        });
        *bootstrap.pointer_mut(&at).expect("endpoints") = places.collect();
        warning(&bootstrap)
    };
    assert!(!with_backends(1));
    assert!(with_backends(2));
}

#[test]
fn what_is_no_dump_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, _) = demo(folder.path());
    let file = folder.path().join("dump.json");
    for (text, says) in [
        ("", "no JSON"),
        ("{}", "no configuration dump"),
        (r#"{"configs": []}"#, "no configuration dump"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let dump = file.to_str().expect("a path");
        let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // Of a dump without the filter, and without listeners.
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
    }]});
    std::fs::write(&file, dump.to_string()).expect("a file");
    let dump = file.to_str().expect("a path");
    let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("there is no chain of HTTP filters"), "{said}");
}
