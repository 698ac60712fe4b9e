//! The engine: what the filter and the tool share.
//!
//! It reads a request, decides by a compiled policy and says what is to be done with the stream.
//! It does no I/O, reads no clock and no random number, and never panics: in a Wasm filter a
//! panic is an outage for every stream of that worker.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unreachable
    )
)]

pub mod decision;
pub mod enforcement;
pub mod expr;
pub mod external_auth;
pub mod json;
pub mod mcp;
pub mod observe;
pub mod policy;
pub mod request;
pub mod uri;
