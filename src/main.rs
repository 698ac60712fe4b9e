//! The command line tool.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    accesspolicy::tool::cli::run()
}

/// There is no command line where the filter runs.
#[cfg(target_arch = "wasm32")]
fn main() {}
