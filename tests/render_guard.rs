//! What `render --form guard` writes: who may take the filter away, and where Istio puts what
//! stands behind it.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::process::Command;
use std::sync::Arc;

use cel::{Context, Env, Value as Cel, to_value};
use serde_json::{Value, json};

use support::root;

const POINT: &str = "envoy-config/envoy-gateway/enforcement-point.yaml";

/// The documents that `render` writes with these arguments.
fn rendered(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .args(["render", "--enforcement-point", POINT])
        .arg("policies/tool-allowlist/policy.yaml")
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
    let is_asked =
        |condition: &Value| evaluate(&context, &condition["expression"]) == Cel::Bool(true);
    if !spec["matchConditions"]
        .as_array()
        .unwrap()
        .iter()
        .all(is_asked)
    {
        return true;
    }
    let targets = evaluate(&context, &spec["variables"][0]["expression"]);
    let variables = std::collections::HashMap::from([("targets".to_owned(), targets)]);
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
