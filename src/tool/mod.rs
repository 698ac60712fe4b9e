//! The tool: what turns manifests into the compiled policy that the filter reads, answers
//! questions about it, and brings both to where they run.

pub mod api;
#[cfg(all(feature = "tool", not(target_arch = "wasm32")))]
pub mod cli;
pub mod compile;
pub mod decision_tests;
pub mod effective;
#[cfg(all(feature = "tool", not(target_arch = "wasm32")))]
pub mod image;
pub mod inspect;
pub mod render;
