//! The filter in a real Envoy: what clients are told, what reaches the server, and
//! what is recorded. Every test has its own Envoy, which no test leaves with a
//! failed VM.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../support/authorizer/mod.rs"]
mod authorizer;
mod bodies;
mod configuration;
mod connections;
mod decision_log;
mod decisions;
mod desk;
mod early;
mod edge;
mod external_auth;
mod external_auth_grpc;
mod external_auth_outages;
mod external_auth_routes;
mod forwarded;
mod guard;
mod headers_alone;
mod identity;
mod load;
mod memory;
mod metadata;
mod metrics;
mod module;
mod ports;
mod redirects;
mod refusals;
mod setup;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod table;
#[path = "../vectors/mod.rs"]
mod vectors;
mod wire;
#[path = "../wire_vectors/mod.rs"]
mod wire_vectors;
