//! Connection managers that stand in other filters, and filters that are not known.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{
    Case, Setup, changed, dumped, follow, found_in, http, of_type, off, structured,
};

const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const DRAINING: &str =
    "envoy.extensions.filters.network.reverse_tunnel.v3.DrainAwareHttpConnectionManager";

/// Puts a second listener beside, whose connection manager another filter has in it.
fn wrapped(it: &mut Setup, change: impl FnOnce(&mut Value)) {
    let mut manager = it.manager().clone();
    manager.as_object_mut().unwrap().remove("@type");
    change(&mut manager);
    let typed = of_type(DRAINING, json!({"hcm_config": manager}));
    let filter = json!({"name": "draining", "typed_config": typed});
    it.second(|listener| listener["filter_chains"][0]["filters"] = json!([filter]));
}

fn without(manager: &mut Value) {
    manager["http_filters"].as_array_mut().unwrap().remove(0);
}

#[test]
fn managers_in_other_filters_are_looked_at() {
    let cases: [Case; 4] = [
        ("with the filter", |it| wrapped(it, |_| {}), &[], &[]),
        ("without", |it| wrapped(it, without), &["filter"], &[]),
        (
            "with it switched off",
            |it| {
                wrapped(it, |manager| {
                    manager["route_config"]["typed_per_filter_config"] = off();
                });
            },
            &["enabled"],
            &[],
        ),
        (
            "with something before it",
            |it| {
                wrapped(it, |manager| {
                    let lua = http("lua", "lua.v3.Lua", json!({}));
                    let filters = manager["http_filters"].as_array_mut().unwrap();
                    filters.insert(0, lua);
                });
            },
            &[],
            &["before"],
        ),
    ];
    follow(&cases, json!({}));
}

/// A network filter, and what is wrong with it.
type Look = (&'static str, fn(Value) -> Value, &'static [&'static str]);

/// Where no Envoy has the filter that a dump has.
#[test]
fn managers_are_known_by_what_they_have() {
    let cases: [Look; 10] = [
        (
            "one in a filter that nobody knows, at any depth, with the filter",
            |manager| of_type("a.B", json!({"inner": [{"further": manager}]})),
            &[],
        ),
        (
            "the same without",
            |mut manager| {
                without(&mut manager);
                of_type("a.B", json!({"inner": [{"further": manager}]}))
            },
            &["filter"],
        ),
        (
            "one by its routes",
            |mut manager| {
                manager.as_object_mut().unwrap().remove("http_filters");
                of_type("a.B", json!({"inner": manager}))
            },
            &["filter"],
        ),
        (
            "one whose routes go by scopes",
            |mut manager| {
                let members = manager.as_object_mut().unwrap();
                members.remove("route_config");
                members.insert("scoped_routes".to_owned(), json!({"name": "x"}));
                of_type(DRAINING, json!({"hcm_config": manager}))
            },
            &["enabled"],
        ),
        (
            "one whose type says nothing",
            |manager| structured(of_type("a.B", json!({"inner": manager}))),
            &["filter"],
        ),
        (
            "one in a structure, spelled otherwise",
            |manager| {
                let inner = json!({"httpFilters": manager["http_filters"]});
                structured(of_type("a.B", json!({"inner": inner})))
            },
            &["filter"],
        ),
        (
            "one with its own type, in a structure",
            |_| structured(of_type(MANAGER, json!({"stat_prefix": "x"}))),
            &["filter"],
        ),
        (
            "a filter that nobody knows",
            |_| of_type("a.B", json!({"inner": {}})),
            &["network"],
        ),
        (
            "routes of another protocol",
            |_| {
                let kind = "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy";
                structured(of_type(
                    kind,
                    json!({"stat_prefix": "x", "route_config": {"name": "x", "routes": []}}),
                ))
            },
            &[],
        ),
        (
            "a filter that looks only",
            |_| of_type("envoy.extensions.filters.network.rbac.v3.RBAC", json!({})),
            &[],
        ),
    ];
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = changed(folder.path(), json!({}), |_| {});
    let (dump, listener) = dumped(&bootstrap);
    for (name, filter, expected) in cases {
        let mut dump = dump.clone();
        let listener = dump.pointer_mut(&listener).expect("the listener");
        let mut chain = listener["filter_chains"][0].clone();
        let mut manager = chain["filters"][0]["typed_config"].take();
        manager.as_object_mut().unwrap().remove("@type");
        chain["filters"] = json!([{"name": "x", "typed_config": filter(manager)}]);
        listener["filter_chains"]
            .as_array_mut()
            .unwrap()
            .push(chain);
        let (wrong, _) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, expected, "{name}");
    }
}

/// Datagrams are led on by filters of a listener's.
#[test]
fn filters_of_datagrams_are_looked_at() {
    const UDP: &str = "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig";
    const LOOKING: &str = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = changed(folder.path(), json!({}), |_| {});
    let (dump, _) = dumped(&bootstrap);
    for (protocol, kind, expected) in [
        ("UDP", "a.B", &["network"][..]),
        ("UDP", UDP, &[]),
        ("UDP", LOOKING, &[]),
        ("TCP", "a.B", &[]),
    ] {
        let mut dump = dump.clone();
        let filter = json!({"name": "x", "typed_config": of_type(kind, json!({}))});
        let listener = json!({"listener": {
            "name": "datagrams",
            "address": {"socket_address": {"protocol": protocol}},
            "listener_filters": [filter],
        }});
        for config in dump["configs"].as_array_mut().unwrap() {
            if let Some(listeners) = config.get_mut("static_listeners") {
                listeners.as_array_mut().unwrap().push(listener.clone());
            }
        }
        let (wrong, _) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, expected, "{protocol} {kind}");
    }
}
