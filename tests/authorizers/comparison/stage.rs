//! One Envoy: pairs of listeners, before each the one filter or the other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use accesspolicy::tool::compile::{self, Source};
use serde_json::{Value, json};

use super::observed::{self, Observed};
use super::scenario::{Said, Scenario};
use crate::authorizer::Act;
use crate::authorizer::grpc::{GrpcAuthorizer, allow};
use crate::authorizer::http::HttpAuthorizer;
use crate::support::certificates::{Authority, Identity};
use crate::support::client::{Client, Protocol};
use crate::support::config::{Bootstrap, Cluster, Filter, Listener, Route};
use crate::support::envoy::Envoy;
use crate::support::ext_authz::{Body, ExtAuthz};
use crate::support::filter_module;
use crate::support::recorder::{Answer, Recorder};
use crate::vectors;

pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Theirs,
    Ours,
}

/// The pair whose clients have certificates.
const TLS: &str = "grpc-tls";

/// Whom the certificates name.
struct People {
    _folder: tempfile::TempDir,
    authority: Authority,
    server: Identity,
    caller: Identity,
}

impl People {
    fn issue() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority").expect("an authority");
        let caller = ["spiffe://cluster.local/ns/agents/sa/reader"];
        Self {
            server: authority.server("server").expect("a certificate"),
            caller: authority.client("caller", &caller).expect("one more"),
            authority,
            _folder: folder,
        }
    }

    /// A client of a listener of a pair.
    fn client(&self, to: &str, address: SocketAddr) -> Client {
        match to {
            TLS => {
                let authority = self.authority.certificate();
                Client::tls(address, &authority, Some(&self.caller)).expect("PEM files")
            }
            _ => Client::plain(address),
        }
    }
}

/// A pair of listeners: the policies, and the same said to Envoy's own filter.
struct Pair {
    name: &'static str,
    policies: Vec<Value>,
    point: Value,
    filters: Vec<ExtAuthz>,
    /// Whether the clients have certificates.
    with_callers: bool,
}

/// How much of bodies is shown, and what becomes of longer ones.
#[derive(Clone, Copy)]
enum Bodies {
    None,
    Rejected(u32),
    Cut(u32),
}

const HEADERS: [&str; 3] = ["x-team", "cookie", "x-bytes"];
const COPIED: [&str; 2] = ["x-user", "x-role"];

fn policy(number: usize, mut auth: Value, bodies: Bodies) -> Value {
    if let Bodies::Rejected(size) | Bodies::Cut(size) = bodies {
        auth["forwardBody"] = json!({"maxSize": size});
    }
    auth["backendRef"] = json!({"name": "authorizer", "port": 80});
    json!({
        "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
        "kind": "XAccessPolicy",
        "metadata": {
            "namespace": "infra",
            "name": format!("asking-{number}"),
            "annotations": {"accesspolicy/order": number.to_string()},
        },
        "spec": {
            "action": "ExternalAuth",
            "externalAuth": auth,
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"}],
        },
    })
}

fn with_body(mut filter: ExtAuthz, bodies: Bodies) -> ExtAuthz {
    let (limit, partial) = match bodies {
        Bodies::None => return filter,
        Bodies::Rejected(limit) => (limit, false),
        Bodies::Cut(limit) => (limit, true),
    };
    filter.body = Some(Body {
        limit,
        partial,
        bytes: false,
    });
    filter
}

impl Pair {
    fn new(
        name: &'static str,
        auth: Value,
        filter: ExtAuthz,
        bodies: Bodies,
        on_error: &str,
    ) -> Self {
        let oversize = match bodies {
            Bodies::Cut(_) => "Truncate",
            _ => "Reject",
        };
        let point = json!({"timeout": "400ms", "onError": on_error, "oversize": oversize});
        let filter = ExtAuthz {
            timeout: "0.4s",
            failure_mode_allow: on_error == "Allow",
            ..with_body(filter, bodies)
        };
        Self {
            name,
            policies: vec![policy(0, auth, bodies)],
            point,
            filters: vec![filter],
            with_callers: false,
        }
    }

    fn http(name: &'static str, bodies: Bodies, on_error: &str) -> Self {
        let auth = json!({"protocol": "HTTP", "http": {
            "path": "/check", "allowedHeaders": HEADERS, "allowedResponseHeaders": COPIED}});
        let filter = ExtAuthz::http("http")
            .path_prefix("/check")
            .allowed_headers(&HEADERS)
            .upstream_headers(&COPIED);
        Self::new(name, auth, filter, bodies, on_error)
    }

    /// Nothing is said of the headers that an answer may set.
    fn http_unlisted() -> Self {
        let auth = json!({"protocol": "HTTP", "http": {}});
        Self::new(
            "http-unlisted",
            auth,
            ExtAuthz::http("http"),
            Bodies::None,
            "Deny",
        )
    }

    fn grpc(name: &'static str, bodies: Bodies, on_error: &str) -> Self {
        let auth = json!({"protocol": "GRPC", "grpc": {}});
        Self::new(name, auth, ExtAuthz::grpc("grpc"), bodies, on_error)
    }

    fn grpc_listed() -> Self {
        let auth = json!({"protocol": "GRPC", "grpc": {"allowedHeaders": HEADERS}});
        let filter = ExtAuthz::grpc("grpc").allowed_headers(&HEADERS);
        Self::new("grpc-listed", auth, filter, Bodies::None, "Deny")
    }

    /// Over mutual TLS.
    fn grpc_tls() -> Self {
        Self {
            with_callers: true,
            ..Self::grpc(TLS, Bodies::None, "Deny")
        }
    }

    /// Two authorizers, one after the other.
    fn grpc_twice() -> Self {
        let mut pair = Self::grpc("grpc-twice", Bodies::None, "Deny");
        let auth = json!({"protocol": "GRPC", "grpc": {}});
        pair.policies.push(policy(1, auth, Bodies::None));
        pair.filters.push(pair.filters[0].clone());
        pair
    }

    fn configuration(&self) -> String {
        let cluster = match self.name.starts_with("http") {
            true => "http",
            false => "grpc",
        };
        let service =
            json!({"namespace": "infra", "name": "authorizer", "port": 80, "cluster": cluster});
        let over = json!({"services": [service], "externalAuth": self.point, "edge": true});
        let sources = self.policies.iter();
        let sources = sources.map(|policy| Source::new("policy", policy.to_string()));
        let point = Source::new("point", vectors::point(&over).to_string());
        let compiled = compile::compile(sources.collect(), point);
        let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
        serde_json::to_string(&compiled.policy).expect("JSON")
    }

    fn listeners(&self, people: &People) -> [Listener; 2] {
        let listener = |side| match self.with_callers {
            true => {
                let authority = people.authority.certificate();
                Listener::tls(&name(self.name, side), &people.server, &authority, true)
            }
            false => Listener::plain(&name(self.name, side)),
        };
        let filters = self.filters.iter();
        let theirs = filters.fold(listener(Side::Theirs), Listener::ext_authz);
        let filter = Filter::new(&filter_module(), &self.configuration());
        let ours = listener(Side::Ours).filter(filter);
        [theirs, ours].map(|mut listener| {
            listener.routes.push(Route {
                header: Some(("x-user".to_owned(), "elsewhere".to_owned())),
                prefix: "/".to_owned(),
                cluster: "other".to_owned(),
                ..Route::default()
            });
            listener.route("/", "server")
        })
    }
}

fn name(pair: &str, side: Side) -> String {
    format!("{pair}-{side:?}").to_lowercase()
}

pub(super) struct Stage {
    answer: Arc<Mutex<Said>>,
    http: HttpAuthorizer,
    grpc: GrpcAuthorizer,
    server: Recorder,
    other: Recorder,
    envoy: Envoy,
    people: People,
}

impl Stage {
    pub(super) fn start() -> Self {
        let willing = Said::Grpc(Act::Answer(Ok(allow(Default::default()))));
        let answer = Arc::new(Mutex::new(willing));
        let said = |answer: &Mutex<Said>| -> Said {
            answer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        let asked = Arc::clone(&answer);
        let http = HttpAuthorizer::start(move |_| match said(&asked) {
            Said::Http(act) => act,
            Said::Grpc(_) => Act::Close,
        });
        let asked = Arc::clone(&answer);
        let grpc = GrpcAuthorizer::start(move |_| match said(&asked) {
            Said::Grpc(act) => act,
            Said::Http(_) => Act::Close,
        });
        let serving = || {
            Recorder::answering(|seen| {
                let mut answer = Answer::plain(seen);
                answer
                    .headers
                    .push(("x-there".to_owned(), "server".to_owned()));
                answer
            })
        };
        let (server, other) = (serving(), serving());
        let people = People::issue();
        let pairs = [
            Pair::http("http", Bodies::None, "Deny"),
            Pair::http("http-open", Bodies::None, "Allow"),
            Pair::http("http-body", Bodies::Rejected(50), "Deny"),
            Pair::http("http-cut", Bodies::Cut(50), "Deny"),
            Pair::http_unlisted(),
            Pair::grpc("grpc", Bodies::None, "Deny"),
            Pair::grpc("grpc-open", Bodies::None, "Allow"),
            Pair::grpc("grpc-body", Bodies::Rejected(50), "Deny"),
            Pair::grpc("grpc-cut", Bodies::Cut(50), "Deny"),
            Pair::grpc_listed(),
            Pair::grpc_twice(),
            Pair::grpc_tls(),
        ];
        let mut bootstrap = Bootstrap {
            listeners: pairs
                .iter()
                .flat_map(|pair| pair.listeners(&people))
                .collect(),
            clusters: vec![
                Cluster::new("server", server.address()),
                Cluster::new("other", other.address()),
                Cluster::new("http", http.address()),
                Cluster::new("grpc", grpc.address()).http2(),
            ],
        }
        .json();
        let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
        for listener in listeners.into_iter().flatten() {
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            manager["preserve_external_request_id"] = json!(true);
        }
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        Self {
            answer,
            http,
            grpc,
            server,
            other,
            envoy,
            people,
        }
    }

    /// What comes of a scenario on one side.
    pub(super) fn run(&self, side: Side, scenario: &Scenario, protocol: Protocol) -> Observed {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = scenario.answer.clone();
        self.http.clear();
        self.grpc.clear();
        self.server.clear();
        self.other.clear();
        let address = self.envoy.listener(&name(scenario.to, side));
        let client = self.people.client(scenario.to, address);
        let client = match protocol {
            Protocol::Http1 => client,
            Protocol::Http2 => client.http2(),
        };
        let answer = client.send(&scenario.request);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
        let mut observed = Observed::new();
        observed::client(&mut observed, &answer);
        match &scenario.answer {
            Said::Http(_) => observed::http(&mut observed, &self.http.asked()),
            Said::Grpc(_) => observed::grpc(&mut observed, &self.grpc.asked()),
        }
        let here = self.server.requests_when_quiet();
        let there = self.other.requests();
        observed.insert("server".to_owned(), (here.len() + there.len()).to_string());
        observed::server(&mut observed, "server", &here);
        observed::server(&mut observed, "other", &there);
        observed
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.envoy.vm_failures(), [], "{}", self.envoy.log());
        }
    }
}
