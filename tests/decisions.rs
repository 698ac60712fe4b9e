//! Every decision vector, by the engine.
#![cfg(not(target_arch = "wasm32"))]

mod vectors;

use std::collections::BTreeSet;
use std::fs;

use accesspolicy::engine::policy::{CompiledPolicy, NumberedPolicy, Policies};
use accesspolicy::engine::uri;
use accesspolicy::tool::decision_tests::TestBody;
use accesspolicy::tool::effective::{
    At, Destination, Effective, Grant, ObjectPattern, Query, QueryKind, Universe, effective,
};
use serde_json::Value;
use vectors::{AuthorizerReply, DecisionTests, Expect, FILES, Outcome, Test, difference};

#[test]
fn every_vector() {
    let mut count = 0;
    let mut differences = Vec::new();
    for (name, text) in FILES {
        let tests = DecisionTests::read(name, text).unwrap();
        count += tests.tests.len();
        differences.extend(tests.differences(name));
    }
    assert!(
        differences.is_empty(),
        "{} of {count}:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// What is told of every vector ends where the engine does, by the same rule.
#[test]
fn every_vector_is_explained() {
    let mut wrong = Vec::new();
    for (name, text) in FILES {
        let tests = DecisionTests::read(name, text).unwrap();
        let compiled = serde_json::from_str(&tests.compile().unwrap()).unwrap();
        let (document, policies) = NumberedPolicy::load(compiled).unwrap();
        for test in tests.tests {
            // Where the vector has no answer left, there is none.
            let answers = test.answers.iter().cloned().chain(AuthorizerReply::never());
            let explained = test.request.explain(&policies, &document, answers);
            let contradiction = explained.contradiction();
            wrong.extend(contradiction.map(|what| format!("{name}: {}: {what}", test.name)));
            let asked = explained.asked.iter().flat_map(|(_, said)| said);
            let outcome = Outcome {
                caller: test.request.caller.clone(),
                asks: asked.map(|said| said.policy.clone()).collect(),
                ..Outcome::of(&explained.step, &test.request.facts(&policies).headers)
            };
            wrong.extend(difference(&test, &outcome).map(|what| format!("{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is said to be refused is, and what is said to be allowed is, whatever else the
/// requests are.
#[test]
fn who_may_do_what_agrees_with_every_vector() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, text) in FILES {
        let tests = DecisionTests::read(name, text).unwrap();
        let text = tests.compile().unwrap();
        let policies = Policies::from_json(text.as_bytes()).unwrap();
        let compiled: CompiledPolicy = serde_json::from_str(&text).unwrap();
        let found = effective(&compiled, Universe::of(&[&compiled])).unwrap();
        for test in &tests.tests {
            let Some(grant) = grant(&found, &compiled, test) else {
                continue;
            };
            compared += 1;
            let outcome = test.judge(&policies).expect;
            let is_right = match grant {
                Grant::Never => outcome != Some(Expect::Allow),
                Grant::Always { .. } => outcome == Some(Expect::Allow),
                Grant::Depends { .. } => true,
            };
            if !is_right {
                wrong.push(format!("{name}: {}: {grant:?}, {outcome:?}", test.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 150, "{compared}");
}

/// What is said of a vector's caller, place, method and thing; where it is one message.
fn grant<'e>(found: &'e Effective, compiled: &CompiledPolicy, test: &Test) -> Option<&'e Grant> {
    let TestBody::Message(message) = &test.request.body else {
        return None;
    };
    let is_well_formed = test.expected.expect != Expect::Reject;
    let message: Value = serde_json::from_str(message)
        .ok()
        .filter(|_| is_well_formed)?;
    let method = message["method"].as_str()?;
    let by_uri = compiled.settings.resource_param.is_uri();
    let params = &message["params"];
    let (kind, thing) = match method.split('/').next() {
        Some("resources") if by_uri => (QueryKind::Resource, &params["uri"]),
        Some("resources") => (QueryKind::Resource, &params["name"]),
        Some("completion") if params["ref"]["type"] == "ref/resource" => {
            (QueryKind::Resource, &params["ref"]["uri"])
        }
        Some("completion") => (QueryKind::Prompt, &params["ref"]["name"]),
        Some("prompts") => (QueryKind::Prompt, &params["name"]),
        _ => (QueryKind::Tool, &params["name"]),
    };
    let thing = thing.as_str().filter(|thing| !thing.is_empty());
    let backends = || compiled.backends.iter();
    let cluster = test.request.cluster();
    let cluster = backends().any(|backend| backend.clusters.iter().any(|name| name == cluster));
    let cluster = cluster.then(|| test.request.cluster().to_owned());
    let port = test.request.port.map(u64::from);
    let ports = || {
        compiled
            .listeners
            .iter()
            .map(|listener| listener.port.get())
    };
    let port = port.filter(|port| ports().any(|known| known == *port));
    let place = Destination {
        cluster: cluster.map_or(At::Other, At::Known),
        port: port.map_or(At::Other, At::Known),
    };
    let universe = &found.universe;
    let place = universe.places.iter().position(|known| *known == place)?;
    let is_caller = |known: &Option<String>| *known == test.request.caller;
    let caller = universe.callers.iter().position(is_caller);
    let asks = || universe.asks.iter();
    let named = asks().position(|ask| {
        let is_thing = match &ask.acted {
            ObjectPattern::Nothing => thing.is_none(),
            ObjectPattern::Named(known, name) => *known == kind && Some(name.as_str()) == thing,
            ObjectPattern::Unnamed => thing.is_none(),
            ObjectPattern::Other(..) | ObjectPattern::Respelt(_) | ObjectPattern::Something => {
                false
            }
        };
        ask.name == method && is_thing
    });
    let is_kind =
        |ask: &Query| matches!(ask.acted, ObjectPattern::Other(known, _) if known == kind);
    let other = || asks().position(|ask| ask.name == method && is_kind(ask));
    // Another spelling of a uri is not another resource to policies that refuse.
    let is_respelt = |ask: &Query| match &ask.acted {
        ObjectPattern::Named(QueryKind::Resource, known) => {
            let forms = thing.map(uri::asked_among_others).unwrap_or_default();
            forms.iter().any(|form| uri::listed(known).contains(form))
        }
        _ => false,
    };
    if named.is_none() && asks().any(is_respelt) {
        return None;
    }
    let ask = named.or_else(|| thing.and_then(|_| other()))?;
    let caller = caller.unwrap_or(universe.callers.len() - 1);
    Some(&found.grants[place][caller][ask])
}

#[test]
fn no_file_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decisions");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let run: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, run);
    assert_eq!(run.len(), FILES.len(), "a file is run twice");
}

/// A vector that expects something else than what happens is told apart.
#[test]
fn a_wrong_expectation_is_noticed() {
    let (name, text) = FILES[0];
    let wrong = text
        .replace("expect: allow", "expect: deny")
        .replace("#by-spiffe", "#other");
    let tests = DecisionTests::read(name, &wrong).unwrap();
    let allowed = text.matches("expect: allow").count();
    assert_eq!(tests.differences(name).len(), allowed);
}
