//! Servers that are programs of their own, and say in JSON where they listen.

#![allow(dead_code, unreachable_pub, missing_docs)] // modules of a test have no outside

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::Process;

/// A server; dropping it stops it.
pub struct Outside {
    pub process: Process,
    pub address: SocketAddr,
    /// Its output; goes last.
    _folder: TempDir,
}

impl Outside {
    /// # Panics
    /// When it does not start, or does not say where it listens.
    pub fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Process::start(&mut command, folder.path(), "server")
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let address = process
            .wait_for_output(Duration::from_secs(30), listening)
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            process,
            address,
            _folder: folder,
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a server at {}", self.address)
    }
}

/// The address in the line in which a server says where it listens.
fn listening(output: &str) -> Option<SocketAddr> {
    output.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["listening"].as_str()?.parse().ok()
    })
}

/// The path in a variable of the environment, which `scripts/test` sets.
pub fn installed(variable: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        // Past the capture of test output: a skipped test should not look passed.
        let _ = writeln!(
            io::stderr(),
            "skipped: {variable} is not set; scripts/test sets it"
        );
    }
    found
}
