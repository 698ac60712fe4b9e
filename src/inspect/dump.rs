//! What there is in a configuration dump of Envoy's admin interface.

use std::collections::BTreeSet;

use serde_json::Value;

/// A configuration dump.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dump<'d>(&'d [Value]);

/// The chain of HTTP filters of a connection manager, and what is around it.
#[derive(Debug, Clone)]
pub(super) struct Chain<'d> {
    /// The listener's name, and the filter chain's where it has one.
    pub(super) place: String,
    /// Where TLS ends, if it does.
    pub(super) tls: Option<&'d Value>,
    pub(super) manager: &'d Value,
}

/// The list at a path; none where there is none.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    let found = value.pointer(path).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The text at a path.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    let found = value.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// Whether something is of a type, by the end of its name.
pub(super) fn is_type(value: &Value, name: &str) -> bool {
    let (_, found) = text(value, "/@type").rsplit_once('/').unwrap_or_default();
    found == name || found.ends_with(&format!(".{name}"))
}

impl<'d> Dump<'d> {
    /// `None` for what is no dump.
    pub(super) fn new(dump: &'d Value) -> Option<Self> {
        let configs = dump.get("configs")?.as_array()?;
        let has = |name: &str| configs.iter().any(|config| is_type(config, name));
        has("ListenersConfigDump").then_some(Self(configs))
    }

    /// The items of the dumps of a kind.
    fn of(self, kind: &str, path: &str) -> impl Iterator<Item = &'d Value> {
        let dumps = self.0.iter().filter(move |config| is_type(config, kind));
        let path = path.to_owned();
        dumps.flat_map(move |dump| list(dump, &path))
    }

    fn listeners(self) -> impl Iterator<Item = &'d Value> {
        let fixed = self.of("ListenersConfigDump", "/static_listeners");
        let dynamic = self.of("ListenersConfigDump", "/dynamic_listeners");
        let fixed = fixed.filter_map(|listener| listener.get("listener"));
        fixed.chain(dynamic.filter_map(|listener| listener.pointer("/active_state/listener")))
    }

    /// Every chain of HTTP filters.
    pub(super) fn chains(self) -> Vec<Chain<'d>> {
        let mut chains = Vec::new();
        for listener in self.listeners() {
            let others = list(listener, "/filter_chains").iter();
            for chain in others.chain(listener.get("default_filter_chain")) {
                let name = text(listener, "/name");
                let place = match text(chain, "/name") {
                    "" => name.to_owned(),
                    chain => format!("{name}, {chain}"),
                };
                for filter in list(chain, "/filters") {
                    let Some(manager) = filter.get("typed_config") else {
                        continue;
                    };
                    if is_type(manager, "HttpConnectionManager") {
                        chains.push(Chain {
                            place: place.clone(),
                            tls: chain.pointer("/transport_socket/typed_config"),
                            manager,
                        });
                    }
                }
            }
        }
        chains
    }

    /// The configuration of a filter that is discovered by name.
    pub(super) fn discovered(self, name: &str) -> Option<&'d Value> {
        let mut all = self.of("EcdsConfigDump", "/ecds_filters");
        let found = all.find(|filter| text(filter, "/ecds_filter/name") == name)?;
        found.pointer("/ecds_filter/typed_config")
    }

    /// The routes of a connection manager: its own, or those that are discovered by name.
    pub(super) fn routes(self, manager: &'d Value) -> Option<&'d Value> {
        if let Some(own) = manager.get("route_config") {
            return Some(own);
        }
        let name = text(manager, "/rds/route_config_name");
        let fixed = self.of("RoutesConfigDump", "/static_route_configs");
        let mut all = fixed.chain(self.of("RoutesConfigDump", "/dynamic_route_configs"));
        let found = all.find(|routes| text(routes, "/route_config/name") == name)?;
        found.get("route_config")
    }

    /// The names of all clusters.
    pub(super) fn clusters(self) -> Vec<&'d str> {
        let all = self.all_clusters();
        all.map(|cluster| text(cluster, "/name")).collect()
    }

    fn all_clusters(self) -> impl Iterator<Item = &'d Value> {
        let fixed = self.of("ClustersConfigDump", "/static_clusters");
        let all = fixed.chain(self.of("ClustersConfigDump", "/dynamic_active_clusters"));
        all.filter_map(|cluster| cluster.get("cluster"))
    }

    /// The backends of a route that a cluster stands for, as Envoy Gateway names them in its
    /// localities: `httproute/<namespace>/<name>/rule/0/backend/1`.
    pub(super) fn backends_of(self, cluster: &str) -> BTreeSet<&'d str> {
        let own = self.all_clusters();
        let own = own.filter(|found| text(found, "/name") == cluster);
        let own = own.flat_map(|found| list(found, "/load_assignment/endpoints"));
        let fixed = self.of("EndpointsConfigDump", "/static_endpoint_configs");
        let found = fixed.chain(self.of("EndpointsConfigDump", "/dynamic_endpoint_configs"));
        let found = found.filter_map(|found| found.get("endpoint_config"));
        let found = found.filter(|found| text(found, "/cluster_name") == cluster);
        let found = found.flat_map(|found| list(found, "/endpoints"));
        let regions = own
            .chain(found)
            .map(|place| text(place, "/locality/region"));
        regions
            .filter(|region| region.contains("/backend/"))
            .collect()
    }
}
