//! The policies that the attacks walk round, and the enforcement point.

#![allow(unreachable_pub)] // modules of a test have no outside

use accesspolicy::tool::compile::{self, Source};
use serde_json::{Value, json};

use crate::stage::KNOWN;

/// A policy at the gateway. Each of its rules has a name.
fn policy(name: &str, mut spec: Value) -> Value {
    let target = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"});
    spec["targetRefs"] = json!([target]);
    json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {"namespace": "infra", "name": name},
        "spec": spec,
    })
}

/// Allows what one rule with this authorization matches.
pub fn allow(authorization: &Value) -> Value {
    let rule = json!({"name": "r", "authorization": authorization});
    policy("allowing", json!({"action": "Allow", "rules": [rule]}))
}

/// Allows everything.
pub fn allow_everything() -> Value {
    policy(
        "open",
        json!({"action": "Allow", "rules": [{"name": "all"}]}),
    )
}

/// Allows everything to the caller with a certificate, and nothing to others.
pub fn allow_known() -> Value {
    let source = json!({"type": "SPIFFE", "spiffe": KNOWN});
    let rules = json!([{"name": "known", "source": source}]);
    policy("known", json!({"action": "Allow", "rules": rules}))
}

/// Denies what one rule with this authorization matches.
pub fn deny(authorization: &Value) -> Value {
    let rule = json!({"name": "r", "authorization": authorization});
    let mut policy = policy("refusing", json!({"action": "Allow", "rules": [rule]}));
    policy["metadata"]["annotations"] = json!({"accesspolicy/action": "Deny"});
    policy
}

/// Asks `infra/authorizer` over HTTP.
pub fn ask(http: &Value) -> Value {
    let asking = json!({
        "protocol": "HTTP",
        "backendRef": {"name": "authorizer", "port": 80},
        "http": http,
    });
    policy(
        "asking",
        json!({"action": "ExternalAuth", "externalAuth": asking}),
    )
}

/// The authorization of calls of MCP methods.
pub fn methods(methods: &Value) -> Value {
    json!({"type": "Inline", "mcp": {"methods": methods}})
}

/// Calls of the tool `name`, as a Deny policy names them.
pub fn tool(name: &str) -> Value {
    methods(&json!([{"name": "tools/call", "params": [name]}]))
}

/// An enforcement point with what `over` says on top.
pub fn point(over: &Value) -> Value {
    let mut point = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "EnforcementPoint",
        "gateway": {"namespace": "infra", "name": "prod"},
        "backends": [{"namespace": "infra", "name": "server", "clusters": ["server"]}],
        "services": [
            {"namespace": "infra", "name": "authorizer", "port": 80, "cluster": "authorizer"},
        ],
        "trustDomain": "cluster.local",
        "mcp": {"paths": ["/mcp"]},
    });
    if let (Some(point), Some(over)) = (point.as_object_mut(), over.as_object()) {
        point.extend(over.clone());
    }
    point
}

/// The compiled policies, or what the compiler says against them.
pub fn compiled(policies: &[Value], over: &Value) -> Result<Value, String> {
    let sources = policies
        .iter()
        .map(|policy| Source::new("policy", policy.to_string()));
    let point = Source::new("point", point(over).to_string());
    match compile::compile(sources.collect(), point) {
        Ok(compiled) => Ok(serde_json::to_value(&compiled.policy).expect("JSON")),
        Err(report) => Err(report.to_string()),
    }
}
