//! What leads connections to backends without looking at requests.

use serde_json::Value;

use super::clusters::Leading;
use super::connections::{FORWARDING, PROGRAMS, is_known};
use super::destinations::RouteClusters;
use super::dump::{Dump, Network};
use super::state;
use super::typed::{all_called, below, is_type, kind, kinds, list, text};

const SNI_CLUSTER: &str = "envoy.extensions.filters.network.sni_cluster.v3.SniCluster";

/// What does so: where, and what of it.
pub(super) fn round(
    dump: Dump<'_>,
    network: &Network<'_>,
    leading: &Leading<'_>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut named = Vec::new();
    for (place, outer, config) in &network.others {
        let wrong = leads(config, leading)
            .or_else(|| state::leads(config, leading))
            .or_else(|| chosen(config, outer, leading))
            .or_else(|| unknown(config, outer));
        found.extend(wrong.map(|wrong| (place.clone(), wrong)));
        for name in all_called(config, "route_config_name").filter_map(Value::as_str) {
            let mut routes = dump.other_routes();
            if !routes.any(|routes| text(routes, "/name") == name) {
                let wrong = format!("its routes `{name}` are not in the dump: they cannot be seen");
                found.push((place.clone(), wrong));
            }
            named.push((name, place));
        }
    }
    for routes in dump.other_routes() {
        let own = text(routes, "/name");
        let Some(wrong) = leads(routes, leading).or_else(|| by_header(routes, leading)) else {
            continue;
        };
        let mut places: Vec<String> = named
            .iter()
            .filter(|(name, _)| *name == own)
            .map(|(_, place)| (*place).clone())
            .collect();
        if places.is_empty() {
            places.push("routes".to_owned());
        }
        found.extend(places.into_iter().map(|place| (place, wrong.clone())));
    }
    for chain in &network.chains {
        let filters = list(chain.manager, "/http_filters").iter();
        let filters = filters.flat_map(|filter| dump.discovered(filter));
        let routes = dump.routes(chain.manager);
        let mut parts = routes.into_iter().chain(filters).chain([chain.manager]);
        let wrong = parts.find_map(|part| state::leads(part, leading));
        found.extend(wrong.map(|wrong| (chain.place.clone(), wrong)));
    }
    found
}

/// Whether something names a cluster that leads to a backend.
fn leads(config: &Value, leading: &Leading<'_>) -> Option<String> {
    let mut clusters: Vec<&str> = below(config)
        .into_iter()
        .filter(|(key, _)| !["@type", "stat_prefix"].contains(key))
        .filter_map(|(_, member)| member.as_str())
        .filter(|name| leading.has(name))
        .collect();
    clusters.sort_unstable();
    clusters.dedup();
    (!clusters.is_empty()).then(|| {
        let (_, what) = kind(config).rsplit_once('.').unwrap_or_default();
        let clusters = clusters.join(", ");
        format!("`{what}` leads connections to {clusters}: nobody judges them")
    })
}

/// Whether a filter leads connections to a cluster that clients choose.
fn chosen(config: &Value, outer: &Value, leading: &Leading<'_>) -> Option<String> {
    if is_type(config, SNI_CLUSTER) && may_be_named(outer, leading) {
        return Some(
            "`SniCluster` leads connections to whatever cluster clients name: nobody judges them"
                .to_owned(),
        );
    }
    by_header(config, leading)
}

/// A filter of which nobody can say whether it leads connections or datagrams on. A listener's
/// own filters cannot, but those of datagrams.
fn unknown(config: &Value, outer: &Value) -> Option<String> {
    let is_network = outer.get("filters").is_some();
    let is_udp = text(outer, "/address/socket_address/protocol") == "UDP";
    let own = kind(config);
    let is_udp = is_udp && !own.starts_with("envoy.extensions.filters.listener.");
    (!is_known(own) && (is_network || is_udp)).then(|| {
        format!("its filter `{own}` is not known here: it may lead connections to a backend")
    })
}

fn by_header(config: &Value, leading: &Leading<'_>) -> Option<String> {
    let by_header = all_called(config, "cluster_header").next();
    by_header.filter(|_| !leading.is_empty()).map(|_| {
        let (_, what) = kind(config).rsplit_once('.').unwrap_or_default();
        format!("`{what}` leads to whatever cluster a header names: nobody judges it")
    })
}

/// Whether a filter chain takes connections to a name that a cluster has.
fn may_be_named(outer: &Value, leading: &Leading<'_>) -> bool {
    let names = list(outer, "/filter_chain_match/server_names");
    let mut names = names.iter().filter_map(Value::as_str).peekable();
    if names.peek().is_none() {
        return !leading.is_empty();
    }
    names.any(|name| match name.strip_prefix('*') {
        Some(end) => leading.has_ending(end),
        None => leading.has(name),
    })
}

/// Where connections are led to clusters to which no request is that was judged: where no backend
/// is listed, nobody can say that it is none.
pub(super) fn elsewhere(
    dump: Dump<'_>,
    network: &Network<'_>,
    leading: &Leading<'_>,
) -> Vec<(String, String)> {
    let filters = network.others.iter();
    let filters = filters.map(|(place, _, config)| (place.as_str(), *config));
    let filters = filters.filter(|(_, config)| FORWARDING.contains(&kind(config)));
    let routes = dump.other_routes().map(|routes| ("routes", routes));
    let all = filters.chain(routes).filter_map(|(place, config)| {
        let mut names = RouteClusters::default();
        names.read(config);
        names.clusters.retain(|name| !leading.has(name));
        let clusters: Vec<&str> = names.clusters.into_iter().collect();
        let (_, what) = kind(config).rsplit_once('.').unwrap_or_default();
        let warning = format!(
            "`{what}` leads connections to {}: nobody judges them",
            clusters.join(", ")
        );
        (!clusters.is_empty()).then(|| (place.to_owned(), warning))
    });
    all.collect()
}

/// Programs of which nobody knows where they lead connections.
pub(super) fn programs(network: &Network<'_>) -> Vec<(String, String)> {
    let is_program = |config: &Value| kinds(config).any(|kind| PROGRAMS.contains(&kind));
    let all = network
        .others
        .iter()
        .filter(|(_, _, config)| is_program(config));
    all.map(|(place, _, config)| {
        let (_, what) = kind(config).rsplit_once('.').unwrap_or_default();
        let warning = format!("`{what}` is a program, which may lead connections anywhere");
        (place.clone(), warning)
    })
    .collect()
}
