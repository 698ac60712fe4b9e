//! The authorizers of the tests, and what Envoy's own filter asks them.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../support/authorizer/mod.rs"]
mod authorizer;
mod ext_authz_answers;
mod ext_authz_questions;
mod policy_engine;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
