//! What is discovered, and what cannot be seen.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{Case, Setup, demo, dumped, follow, found, found_in, http, of_type, structured};
use crate::support::envoy::Envoy;

/// Types of Envoy's.
const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

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

#[test]
fn what_is_discovered_is_looked_at() {
    let cases: [Case; 5] = [
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
    ];
    follow(&cases, json!({}));
}

/// Changes a listener in a dump.
type Edit = fn(&mut Value);

/// Where the dump does not have what a listener does.
#[test]
fn what_cannot_be_seen_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, listener) = dumped(&bootstrap);
    let changes: [(&[&str], Edit); 8] = [
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
        (&["network"], |it| {
            let kind = "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy";
            let routes = json!({"route_config_name": "x", "config_source": {"ads": {}}});
            let typed = of_type(kind, json!({"stat_prefix": "x", "trds": routes}));
            let filter = json!({"name": "thrift", "typed_config": typed});
            let chains = it["filter_chains"].as_array_mut().unwrap();
            chains.push(json!({"filters": [filter]}));
        }),
        (&["enabled"], |it| {
            let manager = &mut it["filter_chains"][0]["filters"][0]["typed_config"];
            manager.as_object_mut().unwrap().remove("route_config");
            manager["rds"] = json!({"route_config_name": "mcp"});
        }),
        (&["enabled"], |it| {
            let manager = &mut it["filter_chains"][0]["filters"][0]["typed_config"];
            manager.as_object_mut().unwrap().remove("route_config");
            manager["scoped_routes"] = json!({"name": "scopes"});
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
