//! The authorizers of the tests, what Envoy's own filter asks them, and what ours does
//! otherwise.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../support/authorizer/mod.rs"]
mod authorizer;
mod comparison;
mod ext_authz_answers;
mod ext_authz_questions;
mod policy_engine;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../vectors/mod.rs"]
mod vectors;
