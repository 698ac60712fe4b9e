//! The messages of Envoy's authorization service, ours against the published types.
#![cfg(not(target_arch = "wasm32"))]

mod answers;
mod questions;
