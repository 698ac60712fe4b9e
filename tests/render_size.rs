//! What `render` says of a policy that Kubernetes may not take.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::process::Command;

use serde_json::json;

const IMAGE: &str = "registry.example/team/accesspolicy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is said of a policy with so many regular expressions of 54 KiB.
fn said(expressions: usize, format: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let pattern = |n: usize| format!("/{n}{}", "[a-z]{900}".repeat(4));
    let path = |n: usize| json!({"type": "RegularExpression", "value": pattern(n)});
    let numbers: Vec<usize> = (0..expressions).collect();
    let rules = numbers.chunks(10).map(|numbers| {
        let paths: Vec<_> = numbers.iter().map(|n| path(*n)).collect();
        json!({
            "name": format!("r{}", numbers[0]),
            "authorization": {"type": "Inline", "paths": paths},
        })
    });
    let policy = json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {"namespace": "infra", "name": "p"},
        "spec": {
            "action": "Allow",
            "targetRefs": [
                {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"}
            ],
            "rules": rules.collect::<Vec<_>>(),
        },
    });
    let point = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "EnforcementPoint",
        "gateway": {"namespace": "infra", "name": "prod"},
        "requestHeaders": "Stream",
        "mcp": {"paths": ["/mcp"]},
    });
    fs::write(folder.path().join("policy.json"), policy.to_string()).unwrap();
    fs::write(folder.path().join("point.json"), point.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .args(["render", "policy.json", "--enforcement-point", "point.json"])
        .args(format)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_policy_that_may_not_fit_into_an_object_is_warned_of() {
    for format in ["istio", "envoy-gateway"] {
        let arguments = ["--format", format, "--image", IMAGE];
        let large = said(20, &arguments);
        assert!(
            large.contains("Kubernetes may not take objects of more than 1024 KiB"),
            "{large}"
        );
        let middling = said(5, &arguments);
        assert!(
            middling.contains("say `kubectl apply --server-side`"),
            "{middling}"
        );
        assert_eq!(said(1, &arguments), "");
    }
}

#[test]
fn a_file_for_envoy_may_be_larger_than_a_config_map() {
    let large = said(20, &["--format", "envoy"]);
    assert!(large.contains("a ConfigMap takes 1024 KiB"), "{large}");
    assert_eq!(said(5, &["--format", "envoy"]), "");
}
