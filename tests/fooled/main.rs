//! Real servers of the kinds that were fooled, behind a real Envoy with the filter, in Hold
//! and Stream, over HTTP/1.1 and HTTP/2. Every attack is first sent past the filter, where
//! the server must do what is forbidden; behind the filter nothing of it may run, and its
//! honest twin must.
//!
//! The servers need what `scripts/test` installs; where its variables are not set, a test
//! says so and does nothing.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../support/authorizer/mod.rs"]
mod authorizer;
mod express;
mod fastmcp;
mod nginx;
mod php;
mod policies;
mod rails;
mod requests;
mod server;
mod stage;
mod starlette;
#[path = "../support/mod.rs"]
mod support;
