//! Connections that go round it.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{
    Case, Setup, at_port, demo, dumped, follow, found_in, made_of, of_kind, of_type,
};

/// A listener that leads connections on, without HTTP.
pub(crate) fn connections(it: &mut Setup, filters: &[(&str, Value)]) {
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
                it.add_cluster(made_of("made", &["everything"]));
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

/// Sets the filter state by which `tcp_proxy` takes its cluster.
pub(crate) fn to_state(it: &mut Setup, key: &str, text: &str) {
    let format = json!({"text_format_source": {"inline_string": text}});
    let state = json!({"on_new_connection": [{"object_key": key, "format_string": format}]});
    let to = json!({"stat_prefix": "x", "cluster": "authorizer"});
    let filters = [
        ("set_filter_state.v3.Config", state),
        ("tcp_proxy.v3.TcpProxy", to),
    ];
    connections(it, &filters);
}

pub(crate) const STATE: &str = "envoy.tcp_proxy.cluster";
const FORWARD: &str = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";

/// A cluster that goes to whatever host a request names.
pub(crate) fn forward() -> Value {
    let cache = json!({"name": "names", "dns_lookup_family": "V4_ONLY"});
    of_kind("forward", FORWARD, json!({"dns_cache_config": cache}))
}

#[test]
fn connections_that_clients_lead_are_found() {
    let cases: [Case; 8] = [
        (
            "by a state that clients name",
            |it| to_state(it, STATE, "%REQUESTED_SERVER_NAME%"),
            &["network"],
            &[],
        ),
        (
            "by a state that names a backend",
            |it| to_state(it, STATE, "everything"),
            &["network"],
            &[],
        ),
        (
            "by a state that names another cluster",
            |it| to_state(it, STATE, "authorizer"),
            &[],
            &[],
        ),
        (
            "by another state",
            |it| {
                to_state(
                    it,
                    "envoy.network.upstream_server_name",
                    "%REQUESTED_SERVER_NAME%",
                )
            },
            &[],
            &[],
        ),
        (
            "by a state that requests set",
            |it| {
                let kind = "envoy.extensions.filters.http.set_filter_state.v3.Config";
                let format = json!({"text_format_source": {"inline_string": "%REQ(x-to)%"}});
                let value = json!({"object_key": STATE, "format_string": format});
                let config = of_type(kind, json!({"on_request_headers": [value]}));
                let filter = json!({"name": "state", "typed_config": config});
                it.filters().insert(0, filter);
            },
            &["network"],
            &[],
        ),
        (
            "to the endpoints of a backend",
            |it| {
                let found = it.cluster()["load_assignment"].clone();
                let mut other = it.cluster().clone();
                other["name"] = json!("other");
                other["load_assignment"] = found;
                it.add_cluster(other);
                let to = json!({"stat_prefix": "x", "cluster": "other"});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
        (
            "to other endpoints",
            |it| {
                it.add_cluster(at_port("other", 11));
                let to = json!({"stat_prefix": "x", "cluster": "other"});
                connections(it, &[("tcp_proxy.v3.TcpProxy", to)]);
            },
            &[],
            &[],
        ),
        (
            "to whatever host they name",
            |it| {
                it.add_cluster(forward());
                let cache = json!({"name": "names", "dns_lookup_family": "V4_ONLY"});
                let names = json!({"port_value": 80, "dns_cache_config": cache});
                let to = json!({"stat_prefix": "x", "cluster": "forward"});
                let names = ("sni_dynamic_forward_proxy.v3.FilterConfig", names);
                connections(it, &[names, ("tcp_proxy.v3.TcpProxy", to)]);
            },
            &["network"],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// Routes of another protocol that are discovered, to a cluster.
fn generic(it: &mut Setup, cluster: &str) {
    const KIND: &str = "envoy.extensions.filters.network.generic_proxy";
    let action = format!("{KIND}.action.v3.RouteAction");
    let action = json!({"name": "route", "typed_config": of_type(&action, json!({
        "cluster": cluster,
    }))});
    let host = json!({"name": "x", "hosts": ["*"], "routes": {"on_no_match": {"action": action}}});
    let routes = json!({"name": "generic", "virtual_hosts": [host]});
    let source = it.discovered("x.json", &format!("{KIND}.v3.RouteConfiguration"), routes);
    let codec = format!("{KIND}.codecs.http1.v3.Http1CodecConfig");
    let router = format!("{KIND}.router.v3.Router");
    let proxy = json!({
        "stat_prefix": "x",
        "codec_config": {"name": "codec", "typed_config": of_type(&codec, json!({}))},
        "generic_rds": {"route_config_name": "generic", "config_source": source},
        "filters": [{"name": "router", "typed_config": of_type(&router, json!({}))}],
    });
    connections(it, &[("generic_proxy.v3.GenericProxy", proxy)]);
}

#[test]
fn routes_of_other_protocols_are_looked_at() {
    let cases: [Case; 3] = [
        (
            "to a backend",
            |it| generic(it, "everything"),
            &["network"],
            &[],
        ),
        (
            "to another cluster",
            |it| generic(it, "authorizer"),
            &[],
            &[],
        ),
        (
            "by a header",
            |it| {
                let route = json!({"match": {"method_name": ""}, "route": {"cluster_header": "x"}});
                let routes = json!({"name": "x", "routes": [route]});
                let proxy = json!({"stat_prefix": "x", "route_config": routes});
                connections(it, &[("thrift_proxy.v3.ThriftProxy", proxy)]);
            },
            &["network"],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

/// What a program does with connections nobody knows.
#[test]
fn programs_of_connections_are_warned_of() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, listener) = dumped(&bootstrap);
    for (kind, expected) in [("wasm.v3.Wasm", 1), ("echo.v3.Echo", 0)] {
        let kind = format!("envoy.extensions.filters.network.{kind}");
        let filter = json!({"name": "x", "typed_config": of_type(&kind, json!({}))});
        let mut dump = dump.clone();
        let listener = dump.pointer_mut(&listener).expect("the listener");
        let chains = listener["filter_chains"].as_array_mut().unwrap();
        chains.push(json!({"filters": [filter]}));
        let (wrong, warned) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, Vec::<String>::new(), "{kind}");
        assert_eq!(warned, vec!["network"; expected], "{kind}");
    }
}
