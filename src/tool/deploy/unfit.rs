//! Why there is no such configuration for a policy.

use std::fmt;

use super::ports;
use crate::engine::policy::ObjectName;

/// Why there is no such configuration for a policy. Its display is one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Envoy Gateway cannot hold request headers.
    Holds,
    /// A whole Envoy knows callers by their certificates.
    Identity,
    /// There are several clusters, and nothing says what goes to which.
    Unrouted(Vec<String>),
    /// These clusters are nowhere.
    Addresses(Vec<String>),
    /// A cluster is given that is none of the policy's, which are these.
    Unknown(String, Vec<String>),
    /// A route leads to a cluster that is none of the backends', which are these.
    NoBackend(String, Vec<String>),
    /// A cluster has two addresses.
    TwoAddresses(String),
    /// A path has two routes.
    TwoRoutes(String),
    /// Envoy would take two ports of the Gateway on this one.
    OnePort(u64, u64, u64),
    /// Envoy does not listen on the first port, but on the second.
    NotListening(u64, u64),
    /// Policies are for several ports of the Gateway, and one listens.
    WhichPort {
        /// Those of the Gateway.
        ports: Vec<u64>,
        /// The one of Envoy.
        listen: u64,
    },
    /// Policies are for ports that are none of this Envoy's.
    Dead {
        /// The one that is.
        port: u64,
        /// Those that are not.
        dead: Vec<u64>,
        /// The one of Envoy.
        listen: u64,
    },
    /// An expression of this policy reads the port, and no listener is known.
    UnknownPorts(ObjectName),
    /// A cluster is to be MCP server and authorizer.
    Both(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str(
                "Envoy Gateway cannot hold request headers: compile the policy with \
                 `requestHeaders: Stream` in the enforcement point",
            ),
            Self::Identity => f.write_str(
                "a whole Envoy is written for `identity.from: PeerCertificate` only: render the \
                 filter (`--form filter`) and put it into an Envoy of yours",
            ),
            Self::Unrouted(clusters) => write!(
                f,
                "no policy says which requests go to which cluster: say `--route PATH=CLUSTER` \
                 for each of {}",
                listed(clusters)
            ),
            Self::Addresses(clusters) => write!(
                f,
                "no policy says where a cluster is: say `--cluster NAME=HOST:PORT` for {}",
                listed(clusters)
            ),
            Self::Unknown(name, clusters) => write!(
                f,
                "`--cluster {name}=…`: the policy has no cluster of this name, but {}",
                listed(clusters)
            ),
            Self::NoBackend(name, clusters) => write!(
                f,
                "`--route …={name}`: no backend has this cluster; there is {}",
                listed(clusters)
            ),
            Self::TwoAddresses(name) => write!(f, "`--cluster {name}=…` is there twice"),
            Self::TwoRoutes(path) => write!(f, "`--route {path}=…` is there twice"),
            Self::OnePort(envoy, first, second) => write!(
                f,
                "the ports {first} and {second} of the Gateway would both be port {envoy} of \
                 Envoy: policies name the Gateway's, and `--port GATEWAY=ENVOY` says where Envoy \
                 takes one"
            ),
            Self::NotListening(port, listen) => write!(
                f,
                "`--port …={port}`: this Envoy listens on port {listen} (`--listen`)"
            ),
            Self::WhichPort { ports, listen } => {
                let port = ports.first().unwrap_or(listen);
                write!(
                    f,
                    "policies tell {} of the Gateway apart, and this Envoy listens on port \
                     {listen} only: say which of them that is, such as `--port {port}={listen}`",
                    ports::listed(ports)
                )
            }
            Self::Dead { port, dead, listen } => write!(
                f,
                "policies are for {} of the Gateway, and this Envoy is its port {port} only, \
                 where they would be dead: leave them out, or say `--port {port}={listen}` to \
                 render them all the same",
                ports::listed(dead)
            ),
            Self::UnknownPorts(policy) => write!(
                f,
                "an expression of `{policy}` reads `destination.port`, and nothing says which \
                 ports the Gateway has: list its `listeners` in the enforcement point file, or \
                 say `--port GATEWAY=ENVOY`"
            ),
            Self::Both(name) => write!(
                f,
                "the cluster `{name}` would be an MCP server and an authorizer: give them two \
                 in the enforcement point"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

/// Each in backticks.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
