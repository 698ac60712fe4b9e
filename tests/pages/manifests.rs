//! Manifests that pages show are valid.

use accesspolicy::tool::compile::{Compiled, Report, Source, compile, validate};
use accesspolicy::tool::decision_tests::Suite;
use serde_json::{Value, json};

use crate::support::readme::{pages, yaml_of};
use crate::support::{root, yaml};

/// Those that are whole, which is to say have a kind of ours.
#[test]
fn every_whole_manifest_is_valid() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks("yaml") {
            for text in block.split("\n---\n") {
                match judged(text) {
                    Some(Err(error)) => panic!("{}: {error}\n{text}", page.path),
                    Some(Ok(())) => count += 1,
                    None => {}
                }
            }
        }
    }
    assert!(count >= 4, "{count} manifests");
}

#[test]
fn manifests_that_are_wrong_are_noticed() {
    let point = "apiVersion: accesspolicy/v1\nkind: EnforcementPoint\n";
    let policy = "apiVersion: agentic.networking.x-k8s.io/v1alpha1\nkind: XAccessPolicy\n";
    let tests = "apiVersion: accesspolicy/v1\nkind: DecisionTests\n";
    for wrong in [
        format!("{point}gateway: {{namespace: infra}}\n"),
        format!("{point}gateway: {{namespace: infra, name: prod}}\nother: 1\n"),
        format!("{policy}metadata: {{name: a, namespace: infra}}\nspec: {{}}\n"),
        format!("{tests}policies: [policy.yaml]\ntests: [{{name: a, expect: maybe}}]\n"),
        "kind: [".to_owned(),
    ] {
        assert!(judged(&wrong).is_some_and(|it| it.is_err()), "{wrong}");
    }
    let right = format!("{point}gateway: {{namespace: infra, name: prod}}\n");
    assert_eq!(judged(&right), Some(Ok(())));
    assert_eq!(judged("unlisted: Gateway"), None);
    assert_eq!(judged("kind: Gateway\nspec: {}"), None);
}

/// The policies about authorizers, each with the piece of an enforcement point and the
/// clusters that follow it; that Envoy takes those too, `tests/envoy/load` shows.
#[test]
fn what_asks_authorizers_compiles() {
    let blocks = yaml_of("Connect an authorizer");
    let is_policy = |(_, block): &&(String, Value)| block["kind"] == "XAccessPolicy";
    assert_eq!(blocks.iter().filter(is_policy).count(), 2, "{blocks:?}");
    for (at, (text, _)) in blocks.iter().enumerate().filter(|(_, it)| is_policy(it)) {
        let next = |key: &str| {
            let mut after = blocks[at + 1..].iter().map(|(_, block)| block);
            after.find(|block| block.get(key).is_some()).cloned()
        };
        let envoy = next("clusters").expect("clusters after the policy");
        let mut point = next("services").expect("services after the policy");
        let whole = json!({
            "apiVersion": "accesspolicy/v1", "kind": "EnforcementPoint",
            "gateway": {"namespace": "infra", "name": "prod"},
        });
        let members = whole.as_object().unwrap().clone();
        point.as_object_mut().unwrap().extend(members);
        let compiled = compiled(text, &point.to_string());
        let compiled = compiled.unwrap_or_else(|report| panic!("{report}"));
        let compiled: Value = json!(compiled.policy);
        let asked = &compiled["policies"][0]["externalAuth"]["cluster"];
        assert_eq!(*asked, envoy["clusters"][0]["name"], "{envoy}");
    }
}

/// The line that Envoy logs has the numbers of the demo.
#[test]
fn the_line_of_the_log_is_of_the_demo() {
    let policy = super::file("policies/demo/policy.yaml");
    let point = super::file("policies/demo/enforcement-point.yaml");
    let policy = compiled(&policy, &point).expect("the demo compiles").policy;
    let rules = policy.policies.iter().filter_map(|it| it.rules.as_ref());
    let rules: usize = rules.map(Vec::len).sum();
    let (digest, _) = policy.digest.split_at("sha256:".len() + 4);
    let count = policy.policies.len();
    let line = format!("enforcing {count} policies with {rules} rules, digest {digest}…");
    for page in pages() {
        for block in page.blocks("text") {
            let mut told = block.lines().filter(|told| told.contains("enforcing "));
            assert!(
                told.all(|told| told.contains(&line)),
                "{}: {line}",
                page.path
            );
        }
    }
}

/// What is wrong with a text; nothing is said of what is no manifest of ours.
fn judged(text: &str) -> Option<Result<(), String>> {
    let value = match yaml::parse(text) {
        Ok(value) => value,
        Err(error) => return Some(Err(error.to_string())),
    };
    let told = |report: Report| report.to_string();
    Some(match value.get("kind")?.as_str()? {
        "XAccessPolicy" => validate(vec![Source::new("page", text)])
            .map(drop)
            .map_err(told),
        "EnforcementPoint" => {
            let policy = super::file("tests/manifests/policy.yaml");
            compiled(&policy, text).map(drop).map_err(told)
        }
        "DecisionTests" => {
            let folder = root().join("policies/demo");
            let suite = Suite::read(Source::new("page", text), &folder);
            suite.map(drop).map_err(|error| error.to_string())
        }
        _ => return None,
    })
}

fn compiled(policy: &str, point: &str) -> Result<Compiled, Report> {
    compile(
        vec![Source::new("policy", policy)],
        Source::new("point", point),
    )
}
