//! Which clusters lead to backends, by whatever name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::dump::{Dump, Endpoints};
use super::state;
use super::typed::{all_called, below, is_on, kinds, list, text};
use crate::engine::policy::Backend;

const FORWARD: &str = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
const REVERSE: &str =
    "envoy.extensions.clusters.reverse_connection.v3.ReverseConnectionClusterConfig";
const FIRST: &str = "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster";

/// How a cluster comes to lead to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way<'a> {
    /// A backend lists it.
    Listed,
    /// It has endpoints of another.
    Shares(&'a str),
    /// It is made of another.
    MadeOf(&'a str),
    /// It goes wherever a request or a connection says.
    Told,
}

/// The clusters that lead to backends, where any is listed.
#[derive(Debug, Clone)]
pub(super) struct Leading<'a>(Vec<(&'a str, Way<'a>)>);

impl<'a> Leading<'a> {
    pub(super) fn new<'d: 'a>(dump: Dump<'d>, listed: &[&'a str]) -> Self {
        let mut found: Vec<_> = listed.iter().map(|name| (*name, Way::Listed)).collect();
        if found.is_empty() {
            return Self(found);
        }
        let listed: BTreeSet<&str> = listed.iter().copied().collect();
        let places = dump.endpoints();
        let all = dump.clusters().map(|it| (text(it, "/name"), it));
        let (own, others): (Vec<_>, Vec<_>) = all.partition(|(name, _)| listed.contains(name));
        let theirs = own.into_iter().flat_map(|(name, cluster)| {
            let keys = endpoints(&places, cluster).into_iter();
            keys.map(move |key| (key, name))
        });
        let theirs: BTreeMap<String, &str> = theirs.collect();
        let is_told = is_told(dump);
        for (name, cluster) in &others {
            let own = endpoints(&places, cluster);
            let shared = own.iter().find_map(|key| theirs.get(key));
            match shared {
                Some(with) => found.push((name, Way::Shares(with))),
                None if is_told(cluster) => found.push((name, Way::Told)),
                None => {}
            }
        }
        // What is made of these, and of that.
        loop {
            let known: BTreeSet<&str> = found.iter().map(|(known, _)| *known).collect();
            let new = others.iter().filter(|(name, _)| !known.contains(name));
            let more = new.filter_map(|(name, cluster)| {
                let parts = parts(cluster);
                let of = parts.into_iter().find_map(|part| known.get(part));
                of.map(|of| (*name, Way::MadeOf(of)))
            });
            let more: Vec<_> = more.collect();
            if more.is_empty() {
                return Self(found);
            }
            found.extend(more);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    /// Whether one has a name that ends so.
    pub(super) fn has_ending(&self, end: &str) -> bool {
        self.0.iter().any(|(known, _)| known.ends_with(end))
    }

    /// Those that no backend lists, each with why it leads to one.
    pub(super) fn unlisted(&self) -> Vec<(&'a str, String)> {
        let all = self.0.iter().filter_map(|(name, way)| {
            let why = match way {
                Way::Listed => return None,
                Way::Shares(with) => format!("`{name}` has endpoints of `{with}`"),
                Way::MadeOf(of) => format!("`{name}` is made of `{of}`"),
                Way::Told => format!("`{name}` goes where requests say"),
            };
            Some((*name, why))
        });
        all.collect()
    }
}

/// The texts in what a cluster is made by, among them the names of others that it is made of.
fn parts(cluster: &Value) -> BTreeSet<&str> {
    let made = cluster.get("cluster_type").map(below).unwrap_or_default();
    made.into_iter()
        .filter_map(|(_, part)| part.as_str())
        .collect()
}

/// Which clusters go wherever a request or a connection says.
fn is_told(dump: Dump<'_>) -> impl Fn(&Value) -> bool {
    // A filter may have it from the client.
    let is_set = dump.parts().any(state::tells_address);
    move |cluster| {
        let types = cluster.get("cluster_type").map(|it| kinds(it).collect());
        let types: Vec<&str> = types.unwrap_or_default();
        let is_first = text(cluster, "/type") == "ORIGINAL_DST" || types.contains(&FIRST);
        types.contains(&FORWARD)
            || types.contains(&REVERSE)
            || is_first && (is_set || all_called(cluster, "use_http_header").any(is_on))
    }
}

/// What tells the endpoints of a cluster, as far as the dump has them.
fn endpoints(places: &Endpoints<'_>, cluster: &Value) -> BTreeSet<String> {
    let name = text(cluster, "/name");
    let service = text(cluster, "/eds_cluster_config/service_name");
    let service = if service.is_empty() { name } else { service };
    let own = list(cluster, "/load_assignment/endpoints").iter();
    let names = BTreeSet::from([name, service]);
    let found = names.into_iter().filter_map(|name| places.get(name));
    let found = found.flatten().copied();
    let all = own
        .chain(found)
        .flat_map(|place| list(place, "/lb_endpoints"))
        .filter_map(|found| found.get("endpoint"));
    let mut keys = BTreeSet::new();
    for endpoint in all {
        let further = list(endpoint, "/additional_addresses").iter();
        let addresses = further.chain([endpoint]).filter_map(|it| it.get("address"));
        keys.extend(addresses.filter_map(key));
    }
    if cluster.get("eds_cluster_config").is_some() {
        keys.insert(format!("eds {service}"));
    }
    keys
}

/// What two spellings of an address have in common.
fn key(address: &Value) -> Option<String> {
    let Some(socket) = address.get("socket_address") else {
        return address.is_object().then(|| address.to_string());
    };
    let host = text(socket, "/address").trim_end_matches('.');
    let port = socket.get("port_value").or(socket.get("named_port"));
    let port = port.map(Value::to_string).unwrap_or_default();
    Some(format!("{}:{port}", host.to_ascii_lowercase()))
}

/// Clusters of a backend by which requests that were judged for it come to another.
pub(super) fn crossing(dump: Dump<'_>, backends: &[Backend]) -> Option<String> {
    let is_told = is_told(dump);
    let mut wrong = BTreeSet::new();
    for backend in backends {
        let others = backends.iter().filter(|it| it.backend != backend.backend);
        let others: Vec<&str> = others
            .flat_map(|it| &it.clusters)
            .map(String::as_str)
            .collect();
        for cluster in dump.clusters() {
            let name = text(cluster, "/name");
            if others.is_empty() || !backend.clusters.iter().any(|own| own == name) {
                continue;
            }
            if is_told(cluster) {
                wrong.insert(format!("`{name}` goes where requests say"));
            }
            let mut made = vec![name];
            let mut at = 0;
            while let Some(of) = made.get(at).copied() {
                at += 1;
                let of = dump.clusters().find(|it| text(it, "/name") == of);
                let parts = of.map(parts).unwrap_or_default();
                let known = dump.clusters().map(|it| text(it, "/name"));
                let more = known.filter(|it| parts.contains(it) && !made.contains(it));
                let more: Vec<&str> = more.collect();
                made.extend(more);
            }
            for other in made.into_iter().filter(|it| others.contains(it)) {
                wrong.insert(format!("`{name}` is made of `{other}`"));
            }
        }
    }
    (!wrong.is_empty()).then(|| {
        let wrong: Vec<String> = wrong.into_iter().collect();
        format!(
            "requests come to another backend than the one that they are judged for: {}",
            wrong.join(", ")
        )
    })
}
