//! Expressions: what each comes to, and what another implementation makes of it.
#![cfg(not(target_arch = "wasm32"))]

mod expression_vectors;

use expression_vectors::{FILES, File};

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
