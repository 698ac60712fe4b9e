//! The configuration in `envoy-config/` is what it says it is.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use accesspolicy::tool::compile::{Source, compile};
use support::{root, yaml};

/// The dashboard shows what there is: metrics that the operations page names.
#[test]
fn the_dashboard_shows_metrics_that_are_described() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let (page, dashboard) = (
        read("envoy-config/operations.md"),
        read("envoy-config/grafana-dashboard.json"),
    );
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut count = 0;
    for expression in targets.map(|target| target["expr"].as_str().unwrap()) {
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        for word in expression.split(|c| !is_name(c)) {
            if word.starts_with("accesspolicy_") {
                let metric = word.trim_end_matches("_bucket");
                assert!(page.contains(&format!("| `{metric}` |")), "{metric}");
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
    let ids: Vec<_> = panels.iter().map(|panel| &panel["id"]).collect();
    let mut distinct = ids.clone();
    distinct.dedup();
    assert_eq!(ids, distinct);
}

/// The labels of `metrics.yaml` are those that every whole Envoy has.
#[test]
fn whole_envoys_have_the_labels_of_metrics() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let labels = read("src/tool/render/stats.yaml");
    for name in ["metrics.yaml", "demo.yaml", "xds/envoy.yaml"] {
        let text = read(&format!("envoy-config/{name}"));
        assert_eq!(text.matches(&labels).count(), 1, "{name}");
    }
}

/// `envoy-config/demo.yaml` holds the policy that `policies/demo` compiles to.
#[test]
fn the_demo_carries_its_policy() {
    let demo = yaml::read(&root().join("envoy-config/demo.yaml")).unwrap();
    let filter =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
    let text = demo
        .pointer(&format!("{filter}/typed_config/config/configuration/value"))
        .and_then(|value| value.as_str())
        .expect("the filter's configuration");
    let read = |name: &str| Source::new(name, std::fs::read(root().join(name)).unwrap());
    let policy = compile(
        vec![read("policies/demo/policy.yaml")],
        read("policies/demo/enforcement-point.yaml"),
    )
    .unwrap()
    .policy;
    let expected = serde_json::to_string_pretty(&policy).unwrap();
    let carried: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        carried,
        serde_json::from_str::<serde_json::Value>(&expected).unwrap(),
        "put this below `configuration` in envoy-config/demo.yaml:\n{expected}"
    );
}
