//! An Envoy before a server: one listener without the filter, one with it in Hold, one
//! with it in Stream.

#![allow(unreachable_pub)] // modules of a test have no outside

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::policies::{compiled, point};
use crate::server::Server;
use crate::support::certificates::{Authority, Identity};
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Edge, Filter, Listener};
use crate::support::envoy::Envoy;
use crate::support::lane::Lane;
use crate::support::message::{Length, Request};
use crate::support::{filter_module, yaml};

/// How Envoy treats a path before any filter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// As it comes.
    Raw,
    /// Dot segments are resolved and slashes merged, and what is escaped stays so, as
    /// Istio has it.
    Normalized,
    /// As the Envoy that `accesspolicy render` writes has it, and all else that concerns
    /// requests too.
    Rendered,
}

/// A request, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Case {
    request: Request,
    /// What the server runs when nobody judges the request.
    unjudged: String,
    /// Whether it runs behind the filter as well.
    is_honest: bool,
}

/// A request by which the server is brought to run what is forbidden. Behind the filter
/// nothing runs.
pub fn attack(runs: &str, request: Request) -> Case {
    Case {
        request,
        unjudged: runs.to_owned(),
        is_honest: false,
    }
}

/// A request of an honest client, which runs behind the filter too.
pub fn honest(runs: &str, request: Request) -> Case {
    Case {
        is_honest: true,
        ..attack(runs, request)
    }
}

/// A case as it was sent.
struct Sent<'c> {
    case: &'c Case,
    /// By which listener and protocol, and the answer's status.
    at: String,
    /// Whether the server is to run what the case names.
    runs: bool,
}

/// What stands before the server.
#[derive(Debug, Clone)]
pub struct Setting {
    pub policies: Vec<Value>,
    /// On top of the usual enforcement point.
    pub over: Value,
    pub paths: Paths,
    /// Changes the compiled policies of both modes.
    pub change: fn(&mut Value),
    /// Other clusters than the server's.
    pub beside: Vec<Cluster>,
}

impl Setting {
    pub fn new(policies: &[Value], paths: Paths) -> Self {
        Self {
            policies: policies.to_vec(),
            over: json!({}),
            paths,
            change: |_| {},
            beside: Vec::new(),
        }
    }

    fn over(&self, mode: &str) -> Value {
        let mut over = self.over.clone();
        over["requestHeaders"] = json!(mode);
        over
    }

    /// What the compiler says against it in `mode`.
    pub fn refusal(&self, mode: &str) -> Option<String> {
        compiled(&self.policies, &self.over(mode)).err()
    }
}

const MODES: [&str; 2] = ["Hold", "Stream"];

/// An Envoy before a server.
#[derive(Debug)]
pub struct Stage<'s> {
    server: &'s Server,
    envoy: Envoy,
    modes: Vec<&'static str>,
    tls: Option<(Authority, Identity, tempfile::TempDir)>,
}

/// How many requests were sent.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The caller that has a certificate.
pub const KNOWN: &str = "spiffe://cluster.local/ns/agents/sa/known";

impl<'s> Stage<'s> {
    /// Without TLS: no caller has an identity.
    pub fn plain(server: &'s Server, setting: &Setting) -> Self {
        Self::start(server, setting, &MODES, false)
    }

    /// The same in one mode.
    pub fn plain_in(server: &'s Server, setting: &Setting, mode: &'static str) -> Self {
        Self::start(server, setting, &[mode], false)
    }

    /// With TLS, where callers may have a certificate.
    pub fn tls(server: &'s Server, setting: &Setting) -> Self {
        Self::start(server, setting, &MODES, true)
    }

    /// The same in one mode.
    pub fn tls_in(server: &'s Server, setting: &Setting, mode: &'static str) -> Self {
        Self::start(server, setting, &[mode], true)
    }

    fn start(server: &'s Server, setting: &Setting, modes: &[&'static str], tls: bool) -> Self {
        let tls = tls.then(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let authority = Authority::new(folder.path(), "authority").expect("an authority");
            let known = authority.client("known", &[KNOWN]).expect("a certificate");
            (authority, known, folder)
        });
        let edge = match setting.paths {
            Paths::Raw => Edge::lax(),
            Paths::Normalized => Edge {
                escaped_slashes: "KEEP_UNCHANGED",
                ..Edge::default()
            },
            Paths::Rendered => Edge::default(),
        };
        let listener = |name: &str| {
            let listener = match &tls {
                None => Listener::plain(name),
                Some((authority, _, _)) => {
                    let gateway = authority.server("gateway").expect("a certificate");
                    Listener::tls(name, &gateway, &authority.certificate(), false)
                }
            };
            listener.route("/", "server").edge(edge.clone())
        };
        let mut listeners = vec![listener("unjudged")];
        for mode in modes {
            let policy = compiled(&setting.policies, &setting.over(mode));
            let mut policy = policy.unwrap_or_else(|report| panic!("{report}"));
            (setting.change)(&mut policy);
            let mut filter = Filter::new(&filter_module(), &policy.to_string());
            filter.vm_id = (*mode).to_owned();
            filter.hold = *mode == "Hold";
            listeners.push(listener(mode).filter(filter));
        }
        let mut clusters = vec![Cluster::new("server", server.address)];
        clusters.extend(setting.beside.iter().cloned());
        let mut bootstrap = Bootstrap {
            listeners,
            clusters,
        }
        .json();
        let rendered = (setting.paths == Paths::Rendered).then(rendered);
        let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
        for listener in listeners.into_iter().flatten() {
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            for (name, value) in rendered.iter().filter_map(Value::as_object).flatten() {
                manager[name] = value.clone();
            }
            // Requests are told apart by the ids that clients give them.
            manager["preserve_external_request_id"] = json!(true);
        }
        Self {
            server,
            envoy: Envoy::start(&bootstrap).expect("Envoy serves"),
            modes: modes.to_vec(),
            tls,
        }
    }

    /// Sends each request past the filter and in each mode, over both protocols, by a
    /// caller without identity; no server runs anything but what it is to run.
    pub fn assert_each(&self, cases: &[Case]) {
        self.assert_each_by(false, cases);
    }

    /// The same, by the caller with a certificate or by one without.
    pub fn assert_each_by(&self, known: bool, cases: &[Case]) {
        let mut sent: BTreeMap<String, Sent<'_>> = BTreeMap::new();
        for listener in ["unjudged"].iter().chain(&self.modes) {
            for protocol in ["HTTP/1.1", "HTTP/2"] {
                let client = self.client(listener, known);
                let client = match protocol {
                    "HTTP/2" => client.http2(),
                    _ => client,
                };
                let mut lane = Lane::new(client.clone());
                for case in cases {
                    // Servers outlive stages, and what ran is told by the id.
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let id = format!("{listener}-{}-{number:04}", &protocol[5..6]);
                    let request = case.request.clone().header("x-request-id", &id);
                    let answer = match request.length {
                        // The connection is of no use after that.
                        Length::Promised(_) => client.send(&request),
                        _ => lane.send(&request),
                    };
                    let answered = match answer {
                        Ok(answer) => answer.status.to_string(),
                        Err(_) => "no answer".to_owned(),
                    };
                    let at = format!("{listener}, {protocol}: {answered}");
                    let runs = *listener == "unjudged" || case.is_honest;
                    sent.insert(id, Sent { case, at, runs });
                }
            }
        }
        // What is still on its way has its time.
        std::thread::sleep(Duration::from_millis(300));
        let all = self.server.ran();
        let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, Sent { case, at, runs }) in &sent {
            let mut ran = all.get(id).cloned().unwrap_or_default();
            // A request that failed on a used connection is sent twice.
            ran.dedup();
            let wanted = runs.then(|| case.unjudged.clone());
            if !ran.iter().eq(&wanted) {
                let wanted = wanted.as_deref().unwrap_or("nothing");
                let said = format!("{}: wanted {wanted}, ran {ran:?}", said(&case.request));
                wrong.entry(said).or_default().push(at.clone());
            }
        }
        let lines: Vec<_> = wrong
            .iter()
            .map(|(said, at)| format!("{said} ({})", at.join("; ")))
            .collect();
        let count = format!("{} of {} requests went wrong", lines.len(), cases.len());
        assert!(lines.is_empty(), "{count}:\n{}", lines.join("\n"));
    }

    fn client(&self, listener: &str, known: bool) -> Client {
        let address = self.envoy.listener(listener);
        match &self.tls {
            None => Client::plain(address),
            Some((authority, identity, _)) => {
                let identity = known.then_some(identity);
                Client::tls(address, &authority.certificate(), identity).expect("a client")
            }
        }
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.envoy.vm_failures(), [], "{}", self.envoy.log());
        }
    }
}

/// A request in a line.
fn said(request: &Request) -> String {
    let mut said = format!("{} {}", request.method, request.target);
    if let Some(host) = &request.authority {
        said.push_str(&format!(" at {host}"));
    }
    let usual = ["content-type", "accept", "x-request-id"];
    for (name, value) in &request.headers {
        if !usual.contains(&name.as_str()) {
            said.push_str(&format!(" [{name}: {}]", String::from_utf8_lossy(value)));
        }
    }
    for piece in &request.body {
        said.push_str(&format!(" {}", String::from_utf8_lossy(piece)));
    }
    said
}

/// What `accesspolicy render` says of requests in the HTTP connection manager.
fn rendered() -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let [policies, enforcement] =
        ["policy.yaml", "point.yaml"].map(|name| folder.path().join(name));
    let policy = crate::policies::allow_everything();
    fs::write(&policies, policy.to_string()).expect("a file");
    fs::write(&enforcement, point(&json!({})).to_string()).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .arg("render")
        .arg(policies)
        .arg("--enforcement-point")
        .arg(enforcement)
        .args(["--format", "envoy", "--form", "bootstrap"])
        .args([
            "--cluster",
            "server=127.0.0.1:1",
            "--certificates",
            "certificates",
        ])
        .output()
        .expect("the tool runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let bootstrap = yaml::parse(&text).expect("YAML");
    let chain = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    let mut manager = chain["filters"][0]["typed_config"].clone();
    let settings = manager.as_object_mut().expect("a connection manager");
    // The rest is the test's own.
    settings.retain(|name, _| {
        !["@type", "stat_prefix", "route_config", "http_filters"].contains(&name.as_str())
    });
    assert!(settings.contains_key("normalize_path"), "{settings:?}");
    manager
}
