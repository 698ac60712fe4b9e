//! A server behind Envoy and the filter, and the callers that may come.

#![allow(unreachable_pub, missing_docs)] // modules of a test have no outside

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::outside::Outside;
use crate::support;
use crate::support::certificates::{Authority, Identity};
use crate::support::config::{Bootstrap, Cluster, Filter, Listener};
use crate::support::envoy::Envoy;
use crate::support::process::Process;

/// A server behind Envoy and the filter, and the callers that may come.
pub struct Mcp {
    envoy: Envoy,
    server: Outside,
    authority: PathBuf,
    callers: Vec<(&'static str, Identity)>,
    folder: TempDir,
}

impl Mcp {
    pub fn behind_envoy(server: Outside) -> Self {
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
            .access_log(json!({
                "method": "%REQ(:METHOD)%",
                "version": "%REQ(MCP-PROTOCOL-VERSION)%",
                "status": "%RESPONSE_CODE%",
            }));
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
    pub fn session(&self, client: &mut Command, caller: &str) -> Value {
        let (ended, output) = self.run(client, caller);
        assert!(ended, "{client:?}:\n{output}\n{}", self.envoy.log());
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// Runs a client as a caller that no policy knows: it gets no session.
    pub fn no_session(&self, client: &mut Command) {
        let (ended, output) = self.run(client, "stranger");
        assert!(!ended, "a stranger gets a session: {output}");
        assert!(
            output.contains("forbidden"),
            "it failed otherwise: {output}"
        );
    }

    /// A client closed its session, and the server agreed; or there was none: 2026-07-28
    /// has no sessions.
    pub fn closed(&self) {
        let requests = self.envoy.access_log();
        if requests.iter().all(|line| line["version"] == "2026-07-28") {
            return;
        }
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
    pub fn server_ran(&self, wanted: &[&str]) {
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
