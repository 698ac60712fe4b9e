//! accesspolicy decides which AI agent may call which tool.
//!
//! One package, two products that share one pure engine:
//!
//! - a **Proxy-Wasm filter** (`filter`, wasm32 only) that Envoy loads, and
//! - a **command line tool** ([`tool::compile`], `cli`; not in the filter) that turns
//!   XAccessPolicy manifests into the compiled policy the filter reads, and answers
//!   questions about it.
//!
//! # The life of a request
//!
//! 1. It **enters** in `filter`, the only place that knows the host, by
//!    `HttpStream::on_http_request_headers`, `…_body` and `…_trailers`, which turn
//!    Envoy's callbacks into events.
//! 2. [`engine::enforcement::Stream`] is one state machine per stream. Headers, and the
//!    certificate or metadata that names the caller, go to [`engine::request`], which says who
//!    asks and what kind of request it is. One that has no MCP body is judged at once.
//! 3. The body, piece by piece, goes through [`engine::json`] (the strict reader) into
//!    [`engine::mcp`] (what the message means). Anything a server could read
//!    differently is rejected here.
//! 4. When the message is complete, [`engine::decision::decide`] **judges** the request against
//!    [`engine::policy`], the compiled policy with its index. Only it can make the
//!    permit without which no byte of a body goes on (headers do before, with
//!    `requestHeaders: Stream`).
//! 5. Where policies say so, authorizers **are asked** ([`engine::external_auth`]) and the request
//!    waits; their answers decide whether judging goes on.
//! 6. It **leaves** by `Life::drive`, which carries out the [`engine::enforcement::Step`]:
//!    continue, or answer and write a record ([`engine::observe`]).
//!
//! # The life of a policy
//!
//! [`tool::api`] reads manifests, [`tool::compile`] validates and lowers them into
//! [`engine::policy::CompiledPolicy`], written as JSON. The filter loads that JSON once,
//! into [`engine::policy::Policies`].
//!
//! Expressions of rules are compiled by [`tool::compile`] and evaluated by [`engine::expr`]. That one
//! thing has many spellings is what [`engine::uri`] knows.
//!
//! # Why, and who may do what
//!
//! [`engine::enforcement::explain`] sends a request the same way through the stream, and tells by
//! [`engine::decision::explain`] what it met: every level, policy and rule. [`tool::decision_tests`] reads
//! requests and decision tests from files; [`tool::effective`] asks the engine about everything
//! that policies name.
//!
//! # How it gets to where it runs
//!
//! [`tool::image`] makes one OCI image of the filter and pushes it; [`tool::render`] writes what makes
//! Envoy, Istio and Envoy Gateway load it with a policy; [`tool::inspect`] looks whether a running
//! Envoy has it everywhere.
//!
//! Arrows between modules point one way; `tests/architecture.rs` enforces it.

pub mod engine;

#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
pub mod filter;
#[cfg(not(target_os = "wasi"))]
pub mod tool;
