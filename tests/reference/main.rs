//! The engine beside a second evaluator that was written from the semantics alone.
//!
//! It knows the documents and nothing of how the engine reads them: no index, no
//! types of requests, every rule walked through for each. It is slow and obvious, so
//! where the two disagree, one can see which is wrong.
//!
//! `scripts/agree` runs millions of cases.
#![cfg(not(target_arch = "wasm32"))]
#![allow(unreachable_pub, missing_docs)]

mod agreement;
mod cel;
mod change;
mod engine;
mod evaluate;
mod generate;
mod grants;
mod http;
mod laws;
mod mcp;
mod outcome;
mod request;
mod rule;
mod shape;
mod truth;
mod uri;
