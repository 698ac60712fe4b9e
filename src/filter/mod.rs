//! The Proxy-Wasm adapter: callbacks to events, steps to host calls.
//!
//! The only place that knows the host, and the only one that calls it. Nothing
//! is decided here.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]

mod again;
mod host;
mod identity;
mod in_force;
mod life;
mod memory;
mod metrics;
mod root;
mod stream;
mod vm;

pub use root::Root;

/// What the host calls first.
#[allow(unsafe_code)] // the macro exports the entry point and runs constructors
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|context| Box::new(super::Root::new(context)));
    }}
}
