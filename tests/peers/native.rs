//! Envoy with its own filters for the job, as strict as they can be made.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::recording::Server;
use crate::runs::Rule;
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::Envoy;
use crate::support::recorder::Recorder;
use crate::wire_vectors::BODY_LIMIT;

/// The name of the server that only records.
pub const RECORDER: &str = "recorder";

/// An Envoy with a listener for each policy and server.
pub struct Native {
    envoy: Envoy,
    pub recorder: Recorder,
}

impl Native {
    pub fn start(rules: &[Rule], servers: &[Server]) -> Self {
        let recorder = Recorder::start();
        let to: Vec<(&str, SocketAddr)> = servers
            .iter()
            .map(|server| (server.name, server.address))
            .chain([(RECORDER, recorder.address())])
            .collect();
        let clusters = to
            .iter()
            .map(|(name, address)| Cluster::new(name, *address));
        let clusters = clusters.collect();
        let cases = rules.iter().flat_map(|rule| &rule.cases);
        let policies: BTreeSet<_> = cases.map(|case| case.policy.clone()).collect();
        let mut listeners = Vec::new();
        let mut filters = Vec::new();
        for policy in &policies {
            for (server, _) in &to {
                listeners
                    .push(Listener::plain(&name(policy.as_deref(), server)).route("/", server));
                filters.push([mcp(), rbac(policy.as_deref())]);
            }
        }
        let mut bootstrap = Bootstrap {
            listeners,
            clusters,
        }
        .json();
        let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
        for (listener, chain) in listeners.into_iter().flatten().zip(filters) {
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            manager["preserve_external_request_id"] = json!(true);
            manager["common_http_protocol_options"] =
                json!({"headers_with_underscores_action": "REJECT_REQUEST"});
            let filters = manager["http_filters"].as_array_mut().expect("filters");
            filters.splice(0..0, chain);
        }
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        Self { envoy, recorder }
    }

    /// A client of the way to `server` under `policy`.
    pub fn client(&self, policy: Option<&str>, server: &str) -> Client {
        Client::plain(self.envoy.listener(&name(policy, server)))
    }

    /// Envoy's version, which also says that it still runs.
    pub fn version(&self) -> String {
        let info = self.envoy.ask("/server_info").expect("Envoy runs");
        let info: Value = serde_json::from_str(&info).expect("JSON");
        let version = info["version"].as_str().unwrap_or_default();
        version.split('/').nth(1).unwrap_or(version).to_owned()
    }
}

fn name(policy: Option<&str>, server: &str) -> String {
    format!("{} to {server}", policy.unwrap_or("everything"))
}

/// Refuses what is not MCP, and duplicate keys.
pub fn mcp() -> Value {
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp",
            "traffic_mode": "REJECT_NO_MCP",
            "reject_duplicate_keys": true,
            "max_request_body_size": BODY_LIMIT,
        },
    })
}

/// Allows the one call that the policy names, or everything.
pub fn rbac(policy: Option<&str>) -> Value {
    let permission = match policy.and_then(|policy| policy.split_once(' ')) {
        None => json!({"any": true}),
        Some((method, thing)) => {
            let name = if method.starts_with("resources/") {
                "uri"
            } else {
                "name"
            };
            json!({"and_rules": {"rules": [
                {"metadata": is(&["method"], method)},
                {"metadata": is(&["params", name], thing)},
            ]}})
        }
    };
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"allowed": {
                "principals": [{"any": true}],
                "permissions": [permission],
            }}},
        },
    })
}

/// What the `mcp` filter found at `path` is `value`.
fn is(path: &[&str], value: &str) -> Value {
    let path: Vec<_> = path.iter().map(|key| json!({"key": key})).collect();
    json!({
        "filter": "envoy.filters.http.mcp",
        "path": path,
        "value": {"string_match": {"exact": value}},
    })
}
