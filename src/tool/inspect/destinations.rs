//! Where routes lead beside the cluster that was judged.

use std::collections::BTreeSet;

use serde_json::Value;

use super::clusters::Leading;
use super::dump::{Chain, Dump, Network};
use super::plugin::InstalledFilter;
use super::typed::{all_called, below, is_called, is_on, kinds, text};

/// What of routes leads nowhere itself: mirrors are looked at elsewhere.
const ASIDE: [&str; 2] = ["request_mirror_policies", "typed_per_filter_config"];

/// What chooses clusters by a program, or by what it reads.
const SPECIFIERS: [&str; 2] = [
    "cluster_specifier_plugins",
    "inline_cluster_specifier_plugin",
];

/// The only one of them that says which clusters it chooses from.
const MATCHER: &str =
    "envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier";

/// Whether routes lead to a backend by a cluster that it does not list, where those of no
/// backend are the Gateway's.
pub(super) fn unlisted(dump: Dump<'_>, chain: &Chain<'_>, leading: &Leading<'_>) -> Option<String> {
    let unlisted = leading.unlisted();
    let mut names = RouteClusters::default();
    for routes in dump.routes(chain.manager) {
        names.read(routes);
    }
    if let Some(name) = unseen(dump, leading).find(|name| names.may_be(name)) {
        return Some(format!(
            "the endpoints of `{name}`, to which routes lead, or may, are not in the dump: ask for \
             `config_dump?include_eds`"
        ));
    }
    let mut led = unlisted;
    led.retain(|(name, _)| names.may_be(name));
    (!led.is_empty()).then(|| {
        let why: Vec<String> = led.into_iter().map(|(_, why)| why).collect();
        format!(
            "routes lead, or may, to backends by clusters that they do not list, where \
             `unlisted: Gateway` asks none of their policies: {}",
            why.join(", ")
        )
    })
}

/// The clusters to which the filter lets requests go on, by the routes of chains that have it.
/// Where a request may name one, that is all of them.
pub(super) fn judged<'d>(dump: Dump<'d>, network: &Network<'d>) -> BTreeSet<&'d str> {
    let chains = network.chains.iter();
    let chains = chains.filter(|chain| InstalledFilter::find(dump, chain).is_some());
    let mut names = RouteClusters::default();
    for routes in chains.flat_map(|chain| dump.routes(chain.manager)) {
        names.read(routes);
    }
    if names.is_any {
        let all = dump.clusters();
        names.clusters.extend(all.map(|found| text(found, "/name")));
    }
    names.clusters
}

/// Clusters of no backend of which nobody can say where they lead.
fn unseen<'d>(dump: Dump<'d>, leading: &Leading<'_>) -> impl Iterator<Item = &'d str> {
    let are_there = leading.is_empty() || dump.has_endpoints();
    let all = dump.clusters();
    let all = all.filter(move |cluster| !are_there && text(cluster, "/type") == "EDS");
    all.map(|cluster| text(cluster, "/name"))
        .filter(|name| !leading.has(name))
}

/// The clusters that routes name.
#[derive(Debug, Default)]
pub(super) struct RouteClusters<'d> {
    pub(super) clusters: BTreeSet<&'d str>,
    /// Whether requests or programs may name any.
    is_any: bool,
}

impl<'d> RouteClusters<'d> {
    fn may_be(&self, name: &str) -> bool {
        self.is_any || self.clusters.contains(name)
    }

    pub(super) fn read(&mut self, routes: &'d Value) {
        let mut open = vec![routes];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => open.extend(items),
                Value::Object(members) => {
                    for (key, inner) in members {
                        if !ASIDE.iter().any(|aside| is_called(key, aside)) {
                            self.member(key, inner);
                            open.push(inner);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn member(&mut self, key: &str, value: &'d Value) {
        if is_called(key, "cluster") {
            self.clusters.extend(value.as_str());
        } else if is_called(key, "cluster_header") {
            self.is_any = true;
        } else if is_called(key, "clusters") {
            let items = value.as_array().into_iter().flatten();
            self.clusters.extend(items.map(|item| text(item, "/name")));
        } else if SPECIFIERS.iter().any(|name| is_called(key, name)) {
            self.is_any |= !kinds(value).any(|kind| kind == MATCHER);
            let texts = below(value).into_iter();
            self.clusters
                .extend(texts.filter_map(|(_, it)| it.as_str()));
        }
    }
}

/// What has another cluster chosen where a request is sent again.
pub(super) fn retries(dump: Dump<'_>) -> Option<String> {
    let mut found = dump
        .parts()
        .flat_map(|part| all_called(part, "refresh_cluster_on_retry"));
    found.any(is_on).then(|| {
        "a `retry_policy` has `refresh_cluster_on_retry`: a request that is sent again may go to \
         another cluster than the one that it was judged for"
            .to_owned()
    })
}
