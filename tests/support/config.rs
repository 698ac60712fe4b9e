//! Envoy configuration, written by code: listeners, the filter, routes, clusters.
//!
//! [`Bootstrap::json`] gives plain JSON, so a test can still change anything in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::certificates::Identity;
use super::ext_authz::ExtAuthz;

/// A whole static configuration.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    pub listeners: Vec<Listener>,
    pub clusters: Vec<Cluster>,
}

/// A listener on loopback.
#[derive(Debug, Clone)]
pub struct Listener {
    pub name: String,
    /// The port; 0 leaves the choice to the system. See [`super::port::Port`].
    pub port: u16,
    pub tls: Option<Tls>,
    /// HTTP filters that come before the filter, as Envoy reads them.
    pub filters_before: Vec<Value>,
    /// Absent leaves the way to the router open.
    pub filter: Option<Filter>,
    pub routes: Vec<Route>,
    pub edge: Edge,
    /// The bound on what Envoy buffers for a connection, in bytes.
    pub buffer_limit: Option<u32>,
    /// Fields of an access log line in JSON, by name; see [`super::envoy::Envoy::access_log`].
    pub access_log: Option<Value>,
}

/// TLS of a listener, with client certificates of one authority.
#[derive(Debug, Clone)]
pub struct Tls {
    pub server: Identity,
    /// The certificate file of the authority that vouches for clients.
    pub authority: PathBuf,
    /// Whether a client without certificate is turned away.
    pub required: bool,
}

/// The filter and what it is given.
#[derive(Debug, Clone)]
pub struct Filter {
    pub module: PathBuf,
    /// The plugin configuration's text.
    pub configuration: String,
    /// Whether Envoy may hold request headers for the filter; `requestHeaders: Hold` needs it.
    pub hold: bool,
    pub failure_policy: &'static str,
    /// Filters with the same module and id share a VM.
    pub vm_id: String,
}

/// Requests for `host`, with the `header`, whose path begins with `prefix` go to `cluster`.
#[derive(Debug, Clone, Default)]
pub struct Route {
    pub host: Option<String>,
    pub header: Option<(String, String)>,
    pub prefix: String,
    pub cluster: String,
}

/// What the edge does to a request before any filter sees it.
#[derive(Debug, Clone)]
pub struct Edge {
    pub normalize_path: bool,
    pub merge_slashes: bool,
    pub escaped_slashes: &'static str,
    pub stream_idle_timeout: &'static str,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: String,
    pub address: SocketAddr,
    pub http2: bool,
    /// Whether nobody serves it.
    pub empty: bool,
    /// How many requests, and connections, Envoy allows at once; `None` leaves it at 1024.
    pub at_once: Option<u32>,
}

impl Bootstrap {
    /// One listener, and the one cluster all its requests go to.
    pub fn simple(listener: Listener, cluster: Cluster) -> Self {
        Self {
            listeners: vec![listener.route("/", &cluster.name)],
            clusters: vec![cluster],
        }
    }

    /// The configuration as Envoy reads it.
    pub fn json(&self) -> Value {
        let listeners: Vec<_> = self.listeners.iter().map(Listener::json).collect();
        let clusters: Vec<_> = self.clusters.iter().map(Cluster::json).collect();
        json!({
            "admin": {"address": loopback(0)},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        })
    }
}

impl Listener {
    /// Without TLS; takes HTTP/1.1, and HTTP/2 with prior knowledge.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            port: 0,
            tls: None,
            filters_before: Vec::new(),
            filter: None,
            routes: Vec::new(),
            edge: Edge::default(),
            buffer_limit: None,
            access_log: None,
        }
    }

    /// With TLS, and client certificates from `authority`.
    pub fn tls(name: &str, server: &Identity, authority: &Path, required: bool) -> Self {
        Self {
            tls: Some(Tls {
                server: server.clone(),
                authority: authority.to_owned(),
                required,
            }),
            ..Self::plain(name)
        }
    }

    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Adds Envoy's own filter that asks an authorizer, before the filter.
    pub fn ext_authz(mut self, filter: &ExtAuthz) -> Self {
        self.filters_before.push(filter.json());
        self
    }

    /// Adds a route; the first that matches is taken.
    pub fn route(mut self, prefix: &str, cluster: &str) -> Self {
        self.routes.push(Route {
            prefix: prefix.to_owned(),
            cluster: cluster.to_owned(),
            ..Route::default()
        });
        self
    }

    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    pub fn access_log(mut self, fields: Value) -> Self {
        self.access_log = Some(fields);
        self
    }

    fn json(&self) -> Value {
        let mut chain = Map::new();
        chain.insert("filters".into(), json!([self.connection_manager()]));
        if let Some(tls) = &self.tls {
            chain.insert("transport_socket".into(), tls.json());
        }
        let mut listener = json!({
            "name": self.name,
            "address": loopback(self.port),
            "filter_chains": [chain],
        });
        if let Some(limit) = self.buffer_limit {
            listener["per_connection_buffer_limit_bytes"] = json!(limit);
        }
        listener
    }

    fn connection_manager(&self) -> Value {
        let filter = self.filter.as_ref().map(Filter::json);
        let before = self.filters_before.iter().cloned();
        let filters: Vec<_> = before.chain(filter).chain([router()]).collect();
        let mut manager = json!({
            "@type": type_url("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            "use_remote_address": true,
            "normalize_path": self.edge.normalize_path,
            "merge_slashes": self.edge.merge_slashes,
            "path_with_escaped_slashes_action": self.edge.escaped_slashes,
            "stream_idle_timeout": self.edge.stream_idle_timeout,
            // Without these two Envoy drops HTTP/1.1 trailers in silence.
            "http_protocol_options": {"enable_trailers": true},
            "http2_protocol_options": {},
            "route_config": {"name": self.name, "virtual_hosts": self.virtual_hosts()},
            "http_filters": filters,
        });
        if let Some(fields) = &self.access_log {
            manager["access_log"] = json!([{
                "name": "envoy.access_loggers.stdout",
                "typed_config": {
                    "@type": type_url("access_loggers.stream.v3.StdoutAccessLog"),
                    "log_format": {"json_format": fields},
                },
            }]);
        }
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager})
    }

    /// One virtual host per host, routes in order.
    fn virtual_hosts(&self) -> Value {
        let mut hosts: Vec<(&str, Vec<Value>)> = Vec::new();
        for route in &self.routes {
            let host = route.host.as_deref().unwrap_or("*");
            match hosts.iter_mut().find(|(held, _)| *held == host) {
                Some((_, routes)) => routes.push(route.json()),
                None => hosts.push((host, vec![route.json()])),
            }
        }
        hosts
            .into_iter()
            .map(|(host, routes)| json!({"name": host, "domains": [host], "routes": routes}))
            .collect()
    }
}

impl Tls {
    fn json(&self) -> Value {
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": type_url("transport_sockets.tls.v3.DownstreamTlsContext"),
                "require_client_certificate": self.required,
                "disable_stateless_session_resumption": true,
                "disable_stateful_session_resumption": true,
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_certificates": [{
                        "certificate_chain": {"filename": self.server.certificate},
                        "private_key": {"filename": self.server.key},
                    }],
                    "validation_context": {"trusted_ca": {"filename": self.authority}},
                },
            },
        })
    }
}

impl Filter {
    /// The module with this configuration, headers held.
    pub fn new(module: &Path, configuration: &str) -> Self {
        Self {
            module: module.to_owned(),
            configuration: configuration.to_owned(),
            hold: true,
            failure_policy: "FAIL_RELOAD",
            vm_id: String::new(),
        }
    }

    /// The same, as gateways run it that cannot hold headers.
    pub fn stream(mut self) -> Self {
        self.hold = false;
        self
    }

    fn json(&self) -> Value {
        let mut config = json!({
            "name": "accesspolicy",
            "root_id": "accesspolicy",
            "failure_policy": self.failure_policy,
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": self.configuration,
            },
            "vm_config": {
                "vm_id": self.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module}},
            },
        });
        if self.hold {
            config["allow_on_headers_stop_iteration"] = json!(true);
        }
        json!({
            "name": "accesspolicy",
            "typed_config": {"@type": type_url("filters.http.wasm.v3.Wasm"), "config": config},
        })
    }
}

impl Route {
    fn json(&self) -> Value {
        let header = self.header.iter();
        let headers: Vec<_> = header
            .map(|(name, value)| json!({"name": name, "string_match": {"exact": value}}))
            .collect();
        json!({
            "match": {"prefix": self.prefix, "headers": headers},
            // No timeout: an event stream lives as long as its session.
            "route": {"cluster": self.cluster, "timeout": "0s"},
        })
    }
}

impl Edge {
    /// Leaves paths as they come.
    pub fn lax() -> Self {
        Self {
            normalize_path: false,
            merge_slashes: false,
            escaped_slashes: "KEEP_UNCHANGED",
            ..Self::default()
        }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            normalize_path: true,
            merge_slashes: true,
            escaped_slashes: "REJECT_REQUEST",
            stream_idle_timeout: "300s",
        }
    }
}

impl Cluster {
    /// A server for HTTP/1.1.
    pub fn new(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            http2: false,
            empty: false,
            at_once: None,
        }
    }

    /// One that nobody serves.
    pub fn empty(mut self) -> Self {
        self.empty = true;
        self
    }

    pub fn at_once(mut self, requests: u32) -> Self {
        self.at_once = Some(requests);
        self
    }

    /// The same server, spoken to in HTTP/2.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    fn json(&self) -> Value {
        let protocol = if self.http2 && self.at_once.is_some() {
            // By itself Envoy sends any number on a fresh connection, before the server
            // has said how many it takes; it refuses the rest.
            json!({"http2_protocol_options": {"max_concurrent_streams": 100}})
        } else if self.http2 {
            json!({"http2_protocol_options": {}})
        } else {
            json!({"http_protocol_options": {"enable_trailers": true}})
        };
        let endpoints = match self.empty {
            true => json!([]),
            false => {
                let endpoint = json!({"endpoint": {"address": address(self.address)}});
                json!([{"lb_endpoints": [endpoint]}])
            }
        };
        let mut cluster = json!({
            "name": self.name,
            "type": "STATIC",
            // When the time for one connection is over, Envoy fails all that wait for any:
            // a busy machine is not to look like a server that is gone.
            "connect_timeout": "30s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": type_url("upstreams.http.v3.HttpProtocolOptions"),
                    "explicit_http_config": protocol,
                },
            },
            "load_assignment": {
                "cluster_name": self.name,
                "endpoints": endpoints,
            },
        });
        if let Some(limit) = self.at_once {
            cluster["circuit_breakers"] = json!({"thresholds": [{
                "max_connections": limit, "max_pending_requests": limit, "max_requests": limit,
            }]});
        }
        cluster
    }
}

fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": type_url("filters.http.router.v3.Router")},
    })
}

fn loopback(port: u16) -> Value {
    address(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn address(address: SocketAddr) -> Value {
    let (ip, port) = (address.ip().to_string(), address.port());
    json!({"socket_address": {"address": ip, "port_value": port}})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}
