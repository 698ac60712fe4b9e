//! What is compared: one Envoy, a listener for each chain of filters, in plain and over
//! mutual TLS, each between the same two: a `buffer` filter and an answer without server.

use accesspolicy::tool::render;
use serde_json::{Value, json};

use crate::support::certificates::Identity;
use crate::support::config::{Bootstrap, Filter, Listener};
use crate::support::envoy::{Envoy, Options};
use crate::support::{filter_module, target, yaml};
use crate::traffic::{LONGEST, policy, rule};

/// A chain of filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// Nothing between.
    Bare,
    /// The floor: see `tests/bench/floor`.
    Floor,
    /// The floor with the configuration of that many rules, which it does not read. Not
    /// among [`Self::ALL`].
    Unread(usize),
    /// Envoy's own `mcp` and `rbac`, with that many rules.
    Native(usize),
    /// The filter, with that many rules.
    Ours(usize),
    /// The same, and the guard behind it.
    Guarded(usize),
}

impl Chain {
    pub const ALL: [Self; 10] = [
        Self::Bare,
        Self::Floor,
        Self::Native(1),
        Self::Native(10),
        Self::Native(100),
        Self::Native(1000),
        Self::Ours(10),
        Self::Guarded(10),
        Self::Ours(1000),
        Self::Ours(10_000),
    ];

    pub fn name(self) -> String {
        match self {
            Self::Bare => "bare chain".to_owned(),
            Self::Floor => "floor: a Wasm filter that decides nothing".to_owned(),
            Self::Unread(rules) => format!("floor, with {rules} rules that it does not read"),
            Self::Native(1) => "Envoy's mcp + rbac, 1 rule".to_owned(),
            Self::Native(rules) => format!("Envoy's mcp + rbac, {rules} rules"),
            Self::Ours(rules) => format!("accesspolicy, {rules} rules"),
            Self::Guarded(rules) => format!("accesspolicy, {rules} rules, and its guard"),
        }
    }

    /// The name of its listener.
    pub fn listener(self, is_tls: bool) -> String {
        format!("{self:?} {is_tls}")
    }

    fn filters(self) -> Vec<Value> {
        match self {
            Self::Native(rules) => vec![mcp(), rbac(rules)],
            _ => Vec::new(),
        }
    }

    /// What stands behind the module.
    fn guard(self) -> Option<Value> {
        let Self::Guarded(rules) = self else {
            return None;
        };
        let policy = serde_json::from_value(policy(rules)).expect("a policy");
        let guard = yaml::parse(&render::guard(&policy)).expect("YAML");
        Some(match guard {
            Value::Array(mut one) => one.remove(0),
            one => one,
        })
    }

    fn module(self) -> Option<Filter> {
        let floor = target().join("bench-floor/wasm32-wasip1/release/floor.wasm");
        let filter = match self {
            Self::Floor => Filter::new(&floor, ""),
            Self::Unread(rules) => Filter::new(&floor, &policy(rules).to_string()),
            Self::Ours(rules) | Self::Guarded(rules) => {
                Filter::new(&filter_module(), &policy(rules).to_string())
            }
            Self::Bare | Self::Native(_) => return None,
        };
        let vm_id = format!("{self:?}");
        Some(Filter { vm_id, ..filter })
    }
}

/// Starts an Envoy with these chains.
pub fn start(chains: &[Chain], server: &Identity, authority: &std::path::Path) -> Envoy {
    let mut listeners = Vec::new();
    let mut before = Vec::new();
    for chain in chains {
        for is_tls in [false, true] {
            let name = chain.listener(is_tls);
            let mut listener = match is_tls {
                true => Listener::tls(&name, server, authority, true),
                false => Listener::plain(&name),
            };
            listener.filter = chain.module();
            listener.buffer_limit = Some(2 * LONGEST);
            listeners.push(listener.route("/", "none"));
            before.push(chain);
        }
    }
    let mut bootstrap = Bootstrap {
        listeners,
        clusters: Vec::new(),
    }
    .json();
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
    for (listener, chain) in listeners.into_iter().flatten().zip(before) {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        let filters = manager["http_filters"].as_array_mut().expect("filters");
        filters.splice(0..0, std::iter::once(buffer()).chain(chain.filters()));
        let router = filters.len() - 1;
        filters.splice(router..router, chain.guard());
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{
            "match": {"prefix": "/"}, "direct_response": {"status": 200},
        }]);
    }
    let options = Options {
        filter_log_level: "info",
        ..Options::default()
    };
    Envoy::start_with(&bootstrap, options).expect("Envoy serves")
}

fn buffer() -> Value {
    json!({
        "name": "envoy.filters.http.buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
            "max_request_bytes": LONGEST,
        },
    })
}

fn mcp() -> Value {
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp",
            "traffic_mode": "REJECT_NO_MCP",
            "reject_duplicate_keys": true,
            "max_request_body_size": LONGEST,
        },
    })
}

/// One `rbac` policy for each rule.
fn rbac(rules: usize) -> Value {
    let of_mcp = |path: &[&str], value: &str| {
        let path: Vec<_> = path.iter().map(|key| json!({"key": key})).collect();
        json!({"metadata": {
            "filter": "envoy.filters.http.mcp", "path": path,
            "value": {"string_match": {"exact": value}},
        }})
    };
    let mut policies = serde_json::Map::new();
    for number in 0..rules {
        let (source, tool) = rule(number, rules);
        let principal = match source {
            None => json!({"any": true}),
            Some(source) => json!({"authenticated": {"principal_name": {"exact": source}}}),
        };
        let call = [
            of_mcp(&["method"], "tools/call"),
            of_mcp(&["params", "name"], &tool),
        ];
        let policy = json!({
            "principals": [principal], "permissions": [{"and_rules": {"rules": call}}],
        });
        policies.insert(format!("rule-{number:05}"), policy);
    }
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": policies},
        },
    })
}
