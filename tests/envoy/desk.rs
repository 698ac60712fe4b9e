//! An Envoy before a server, with an authorizer beside it.

#![allow(unreachable_pub, missing_docs)] // modules of a test have no outside

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use accesspolicy::tool::compile::{self, Source};
use serde_json::{Value, json};

use crate::authorizer::grpc::{Asked, GrpcAuthorizer};
use crate::authorizer::http::HttpAuthorizer;
use crate::authorizer::raw::RawAuthorizer;
use crate::setup::{Mode, PROTOCOLS, Stage, at, is, plain_listener, speaking};
use crate::support::client::Client;
use crate::support::config::{Cluster, Listener};
use crate::support::envoy::Options;
use crate::support::message::{Request, Response};
use crate::support::port::Port;
use crate::support::recorder::Seen;
use crate::vectors;

pub const GATEWAY: [&str; 3] = ["gateway.networking.k8s.io", "Gateway", "prod"];
pub const BACKEND: [&str; 3] = ["agentic.networking.x-k8s.io", "XBackend", "everything"];

pub fn policy(name: &str, [group, kind, target]: [&str; 3], mut spec: Value) -> Value {
    spec["targetRefs"] = json!([{"group": group, "kind": kind, "name": target}]);
    json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {"namespace": "infra", "name": name},
        "spec": spec,
    })
}

/// Asks the service `name` over HTTP; `more` goes on top.
pub fn asks(name: &str, more: &Value) -> Value {
    asks_over("HTTP", name, &json!({"http": {}}), more)
}

/// Asks the service `name` over gRPC; `more` goes on top.
pub fn asks_grpc(name: &str, more: &Value) -> Value {
    asks_over("GRPC", name, &json!({"grpc": {}}), more)
}

fn asks_over(protocol: &str, name: &str, usual: &Value, more: &Value) -> Value {
    let mut auth = json!({"protocol": protocol, "backendRef": {"name": name, "port": 80}});
    let fields = [usual, more].into_iter().filter_map(Value::as_object);
    for (field, value) in fields.flatten() {
        auth[field] = value.clone();
    }
    json!({"action": "ExternalAuth", "externalAuth": auth})
}

/// An ExternalAuth policy that asks about MCP messages only where headers are streamed: of
/// other requests no body is awaited there.
pub fn messages_only(mut spec: Value, mode: Mode) -> Value {
    if mode == Mode::Stream {
        spec["rules"] =
            json!([{"name": "messages", "authorization": {"type": "Inline", "mcp": {}}}]);
    }
    spec
}

pub fn allows(rules: &Value) -> Value {
    json!({"action": "Allow", "rules": rules})
}

/// The compiled policies, with `over` on top of the usual enforcement point.
pub fn configured(policies: &[Value], mode: Mode, over: &Value) -> String {
    let mut over = at(over, mode);
    let service = |name| json!({"namespace": "infra", "name": name, "port": 80, "cluster": name});
    over["services"] = json!(["authorizer", "second", "down", "empty", "unknown"].map(service));
    let point = vectors::point(&over).to_string();
    let sources = policies
        .iter()
        .map(|policy| Source::new("policy", policy.to_string()));
    let compiled = compile::compile(sources.collect(), Source::new("point", point));
    let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
    serde_json::to_string(&compiled.policy).expect("JSON")
}

/// What stands beside Envoy.
pub trait Authorizer {
    type Asked;

    fn address(&self) -> SocketAddr;
    fn asked(&self) -> Vec<Self::Asked>;
    fn clear(&self);

    /// Whether Envoy speaks HTTP/2 to the cluster `authorizer`.
    const HTTP2: bool;
}

impl Authorizer for HttpAuthorizer {
    type Asked = Seen;

    const HTTP2: bool = false;

    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn asked(&self) -> Vec<Seen> {
        self.asked()
    }

    fn clear(&self) {
        self.clear();
    }
}

impl Authorizer for GrpcAuthorizer {
    type Asked = Asked;

    const HTTP2: bool = true;

    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked()
    }

    fn clear(&self) {
        self.clear();
    }
}

impl Authorizer for RawAuthorizer {
    type Asked = ();

    const HTTP2: bool = true;

    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn asked(&self) -> Vec<()> {
        Vec::new()
    }

    fn clear(&self) {}
}

/// An Envoy before a server, and an authorizer beside it.
pub struct Desk<A> {
    pub stage: Stage,
    pub authorizer: A,
    /// A port that nobody listens on.
    _down: Port,
}

impl<A: Authorizer> Desk<A> {
    pub fn open(authorizer: A, configuration: impl Fn(Mode) -> String) -> Self {
        let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &configuration(mode)));
        Self::with(authorizer, listeners.to_vec())
    }

    pub fn with(authorizer: A, listeners: Vec<Listener>) -> Self {
        let down = Port::new().expect("a port");
        let cluster = |name: &str| match A::HTTP2 {
            true => Cluster::new(name, authorizer.address()).http2(),
            false => Cluster::new(name, authorizer.address()),
        };
        let others = vec![
            cluster("authorizer"),
            cluster("second").http2(),
            cluster("empty").empty(),
            Cluster {
                address: ([127, 0, 0, 1], down.number).into(),
                ..cluster("down")
            },
        ];
        let stage = Stage::start_beside(others, listeners, Options::default(), |_| {});
        Self {
            stage,
            authorizer,
            _down: down,
        }
    }

    /// Sends a request in each mode and protocol, and gives what came of it to `test`:
    /// the answer, what the authorizer saw, and what the server did.
    pub fn each(
        &self,
        request: &Request,
        test: impl Fn(&str, Mode, &Response, &[A::Asked], &[Seen]),
    ) {
        self.each_by(|mode| self.stage.client(mode.name()), request, test);
    }

    /// The same by other clients than those without TLS.
    pub fn each_by(
        &self,
        client: impl Fn(Mode) -> Client,
        request: &Request,
        test: impl Fn(&str, Mode, &Response, &[A::Asked], &[Seen]),
    ) {
        for mode in Mode::BOTH {
            for (name, protocol) in PROTOCOLS {
                let id = format!("{}.{name}.{}", mode.name(), unique());
                self.authorizer.clear();
                self.stage.recorder.clear();
                let client = speaking(&client(mode), protocol);
                let request = request.clone().header("x-request-id", &id);
                let answer = client
                    .send(&request)
                    .unwrap_or_else(|e| panic!("{id}: {e}"));
                let server = self.stage.recorder.requests_when_quiet();
                let of_it: Vec<Seen> = server.into_iter().filter(|seen| is(seen, &id)).collect();
                test(&id, mode, &answer, &self.authorizer.asked(), &of_it);
            }
        }
    }

    /// The one record of a request.
    pub fn record(&self, id: &str) -> Value {
        let records = self.stage.records(std::iter::once(id));
        let [record] = records.get(id).map(Vec::as_slice).unwrap_or_default() else {
            panic!("{id}: {records:?}")
        };
        record.clone()
    }

    /// A refused request: nothing of its body at the server, and in Hold nothing at all.
    pub fn assert_refused(&self, id: &str, mode: Mode, server: &[Seen]) {
        assert_eq!(self.stage.leaked(mode, server, id), None, "{id}");
    }
}

fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
