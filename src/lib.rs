//! accesspolicy decides which AI agent may call which tool.
//!
//! One package, two products that share one pure engine:
//!
//! - a **Proxy-Wasm filter** (`filter`, wasm32 only) that Envoy loads, and
//! - a **command line tool** ([`compile`], `cli`; not in the filter) that turns
//!   XAccessPolicy manifests into the compiled policy the filter reads.
//!
//! # The life of a request
//!
//! 1. Envoy calls `filter`, the only place that knows the host. It turns the
//!    callback into an event: headers, a piece of the body, trailers.
//! 2. [`enforcement`] holds one state machine per stream. Headers go to
//!    [`request`], which says who asks and what kind of request it is.
//! 3. The body, piece by piece, goes through [`json`] (the strict reader) into
//!    [`mcp`] (what the message means). Anything a server could read
//!    differently is refused here.
//! 4. When the message is complete, [`decision`] judges the request against
//!    [`policy`], the compiled policy with its index. Only it can make the
//!    permit without which nothing goes on.
//! 5. `enforcement` turns the decision into an action, [`observe`] into a
//!    record, and `filter` carries the action out: continue, or answer.
//!
//! # The life of a policy
//!
//! [`api`] reads manifests, [`compile`] validates and lowers them into
//! [`policy::CompiledPolicy`], written as JSON. The filter loads that JSON once,
//! into [`policy::Policies`].
//!
//! Arrows between modules point one way; `tests/architecture.rs` enforces it.

pub mod decision;
pub mod enforcement;
pub mod expr;
pub mod external_auth;
pub mod json;
pub mod mcp;
pub mod observe;
pub mod policy;
pub mod request;

#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
pub mod filter;

#[cfg(not(target_os = "wasi"))]
pub mod api;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_os = "wasi"))]
pub mod compile;
