//! What the README points at is there, and what it shows compiles.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::fs;
use std::path::Path;

use accesspolicy::compile::{Source, compile};
use serde_json::{Value, json};

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let headings: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect();
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let links: Vec<&str> = links.filter(|link| !link.contains("://")).collect();
    assert!(links.len() > 20, "{links:?}");
    for link in links {
        match link.strip_prefix('#') {
            Some(heading) => assert!(headings.iter().any(|known| known == heading), "{link}"),
            None => assert!(root.join(link).exists(), "{link}"),
        }
    }
}

/// Every file of decision vectors is named, so that none is there for nobody.
#[test]
fn every_file_of_vectors_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    for entry in fs::read_dir(root.join("tests/decisions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("tests/decisions/{name}")), "{name}");
    }
}

/// The policies about authorizers, each with the piece of an enforcement point and the
/// clusters that follow it; that Envoy takes those too, `tests/envoy/load` shows.
#[test]
fn what_asks_authorizers_compiles() {
    let blocks = support::readme::yaml_of("### Asking an authorizer");
    let mut policies = 0;
    let mut rest = blocks.as_slice();
    while let [(text, policy), (_, point), (_, envoy), next @ ..] = rest {
        assert_eq!(policy["kind"], "XAccessPolicy", "{policy}");
        let mut whole = json!({
            "apiVersion": "accesspolicy/v1", "kind": "EnforcementPoint",
            "gateway": {"namespace": "infra", "name": "prod"},
        });
        for (name, value) in point.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let point = Source::new("point", whole.to_string());
        let compiled = compile(vec![Source::new("README.md", text.clone())], point);
        let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
        let compiled: Value = json!(compiled.policy);
        let asked = &compiled["policies"][0]["externalAuth"]["cluster"];
        assert_eq!(*asked, envoy["clusters"][0]["name"], "{envoy}");
        policies += 1;
        rest = next;
    }
    assert_eq!((policies, rest.len()), (2, 0), "{blocks:?}");
}

/// As renderers of Markdown make it of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
