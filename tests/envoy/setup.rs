//! What these tests share: an Envoy with the filter, the server behind it, what the
//! filter recorded, and the VM's health at the end.

#![allow(unreachable_pub, missing_docs)] // modules of a test have no outside

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use accesspolicy::tool::compile::{self, Source};
use serde_json::{Value, json};

use crate::support::client::{Client, Protocol};
use crate::support::config::{Bootstrap, Cluster, Filter, Listener, Route};
use crate::support::envoy::{Envoy, Options};
use crate::support::filter_module;
use crate::support::message::Response;
use crate::support::recorder::{Recorder, Seen};
use crate::vectors;

/// Whether Envoy holds the headers until the body has been judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Hold,
    Stream,
}

impl Mode {
    pub const BOTH: [Self; 2] = [Self::Hold, Self::Stream];

    /// The name of the listeners and of the VM.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Stream => "stream",
        }
    }

    /// The mode as an enforcement point has it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Hold => "Hold",
            Self::Stream => "Stream",
        }
    }

    /// The filter as this mode runs it. Filters of one mode share a VM.
    pub fn filter(self, configuration: &str) -> Filter {
        let mut filter = Filter::new(&filter_module(), configuration);
        filter.vm_id = self.name().to_owned();
        match self {
            Self::Hold => filter,
            Self::Stream => filter.stream(),
        }
    }
}

/// Both protocols, with a name for ids.
pub const PROTOCOLS: [(&str, Protocol); 2] = [("h1", Protocol::Http1), ("h2", Protocol::Http2)];

/// A client that speaks `protocol`.
pub fn speaking(client: &Client, protocol: Protocol) -> Client {
    match protocol {
        Protocol::Http1 => client.clone(),
        Protocol::Http2 => client.clone().http2(),
    }
}

/// The compiled policy of these rules at the gateway, with `over` on top of the
/// usual enforcement point.
pub fn compiled(rules: &Value, mode: Mode, over: &Value) -> String {
    let policy = json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {"namespace": "infra", "name": "p"},
        "spec": {
            "action": "Allow",
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"}],
            "rules": rules,
        },
    });
    let point = vectors::point(&at(over, mode));
    let compiled = compile::compile(
        vec![Source::new("policy", policy.to_string())],
        Source::new("point", point.to_string()),
    );
    let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
    serde_json::to_string(&compiled.policy).expect("JSON")
}

/// What an enforcement point says, and the mode.
pub fn at(over: &Value, mode: Mode) -> Value {
    let mut over = over.clone();
    if over.is_null() {
        over = json!({});
    }
    over["requestHeaders"] = json!(mode.setting());
    over
}

/// A rule by which everybody may call `tools` and nothing else.
pub fn anybody_may_call(tools: &[&str]) -> Value {
    let methods = json!([{"name": "tools/call", "params": tools}]);
    json!([{"name": "r", "authorization": {"type": "Inline", "mcp": {"methods": methods}}}])
}

/// A call of a tool.
pub fn call(tool: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool}}).to_string()
}

/// Whether this is the answer of policy to a JSON-RPC request with that id.
pub fn is_denied(answer: &Response, id: &Value) -> bool {
    is_denied_with(answer, id, "Access to this tool is forbidden.")
}

/// The same, in words of a rule's own.
pub fn is_denied_with(answer: &Response, id: &Value, words: &str) -> bool {
    let forbidden = json!({"code": 403, "message": words});
    answer.status == 200
        && answer.header("content-type").as_deref() == Some("application/json")
        && answer.header("x-accesspolicy-decision-id").is_some()
        && json_of(answer) == json!({"jsonrpc": "2.0", "id": id, "error": forbidden})
}

/// The answer's body; null when it is no JSON.
pub fn json_of(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// An Envoy with the filter, and the server behind it.
///
/// INVARIANT: when it ends, no VM of it has ever failed.
#[derive(Debug)]
pub struct Stage {
    pub envoy: Envoy,
    pub recorder: Recorder,
}

impl Stage {
    /// With these listeners; every cluster is the one server.
    pub fn start(listeners: Vec<Listener>) -> Self {
        Self::start_with(listeners, Options::default(), |_| {})
    }

    /// The same, run as `options` say, with a last `change` to each listener's
    /// HTTP connection manager.
    pub fn start_with(
        listeners: Vec<Listener>,
        options: Options,
        change: impl Fn(&mut Value),
    ) -> Self {
        Self::start_beside(Vec::new(), listeners, options, change)
    }

    /// The same, with `others` beside the server.
    pub fn start_beside(
        others: Vec<Cluster>,
        listeners: Vec<Listener>,
        options: Options,
        change: impl Fn(&mut Value),
    ) -> Self {
        let recorder = Recorder::start();
        let address = recorder.address();
        let clusters = ["everything", "weather-1", "weather-2", vectors::ELSEWHERE];
        let mut clusters = clusters.map(|name| Cluster::new(name, address)).to_vec();
        clusters.extend(others);
        clusters.push(Cluster::new(HTTP2, address).http2());
        let mut bootstrap = Bootstrap {
            listeners,
            clusters,
        }
        .json();
        for manager in managers(&mut bootstrap) {
            // Requests are told apart by the ids that clients give them.
            manager["preserve_external_request_id"] = json!(true);
            change(manager);
        }
        let envoy = Envoy::start_with(&bootstrap, options).expect("Envoy serves");
        Self { envoy, recorder }
    }

    /// Without TLS, `configuration(mode)` for each mode, everything to one cluster.
    pub fn plain(configuration: impl Fn(Mode) -> String) -> Self {
        let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &configuration(mode)));
        Self::start(listeners.to_vec())
    }

    /// A client of the listener `name`, without TLS.
    pub fn client(&self, name: &str) -> Client {
        Client::plain(self.envoy.listener(name))
    }

    /// The records of decisions so far, by id. Waits until those of `ids` are there.
    pub fn records<'i>(
        &self,
        ids: impl Iterator<Item = &'i str> + Clone,
    ) -> BTreeMap<String, Vec<Value>> {
        let start = Instant::now();
        loop {
            let records = records(&self.envoy.log());
            let all = ids.clone().all(|id| records.contains_key(id));
            if all || start.elapsed() > Duration::from_secs(5) {
                return records;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has of a refused request, and must not have.
    ///
    /// Its id is among its headers. In [`Mode::Stream`] these may be there, of a
    /// request that its body refuses; the body itself never is.
    pub fn leaked(&self, mode: Mode, seen: &[Seen], id: &str) -> Option<String> {
        let of_it: Vec<_> = seen.iter().filter(|seen| is(seen, id)).collect();
        let body: usize = of_it.iter().map(|seen| seen.body.len()).sum();
        let complete = of_it.iter().any(|seen| seen.complete);
        let headers = || !of_it.is_empty() || self.recorder.received(id.as_bytes());
        match mode {
            Mode::Hold if headers() => Some("its headers reached the server".to_owned()),
            Mode::Stream if body > 0 => Some(format!("{body} bytes reached the server")),
            Mode::Stream if complete => Some("it came to an end at the server".to_owned()),
            _ => None,
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let log = self.envoy.log();
            assert_eq!(self.envoy.vm_failures(), [], "{log}");
            // Envoy counts a failed VM when the next request needs it, which may never come.
            assert!(!log.contains("][error][wasm]"), "{log}");
        }
    }
}

/// The host, and its cluster, that Envoy speaks HTTP/2 to; with all others, HTTP/1.1.
pub const HTTP2: &str = "http2";

/// A listener without TLS, named as its mode.
pub fn plain_listener(mode: Mode, configuration: &str) -> Listener {
    let mut listener = Listener::plain(mode.name())
        .filter(mode.filter(configuration))
        .route("/", "everything");
    listener.routes.push(Route {
        host: Some(HTTP2.to_owned()),
        prefix: "/".to_owned(),
        cluster: HTTP2.to_owned(),
        ..Route::default()
    });
    listener
}

/// The HTTP connection managers of a configuration.
pub fn managers(bootstrap: &mut Value) -> impl Iterator<Item = &mut Value> {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
    listeners
        .into_iter()
        .flatten()
        .map(|listener| &mut listener["filter_chains"][0]["filters"][0]["typed_config"])
}

/// Whether this is the request with that id.
pub fn is(seen: &Seen, id: &str) -> bool {
    seen.header("x-request-id").as_deref() == Some(id)
}

fn records(log: &str) -> BTreeMap<String, Vec<Value>> {
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in log.lines() {
        let Some(start) = line.find(r#"{"decision":"#) else {
            continue;
        };
        // A line that is still being written is read the next time.
        let Ok(record) = serde_json::from_str::<Value>(&line[start..]) else {
            continue;
        };
        let id = record["decision.id"].as_str().unwrap_or_default();
        records.entry(id.to_owned()).or_default().push(record);
    }
    records
}
