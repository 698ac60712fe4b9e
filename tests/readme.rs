//! The pages of the repository: what they link to is there, what they show is what happens,
//! and their tables have what the code has.
#![cfg(not(target_arch = "wasm32"))]

mod pages;
mod support;
