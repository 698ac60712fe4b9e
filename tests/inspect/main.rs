//! `accesspolicy check`: what it says of a running Envoy, as `render` writes it and with each
//! thing in it that takes the filter away.

#![cfg(not(target_arch = "wasm32"))]

mod capabilities;
mod chain;
mod clusters;
mod discovery;
mod dump;
mod filters;
mod gateway;
mod managers;
mod network;
mod parent;
mod routes;
mod setup;
#[path = "../support/mod.rs"]
mod support;
mod trust;
