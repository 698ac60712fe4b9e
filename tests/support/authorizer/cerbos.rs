//! Cerbos, a policy engine that people run beside their services, as what decides.
//!
//! It does not speak Envoy's protocol itself: who asks is put into its words here, as
//! adapters of its users do. Its binary comes from npm; see `tests/clients/cerbos`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use super::grpc::{allow, deny};
use crate::support::client::Client;
use crate::support::message::Request;
use crate::support::process::Process;
use crate::support::runtime;

/// The engine; dropping it stops it.
#[derive(Debug)]
pub struct Cerbos {
    process: Process,
    address: SocketAddr,
    /// Its ports, bound and never listened to, so that nobody else is given them.
    _ports: [TcpSocket; 2],
    _folder: TempDir,
}

impl Cerbos {
    /// With the policies in this folder, or nothing where it is not installed.
    ///
    /// # Panics
    /// When it does not serve in time; the message has its log.
    pub fn start(policies: &Path) -> Option<Self> {
        let program = installed()?;
        let ports = [port(), port()];
        let [http, grpc] = ports
            .each_ref()
            .map(|port| port.local_addr().expect("an address"));
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program);
        command.arg("server");
        for setting in [
            format!("server.httpListenAddr={http}"),
            // The other interface asks this one.
            format!("server.grpcListenAddr={grpc}"),
            "storage.driver=disk".to_owned(),
            format!("storage.disk.directory={}", policies.display()),
            "telemetry.disabled=true".to_owned(),
        ] {
            command.args(["--set", &setting]);
        }
        let process = Process::start(&mut command, folder.path(), "cerbos").expect("it starts");
        let mut engine = Self {
            process,
            address: http,
            _ports: ports,
            _folder: folder,
        };
        engine.wait();
        Some(engine)
    }

    fn wait(&mut self) {
        let health = Request::get("/_cerbos/health").patience(Duration::from_secs(1));
        let client = Client::plain(self.address);
        let start = Instant::now();
        while !client
            .send(&health)
            .is_ok_and(|answer| answer.status == 200)
        {
            let log = || self.process.output() + &self.process.errors();
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "Cerbos does not serve:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it decides about a question: whether the caller, as an agent, may do what
    /// the message's method says to the tool that it names.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn decide(&self, check: &CheckRequest) -> CheckResponse {
        let attributes = check.attributes.as_ref();
        let caller = attributes.and_then(|all| all.source.as_ref());
        let metadata = attributes.and_then(|all| all.metadata_context.as_ref());
        let message = metadata.and_then(|metadata| metadata.filter_metadata.get("mcp_proxy"));
        let message = message.map(object).unwrap_or_default();
        let (action, params) = (&message["method"], &message["params"]);
        let question = json!({
            "principal": {
                "id": caller.map_or("", |caller| &caller.principal),
                "roles": ["agent"],
            },
            "resources": [{
                "actions": [action],
                "resource": {
                    "kind": "tool",
                    "id": params["name"],
                    "attr": {"arguments": params["arguments"]},
                },
            }],
        });
        let request = Request::new("POST", "/api/check/resources")
            .header("content-type", "application/json")
            .body(question.to_string());
        // A script runs where sockets are served, which others go on with meanwhile.
        let answer = tokio::task::block_in_place(|| Client::plain(self.address).send(&request));
        let answer = answer.expect("Cerbos answers");
        let action = action.as_str().unwrap_or_default();
        let is_allowed = answer.status == 200
            && answer.json()["results"][0]["actions"][action] == "EFFECT_ALLOW";
        if is_allowed {
            allow(OkHttpResponse::default())
        } else {
            deny(403, "Cerbos refuses this.")
        }
    }
}

fn port() -> TcpSocket {
    let _context = runtime().enter();
    let port = TcpSocket::new_v4().expect("a socket");
    // As the engine's own: two may share it as long as one listens.
    port.set_reuseaddr(true).expect("a shared port");
    port.bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .expect("a port");
    port
}

/// The members of a message as JSON.
pub fn object(fields: &Struct) -> serde_json::Value {
    let members = fields.fields.iter();
    members
        .map(|(key, member)| (key.clone(), value(member)))
        .collect()
}

fn value(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::NumberValue(number)) => json!(number),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::BoolValue(is_true)) => json!(is_true),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => list.values.iter().map(self::value).collect(),
    }
}

fn installed() -> Option<PathBuf> {
    const VARIABLE: &str = "ACCESSPOLICY_TEST_CERBOS";
    let found = std::env::var_os(VARIABLE).map(PathBuf::from);
    if found.is_none() {
        // Past the capture of test output: a skipped test should not look passed.
        let _ = writeln!(
            io::stderr(),
            "skipped: {VARIABLE} is not set; scripts/test sets it"
        );
    }
    found
}
