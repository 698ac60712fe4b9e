//! Why there is no such configuration for a policy.

use super::ports;
use crate::engine::policy::ObjectName;

/// Why there is no such configuration for a policy. Its display is one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Envoy Gateway cannot hold request headers.
    #[error(
        "Envoy Gateway cannot hold request headers: compile the policy with `requestHeaders: Stream` \
         in the enforcement point"
    )]
    Holds,
    /// A whole Envoy knows callers by their certificates.
    #[error(
        "a whole Envoy is written for `identity.from: PeerCertificate` only: render the filter \
         (`--form filter`) and put it into an Envoy of yours"
    )]
    Identity,
    /// There are several clusters, and nothing says what goes to which.
    #[error(
        "no policy says which requests go to which cluster: say `--route PATH=CLUSTER` for each of {}",
        listed(.0)
    )]
    Unrouted(Vec<String>),
    /// These clusters are nowhere.
    #[error(
        "no policy says where a cluster is: say `--cluster NAME=HOST:PORT` for {}",
        listed(.0)
    )]
    Addresses(Vec<String>),
    /// A cluster is given that is none of the policy's, which are these.
    #[error("`--cluster {0}=…`: the policy has no cluster of this name, but {known}", known = listed(.1))]
    Unknown(String, Vec<String>),
    /// A route leads to a cluster that is none of the backends', which are these.
    #[error("`--route …={0}`: no backend has this cluster; there is {known}", known = listed(.1))]
    NoBackend(String, Vec<String>),
    /// A cluster has two addresses.
    #[error("`--cluster {0}=…` is there twice")]
    TwoAddresses(String),
    /// A path has two routes.
    #[error("`--route {0}=…` is there twice")]
    TwoRoutes(String),
    /// Envoy would take two ports of the Gateway on this one.
    #[error(
        "the ports {1} and {2} of the Gateway would both be port {0} of Envoy: policies name the \
         Gateway's, and `--port GATEWAY=ENVOY` says where Envoy takes one"
    )]
    OnePort(u64, u64, u64),
    /// Envoy does not listen on the first port, but on the second.
    #[error("`--port …={0}`: this Envoy listens on port {1} (`--listen`)")]
    NotListening(u64, u64),
    /// Policies are for several ports of the Gateway, and one listens.
    #[error(
        "policies tell {} of the Gateway apart, and this Envoy listens on port {listen} only: say \
         which of them that is, such as `--port {}={listen}`",
        ports::listed(ports),
        ports.first().unwrap_or(listen)
    )]
    WhichPort {
        /// Those of the Gateway.
        ports: Vec<u64>,
        /// The one of Envoy.
        listen: u64,
    },
    /// Policies are for ports that are none of this Envoy's.
    #[error(
        "policies are for {} of the Gateway, and this Envoy is its port {port} only, where they \
         would be dead: leave them out, or say `--port {port}={listen}` to render them all the same",
        ports::listed(dead)
    )]
    Dead {
        /// The one that is.
        port: u64,
        /// Those that are not.
        dead: Vec<u64>,
        /// The one of Envoy.
        listen: u64,
    },
    /// An expression of this policy reads the port, and no listener is known.
    #[error(
        "an expression of `{0}` reads `destination.port`, and nothing says which ports the Gateway \
         has: list its `listeners` in the enforcement point file, or say `--port GATEWAY=ENVOY`"
    )]
    UnknownPorts(ObjectName),
    /// A cluster is to be MCP server and authorizer.
    #[error(
        "the cluster `{0}` would be an MCP server and an authorizer: give them two in the \
         enforcement point"
    )]
    Both(String),
}

/// Each in backticks.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
