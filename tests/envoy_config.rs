//! The configuration in `envoy-config/` is what it says it is.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use accesspolicy::compile::{Source, compile};
use support::{root, yaml};

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
