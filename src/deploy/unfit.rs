//! Why there is no such configuration for a policy.

use std::fmt;

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
