//! Expressions: what each comes to, and what another implementation makes of it.
#![cfg(not(target_arch = "wasm32"))]

mod expression_vectors;

use accesspolicy::compile;
use accesspolicy::expr::{Condition, Program};
use expression_vectors::{FILES, File, Request, evaluate};
use serde_json::Value as Json;

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

/// What no expression reads may be left out of the parameters.
#[test]
fn parameters_are_as_good_without_what_is_not_needed() {
    let mut count = 0;
    for (section, test) in tests("requests") {
        let Some(params) = section.facts.get("request.mcp.params") else {
            continue;
        };
        let Ok(program) = compile::expression(&format!("type({test}) == int || true")) else {
            continue;
        };
        let condition = Condition::new(program).unwrap();
        let paths: Vec<&[String]> = condition.needs().params().collect();
        let mut sparse = serde_json::from_str(params).unwrap();
        prune(&mut sparse, &paths);
        let mut request = section.clone();
        let sparse = sparse.to_string();
        count += usize::from(sparse.len() < params.len() / 2);
        request
            .facts
            .insert("request.mcp.params".to_owned(), sparse);
        for expression in [
            format!("type({test}) == int"),
            format!("dyn({test}) == dyn({test})"),
        ] {
            let [whole, pruned] = [&section, &request].map(|r| evaluate(&expression, r));
            assert_eq!(whole, pruned, "{expression}: {request:?}");
        }
    }
    assert!(count > 20, "{count}");
}

/// Leaves out the members of objects that are on no path, and below none.
fn prune(value: &mut Json, paths: &[&[String]]) {
    if paths.iter().any(|path| path.is_empty()) {
        return;
    }
    if let Json::Object(members) = value {
        members.retain(|name, _| paths.iter().any(|path| path[0] == *name));
        for (name, member) in members {
            let below = paths.iter().filter(|path| path[0] == *name);
            let below: Vec<&[String]> = below.map(|path| &path[1..]).collect();
            prune(member, &below);
        }
    }
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
            let program = serde_json::from_value::<Program>(document).ok();
            match program.and_then(|program| Condition::new(program).ok()) {
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
