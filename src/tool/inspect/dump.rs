//! What there is in a configuration dump of Envoy's admin interface.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::managers::managers;
use super::typed::{is_struct, is_type, kind, list, named, text};

/// A configuration dump.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dump<'d>(&'d [Value]);

/// The localities with endpoints, by the cluster that they are for: those that are discovered
/// have the name of their service.
pub(super) type Endpoints<'d> = BTreeMap<&'d str, Vec<&'d Value>>;

/// The chain of HTTP filters of a connection manager, and what is around it.
#[derive(Debug, Clone)]
pub(super) struct Chain<'d> {
    /// The listener's name, and the filter chain's where it has one.
    pub(super) place: String,
    pub(super) listener: &'d Value,
    /// The filter chain of the listener.
    pub(super) outer: &'d Value,
    pub(super) manager: &'d Value,
}

/// What listeners do with connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Network<'d> {
    pub(super) chains: Vec<Chain<'d>>,
    /// What else stands in filter chains and listeners: the place, the filter chain or the
    /// listener, and its configuration.
    pub(super) others: Vec<(String, &'d Value, &'d Value)>,
    /// What may be a chain of HTTP filters, and cannot be seen: the place, and why.
    pub(super) unseen: Vec<(String, String)>,
}

const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";

/// A dump of a kind.
fn is_dump(config: &Value, kind: &str) -> bool {
    is_type(config, &format!("envoy.admin.v3.{kind}"))
}

impl<'d> Dump<'d> {
    /// `None` for what is no dump.
    pub(super) fn new(dump: &'d Value) -> Option<Self> {
        let configs = dump.get("configs")?.as_array()?;
        let has = |kind: &str| configs.iter().any(|config| is_dump(config, kind));
        has("ListenersConfigDump").then_some(Self(configs))
    }

    /// Whether it has the endpoints that are discovered, which it has when it is asked for them.
    pub(super) fn has_endpoints(self) -> bool {
        let mut all = self.0.iter();
        all.any(|config| is_dump(config, "EndpointsConfigDump"))
    }

    /// The items of the dumps of a kind.
    fn of(self, kind: &str, path: &str) -> impl Iterator<Item = &'d Value> {
        let kind = kind.to_owned();
        let dumps = self.0.iter().filter(move |config| is_dump(config, &kind));
        let path = path.to_owned();
        dumps.flat_map(move |dump| list(dump, &path))
    }

    /// Listeners that take connections.
    fn listeners(self) -> impl Iterator<Item = &'d Value> {
        let fixed = self.of("ListenersConfigDump", "/static_listeners");
        let fixed = fixed.filter_map(|listener| listener.get("listener"));
        fixed.chain(self.listeners_in("/active_state/listener"))
    }

    fn listeners_in(self, state: &'static str) -> impl Iterator<Item = &'d Value> {
        let dynamic = self.of("ListenersConfigDump", "/dynamic_listeners");
        dynamic.filter_map(move |listener| listener.pointer(state))
    }

    /// What is done with connections.
    pub(super) fn network(self) -> Network<'d> {
        self.network_of(self.listeners())
    }

    /// What is done with those that are there from before.
    pub(super) fn draining(self) -> Network<'d> {
        self.network_of(self.listeners_in("/draining_state/listener"))
    }

    fn network_of(self, listeners: impl Iterator<Item = &'d Value>) -> Network<'d> {
        let mut network = Network::default();
        for listener in listeners {
            let name = text(listener, "/name");
            for filter in list(listener, "/listener_filters") {
                let configs = self.configs(filter).into_iter();
                let configs = configs.map(|config| (name.to_owned(), listener, config));
                network.others.extend(configs);
            }
            if listener.get("fcds_config").is_some() {
                let why = "its filter chains are discovered: they cannot be seen";
                network.unseen.push((name.to_owned(), why.to_owned()));
            }
            let chains = list(listener, "/filter_chains").iter();
            for outer in chains.chain(listener.get("default_filter_chain")) {
                let place = match text(outer, "/name") {
                    "" => name.to_owned(),
                    chain => format!("{name}, {chain}"),
                };
                for filter in list(outer, "/filters") {
                    self.look(&mut network, &place, listener, outer, filter);
                }
            }
        }
        network
    }

    /// Takes a network filter for what it is.
    fn look(
        self,
        network: &mut Network<'d>,
        place: &str,
        listener: &'d Value,
        outer: &'d Value,
        filter: &'d Value,
    ) {
        let configs = self.configs(filter);
        if configs.is_empty() {
            let name = text(filter, "/name");
            let why = format!("its network filter `{name}` is not in the dump: it cannot be seen");
            network.unseen.push((place.to_owned(), why));
        }
        for config in configs {
            let managers = managers(config);
            if managers.is_empty() {
                network.others.push((place.to_owned(), outer, config));
            }
            for manager in managers {
                if is_struct(manager) {
                    let why = "its connection manager is a `TypedStruct`: it cannot be seen";
                    network.unseen.push((place.to_owned(), why.to_owned()));
                    continue;
                }
                network.chains.push(Chain {
                    place: place.to_owned(),
                    listener,
                    outer,
                    manager,
                });
            }
        }
    }

    /// The configurations of a filter: its own, or those that are discovered by its name.
    pub(super) fn configs(self, filter: &'d Value) -> Vec<&'d Value> {
        match filter.get("typed_config") {
            Some(own) => vec![own],
            None => self.discovered(filter),
        }
    }

    /// What is discovered by a filter's name. Several may have the name, from several sources,
    /// and nothing says whose is whose.
    pub(super) fn discovered(self, filter: &'d Value) -> Vec<&'d Value> {
        let name = text(filter, "/name");
        let wanted = list(filter, "/config_discovery/type_urls");
        let wanted = wanted.iter().filter_map(Value::as_str).map(named);
        let is_wanted = |found: &&Value| {
            let mut wanted = wanted.clone();
            wanted.any(|wanted| wanted == kind(found))
        };
        let all = self.of("EcdsConfigDump", "/ecds_filters");
        let all = all.filter_map(|found| found.get("ecds_filter"));
        let all = all.filter(|found| text(found, "/name") == name);
        let all = all.filter_map(|found| found.get("typed_config"));
        all.filter(is_wanted).collect()
    }

    /// The routes of a connection manager: its own, or those that are discovered by name, of
    /// which several may have it, as above.
    pub(super) fn routes(self, manager: &'d Value) -> Vec<&'d Value> {
        if let Some(own) = manager.get("route_config") {
            return vec![own];
        }
        if manager.get("rds").is_none() {
            return Vec::new();
        }
        let name = text(manager, "/rds/route_config_name");
        let all = self.routes_of("/dynamic_route_configs");
        let all = all.filter(|found| is_type(found, ROUTES));
        all.filter(|found| text(found, "/name") == name).collect()
    }

    fn routes_of(self, path: &str) -> impl Iterator<Item = &'d Value> {
        let all = self.of("RoutesConfigDump", path);
        all.filter_map(|found| found.get("route_config"))
    }

    /// All routes: those that are discovered, and those that stand in a filter.
    fn all_routes(self) -> impl Iterator<Item = &'d Value> {
        let fixed = self.routes_of("/static_route_configs");
        fixed.chain(self.routes_of("/dynamic_route_configs"))
    }

    /// Those of other protocols than HTTP that are discovered.
    pub(super) fn other_routes(self) -> impl Iterator<Item = &'d Value> {
        let all = self.routes_of("/dynamic_route_configs");
        all.filter(|found| !is_type(found, ROUTES))
    }

    /// Everything that says what becomes of connections and requests.
    pub(super) fn parts(self) -> impl Iterator<Item = &'d Value> {
        let filters = self.of("EcdsConfigDump", "/ecds_filters");
        let filters = filters.filter_map(|found| found.get("ecds_filter"));
        self.listeners()
            .chain(self.all_routes())
            .chain(filters)
            .chain(self.clusters())
    }

    /// The secrets of a name, as above.
    pub(super) fn secrets(self, name: &str) -> Vec<&'d Value> {
        let fixed = self.of("SecretsConfigDump", "/static_secrets");
        let all = fixed.chain(self.of("SecretsConfigDump", "/dynamic_active_secrets"));
        let all = all.filter(|found| text(found, "/name") == name);
        all.filter_map(|found| found.get("secret")).collect()
    }

    /// Every cluster.
    pub(super) fn clusters(self) -> impl Iterator<Item = &'d Value> {
        let fixed = self.of("ClustersConfigDump", "/static_clusters");
        let all = fixed.chain(self.of("ClustersConfigDump", "/dynamic_active_clusters"));
        all.filter_map(|cluster| cluster.get("cluster"))
    }

    /// The endpoints of all clusters.
    pub(super) fn endpoints(self) -> Endpoints<'d> {
        let fixed = self.of("EndpointsConfigDump", "/static_endpoint_configs");
        let found = fixed.chain(self.of("EndpointsConfigDump", "/dynamic_endpoint_configs"));
        let mut all = Endpoints::new();
        for found in found.filter_map(|found| found.get("endpoint_config")) {
            let places = all.entry(text(found, "/cluster_name")).or_default();
            places.extend(list(found, "/endpoints"));
        }
        all
    }

    /// The backends of a route that a cluster stands for, as Envoy Gateway names them in its
    /// localities: `httproute/<namespace>/<name>/rule/0/backend/1`.
    pub(super) fn backends_of(self, cluster: &str) -> BTreeSet<&'d str> {
        let own = self.clusters();
        let own = own.filter(|found| text(found, "/name") == cluster);
        let own = own.flat_map(|found| list(found, "/load_assignment/endpoints"));
        let found = self.endpoints().remove(cluster).unwrap_or_default();
        let all = own.chain(found);
        let regions = all.map(|place| text(place, "/locality/region"));
        regions
            .filter(|region| region.contains("/backend/"))
            .collect()
    }
}
