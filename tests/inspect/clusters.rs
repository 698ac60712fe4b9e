//! Clusters that lead to backends.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{
    Case, Setup, at_port, changed, demo, dumped, follow, follow_with, found_in, made_of, of_kind,
    of_type, tool,
};
use crate::support::envoy::Envoy;

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

/// A second route, to a cluster.
pub(crate) fn route(it: &mut Setup, to: Value) {
    let route = json!({"match": {"prefix": "/other"}, "route": to});
    let routes = it.host()["routes"].as_array_mut();
    routes.unwrap().insert(0, route);
}

/// A cluster that takes addresses from requests.
fn told(it: &mut Setup, name: &str, by: Value) {
    it.add_cluster(json!({
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "original_dst_lb_config": by,
    }));
}

/// The address of the backend, under another name.
fn twin(it: &mut Setup) {
    let mut other = it.cluster().clone();
    other["name"] = json!("other");
    it.add_cluster(other);
}

/// A route that has its cluster from a matcher, where another one has the same address.
fn by_matcher(it: &mut Setup, cluster: &str) {
    const KIND: &str = "envoy.extensions.router.cluster_specifiers.matcher.v3";
    twin(it);
    let action = of_type(
        &format!("{KIND}.ClusterAction"),
        json!({"cluster": cluster}),
    );
    let action = json!({"name": "cluster", "typed_config": action});
    let matcher = json!({"cluster_matcher": {"on_no_match": {"action": action}}});
    let typed = of_type(&format!("{KIND}.MatcherClusterSpecifier"), matcher);
    let plugin = json!({"extension": {"name": "matcher", "typed_config": typed}});
    route(it, json!({"inline_cluster_specifier_plugin": plugin}));
}

const UNLISTED: [Case; 12] = [
    (
        "a cluster that is made of a backend's",
        |it| {
            it.add_cluster(made_of("inner", &["everything"]));
            it.add_cluster(made_of("other", &["inner"]));
            route(it, json!({"cluster": "other"}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "a cluster with its endpoints",
        |it| {
            twin(it);
            route(it, json!({"cluster": "other"}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "one of several by weight",
        |it| {
            twin(it);
            let clusters = json!([
                {"name": "everything", "weight": 1},
                {"name": "other", "weight": 1},
            ]);
            route(it, json!({"weighted_clusters": {"clusters": clusters}}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "one that a header may name",
        |it| {
            twin(it);
            route(it, json!({"cluster_header": "x-to"}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "one that a matcher names",
        |it| by_matcher(it, "other"),
        &["unlisted"],
        &[],
    ),
    (
        "a matcher that names the backend's",
        |it| by_matcher(it, "everything"),
        &[],
        &[],
    ),
    (
        "one that goes to any address",
        |it| {
            told(it, "other", json!({"use_http_header": true}));
            route(it, json!({"cluster": "other"}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "one that goes to any host",
        |it| {
            let kind = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
            let cache = json!({"name": "names", "dns_lookup_family": "V4_ONLY"});
            it.add_cluster(of_kind("other", kind, json!({"dns_cache_config": cache})));
            route(it, json!({"cluster": "other"}));
        },
        &["unlisted"],
        &[],
    ),
    (
        "one that goes where it was going",
        |it| {
            told(it, "other", json!({}));
            route(it, json!({"cluster": "other"}));
        },
        &[],
        &[],
    ),
    (
        "other endpoints",
        |it| {
            it.add_cluster(at_port("inner", 11));
            it.add_cluster(made_of("other", &["inner"]));
            route(it, json!({"cluster": "other"}));
        },
        &[],
        &[],
    ),
    (
        "a header, where nothing else leads there",
        |it| route(it, json!({"cluster_header": "x-to"})),
        &[],
        &[],
    ),
    ("a cluster that no route names", twin, &[], &[]),
];

#[test]
fn clusters_that_no_backend_lists_are_followed() {
    follow(&UNLISTED, json!({"unlisted": "Gateway"}));
}

/// Where those are denied, nothing is wrong with them.
#[test]
fn unlisted_clusters_that_are_denied_are_left_alone() {
    let [(name, change, ..), ..] = UNLISTED;
    follow(&[(name, change, &[], &[])], json!({}));
}

#[test]
fn backends_that_lead_to_others_are_found() {
    let cases: [Case; 6] = [
        (
            "apart",
            |it| it.add_cluster(at_port("second", 11)),
            &[],
            &[],
        ),
        (
            "made of another's",
            |it| it.add_cluster(made_of("second", &["everything"])),
            &["backends"],
            &[],
        ),
        (
            "made of another's for retries",
            |it| {
                let kind = "envoy.extensions.clusters.composite.v3.ClusterConfig";
                it.add_cluster(at_port("inner", 11));
                let clusters = json!([{"name": "inner"}, {"name": "everything"}]);
                it.add_cluster(of_kind("second", kind, json!({"clusters": clusters})));
            },
            &["backends"],
            &[],
        ),
        (
            "made of nobody's",
            |it| {
                it.add_cluster(at_port("inner", 11));
                it.add_cluster(made_of("second", &["inner"]));
            },
            &[],
            &[],
        ),
        (
            "at any address",
            |it| told(it, "second", json!({"use_http_header": true})),
            &["backends"],
            &[],
        ),
        (
            "at an address that a request sets",
            |it| {
                told(it, "second", json!({}));
                let kind = "envoy.extensions.filters.http.set_filter_state.v3.Config";
                let key = "envoy.network.transport_socket.original_dst_address";
                let format = json!({"text_format_source": {"inline_string": "%REQ(x-to)%"}});
                let value = json!({"object_key": key, "format_string": format});
                let config = of_type(kind, json!({"on_request_headers": [value]}));
                let filter = json!({"name": "state", "typed_config": config});
                it.filters().insert(0, filter);
            },
            &["backends"],
            &[],
        ),
    ];
    follow_with(&cases, json!({}), |policy| {
        let mut second = policy["backends"][0].clone();
        second["backend"]["name"] = json!("second");
        second["clusters"] = json!(["second"]);
        policy["backends"].as_array_mut().unwrap().push(second);
    });
}

/// A dump without the endpoints that are discovered does not say where their clusters lead.
#[test]
fn endpoints_that_are_not_there_are_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let settings = json!({"unlisted": "Gateway"});
    let (compiled, bootstrap) = changed(folder.path(), settings, |_| {});
    let mut setup = Setup {
        folder: folder.path().to_owned(),
        bootstrap,
    };
    setup.add_cluster(at_port("other", 11));
    route(&mut setup, json!({"cluster": "other"}));
    let (dump, _) = dumped(&setup.bootstrap);
    let (mut without, mut discovered) = (dump.clone(), dump);
    let is_of_endpoints = |config: &Value| config["@type"].to_string().contains("Endpoints");
    let configs = without["configs"].as_array_mut().unwrap();
    configs.retain(|config| !is_of_endpoints(config));
    for (dump, wrong) in [(&mut without, &["unlisted"][..]), (&mut discovered, &[])] {
        let (before, _) = found_in(dump, folder.path(), &compiled);
        let configs = dump["configs"].as_array_mut().unwrap().iter_mut();
        for config in configs.filter(|it| it.get("static_clusters").is_some()) {
            for found in config["static_clusters"].as_array_mut().unwrap() {
                if found["cluster"]["name"] == "other" {
                    found["cluster"]["type"] = json!("EDS");
                }
            }
        }
        let (after, _) = found_in(dump, folder.path(), &compiled);
        assert_eq!(
            (before, after),
            (
                Vec::new(),
                wrong.iter().map(|it| (*it).to_owned()).collect()
            )
        );
    }
}
