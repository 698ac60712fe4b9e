//! Every decision vector, by the engine.
#![cfg(not(target_arch = "wasm32"))]

mod vectors;

use std::collections::BTreeSet;
use std::fs;

use accesspolicy::enforcement::Step;
use accesspolicy::policy::Document;
use vectors::{DecisionTests, FILES, Outcome, difference};

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
        let (document, policies) = Document::load(compiled).unwrap();
        for test in tests.tests {
            let explained = test.request.explain(&policies, &document);
            let contradiction = explained.contradiction();
            wrong.extend(contradiction.map(|what| format!("{name}: {}: {what}", test.name)));
            // Nobody is asked for an explanation, which ends there.
            if let Step::Ask(_) = explained.step {
                continue;
            }
            let outcome = Outcome {
                caller: test.request.caller.clone(),
                ..Outcome::of(&explained.step)
            };
            wrong.extend(difference(&test, &outcome).map(|what| format!("{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
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
