//! A page in a real browser calls through Envoy and the filter: by the `cors` filter that
//! `render --cors` writes, if it is of the origin that was said, and not otherwise.
//!
//! It needs what `scripts/test` installs; where its variables are not set, the test says so
//! and does nothing.
#![cfg(not(target_arch = "wasm32"))]

#[path = "servers/outside.rs"]
mod outside;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use outside::{Outside, installed};
use serde_json::{Value, json};
use support::config::{Bootstrap, Cluster, Listener};
use support::envoy::Envoy;
use support::process::Process;
use support::tokens::Issuer;

const ORIGIN: &str = "http://app.example";
const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/page";
const POLICY: &str = "
apiVersion: agentic.networking.x-k8s.io/v1alpha1
kind: XAccessPolicy
metadata: {namespace: infra, name: page}
spec:
  action: Allow
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: prod}]
  rules:
    - name: page
      source: {type: SPIFFE, spiffe: spiffe://cluster.local/ns/agents/sa/page}
      authorization:
        type: Inline
        mcp:
          methods: [{name: tools/call, params: [test_simple_text]}]
          mcpBaseProtocolMethodsOption: MATCH_BASE_PROTOCOL_METHODS
";
const POINT: &str = "
apiVersion: accesspolicy/v1
kind: EnforcementPoint
gateway: {namespace: infra, name: prod}
trustDomain: cluster.local
identity:
  from: Metadata
  metadata: {namespace: envoy.filters.http.jwt_authn, path: [payload, sub]}
";

#[test]
fn a_page_of_another_origin_calls_where_it_may() {
    let (Some(browser), Some(python)) = (
        installed("ACCESSPOLICY_TEST_BROWSER"),
        installed("ACCESSPOLICY_TEST_PYTHON"),
    ) else {
        return;
    };
    let mut server = Command::new(python);
    server.arg(support::root().join("tests/servers/everything"));
    server.arg(ORIGIN);
    let server = Outside::start(server);
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = Issuer::default();
    let envoy = envoy(&server, &issuer, folder.path());
    let token = issuer.token(&json!({"sub": CALLER}));
    let run = |host: &str, listener: &str| {
        let mut command = Command::new("node");
        command.arg(browser.join("session.mjs"));
        command.arg(format!("http://{}/mcp", envoy.listener(listener)));
        command.args(["--host", host, "--token", &token]);
        command.args(["--tool", "test_simple_text", "--tool", "test_image_content"]);
        command.args(["--tool", "test_simple_text"]);
        let process = Process::start(&mut command, folder.path(), "browser");
        let mut process = process.expect("the browser starts");
        let ended = process.wait(Duration::from_secs(90));
        assert!(ended.is_some(), "no end: {}", process.errors());
        let said = process.output();
        serde_json::from_str::<Value>(&said)
            .unwrap_or_else(|_| panic!("{said} {} {}", process.errors(), envoy.log()))
    };

    let outcome = run("app.example", "cors");
    assert_eq!(outcome["session"], "string", "{outcome}\n{}", envoy.log());
    let calls = outcome["calls"].as_array().expect("calls");
    let outcomes: Vec<_> = calls.iter().map(|call| call["outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("allowed"), Some("denied"), Some("allowed")]);
    assert_eq!(calls[1]["code"], 403);
    let message = calls[1]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("Access to this tool is forbidden."),
        "{message}"
    );

    for (host, listener) in [("other.example", "cors"), ("app.example", "without")] {
        let outcome = run(host, listener);
        let failed = outcome["failed"].as_str().unwrap_or_default();
        assert!(failed.contains("Failed to fetch"), "{host}: {outcome}");
    }
}

/// Envoy with what `render` writes, once with the `cors` filter and once without.
fn envoy(server: &Outside, issuer: &Issuer, folder: &Path) -> Envoy {
    let listeners = [("cors", true), ("without", false)].map(|(name, cors)| {
        let mut filters = rendered(folder, cors);
        let mut listener = Listener::plain(name).route("/", "everything");
        // A preflight has no token.
        let place = usize::from(cors);
        filters.insert(place, verifier(issuer));
        listener.filters_before = filters;
        listener
    });
    let bootstrap = Bootstrap {
        listeners: listeners.to_vec(),
        clusters: vec![Cluster::new("everything", server.address)],
    };
    let mut bootstrap = bootstrap.json();
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["route_config"]["typed_per_filter_config"] = of_routes(folder);
    Envoy::start(&bootstrap).expect("Envoy serves")
}

/// The block for `http_filters`.
fn rendered(folder: &Path, cors: bool) -> Vec<Value> {
    let text = render(folder, cors);
    let filters: Value = support::yaml::parse(&text).expect("YAML");
    filters.as_array().expect("filters").clone()
}

/// What the comment of the block says about routes.
fn of_routes(folder: &Path) -> Value {
    let text = render(folder, true);
    let (_, comment) = text
        .split_once("# typed_per_filter_config:\n")
        .expect("it is there");
    let lines = comment.lines().map_while(|line| line.strip_prefix("# "));
    let part: Vec<&str> = lines.collect();
    support::yaml::parse(&part.join("\n")).expect("YAML")
}

fn render(folder: &Path, cors: bool) -> String {
    let [policy, point] = [("policy.yaml", POLICY), ("point.yaml", POINT)].map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a manifest");
        path
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.arg("render").arg(policy);
    command.arg("--enforcement-point").arg(point);
    command.args(["--format", "envoy", "--module"]);
    command.arg(support::filter_module());
    if cors {
        command.args(["--cors", ORIGIN]);
    }
    let done = command.output().expect("the tool runs");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("text")
}

fn verifier(issuer: &Issuer) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"issuer": {
                "issuer": Issuer::NAME,
                "local_jwks": {"inline_string": issuer.keys()},
                "payload_in_metadata": "payload",
            }},
            "rules": [{
                "match": {"prefix": "/"},
                "requires": {"requires_any": {"requirements": [
                    {"provider_name": "issuer"}, {"allow_missing": {}},
                ]}},
            }],
        },
    })
}
