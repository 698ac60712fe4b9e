//! What `render --form guard` writes: who may take the filter away, and where Istio puts what
//! stands behind it.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cel::{Context, Env, Value as Cel, to_value};
use serde_json::{Value, json};

use support::root;

const POINT: &str = "envoy-config/envoy-gateway/enforcement-point.yaml";

/// The documents that `render` writes with these arguments.
fn rendered(arguments: &[&str]) -> Vec<Value> {
    let policy = "policies/tool-allowlist/policy.yaml";
    of(Path::new(POINT), policy, arguments)
}

fn of(point: &Path, policy: &str, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .args(["render", "--enforcement-point"])
        .args([point, Path::new(policy)])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let documents = text.split("\n---\n");
    documents
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}

/// Whether the API server, by this policy, takes an EnvoyExtensionPolicy.
fn takes(policy: &Value, object: &Value) -> bool {
    let env = Arc::new(Env::stdlib());
    let mut context = Context::with_env(Arc::clone(&env));
    context.add_variable_from_value("object", to_value(object).expect("a value"));
    let evaluate = |context: &Context<'_, '_>, expression: &Value| {
        let expression = expression.as_str().expect("an expression");
        let program = env.compile(expression).expect("it compiles");
        program.execute(context).expect("a value")
    };
    let spec = &policy["spec"];
    let variables = spec["variables"].as_array().unwrap().iter();
    let variables: std::collections::HashMap<String, Cel> = variables
        .map(|variable| {
            let name = variable["name"].as_str().unwrap().to_owned();
            (name, evaluate(&context, &variable["expression"]))
        })
        .collect();
    context.add_variable_from_value("variables", variables);
    let mut validations = spec["validations"].as_array().unwrap().iter();
    validations.all(|validation| evaluate(&context, &validation["expression"]) == Cel::Bool(true))
}

#[test]
fn nobody_takes_the_filter_away_in_envoy_gateway() {
    let documents = rendered(&["--format", "envoy-gateway", "--form", "guard"]);
    let [policy, binding] = documents.as_slice() else {
        panic!("{documents:?}")
    };
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    let object = |namespace: &str, name: &str, spec: Value| json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec});
    let gateway =
        json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "agents"}]);
    let route = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "mcp"}]);
    let wasm = json!([{"name": "other"}]);
    let own = rendered(&[
        "--format",
        "envoy-gateway",
        "--image",
        "registry.example/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ]);
    assert!(takes(policy, &own[0]));
    // As is that of a second Gateway of the namespace, of its own name and no other.
    let second = |name: &str, gateways: &[&str]| {
        let targets = gateways.iter();
        let targets = targets.map(|gateway| json!({"kind": "Gateway", "name": gateway}));
        let targets: Vec<Value> = targets.collect();
        object("shop", name, json!({"targetRefs": targets, "wasm": wasm}))
    };
    assert!(takes(policy, &second("accesspolicy-second", &["second"])));
    for (name, gateways) in [
        ("accesspolicy-second", &["agents"][..]),
        ("accesspolicy-second", &["second", "agents"]),
        ("accesspolicy-second", &["agents", "second"]),
    ] {
        assert!(!takes(policy, &second(name, gateways)), "{gateways:?}");
    }
    for (spec, is_taken) in [
        // In the place of the Gateway's.
        (json!({"targetRefs": route, "lua": []}), false),
        (json!({"targetRef": route[0], "wasm": wasm}), false),
        (
            json!({"targetSelectors": [{"kind": "HTTPRoute"}], "wasm": wasm}),
            false,
        ),
        (
            json!({"targetRefs": route, "mergeType": "StrategicMerge", "wasm": wasm}),
            false,
        ),
        // Beside it.
        (
            json!({"targetRefs": route, "mergeType": "StrategicMerge", "lua": []}),
            true,
        ),
        // Another one of the Gateway, which may be older some day.
        (json!({"targetRefs": gateway, "lua": []}), false),
        (json!({"targetRef": gateway[0], "lua": []}), false),
        (json!({"targetSelectors": [{"kind": "Gateway"}]}), false),
    ] {
        assert_eq!(
            takes(policy, &object("shop", "x", spec.clone())),
            is_taken,
            "{spec}"
        );
    }
    // Of another namespace's Gateway.
    let other = json!({"targetRefs": gateway, "wasm": wasm});
    assert!(takes(policy, &object("other", "x", other)));
}

/// Names without a namespace are of the whole cluster.
#[test]
fn guards_of_two_gateways_are_two() {
    let names = [
        ("infra", "prod"),
        ("shop", "prod"),
        ("a-b", "c"),
        ("a", "b-c"),
        ("a", "b.c"),
    ]
    .map(|(namespace, name)| {
        let point =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("guard-{namespace}.{name}.yaml"));
        let text = format!(
            "apiVersion: accesspolicy/v1\nkind: EnforcementPoint\n\
             gateway: {{namespace: {namespace}, name: {name}}}\n"
        );
        fs::write(&point, text).expect("a file");
        let policy = "policies/tool-allowlist/policy.yaml";
        let arguments = ["--format", "envoy-gateway", "--form", "guard"];
        let documents = of(&point, policy, &arguments);
        documents[0]["metadata"]["name"].clone()
    });
    let distinct: BTreeSet<String> = names.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn a_waypoint_is_patched_where_istio_looks() {
    for (arguments, context) in [
        (&["--format", "istio", "--form", "guard"][..], "GATEWAY"),
        (
            &["--format", "istio", "--form", "guard", "--waypoint"],
            "SIDECAR_INBOUND",
        ),
    ] {
        let documents = rendered(arguments);
        let patch = &documents[0]["spec"]["configPatches"][0];
        assert_eq!(patch["match"]["context"], context);
        let value = &patch["patch"]["value"];
        assert_eq!(value["name"], "accesspolicy-guard");
        let principals = &value["typed_config"]["rules"]["policies"]["judged"]["principals"];
        assert_eq!(
            principals[0]["filter_state"]["string_match"]["safe_regex"]["regex"],
            "allow|pending"
        );
    }
}
