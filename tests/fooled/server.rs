//! The servers, each a process that writes down what it executes.

#![allow(unreachable_pub)] // modules of a test have no outside

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;
use crate::support::port::Port;
use crate::support::process::Process;

/// How long a server may take until it listens.
const STARTUP: Duration = Duration::from_secs(30);

/// A server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    process: Process,
    /// Its port, where it could not choose one itself.
    _port: Option<Port>,
    /// Its output; goes last.
    _folder: TempDir,
}

impl Server {
    /// A Starlette application, or nothing where Starlette is not installed.
    pub fn starlette() -> Option<Self> {
        Self::of("ACCESSPOLICY_TEST_PYTHON", "starlette_app.py", &[])
    }

    /// Resources by `FastMCP`, of the official SDK's first version (`sdk`), of its second
    /// (`sdk2`) or of the package of that name (`fastmcp`).
    pub fn fastmcp(kind: &str) -> Option<Self> {
        let python = match kind {
            "sdk2" => "ACCESSPOLICY_TEST_PYTHON",
            _ => "ACCESSPOLICY_TEST_FASTMCP",
        };
        Self::of(python, "fastmcp_app.py", &[kind.as_ref()])
    }

    /// An Express application.
    pub fn express() -> Option<Self> {
        // Where its packages are.
        let folder = installed("ACCESSPOLICY_TEST_TYPESCRIPT")?;
        let mut command = Command::new("node");
        command.arg(file("express.mjs")).arg(folder);
        Some(Self::start(command))
    }

    /// A Rails controller.
    pub fn rails() -> Option<Self> {
        Self::of("ACCESSPOLICY_TEST_RUBY", "rails.rb", &[])
    }

    /// PHP's own server with what a Laravel application sees of requests.
    pub fn php() -> Option<Self> {
        let mut command = Command::new("sh");
        // It says on standard error where it listens.
        command.args(["-c", r#"exec "$0" "$@" 2>&1"#]);
        command.arg(installed("ACCESSPOLICY_TEST_PHP")?);
        command
            .args(["-n", "-S", "127.0.0.1:0"])
            .arg(file("laravel.php"));
        Some(Self::start(command))
    }

    /// nginx with what `tests/fooled/servers/nginx.conf` says.
    pub fn nginx() -> Option<Self> {
        let program = installed("ACCESSPOLICY_TEST_NGINX")?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = Port::new().expect("a port");
        let configuration = fs::read_to_string(file("nginx.conf")).expect("nginx.conf");
        let here = folder.path().to_str().expect("a path in UTF-8");
        let configuration = configuration
            .replace("{{folder}}", here)
            .replace("{{port}}", &port.number.to_string());
        let written = folder.path().join("nginx.conf");
        fs::write(&written, configuration).expect("a file");
        let mut command = Command::new(program);
        command.arg("-c").arg(written).arg("-p").arg(here);
        command.arg("-e").arg(folder.path().join("error.log"));
        let mut process = Process::start(&mut command, folder.path(), "server")
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let address = SocketAddr::from(([127, 0, 0, 1], port.number));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            let errors = process.errors();
            assert!(process.ended().is_none(), "nginx ended:\n{errors}");
            assert!(
                start.elapsed() < STARTUP,
                "nginx does not listen:\n{errors}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            address,
            process,
            _port: Some(port),
            _folder: folder,
        })
    }

    /// A script beside this file, run by the interpreter that a variable names.
    fn of(variable: &str, script: &str, arguments: &[&OsStr]) -> Option<Self> {
        let mut command = Command::new(installed(variable)?);
        command.arg(file(script)).args(arguments);
        Some(Self::start(command))
    }

    fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Process::start(&mut command, folder.path(), "server")
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let address = process
            .wait_for_output(STARTUP, listening)
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            address,
            process,
            _port: None,
            _folder: folder,
        }
    }

    /// What ran so far, by the id of the HTTP request.
    pub fn ran(&self) -> BTreeMap<String, Vec<String>> {
        let mut ran: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.process.output().lines() {
            // The last line may be half written.
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            if let (Some(what), Some(id)) = (line["ran"].as_str(), line["id"].as_str()) {
                ran.entry(id.to_owned()).or_default().push(what.to_owned());
            }
        }
        ran
    }
}

fn file(name: &str) -> PathBuf {
    support::root().join("tests/fooled/servers").join(name)
}

/// The address in the line in which a server says where it listens.
fn listening(output: &str) -> Option<SocketAddr> {
    output.lines().find_map(|line| {
        if let Some((_, address)) = line.split_once("Development Server (http://") {
            return address.strip_suffix(") started")?.parse().ok();
        }
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
            "skipped: {variable} is not set; scripts/test sets it where it can be had"
        );
    }
    found
}
