//! Decision vectors: policies, requests and what becomes of them, as data.
//!
//! One format, run by the engine here, by the engine as wasm, and by the filter in
//! a real Envoy. A vector goes the whole way: manifests are compiled, headers and
//! body are read, and the decision is made, as in the filter.

// Each test takes the part it needs.
#![allow(dead_code, unreachable_pub, missing_docs)]

use accesspolicy::compile::{self, Source};
use accesspolicy::decision::{Audit, Basis, DenialReason, Determining};
use accesspolicy::enforcement::{Facts, Permitted, Reason, Step, Stream};
use accesspolicy::policy::{IdentitySource, Policies};
use accesspolicy::request::{Caller, Headers, SpiffeId};
use serde::Deserialize;
use serde_json::{Value, json};

/// A file of vectors: one compiled policy, many requests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecisionTests {
    pub api_version: String,
    pub kind: String,
    /// What the file shows, in a sentence.
    pub description: String,
    /// The enforcement point; what it leaves out is filled in from [`point`].
    #[serde(default)]
    pub enforcement_point: Value,
    /// Manifests.
    pub policies: Vec<Value>,
    pub tests: Vec<Test>,
}

/// One request and what becomes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    pub name: String,
    /// The caller's SPIFFE ID; absent is a caller without identity. What names it is a
    /// certificate or, with `ForwardedClientCert`, must be among the headers.
    pub caller: Option<String>,
    /// The cluster that the route chose.
    #[serde(default = "elsewhere")]
    pub cluster: String,
    /// The authority; the cluster's name when left out.
    pub host: Option<String>,
    /// The port that the request arrives on, out of [`PORTS`]; another when left out.
    pub port: Option<u16>,
    /// A JSON-RPC request, posted: `method`, or `method thing`.
    pub call: Option<String>,
    /// A JSON-RPC message, posted as it stands.
    pub message: Option<Value>,
    /// A body, posted as it stands, byte for byte.
    pub body: Option<String>,
    /// An HTTP request that is no message: `METHOD path`.
    pub http: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: Vec<[String; 2]>,
    pub expect: Expect,
    /// The rule that determined the Gateway level, `namespace/policy#rule`.
    pub gateway: Option<String>,
    /// The rule that determined the Backend level.
    pub backend: Option<String>,
    /// The level that refused.
    pub level: Option<String>,
    /// The policy that refused, where each must allow, or whose rule refuses.
    pub policy: Option<String>,
    /// The rule that refused, `namespace/policy#rule`.
    pub rule: Option<String>,
    /// What policies in Audit mode would have made of it; `none` when there are none.
    pub audit: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What the error of the answer says to a JSON-RPC request that policy refuses.
    pub says: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expect {
    /// It goes on, byte for byte.
    Allow,
    /// Policy refuses it.
    Deny,
    /// It is refused before any policy is asked.
    Refuse,
}

/// A cluster of no backend.
pub const ELSEWHERE: &str = "elsewhere";

fn elsewhere() -> String {
    ELSEWHERE.to_owned()
}

/// Ports as the vectors have them. In Envoy others stand for them.
pub const PORTS: [u16; 2] = [18443, 18444];

/// A request as HTTP has it.
#[derive(Debug, Clone)]
pub struct Http {
    pub method: String,
    pub authority: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What became of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Who the filter took the caller for.
    pub caller: Option<String>,
    pub expect: Option<Expect>,
    pub gateway: Option<String>,
    pub backend: Option<String>,
    pub level: Option<String>,
    pub policy: Option<String>,
    pub rule: Option<String>,
    pub audit: Option<String>,
    pub status: Option<u16>,
    pub says: Option<String>,
}

impl DecisionTests {
    /// Reads a file's text.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let read: Self =
            serde_saphyr::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        match (read.api_version.as_str(), read.kind.as_str()) {
            ("accesspolicy/v1", "DecisionTests") => Ok(read),
            other => Err(format!("{name}: not decision tests: {other:?}")),
        }
    }

    /// The compiled policy's text.
    pub fn compile(&self) -> Result<String, String> {
        let manifests = self.policies.iter().enumerate().map(|(number, manifest)| {
            Source::new(format!("policies[{number}]"), manifest.to_string())
        });
        let point = Source::new(
            "enforcementPoint",
            point(&self.enforcement_point).to_string(),
        );
        match compile::compile(manifests.collect(), point) {
            Ok(compiled) => Ok(serde_json::to_string(&compiled.policy).expect("JSON")),
            Err(report) => Err(report
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.message.clone())
                .collect::<Vec<_>>()
                .join("\n")),
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
            .filter_map(|test| test.difference(&test.judge(&policies)))
            .map(|difference| format!("{name}: {difference}"))
            .collect()
    }
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
        "trustDomain": "cluster.local",
        "mcp": {"paths": ["/mcp"]},
    });
    if let (Some(point), Some(over)) = (point.as_object_mut(), over.as_object()) {
        point.extend(
            over.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    point
}

impl Test {
    /// The request as HTTP has it.
    pub fn http(&self) -> Http {
        let (method, path) = match &self.http {
            Some(http) => http.split_once(' ').expect("METHOD path"),
            None => ("POST", "/mcp"),
        };
        let body = match (&self.call, &self.message, &self.body) {
            (Some(call), None, None) => call_body(call),
            (None, Some(message), None) => message.to_string(),
            (None, None, Some(body)) => body.clone(),
            (None, None, None) => String::new(),
            _ => panic!("{}: one of call, message and body", self.name),
        };
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|[name, value]| (name.clone(), value.clone()))
            .collect();
        if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        Http {
            method: method.to_owned(),
            authority: self.host.clone().unwrap_or_else(|| self.cluster.clone()),
            path: path.to_owned(),
            headers,
            body,
        }
    }

    /// Judges the request as the filter would, the body byte by byte.
    pub fn judge(&self, policies: &Policies) -> Outcome {
        let Http {
            method,
            authority,
            path,
            mut headers,
            body,
        } = self.http();
        if !body.is_empty() {
            headers.push(("content-length".to_owned(), body.len().to_string()));
        }
        let pseudo = [
            (":method".to_owned(), method),
            (":authority".to_owned(), authority),
            (":scheme".to_owned(), "https".to_owned()),
            (":path".to_owned(), path),
        ];
        let headers = Headers::from_lines(pseudo.into_iter().chain(headers));
        let caller = match policies.settings().identity {
            IdentitySource::ForwardedClientCert => Caller::from_forwarded(&headers),
            // How these are read is shown in Envoy, which alone has them.
            IdentitySource::PeerCertificate | IdentitySource::Metadata(_) => {
                let id = self.caller.as_deref().and_then(SpiffeId::new);
                id.map_or(Caller::Anonymous, Caller::Spiffe)
            }
        };
        let taken_for = caller.spiffe_id().map(str::to_owned);
        let facts = Facts {
            headers,
            caller,
            cluster: Some(self.cluster.clone()),
            port: Some(self.port.unwrap_or(1).into()),
            address: Some("127.0.0.1:1".to_owned()),
            time: Some(1_800_000_000_000_000_000),
        };
        let mut stream = Stream::default();
        let mut step = stream.headers(policies, facts, body.is_empty());
        for (number, byte) in body.as_bytes().iter().enumerate() {
            if let Step::Wait | Step::PassHeaders = step {
                step = stream.body(policies, &[*byte], number + 1 == body.len());
            }
        }
        Outcome {
            caller: taken_for,
            ..Outcome::of(&step)
        }
    }

    /// What the vector says otherwise than what became of it, in a sentence.
    pub fn difference(&self, outcome: &Outcome) -> Option<String> {
        let mut wrong = Vec::new();
        if outcome.expect != Some(self.expect) {
            wrong.push(format!(
                "expected {:?}, got {:?}",
                self.expect, outcome.expect
            ));
        }
        if self.caller != outcome.caller {
            wrong.push(format!(
                "expected caller {:?}, got {:?}",
                self.caller, outcome.caller
            ));
        }
        for (what, expected, got) in [
            ("gateway", &self.gateway, &outcome.gateway),
            ("backend", &self.backend, &outcome.backend),
            ("level", &self.level, &outcome.level),
            ("policy", &self.policy, &outcome.policy),
            ("rule", &self.rule, &outcome.rule),
            ("audit", &self.audit, &outcome.audit),
            ("says", &self.says, &outcome.says),
        ] {
            if expected.is_some() && expected != got {
                wrong.push(format!("expected {what} {expected:?}, got {got:?}"));
            }
        }
        if self.status.is_some() && self.status != outcome.status {
            wrong.push(format!(
                "expected status {:?}, got {:?}",
                self.status, outcome.status
            ));
        }
        (!wrong.is_empty()).then(|| format!("{}: {}", self.name, wrong.join("; ")))
    }
}

impl Outcome {
    fn of(step: &Step<'_>) -> Self {
        match step {
            Step::Continue(Permitted::Now(permit)) => Self {
                audit: audit(permit.audit()),
                ..Self::allowed(permit.basis())
            },
            Step::Refuse(refusal) => {
                let status = Some(refusal.answer.status);
                let Reason::Denied(denial) = refusal.reason else {
                    return Self {
                        expect: Some(Expect::Refuse),
                        status,
                        ..Self::default()
                    };
                };
                Self {
                    audit: audit(denial.audit),
                    status,
                    says: said(&refusal.answer.body),
                    ..Self::denied(denial.reason)
                }
            }
            Step::Wait | Step::PassHeaders | Step::Continue(Permitted::Before) => Self::default(),
        }
    }

    fn allowed(basis: Basis<'_>) -> Self {
        let name = |by: Option<Determining<'_>>| by.map(|by| by.to_string());
        let (gateway, backend) = match basis {
            Basis::Unprotected => (None, None),
            Basis::Policies { gateway, backend } => (name(gateway), name(backend)),
        };
        Self {
            expect: Some(Expect::Allow),
            gateway,
            backend,
            ..Self::default()
        }
    }

    fn denied(reason: DenialReason<'_>) -> Self {
        let denied = Self {
            expect: Some(Expect::Deny),
            ..Self::default()
        };
        match reason {
            DenialReason::NotAllowed { level, policy, .. } => Self {
                level: Some(level.as_str().to_owned()),
                policy: policy.map(ToString::to_string),
                ..denied
            },
            DenialReason::Refused { level, by, .. } => Self {
                level: Some(level.as_str().to_owned()),
                policy: Some(by.policy.to_string()),
                rule: Some(by.to_string()),
                ..denied
            },
            DenialReason::Unprotected | DenialReason::NoCluster | DenialReason::NoPort => denied,
        }
    }
}

/// What the error of an answer says.
pub fn said(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer["error"]["message"].as_str().map(str::to_owned)
}

/// `allow`, or `deny` and what determines it.
fn audit(audit: Option<Audit<'_>>) -> Option<String> {
    Some(match audit {
        None => "none".to_owned(),
        Some(Audit::Allow(_)) => "allow".to_owned(),
        Some(Audit::Deny(reason)) => {
            let Outcome { policy, rule, .. } = Outcome::denied(reason);
            let by = rule.or(policy).map(|by| format!(" {by}"));
            format!("deny{}", by.unwrap_or_default())
        }
    })
}

/// The body of a request that calls `method` on `thing`.
fn call_body(call: &str) -> String {
    let (method, thing) = call.split_once(' ').unwrap_or((call, ""));
    let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    match method {
        "tools/call" => message["params"] = json!({"name": thing, "arguments": {}}),
        "prompts/get" => message["params"] = json!({"name": thing}),
        method if method.starts_with("resources/") && !thing.is_empty() => {
            message["params"] = json!({"uri": thing});
        }
        method if method.starts_with("notifications/") => {
            message = json!({"jsonrpc": "2.0", "method": method});
        }
        _ => assert!(thing.is_empty(), "{call}: write the message out"),
    }
    message.to_string()
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
    "levels-all",
    "levels-any",
    "same-rule-name",
    "unprotected-deny",
    "unprotected-allow",
    "not-mcp",
    "cel",
    "http",
    "http-and-mcp",
    "deny-policies",
    "deny-undecided",
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
];
