//! Policies of the Gateway's alone, where no backend is listed.

use serde_json::{Value, json};

use crate::clusters::route;
use crate::network::{STATE, connections, forward, to_state};
use crate::setup::{Case, Setup, at_port, follow, follow_with, made_of};

/// Without backends, and without their policies.
fn without_backends(policy: &mut Value) {
    policy["backends"] = json!([]);
    let policies = policy["policies"].as_array_mut().unwrap();
    policies.retain(|it| it["targets"] == json!(["Gateway"]));
    assert!(!policies.is_empty());
}

/// Leads connections to a cluster.
fn to(it: &mut Setup, cluster: &str) {
    let proxy = json!({"stat_prefix": "x", "cluster": cluster});
    connections(it, &[("tcp_proxy.v3.TcpProxy", proxy)]);
}

#[test]
fn connections_to_what_is_judged_are_found() {
    let cases: [Case; 7] = [
        ("none", |_| {}, &[], &[]),
        (
            "to where requests go",
            |it| to(it, "everything"),
            &["network"],
            &[],
        ),
        (
            "to a cluster that is made of that",
            |it| {
                it.add_cluster(made_of("made", &["everything"]));
                to(it, "made");
            },
            &["network"],
            &[],
        ),
        (
            "to the endpoints of that",
            |it| {
                let mut other = it.cluster().clone();
                other["name"] = json!("other");
                it.add_cluster(other);
                to(it, "other");
            },
            &["network"],
            &[],
        ),
        (
            "by another protocol",
            |it| {
                let route =
                    json!({"match": {"method_name": ""}, "route": {"cluster": "everything"}});
                let routes = json!({"name": "x", "routes": [route]});
                let proxy = json!({"stat_prefix": "x", "route_config": routes});
                connections(it, &[("thrift_proxy.v3.ThriftProxy", proxy)]);
            },
            &["network"],
            &[],
        ),
        (
            "to another cluster",
            |it| to(it, "authorizer"),
            &[],
            &["network"],
        ),
        (
            "to a cluster that only asks",
            |it| {
                let service = json!({"envoy_grpc": {"cluster_name": "authorizer"}});
                let asks = json!({"stat_prefix": "x", "grpc_service": service});
                let echo = ("echo.v3.Echo", json!({}));
                connections(it, &[("ext_authz.v3.ExtAuthz", asks), echo]);
            },
            &[],
            &[],
        ),
    ];
    follow_with(&cases, json!({}), without_backends);
}

#[test]
fn connections_that_clients_lead_to_what_is_judged_are_found() {
    let cases: [Case; 6] = [
        (
            "by name",
            |it| {
                let proxy = json!({"stat_prefix": "x", "cluster": "authorizer"});
                let named = ("sni_cluster.v3.SniCluster", json!({}));
                connections(it, &[named, ("tcp_proxy.v3.TcpProxy", proxy)]);
            },
            &["network"],
            &["network"],
        ),
        (
            "by a state",
            |it| to_state(it, STATE, "%REQUESTED_SERVER_NAME%"),
            &["network"],
            &["network"],
        ),
        (
            "to any host",
            |it| {
                it.add_cluster(forward());
                to(it, "forward");
            },
            &["network"],
            &[],
        ),
        (
            "by a header of another protocol",
            |it| {
                let route = json!({"match": {"method_name": ""}, "route": {"cluster_header": "x"}});
                let routes = json!({"name": "x", "routes": [route]});
                let proxy = json!({"stat_prefix": "x", "route_config": routes});
                connections(it, &[("thrift_proxy.v3.ThriftProxy", proxy)]);
            },
            &["network"],
            &[],
        ),
        (
            "where requests may go anywhere",
            |it| {
                route(it, json!({"cluster_header": "x-to"}));
                to(it, "authorizer");
            },
            &["network"],
            &[],
        ),
        (
            "copies, which the same policies judged",
            |it| {
                let mirror = json!([{"cluster": "everything"}]);
                it.host()["routes"][0]["route"]["request_mirror_policies"] = mirror;
            },
            &[],
            &["mirrors"],
        ),
    ];
    follow_with(&cases, json!({}), without_backends);
}

/// The same of clusters of no backend, where the Gateway's policies decide about them.
#[test]
fn connections_to_unlisted_clusters_are_found() {
    let around = |it: &mut Setup| {
        it.add_cluster(at_port("other", 11));
        route(it, json!({"cluster": "other"}));
        to(it, "other");
    };
    let judged: [Case; 1] = [("judged", around, &["network"], &[])];
    follow(&judged, json!({"unlisted": "Gateway"}));
    let denied: [Case; 1] = [("denied", around, &[], &[])];
    follow(&denied, json!({}));
}
