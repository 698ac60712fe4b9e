//! Checks of every page; `tests/support/readme.rs` takes pages apart.

mod commands;
mod links;
mod manifests;
mod pictures;
mod tables;

use std::fs;

use crate::support;

/// A file of the repository.
fn file(path: &str) -> String {
    let text = fs::read_to_string(support::root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}
