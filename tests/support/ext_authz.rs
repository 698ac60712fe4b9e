//! Envoy's own filter that asks an authorizer, to compare ours with.

use serde_json::{Map, Value, json};

/// The filter `envoy.filters.http.ext_authz`.
#[derive(Debug, Clone)]
pub struct ExtAuthz {
    /// The cluster of the authorizer; over gRPC one that is spoken to in HTTP/2.
    pub cluster: String,
    pub protocol: Protocol,
    /// How long to wait for the authorizer.
    pub timeout: &'static str,
    pub body: Option<Body>,
    /// The request headers that the authorizer gets; `None` leaves it to the filter.
    pub allowed_headers: Option<Vec<String>>,
    /// Whether requests pass when the authorizer fails.
    pub failure_mode_allow: bool,
}

/// How the authorizer is asked.
#[derive(Debug, Clone)]
pub enum Protocol {
    Grpc,
    Http {
        /// What goes before the path.
        path_prefix: String,
        /// The headers of an answer of 200 that are set on the request.
        upstream_headers: Vec<String>,
    },
}

/// How much of a body the authorizer gets.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// In bytes.
    pub limit: u32,
    /// Whether longer ones are cut, instead of refused.
    pub partial: bool,
    /// Whether gRPC carries it as bytes instead of text.
    pub bytes: bool,
}

impl ExtAuthz {
    /// Asks over gRPC.
    pub fn grpc(cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            protocol: Protocol::Grpc,
            timeout: "2s",
            body: None,
            allowed_headers: None,
            failure_mode_allow: false,
        }
    }

    /// Asks over HTTP.
    pub fn http(cluster: &str) -> Self {
        Self {
            protocol: Protocol::Http {
                path_prefix: String::new(),
                upstream_headers: Vec::new(),
            },
            ..Self::grpc(cluster)
        }
    }

    /// Sends bodies, and cuts those of more than `limit` bytes.
    pub fn body(mut self, limit: u32) -> Self {
        self.body = Some(Body {
            limit,
            partial: true,
            bytes: false,
        });
        self
    }

    pub fn allowed_headers(mut self, names: &[&str]) -> Self {
        self.allowed_headers = Some(owned(names));
        self
    }

    pub fn path_prefix(mut self, prefix: &str) -> Self {
        if let Protocol::Http { path_prefix, .. } = &mut self.protocol {
            prefix.clone_into(path_prefix);
        }
        self
    }

    pub fn upstream_headers(mut self, names: &[&str]) -> Self {
        if let Protocol::Http {
            upstream_headers, ..
        } = &mut self.protocol
        {
            *upstream_headers = owned(names);
        }
        self
    }

    /// The filter as a listener has it.
    pub fn json(&self) -> Value {
        let mut config = Map::new();
        config.insert("@type".into(), json!(TYPE));
        config.insert("transport_api_version".into(), json!("V3"));
        config.insert("failure_mode_allow".into(), json!(self.failure_mode_allow));
        if let Some(body) = self.body {
            let body = json!({
                "max_request_bytes": body.limit,
                "allow_partial_message": body.partial,
                "pack_as_bytes": body.bytes,
            });
            config.insert("with_request_body".into(), body);
        }
        if let Some(names) = &self.allowed_headers {
            config.insert("allowed_headers".into(), any_of(names));
        }
        let (key, service) = self.service();
        config.insert(key.into(), service);
        json!({"name": "envoy.filters.http.ext_authz", "typed_config": config})
    }

    fn service(&self) -> (&'static str, Value) {
        match &self.protocol {
            Protocol::Grpc => {
                let target = json!({"cluster_name": self.cluster});
                let service = json!({"envoy_grpc": target, "timeout": self.timeout});
                ("grpc_service", service)
            }
            Protocol::Http {
                path_prefix,
                upstream_headers,
            } => {
                let mut service = json!({
                    "server_uri": {
                        "uri": format!("http://{}", self.cluster),
                        "cluster": self.cluster,
                        "timeout": self.timeout,
                    },
                    "path_prefix": path_prefix,
                });
                // Envoy wants no lists of nothing.
                if !upstream_headers.is_empty() {
                    let allowed = any_of(upstream_headers);
                    service["authorization_response"] =
                        json!({"allowed_upstream_headers": allowed});
                }
                ("http_service", service)
            }
        }
    }
}

const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";

fn any_of(names: &[String]) -> Value {
    let pattern = |name: &String| json!({"exact": name, "ignore_case": true});
    json!({"patterns": names.iter().map(pattern).collect::<Vec<_>>()})
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
