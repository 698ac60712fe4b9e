//! Regular expressions, compiled as those of policies are: by the compiler.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use accesspolicy::engine::policy::{CompiledRegex, PathMatch};
use accesspolicy::tool::compile::{self, Source};
use serde_json::{Value, json};

use super::words::{HEADER_EXPRESSIONS, PATH_EXPRESSIONS};

/// An expression by its text.
pub fn expression(text: &str) -> CompiledRegex {
    static COMPILED: OnceLock<BTreeMap<&str, CompiledRegex>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        let texts = PATH_EXPRESSIONS.iter().chain(&HEADER_EXPRESSIONS);
        texts.map(|text| (*text, compile(text))).collect()
    });
    compiled[text].clone()
}

fn compile(text: &str) -> CompiledRegex {
    let manifest = json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {"namespace": "n", "name": "p"},
        "spec": {
            "action": "Allow",
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}],
            "rules": [{"name": "r", "authorization": {
                "type": "Inline",
                "paths": [{"type": "RegularExpression", "value": text}],
            }}],
        },
    });
    let point = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "EnforcementPoint",
        "gateway": {"namespace": "n", "name": "g"},
    });
    let manifests = vec![Source::new("policy", manifest.to_string())];
    let compiled = compile::compile(manifests, Source::new("point", point.to_string()));
    let policy = compiled.expect("it compiles").policy.policies.remove(0);
    let rule = policy.rules.expect("rules").remove(0);
    match rule.http.expect("HTTP").paths.expect("paths").remove(0) {
        PathMatch::RegularExpression(expression) => expression,
        other => panic!("{other:?}"),
    }
}

/// Leaves the automata out of a document that is shown, as long as they are.
pub fn elide(document: &mut Value) {
    visit(document, &|expression| {
        expression.insert("automaton".to_owned(), json!(""));
    });
}

/// Puts them back in.
pub fn restore(document: &mut Value) {
    visit(document, &|expression| {
        let text = expression["text"].as_str().expect("text");
        let compiled = compile(text).automaton;
        expression.insert("automaton".to_owned(), json!(compiled));
    });
}

fn visit(value: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) if object.contains_key("automaton") => change(object),
        Value::Object(object) => object.values_mut().for_each(|value| visit(value, change)),
        Value::Array(items) => items.iter_mut().for_each(|value| visit(value, change)),
        _ => {}
    }
}
