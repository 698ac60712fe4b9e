//! Warnings and notes: what is valid, and may not do what its author means.
//!
//! What is wrong whatever is meant is an error, and told by `check`.

pub(super) mod base_protocol;
pub(super) mod callers;
pub(super) mod deployment;
pub(super) mod invisible;
pub(super) mod likeness;
pub(super) mod listener_ports;
pub(super) mod mcp_paths;
pub(super) mod objects;
pub(super) mod preflight;
pub(super) mod rule;
pub(super) mod shadowed;
pub(super) mod tool_names;
pub(super) mod trust_domain;
pub(super) mod unsatisfiable;
pub(super) mod v0alpha0;
