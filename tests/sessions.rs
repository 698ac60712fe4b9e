//! Whole MCP sessions by the official clients, through Envoy and the filter, with
//! the reference server and the official Rust SDK's: initialize, list, allowed
//! calls, refused calls, close.
//!
//! The clients need what `scripts/test` installs; where its variables are not
//! set, a test says so and does nothing.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::certificates::{Authority, Identity};
use support::config::{Bootstrap, Cluster, Filter, Listener};
use support::envoy::Envoy;
use support::process::Process;
use tempfile::TempDir;

/// The calls of a session, and the word that a result must contain.
const CALLS: [(&str, &str, &str); 3] = [
    ("echo", r#"{"message": "hello"}"#, "Echo: hello"),
    ("get-sum", r#"{"a": 2, "b": 3}"#, "5"),
    ("get-env", "{}", ""),
];

/// What each caller may call of them.
const READER: [bool; 3] = [true, false, false];
const WRITER: [bool; 3] = [true, true, false];

#[test]
fn python_with_the_reference_server() {
    let Some(mcp) = Server::everything().map(Mcp::behind_envoy) else {
        return;
    };
    python_sessions(&mcp);
    mcp.closed();
}

#[test]
fn typescript_with_the_reference_server() {
    let Some(mcp) = Server::everything().map(Mcp::behind_envoy) else {
        return;
    };
    typescript_sessions(&mcp);
    mcp.closed();
}

#[test]
fn python_with_the_rust_server() {
    if python().is_none() {
        return;
    }
    let mcp = Mcp::behind_envoy(Server::rust());
    python_sessions(&mcp);
    mcp.closed();
    // Only what was allowed ran: twice each, for the two ways to begin a session.
    mcp.server_ran(&["echo", "echo", "get-sum", "echo", "echo", "get-sum"]);
}

#[test]
fn typescript_with_the_rust_server() {
    if typescript().is_none() {
        return;
    }
    let mcp = Mcp::behind_envoy(Server::rust());
    typescript_sessions(&mcp);
    mcp.closed();
    mcp.server_ran(&["echo", "echo", "get-sum"]);
}

/// Sessions as both callers, begun the old way and by asking what the server is.
fn python_sessions(mcp: &Mcp) {
    let Some(python) = python() else { return };
    for mode in ["legacy", "auto"] {
        for (caller, allowed) in [("reader", READER), ("writer", WRITER)] {
            let mut client = Command::new(&python);
            client.arg(support::root().join("tests/clients/python_session.py"));
            client.args(["--mode", mode]);
            for (tool, arguments, _) in CALLS {
                client.args(["--call", tool, arguments]);
            }
            expect(&mcp.session(&mut client, caller), &allowed);
        }
        let mut client = Command::new(&python);
        client.arg(support::root().join("tests/clients/python_session.py"));
        client.args(["--mode", mode]);
        mcp.no_session(&mut client);
    }
}

fn typescript_sessions(mcp: &Mcp) {
    let Some(folder) = typescript() else { return };
    for (caller, allowed) in [("reader", READER), ("writer", WRITER)] {
        let mut client = Command::new("node");
        client.arg(folder.join("session.mjs"));
        for (tool, arguments, _) in CALLS {
            client.args(["--call", &format!(r#"["{tool}", {arguments}]"#)]);
        }
        expect(&mcp.session(&mut client, caller), &allowed);
    }
    let mut client = Command::new("node");
    client.arg(folder.join("session.mjs"));
    mcp.no_session(&mut client);
}

/// Compares what a client reports with what its caller may do.
fn expect(report: &Value, allowed: &[bool; 3]) {
    let tools = report["tools"].as_array().expect("a list of tools");
    for (place, (tool, _, text)) in CALLS.iter().enumerate() {
        assert!(tools.contains(&json!(tool)), "{tool} is listed: {report}");
        let call = &report["calls"][place];
        if allowed[place] {
            assert_eq!(call["outcome"], "allowed", "{tool}: {report}");
            let result = call["text"].as_str().unwrap_or_default();
            assert!(result.contains(text), "{tool}: {report}");
        } else {
            assert_eq!(
                (&call["outcome"], &call["code"]),
                (&json!("denied"), &json!(403)),
                "{tool}: {report}"
            );
        }
    }
}

/// A server, by the process that is it.
struct Server {
    process: Process,
    address: SocketAddr,
    /// Its output; goes last.
    _folder: TempDir,
}

impl Server {
    /// The field's reference server, or nothing where it is not installed.
    fn everything() -> Option<Self> {
        let folder = typescript()?;
        let mut command = Command::new("node");
        command.arg(folder.join("everything.mjs"));
        Some(Self::start(command))
    }

    /// The server on the official Rust SDK; `cargo test` builds it.
    fn rust() -> Self {
        let this = std::env::current_exe().expect("this program's path");
        let built = this.ancestors().nth(2).expect("the build's folder");
        Self::start(Command::new(built.join("examples/mcp-server")))
    }

    fn start(mut command: Command) -> Self {
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

/// The address in the line in which a server says where it listens.
fn listening(output: &str) -> Option<SocketAddr> {
    output.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["listening"].as_str()?.parse().ok()
    })
}

/// A server behind Envoy and the filter, and the callers that may come.
struct Mcp {
    envoy: Envoy,
    server: Server,
    authority: PathBuf,
    callers: Vec<(&'static str, Identity)>,
    folder: TempDir,
}

impl Mcp {
    fn behind_envoy(server: Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority").expect("an authority");
        let callers = ["reader", "writer", "stranger"].map(|name| {
            let id = format!("spiffe://cluster.local/ns/agents/sa/{name}");
            (name, authority.client(name, &[&id]).expect("a certificate"))
        });
        let gateway = authority.server("server").expect("a certificate");
        let filter = Filter::new(&support::filter_module(), &policy().to_string());
        let listener = Listener::tls("mcp", &gateway, &authority.certificate(), true)
            .filter(filter)
            .access_log(json!({"method": "%REQ(:METHOD)%", "status": "%RESPONSE_CODE%"}));
        let cluster = Cluster::new("everything", server.address);
        let envoy =
            Envoy::start(&Bootstrap::simple(listener, cluster).json()).expect("Envoy serves");
        Self {
            envoy,
            server,
            authority: authority.certificate(),
            callers: callers.to_vec(),
            folder,
        }
    }

    /// Runs a client's session as `caller` and returns its report.
    fn session(&self, client: &mut Command, caller: &str) -> Value {
        let (ended, output) = self.run(client, caller);
        assert!(ended, "{client:?}:\n{output}\n{}", self.envoy.log());
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// Runs a client as a caller that no policy knows: it gets no session.
    fn no_session(&self, client: &mut Command) {
        let (ended, output) = self.run(client, "stranger");
        assert!(!ended, "a stranger gets a session: {output}");
        assert!(
            output.contains("forbidden"),
            "it failed otherwise: {output}"
        );
    }

    /// A client closed its session, and the server agreed.
    fn closed(&self) {
        let closed =
            |line: &Value| line["method"] == "DELETE" && line["status"].as_u64() < Some(300);
        let found = self.envoy.access_log_line(closed);
        assert!(found.is_some(), "{:?}", self.envoy.access_log());
    }

    /// Whether the client ended well, and what it wrote.
    fn run(&self, client: &mut Command, caller: &str) -> (bool, String) {
        let (_, identity) = self
            .callers
            .iter()
            .find(|(name, _)| *name == caller)
            .expect("a caller");
        client
            .arg("--authority")
            .arg(&self.authority)
            .arg("--certificate")
            .arg(&identity.certificate)
            .arg("--key")
            .arg(&identity.key)
            .arg(format!(
                "https://localhost:{}/mcp",
                self.envoy.listener("mcp").port()
            ));
        let mut process =
            Process::start(client, self.folder.path(), caller).expect("the client starts");
        let ended = process.wait(Duration::from_secs(60));
        let good = ended.is_some_and(|status| status.success());
        (
            good,
            if good {
                process.output()
            } else {
                process.errors()
            },
        )
    }

    /// The tools that ran, in order, as the server itself tells it.
    fn server_ran(&self, wanted: &[&str]) {
        let output = self.server.process.output();
        let ran: Vec<_> = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["ran"] == "tools/call")
            .map(|line| line["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(ran, wanted);
    }
}

/// The reader may call `echo`, the writer `echo` and `get-sum`, nobody `get-env`.
fn policy() -> Value {
    let rule = |name: &str, tools: &[&str]| {
        json!({
            "name": name,
            "source": format!("spiffe://cluster.local/ns/agents/sa/{name}"),
            "mcp": {"methods": [{"name": "tools/call", "params": tools}], "baseProtocol": "Full"},
        })
    };
    let everything = json!({"namespace": "infra", "name": "everything"});
    json!({
        "schemaVersion": 1,
        "digest": format!("sha256:{}", "0".repeat(64)),
        "gateway": {"namespace": "infra", "name": "prod"},
        "settings": {
            "identity": "PeerCertificate",
            "allowPolicies": "All",
            "unprotected": "Deny",
            "requestHeaders": "Hold",
            "mcpPaths": ["/mcp"],
            "denial": "JsonRpc",
            "limits": {"bodyBytes": 1_048_576, "depth": 64},
        },
        "listeners": [],
        "backends": [{"backend": everything, "clusters": ["everything"]}],
        "policies": [{
            "policy": {"namespace": "infra", "name": "tools"},
            "action": "Allow",
            "mode": "Enforce",
            "targets": [{"Backend": everything}],
            "rules": [rule("reader", &["echo"]), rule("writer", &["echo", "get-sum"])],
        }],
    })
}

/// The Python that has the official client.
fn python() -> Option<PathBuf> {
    installed("ACCESSPOLICY_TEST_PYTHON")
}

/// The folder with the official TypeScript client and the reference server.
fn typescript() -> Option<PathBuf> {
    installed("ACCESSPOLICY_TEST_TYPESCRIPT")
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
