//! The engine as wasm: every decision vector, on the machine that filters run on.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

mod vectors;

use vectors::{DecisionTests, FILES};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn every_vector() {
    for (name, text) in FILES {
        let differences = DecisionTests::read(name, text).unwrap().differences(name);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
