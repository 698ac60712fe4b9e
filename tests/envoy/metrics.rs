//! What Envoy's statistics and access log say of a known mix of requests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::setup::{Mode, anybody_may_call, at, call, managers};
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::{Envoy, Options};
use crate::support::message::Request;
use crate::support::recorder::{Answer, Recorder};
use crate::support::{root, yaml};
use crate::vectors::DecisionTests;

/// `echo` may be called; an audited policy would let nobody.
fn policy() -> String {
    let target = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"}]);
    let policy = |name: &str, annotations: Value, rules: Value| {
        json!({
            "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
            "kind": "XAccessPolicy",
            "metadata": {"namespace": "infra", "name": name, "annotations": annotations},
            "spec": {"action": "Allow", "targetRefs": target, "rules": rules},
        })
    };
    let refuses = json!([{"name": "sum.never", "authorization": {"type": "Inline",
        "mcp": {"methods": [{"name": "tools/call", "params": ["get-sum"]}]}}}]);
    let nobody =
        json!([{"name": "n", "source": {"type": "SPIFFE", "spiffe": "spiffe://d/nobody"}}]);
    let tests = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "DecisionTests",
        "description": "a mix of requests",
        "enforcementPoint": at(&json!({}), Mode::Hold),
        "policies": [
            policy("tools.v1", json!({}), anybody_may_call(&["echo", "get-sum"])),
            policy("refusing", json!({"accesspolicy/action": "Deny"}), refuses),
            policy("stricter", json!({"accesspolicy/mode": "Audit"}), nobody),
        ],
        "tests": [],
    });
    let tests = DecisionTests::read("mix", &tests.to_string()).expect("no vectors");
    tests.compile().expect("a policy")
}

/// The metrics of ours in Prometheus's text, by name and labels.
fn scraped(envoy: &Envoy) -> BTreeMap<String, f64> {
    let text = envoy.ask("/stats/prometheus").expect("statistics");
    let lines = text
        .lines()
        .filter(|line| line.starts_with("accesspolicy_"));
    let parse = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("name and value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(parse).collect()
}

/// Waits until the metrics have these values, and returns all there are: statistics of
/// workers are merged now and then.
fn wait_for(envoy: &Envoy, expected: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let start = Instant::now();
    loop {
        let found = scraped(envoy);
        let counted = |name: &String| found.get(name).copied().unwrap_or_default();
        let all = expected.iter().all(|(name, value)| counted(name) == *value);
        if all || start.elapsed() > Duration::from_secs(10) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn numbers_are_those_of_the_requests() {
    let recorder = Recorder::start();
    let access_log = json!({
        "id": "%REQ(X-REQUEST-ID)%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "decision": "%FILTER_STATE(wasm.accesspolicy.decision:PLAIN)%",
        "reason": "%FILTER_STATE(wasm.accesspolicy.reason:PLAIN)%",
        "by": "%FILTER_STATE(wasm.accesspolicy.by:PLAIN)%",
    });
    let listener = Listener::plain("hold")
        .filter(Mode::Hold.filter(&policy()))
        .access_log(access_log);
    let cluster = Cluster::new("everything", recorder.address());
    let mut bootstrap = Bootstrap::simple(listener, cluster).json();
    let tags = yaml::read(&root().join("envoy-config/metrics.yaml")).expect("YAML");
    bootstrap["stats_config"] = tags["stats_config"].clone();
    for manager in managers(&mut bootstrap) {
        manager["preserve_external_request_id"] = json!(true);
    }
    let envoy = Envoy::start_with(&bootstrap, Options::default()).expect("Envoy serves");
    let client = crate::support::client::Client::plain(envoy.listener("hold"));
    let mut number = 0;
    let mut send = |times: usize, body: &str| {
        for _ in 0..times {
            number += 1;
            let request = Request::new("POST", "/mcp")
                .header("content-type", "application/json")
                .header("x-request-id", format!("m-{number}"))
                .body(body);
            client.send(&request).expect("an answer");
        }
    };
    send(5, &call("echo"));
    send(3, &call("get-sum"));
    send(2, &call("get-env"));
    send(4, "{");

    let expected: BTreeMap<String, f64> = [
        (r#"accesspolicy_requests_total{decision="allow",reason="policy"}"#, 5.0),
        (r#"accesspolicy_requests_total{decision="deny",reason="policy"}"#, 5.0),
        (r#"accesspolicy_requests_total{decision="reject",reason="malformed"}"#, 4.0),
        (
            r#"accesspolicy_decisions_total{decision="allow",level="Gateway",policy="infra/tools.v1",rule="r"}"#,
            5.0,
        ),
        (
            r#"accesspolicy_decisions_total{decision="deny",level="Gateway",policy="infra/refusing",rule="sum.never"}"#,
            3.0,
        ),
        (
            r#"accesspolicy_decisions_total{decision="deny",level="Gateway",policy="infra/tools.v1"}"#,
            2.0,
        ),
        (
            r#"accesspolicy_audit_total{decision="deny",level="Gateway",policy="infra/stricter"}"#,
            7.0,
        ),
        (
            r#"accesspolicy_audit_total{decision="deny",level="Gateway",policy="infra/refusing",rule="sum.never"}"#,
            3.0,
        ),
        ("accesspolicy_body_bytes_count{}", 10.0),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let found = wait_for(&envoy, &expected);
    for (name, value) in &expected {
        assert_eq!(found.get(name), Some(value), "{name}: {found:#?}");
    }
    let of_requests = |name: &&String| {
        let counters = ["requests", "decisions", "audit"];
        counters
            .iter()
            .any(|counter| name.starts_with(&format!("accesspolicy_{counter}_total")))
    };
    for name in found.keys().filter(of_requests) {
        assert!(expected.contains_key(name), "{name} is counted as well");
    }
    assert!(found["accesspolicy_config_digest{}"] > 0.0);

    let line = |id: &str| {
        let wanted = |line: &Value| line["id"] == id;
        envoy.access_log_line(wanted).expect("a line")
    };
    let refused = line("m-6");
    assert_eq!(refused["decision"], "deny");
    assert_eq!(refused["reason"], "policy");
    assert_eq!(refused["by"], "infra/refusing#sum.never");
    assert_eq!(refused["details"], "accesspolicy_policy");
    assert_eq!(line("m-14")["reason"], "malformed");
    assert_eq!(line("m-1")["decision"], "allow");
}

/// Calls of authorizers, by what came back, and how long that took.
#[test]
fn authorizers_are_counted() {
    let recorder = Recorder::start();
    let authorizer = HttpAuthorizer::start(|seen| {
        let answer = |status| {
            Act::Answer(Answer {
                status,
                headers: Vec::new(),
                body: Vec::new(),
            })
        };
        match seen.header("x-want").as_deref() {
            Some("allow") => answer(200),
            Some("refuse") => answer(403),
            Some("fail") => answer(500),
            _ => Act::Close,
        }
    });
    let target = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"}]);
    let asks = |name: &str, service: &str, tool: &str| {
        json!({
            "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
            "kind": "XAccessPolicy",
            "metadata": {"namespace": "infra", "name": name},
            "spec": {
                "action": "ExternalAuth",
                "targetRefs": target,
                "externalAuth": {"protocol": "HTTP", "backendRef": {"name": service, "port": 80},
                    "http": {"allowedHeaders": ["x-want"]}},
                "rules": anybody_may_call(&[tool]),
            },
        })
    };
    let service = |name| json!({"namespace": "infra", "name": name, "port": 80, "cluster": name});
    let mut point = at(&json!({"unprotected": "Allow"}), Mode::Hold);
    point["services"] = json!(["authorizer", "unknown"].map(service));
    // Two policies that ask at one target have an order.
    let mut elsewhere = asks("nowhere.v1", "unknown", "get-sum");
    elsewhere["metadata"]["annotations"] = json!({"accesspolicy/order": "2"});
    let mut checks = asks("checks.v1", "authorizer", "echo");
    checks["metadata"]["annotations"] = json!({"accesspolicy/order": "1"});
    let tests = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "DecisionTests",
        "enforcementPoint": point,
        "policies": [
            checks,
            elsewhere,
        ],
        "tests": [],
    });
    let tests = DecisionTests::read("asks", &tests.to_string()).expect("no vectors");
    let policy = tests.compile().expect("a policy");
    let listener = Listener::plain("hold").filter(Mode::Hold.filter(&policy));
    let mut bootstrap = Bootstrap::simple(listener, Cluster::new("everything", recorder.address()));
    bootstrap
        .clusters
        .push(Cluster::new("authorizer", authorizer.address()));
    let mut bootstrap = bootstrap.json();
    let tags = yaml::read(&root().join("envoy-config/metrics.yaml")).expect("YAML");
    bootstrap["stats_config"] = tags["stats_config"].clone();
    let envoy = Envoy::start_with(&bootstrap, Options::default()).expect("Envoy serves");
    let client = crate::support::client::Client::plain(envoy.listener("hold"));
    for (times, tool, want) in [
        (4, "echo", "allow"),
        (3, "echo", "refuse"),
        (2, "echo", "fail"),
        (1, "echo", "nothing"),
        (2, "get-sum", "allow"),
        (5, "get-env", "allow"),
    ] {
        for _ in 0..times {
            let request = Request::mcp(call(tool)).header("x-want", want);
            client.send(&request).expect("an answer");
        }
    }
    let calls = |policy: &str, outcome: &str| {
        format!(
            r#"accesspolicy_authorizer_calls_total{{policy="infra/{policy}",outcome="{outcome}"}}"#
        )
    };
    let failed = |policy: &str, reason: &str| {
        format!(
            r#"accesspolicy_authorizer_calls_total{{reason="{reason}",policy="infra/{policy}",outcome="error"}}"#
        )
    };
    let timed = r#"accesspolicy_authorizer_duration_ms_count{policy="infra/checks.v1"}"#;
    let expected = [
        (calls("checks.v1", "allow"), 4.0),
        (calls("checks.v1", "deny"), 3.0),
        (failed("checks.v1", "failed"), 2.0),
        (failed("checks.v1", "broken_off"), 1.0),
        // Nobody was asked there: the cluster is none of Envoy's.
        (failed("nowhere.v1", "not_called"), 2.0),
        (timed.to_owned(), 10.0),
    ];
    let found = wait_for(&envoy, &expected.clone().into());
    for (name, value) in &expected {
        assert_eq!(found.get(name), Some(value), "{name}: {found:#?}");
    }
    let of_calls = |name: &&String| {
        name.starts_with("accesspolicy_authorizer_calls") || name.contains("duration_ms_count")
    };
    assert_eq!(found.keys().filter(of_calls).count(), expected.len());
}
