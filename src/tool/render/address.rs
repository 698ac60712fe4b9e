//! Where something is that Envoy is to reach, and what leads there.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host, by name or by number, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

/// Text that is no address. Its display is one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is `HOST:PORT`, such as `127.0.0.1:8000`")]
pub struct AddressError;

impl Address {
    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host has to be looked up.
    pub fn is_name(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = match text.parse::<SocketAddr>() {
            Ok(address) => Self::from(address),
            Err(_) => {
                let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
                let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                if host.is_empty() || !host.chars().all(is_of_name) {
                    return Err(AddressError);
                }
                Self {
                    host: host.to_owned(),
                    port: port.parse().map_err(|_| AddressError)?,
                }
            }
        };
        match address.port {
            0 => Err(AddressError),
            _ => Ok(address),
        }
    }
}

/// `NAME=HOST:PORT`: where the server of an Envoy cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    /// The cluster, as the enforcement point names it.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

impl FromStr for ClusterAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.rsplit_once('=').filter(|(name, _)| !name.is_empty());
        let (name, address) = parts.ok_or("a cluster is given as `NAME=HOST:PORT`")?;
        let address = address
            .parse()
            .map_err(|AddressError| "the address of a cluster is `HOST:PORT`")?;
        Ok(Self {
            name: name.to_owned(),
            address,
        })
    }
}

/// `PATH=CLUSTER`: what goes to a cluster, by whole segments of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `/`, or without a `/` at its end.
    pub path: String,
    /// The cluster, as the enforcement point names it.
    pub cluster: String,
}

impl FromStr for Route {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split_once('=')
            .filter(|(_, cluster)| !cluster.is_empty());
        let (path, cluster) = parts.ok_or("a route is given as `PATH=CLUSTER`")?;
        let is_whole = path == "/" || (path.starts_with('/') && !path.ends_with('/'));
        let is_of_path = |c: char| c.is_ascii_graphic() && c != '?' && c != '#';
        if !is_whole || !path.chars().all(is_of_path) {
            return Err("the path of a route is `/`, or begins with `/` and ends without");
        }
        Ok(Self {
            path: path.to_owned(),
            cluster: cluster.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, host, port, is_name) in [
            ("127.0.0.1:8000", "127.0.0.1", 8000, false),
            ("[::1]:80", "::1", 80, false),
            ("mcp.example:443", "mcp.example", 443, true),
        ] {
            let found: Address = text.parse().unwrap();
            assert_eq!((found.host(), found.port()), (host, port));
            assert_eq!(found.is_name(), is_name, "{text}");
        }
        for text in [
            "",
            "a",
            ":1",
            "a:0",
            "127.0.0.1:0",
            "a:65536",
            "a b:1",
            "::1",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn clusters_and_routes() {
        let found: ClusterAddress = "a=b=c:1".parse().unwrap();
        assert_eq!((&*found.name, found.address.host()), ("a=b", "c"));
        for text in ["", "a", "=c:1", "a=c", "a="] {
            assert!(text.parse::<ClusterAddress>().is_err(), "{text}");
        }
        let found: Route = "/a=b=c".parse().unwrap();
        assert_eq!((&*found.path, &*found.cluster), ("/a", "b=c"));
        for text in ["", "/a", "a=b", "/a/=b", "/a=", "/a?b=c", "/ü=c"] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }
}
