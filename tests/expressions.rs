//! Expressions: what each comes to, and what another implementation makes of it.
#![cfg(not(target_arch = "wasm32"))]

mod expression_vectors;

use accesspolicy::engine::expr::{CelCondition, CelProgram};
use accesspolicy::tool::compile;
use expression_vectors::{FILES, File, Request};

/// Those of cel-spec's conformance tests, and ours.
#[test]
fn every_expression_comes_to_what_is_written() {
    let mut count = 0;
    let mut differences = Vec::new();
    for (name, text) in FILES {
        let file = File::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        count += file.len();
        differences.extend(file.differences(name));
    }
    println!("{count} expressions");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Whatever becomes of a program on its way: it is refused, or ends in a value or error.
#[test]
fn damaged_programs_are_refused_or_evaluated() {
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut sound, mut unsound) = (0, 0);
    for (request, test) in tests("requests") {
        let Ok(program) = compile::expression(&format!("type({test}) == int")) else {
            continue;
        };
        for _ in 0..50 {
            let mut nodes: Vec<String> = program.nodes.iter().map(ToString::to_string).collect();
            for _ in 0..=random(2) {
                let (a, b) = (random(nodes.len()), random(nodes.len()));
                match random(4) {
                    0 => nodes.swap(a, b),
                    1 => nodes[a] = nodes[b].clone(),
                    2 => nodes[a] = nodes[a].replace(['0', '1'], "2"),
                    _ => {
                        let word = ["not", "size", "add", "all", "if", "index", "split", "toInt"];
                        let rest = nodes[a].split_once(' ').map_or("", |(_, rest)| rest);
                        nodes[a] = format!("{} {rest}", word[random(word.len())]);
                    }
                }
            }
            let document = serde_json::json!({"text": "", "nodes": nodes, "patterns": []});
            let program = serde_json::from_value::<CelProgram>(document).ok();
            match program.and_then(|program| CelCondition::new(program).ok()) {
                None => unsound += 1,
                Some(condition) => {
                    sound += 1;
                    let _ = condition.evaluate(&request);
                }
            }
        }
    }
    println!("{sound} sound, {unsound} not");
    assert!(sound > 500 && unsound > 500);
}

/// Every expression of a file, with its request.
fn tests(name: &str) -> Vec<(Request, String)> {
    let (_, text) = FILES.iter().find(|(known, _)| *known == name).unwrap();
    let file = File::read(text).unwrap();
    let tests = file.sections.into_iter().flat_map(|section| {
        let request = section.request;
        let tests = section.tests.into_iter();
        tests.map(move |test| (request.clone(), test.expression))
    });
    tests.collect()
}
