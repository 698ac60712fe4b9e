//! A real Envoy, what stands on both sides of it, and the certificates between.
//!
//! A test writes down what it wants in [`config`], starts [`envoy::Envoy`] with
//! it in front of a [`recorder::Recorder`], talks to it with [`client::Client`],
//! and asks the recorder what the server saw. Everything is on loopback, on ports
//! that the system chose, and ends with the value that stands for it.
//!
//! The interface is blocking; a runtime of its own carries the sockets.

// Each test takes the part it needs; the rest is dead code in that test.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod certificates;
pub mod client;
pub mod config;
pub mod envoy;
pub mod ext_authz;
pub mod health;
pub mod lane;
pub mod message;
pub mod port;
pub mod process;
pub mod readme;
pub mod recorder;
pub mod tokens;
pub mod yaml;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokio::runtime::Runtime;

/// The runtime under every recorder and client.
///
/// # Panics
/// When the system has no thread left to give.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime starts")
    })
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo builds: `$CARGO_TARGET_DIR`, or `target` in the repository.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target))
}

/// The filter.
///
/// # Panics
/// When it has not been built; the message says how.
pub fn filter_module() -> PathBuf {
    let module = target().join("wasm32-wasip1/release/accesspolicy.wasm");
    assert!(
        module.exists(),
        "no filter at {}: cargo build --release --lib --target wasm32-wasip1",
        module.display()
    );
    module
}
