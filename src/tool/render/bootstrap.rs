//! A whole Envoy: TLS, one listener, the filter, MCP servers and authorizers.
//!
//! Where things are no policy says; it refuses to guess.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::template::{Template, indented, quoted};
use super::{Address, ClusterAddress, RenderError, Route, buffer, guard};
use crate::engine::policy::{CompiledPolicy, IdentitySource, Protocol};
use crate::tool::render::filter;

/// Of a whole Envoy, what no policy says.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Where Envoy listens.
    pub listen: SocketAddr,
    /// The port of the admin interface, on loopback; absent, there is none.
    pub admin_port: Option<u16>,
    /// Where the MCP server is, if the policy knows one cluster of it at most.
    pub upstream: Address,
    /// Where the other clusters are.
    pub clusters: Vec<ClusterAddress>,
    /// What goes to which cluster; empty: everything to the one there is.
    pub routes: Vec<Route>,
    /// The folder with `server.pem`, `server.key` and `authority.pem`.
    pub certificates: String,
    /// The file that brings the filter's configuration and its changes; absent writes it in.
    pub discovery: Option<String>,
}

/// The clusters of a policy.
struct Clusters {
    /// Those of backends; never empty.
    backends: Vec<String>,
    /// Those of authorizers, and whether they speak gRPC.
    authorizers: BTreeMap<String, bool>,
}

/// A whole Envoy.
///
/// # Errors
/// When the policy needs what that has not, or is not said to have.
pub fn bootstrap(
    policy: &CompiledPolicy,
    module: &str,
    edge: &Edge,
) -> Result<String, RenderError> {
    if policy.settings.identity != IdentitySource::PeerCertificate {
        return Err(RenderError::Identity);
    }
    let known = Clusters::of(policy)?;
    let routes = routes(&known, edge)?;
    let clusters = clusters(policy, &known, edge)?;
    let filter = match &edge.discovery {
        None => filter(policy, module),
        Some(file) => {
            let discovered = include_str!("discovered.yaml");
            let filter = Template(discovered).fill(&[("file", &quoted(file))]);
            format!("{filter}{}", guard(policy))
        }
    };
    let admin = edge
        .admin_port
        .map(|port| Template(include_str!("admin.yaml")).fill(&[("port", &port.to_string())]));
    let stats = format!("{}\n", include_str!("stats.yaml"));
    let file = |name: &str| quoted(&format!("{}/{name}", edge.certificates));
    Ok(Template(include_str!("bootstrap.yaml")).fill(&[
        ("admin", &admin.unwrap_or_default()),
        ("stats", &stats),
        ("listen_ip", &quoted(&edge.listen.ip().to_string())),
        ("listen_port", &edge.listen.port().to_string()),
        ("server_pem", &file("server.pem")),
        ("server_key", &file("server.key")),
        ("authority_pem", &file("authority.pem")),
        ("buffer", &buffer(policy).to_string()),
        ("routes", &indented(&routes, 24)),
        ("filter", &indented(&filter, 18)),
        ("clusters", &indented(&clusters, 4)),
    ]))
}

impl Clusters {
    fn of(policy: &CompiledPolicy) -> Result<Self, RenderError> {
        let backends = policy.backends.iter();
        let mut backends: Vec<String> = backends
            .flat_map(|backend| backend.clusters.iter().cloned())
            .collect();
        if backends.is_empty() {
            backends.push("mcp".to_owned());
        }
        let mut authorizers = BTreeMap::new();
        for auth in policy
            .policies
            .iter()
            .filter_map(|p| p.external_auth.as_ref())
        {
            // SECURITY: what is meant for the one must not reach the other.
            if backends.contains(&auth.cluster) {
                return Err(RenderError::Both(auth.cluster.clone()));
            }
            let is_grpc = matches!(auth.protocol, Protocol::Grpc(_));
            *authorizers.entry(auth.cluster.clone()).or_default() |= is_grpc;
        }
        Ok(Self {
            backends,
            authorizers,
        })
    }

    fn names(&self) -> Vec<String> {
        let authorizers = self.authorizers.keys();
        self.backends.iter().chain(authorizers).cloned().collect()
    }
}

/// The routes, longer paths first.
fn routes(known: &Clusters, edge: &Edge) -> Result<String, RenderError> {
    let mut routes = BTreeMap::new();
    for Route { path, cluster } in &edge.routes {
        if !known.backends.contains(cluster) {
            return Err(RenderError::NoBackend(
                cluster.clone(),
                known.backends.clone(),
            ));
        }
        if routes
            .insert((path.len(), path.as_str()), cluster)
            .is_some()
        {
            return Err(RenderError::TwoRoutes(path.clone()));
        }
    }
    if routes.is_empty() {
        match &known.backends[..] {
            [cluster] => routes.insert((1, "/"), cluster),
            several => return Err(RenderError::Unrouted(several.to_vec())),
        };
    }
    let routes = routes.iter().rev();
    Ok(routes
        .map(|((_, path), cluster)| {
            let kind = match *path {
                "/" => "prefix",
                _ => "path_separated_prefix",
            };
            format!(
                "- match: {{{kind}: {}}}\n  route:\n    cluster: {}\n    \
                 # A call, or its event stream, takes as long as it takes.\n    timeout: 0s\n",
                quoted(path),
                quoted(cluster)
            )
        })
        .collect())
}

/// The clusters, backends first.
fn clusters(policy: &CompiledPolicy, known: &Clusters, edge: &Edge) -> Result<String, RenderError> {
    let names = known.names();
    let mut addresses = BTreeMap::new();
    for ClusterAddress { name, address } in &edge.clusters {
        if !names.contains(name) {
            return Err(RenderError::Unknown(name.clone(), names));
        }
        if addresses.insert(name, address).is_some() {
            return Err(RenderError::TwoAddresses(name.clone()));
        }
    }
    if let [name] = &known.backends[..] {
        addresses.entry(name).or_insert(&edge.upstream);
    }
    let mut written = String::new();
    let mut missing = Vec::new();
    for name in &names {
        match addresses.get(name) {
            Some(address) => written.push_str(&cluster(policy, known, name, address)),
            None => missing.push(name.clone()),
        }
    }
    match missing.is_empty() {
        true => Ok(written),
        false => Err(RenderError::Addresses(missing)),
    }
}

fn cluster(policy: &CompiledPolicy, known: &Clusters, name: &str, address: &Address) -> String {
    let asked = known.authorizers.get(name);
    let connect = match asked {
        None => 2,
        // Longer than the filter waits: when it runs out for one connection, Envoy fails
        // every question that waits for one.
        Some(_) => {
            let ask = policy.settings.external_auth;
            (ask.timeout.milliseconds() / 1000 + 1).max(5)
        }
    };
    Template(include_str!("cluster.yaml")).fill(&[
        ("name", &quoted(name)),
        (
            "type",
            if address.is_name() {
                "STRICT_DNS"
            } else {
                "STATIC"
            },
        ),
        ("connect", &connect.to_string()),
        ("limits", asked.map_or("", |_| include_str!("limits.yaml"))),
        (
            "http2",
            match asked {
                Some(true) => include_str!("http2.yaml"),
                _ => "",
            },
        ),
        ("host", &quoted(address.host())),
        ("port", &address.port().to_string()),
    ])
}
