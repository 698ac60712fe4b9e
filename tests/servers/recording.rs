//! Real servers on the official SDKs that run whatever they are asked for, by any
//! name, and record what ran: so that what must not run can be seen not to have.

#![allow(dead_code, unreachable_pub, missing_docs)] // modules of a test have no outside

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::rust_server::RustServer;
use crate::support;
use crate::support::process::Process;

/// What ran: `METHOD THING` for each, by the id of the HTTP request.
pub type Ran = BTreeMap<String, Vec<String>>;

/// A server; dropping it stops it.
pub struct Server {
    /// The SDK it is made with.
    pub name: &'static str,
    pub address: SocketAddr,
    running: Running,
}

enum Running {
    /// The process, and the folder with its output.
    Outside(Process, TempDir),
    Inside(RustServer),
}

impl Server {
    /// With the TypeScript SDK, or nothing where it is not installed.
    pub fn typescript() -> Option<Self> {
        let folder = installed("ACCESSPOLICY_TEST_TYPESCRIPT")?;
        let mut command = Command::new("node");
        command.arg(folder.join("recording.mjs"));
        Some(Self::outside("TypeScript", command))
    }

    /// With the Python SDK, or nothing where it is not installed.
    pub fn python() -> Option<Self> {
        let mut command = Command::new(installed("ACCESSPOLICY_TEST_PYTHON")?);
        command.arg(support::root().join("tests/servers/recording.py"));
        Some(Self::outside("Python", command))
    }

    /// With the Rust SDK, in this process.
    pub fn rust() -> Self {
        let server = RustServer::start();
        Self {
            name: "Rust",
            address: server.address,
            running: Running::Inside(server),
        }
    }

    fn outside(name: &'static str, mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Process::start(&mut command, folder.path(), "server")
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let address = process
            .wait_for_output(Duration::from_secs(30), listening)
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            name,
            address,
            running: Running::Outside(process, folder),
        }
    }

    /// What ran so far. Waits until what was asked for has had its time.
    pub fn ran(&self) -> Ran {
        std::thread::sleep(Duration::from_millis(300));
        let mut ran = Ran::new();
        match &self.running {
            Running::Inside(server) => {
                for (id, what) in server.ran() {
                    ran.entry(id).or_default().push(what);
                }
            }
            Running::Outside(process, _) => {
                for line in process.output().lines() {
                    let line: Value = serde_json::from_str(line).expect("a line of JSON");
                    let text = |name: &str| line[name].as_str().map(str::to_owned);
                    if let (Some(method), Some(thing)) = (text("ran"), text("thing")) {
                        let id = text("id").unwrap_or_default();
                        ran.entry(id).or_default().push(format!("{method} {thing}"));
                    }
                }
            }
        }
        ran
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)
    }
}

/// The address in the line in which a server says where it listens.
fn listening(output: &str) -> Option<SocketAddr> {
    output.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["listening"].as_str()?.parse().ok()
    })
}

fn installed(variable: &str) -> Option<PathBuf> {
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
