//! The engine as wasm: every vector, on the machine that filters run on.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

mod expression_vectors;
mod vectors;
mod wire_vectors;

use vectors::DecisionTests;
use wasm_bindgen_test::wasm_bindgen_test;
use wire_vectors::{Ending, Judge, Verdict, WireTests};

#[wasm_bindgen_test]
fn every_decision_vector() {
    for (name, text) in vectors::FILES {
        let differences = DecisionTests::read(name, text).unwrap().differences(name);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Compiled and evaluated, both as wasm.
#[wasm_bindgen_test]
fn every_expression() {
    for (name, text) in expression_vectors::FILES {
        let file = expression_vectors::File::read(text).unwrap();
        let differences = file.differences(name);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Whole, and byte by byte with each way a body can end.
#[wasm_bindgen_test]
fn every_wire_vector() {
    for (name, text) in wire_vectors::FILES {
        let tests = WireTests::read(name, text).unwrap();
        let differences = tests.differences(name, Verdict::of);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        for vector in tests.vectors() {
            let judge = Judge::new(vector);
            let bytes: Vec<&[u8]> = judge.body().chunks(1).collect();
            for ending in Ending::ALL {
                assert_eq!(
                    judge.pieces(&bytes, ending),
                    judge.whole(),
                    "{}",
                    vector.name
                );
            }
        }
    }
}
