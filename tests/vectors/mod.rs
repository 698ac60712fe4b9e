//! Decision vectors: policies, requests and what becomes of them, as data.
//!
//! One format, run by the engine here, by the engine as wasm, by the filter in a real
//! Envoy, and by users through `accesspolicy test`.

// Each test takes the part it needs.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs)]

use std::path::Path;

use accesspolicy::engine::policy::Policies;
use accesspolicy::tool::compile::{FilesError, Source};
use accesspolicy::tool::decision_tests::Suite;
pub use accesspolicy::tool::decision_tests::{
    AuthorizerReply, Case as Test, ELSEWHERE, Expect, Outcome, said,
};
use serde_json::{Value, json};

/// A file of vectors: one compiled policy, many requests.
#[derive(Debug)]
pub struct DecisionTests {
    /// The enforcement point; what it leaves out is filled in from [`point`].
    pub enforcement_point: Value,
    pub tests: Vec<Test>,
    suite: Suite,
}

/// Ports as the vectors have them. In Envoy others stand for them.
pub const PORTS: [u16; 2] = [18443, 18444];

impl DecisionTests {
    /// Reads a file's text.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let suite = Suite::read(Source::new(name, text), Path::new("."));
        let suite = suite.map_err(|error: FilesError| error.to_string())?;
        let point = suite.point().map(|point| serde_json::from_str(&point));
        Ok(Self {
            enforcement_point: point.transpose().expect("JSON").unwrap_or_default(),
            tests: suite.tests.clone(),
            suite,
        })
    }

    /// The compiled policy's text.
    pub fn compile(&self) -> Result<String, String> {
        let point = point(&self.enforcement_point).to_string();
        match self
            .suite
            .compile(Some(Source::new("enforcementPoint", point)))
        {
            Ok(compiled) => Ok(serde_json::to_string(&compiled.policy).expect("JSON")),
            Err(report) => Err(report.to_string()),
        }
    }

    /// Runs every vector through the engine; says what differs.
    pub fn differences(&self, name: &str) -> Vec<String> {
        let compiled = match self.compile() {
            Ok(compiled) => compiled,
            Err(error) => return vec![format!("{name}: {error}")],
        };
        let policies = match Policies::from_json(compiled.as_bytes()) {
            Ok(policies) => policies,
            Err(error) => return vec![format!("{name}: {error}")],
        };
        self.tests
            .iter()
            .filter_map(|test| difference(test, &test.judge(&policies)))
            .map(|difference| format!("{name}: {difference}"))
            .collect()
    }
}

/// What a vector says otherwise than what became of it, in a sentence.
pub fn difference(test: &Test, outcome: &Outcome) -> Option<String> {
    let wrong = test.differences(outcome);
    (!wrong.is_empty()).then(|| format!("{}: {}", test.name, wrong.join("; ")))
}

/// An enforcement point for `infra/prod`, with what `over` says on top.
pub fn point(over: &Value) -> Value {
    let mut point = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "EnforcementPoint",
        "gateway": {"namespace": "infra", "name": "prod"},
        "backends": [
            {"namespace": "infra", "name": "everything", "clusters": ["everything"]},
            {"namespace": "infra", "name": "weather", "clusters": ["weather-1", "weather-2"]},
        ],
        // Where nothing else is said, requests go to a cluster of no backend.
        "unlisted": "Gateway",
        // And no route matches on what authorizers set.
        "externalAuth": {"routing": "Fixed"},
        "trustDomain": "cluster.local",
        "mcp": {"paths": ["/mcp"]},
    });
    let usual = point["externalAuth"].take();
    if let (Some(point), Some(over)) = (point.as_object_mut(), over.as_object()) {
        point.extend(
            over.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    if point["externalAuth"].is_null() {
        point["externalAuth"] = json!({});
    }
    if let (Some(given), Value::Object(usual)) = (point["externalAuth"].as_object_mut(), usual) {
        for (name, value) in usual {
            given.entry(name).or_insert(value);
        }
    }
    point
}

/// Every file of vectors, by name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Every file of vectors: name and text.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../decisions/", $name, ".yaml")))),*];
    };
}

files![
    "sources",
    "rules",
    "methods",
    "base-protocol",
    "completion",
    "subscriptions",
    "responses",
    "responses-cel",
    "levels-all",
    "levels-any",
    "same-rule-name",
    "unlisted",
    "unprotected-deny",
    "unprotected-allow",
    "not-mcp",
    "cel",
    "http",
    "headers",
    "http-and-mcp",
    "deny-policies",
    "deny-undecided",
    "deny-evasions",
    "unknown-methods",
    "routes",
    "allow-evasions",
    "deny-queries",
    "deny-spellings",
    "allow-queries",
    "allow-spellings",
    "allow-undecided",
    "path-readings",
    "deny-methods",
    "allow-methods",
    "deny-uris",
    "deny-alone",
    "audit",
    "audit-alone",
    "audit-foreign",
    "listeners",
    "listeners-alone",
    "forwarded-client-cert",
    "resource-name",
    "deny-resource-name",
    "cel-mcp",
    "deny-cel",
    "v0alpha0",
    "v0alpha0-all",
    "v0alpha0-any",
    "v0alpha0-deny",
    "v0alpha0-listener",
    "v0alpha0-cel",
    "external-auth",
    "external-auth-open",
    "external-auth-audit",
    "external-auth-foreign",
    "external-auth-grpc",
    "external-auth-paths",
    "external-auth-routing",
    "v0alpha0-asking",
];
