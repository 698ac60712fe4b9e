//! Whether a running Envoy has the filter where it has to be, by its configuration dump.

mod capabilities;
mod clusters;
mod connections;
mod destinations;
mod dump;
mod filters;
mod listener;
mod managers;
mod network;
mod parent;
mod plugin;
mod rewrites;
mod routes;
mod state;
mod typed;
mod weight;

pub use parent::{epoch, parent};
pub use weight::fits;

use serde_json::Value;

use crate::engine::policy::{CompiledPolicy, IdentitySource, RequestHeaders, Unlisted};
use clusters::Leading;
use dump::{Chain, Dump, Network};
use plugin::InstalledFilter;
use routes::Mirrors;
use typed::text;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The listener and its filter chain, or the clusters.
    pub place: String,
    /// What was looked at.
    pub check: &'static str,
    /// What is wrong, and how to mend it.
    pub wrong: Option<String>,
    /// What is right, and may not be what is meant.
    pub warning: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn wrong(&mut self, place: &str, check: &'static str, wrong: Option<String>) {
        self.add(place, check, wrong, None);
    }

    fn add(
        &mut self,
        place: &str,
        check: &'static str,
        wrong: Option<String>,
        warning: Option<String>,
    ) {
        self.0.push(Finding {
            place: place.to_owned(),
            check,
            wrong,
            warning,
        });
    }
}

/// Looks for the filter with a policy in every chain of HTTP filters. `None` for what is no
/// configuration dump.
pub fn inspect(dump: &Value, policy: &CompiledPolicy) -> Option<Vec<Finding>> {
    let dump = Dump::new(dump)?;
    let backends = policy.backends.iter().flat_map(|backend| &backend.clusters);
    let listed: Vec<&str> = backends.map(String::as_str).collect();
    let leading = Leading::new(dump, &listed);
    let mut findings = Findings::default();
    let network = dump.network();
    if network.chains.is_empty() {
        let wrong = "there is no chain of HTTP filters".to_owned();
        findings.wrong("listeners", "filter", Some(wrong));
    }
    for chain in &network.chains {
        of_chain(&mut findings, dump, chain, policy, &leading);
    }
    for (place, why) in &network.unseen {
        findings.wrong(place, "filter", Some(why.clone()));
    }
    let reached = reached(dump, &network, policy, &listed);
    for (place, wrong) in network::round(dump, &network, &reached) {
        findings.wrong(&place, "network", Some(wrong));
    }
    let mut warnings = network::programs(&network);
    if listed.is_empty() {
        warnings.extend(network::elsewhere(dump, &network, &reached));
    }
    for (place, warning) in warnings {
        findings.add(&place, "network", None, Some(warning));
    }
    findings.wrong("routes", "retries", destinations::retries(dump));
    for place in leaving(dump) {
        let warning = "connections from before go on without it until they are drained";
        findings.add(&place, "filter", None, Some(warning.to_owned()));
    }
    clusters(&mut findings, dump, policy, &listed, &leading);
    Some(findings.0)
}

/// The clusters that no connection may come to unjudged: those that lead to backends, and where
/// the Gateway's policies decide alone, those to which requests go that they judged.
fn reached<'d>(
    dump: Dump<'d>,
    network: &Network<'d>,
    policy: &'d CompiledPolicy,
    listed: &[&'d str],
) -> Leading<'d> {
    let mut clusters = listed.to_vec();
    if listed.is_empty() || policy.settings.unlisted == Unlisted::Gateway {
        clusters.extend(destinations::judged(dump, network));
    }
    Leading::new(dump, &clusters)
}

/// A chain, and what stands around the filter in it.
fn of_chain(
    findings: &mut Findings,
    dump: Dump<'_>,
    chain: &Chain<'_>,
    policy: &CompiledPolicy,
    leading: &Leading<'_>,
) {
    let place = &chain.place;
    let Some(plugin) = InstalledFilter::find(dump, chain) else {
        let wrong = "it has none: everything goes on unjudged".to_owned();
        findings.wrong(place, "filter", Some(wrong));
        return;
    };
    let at = plugin.at;
    findings.add(place, "filter", plugin.is_it(), plugin.default());
    findings.wrong(place, "digest", plugin.digest(policy));
    let enabled = routes::enabled(dump, chain, &plugin);
    findings.add(place, "enabled", enabled, routes::later(dump, chain));
    let programs = filters::programs(dump, chain, at);
    findings.add(place, "before", filters::before(dump, chain, at), programs);
    findings.wrong(place, "last", filters::last(chain, at));
    findings.add(place, "upstream", None, filters::upstream(chain));
    findings.wrong(place, "failure", plugin.failure());
    findings.wrong(place, "callbacks", plugin.callbacks());
    if policy.settings.request_headers == RequestHeaders::Hold {
        findings.wrong(place, "headers", plugin.headers());
    }
    findings.wrong(place, "upgrades", filters::upgrades(chain.manager));
    findings.wrong(place, "paths", paths(chain.manager));
    let rewritten = rewrites::paths(dump, chain, policy, leading);
    let read = rewrites::read(dump, chain, policy);
    findings.add(place, "rewrites", rewritten, read);
    let mirrors = Mirrors::new(dump.routes(chain.manager).into_iter(), leading);
    findings.add(place, "mirrors", mirrors.wrong, mirrors.warning);
    if policy.settings.unlisted == Unlisted::Gateway {
        let wrong = destinations::unlisted(dump, chain, leading);
        findings.wrong(place, "unlisted", wrong);
    }
    if policy.settings.edge {
        findings.wrong(place, "edge", listener::edge(dump, chain));
    }
    if policy.settings.identity == IdentitySource::PeerCertificate {
        let wrong = listener::certificates(dump, chain);
        findings.wrong(place, "certificates", wrong);
    }
}

/// Listeners that others have taken the place of, and that never had the filter: what is open
/// over them goes on so.
fn leaving(dump: Dump<'_>) -> Vec<String> {
    let network = dump.draining();
    let chains = network.chains.iter();
    let without = chains.filter(|chain| InstalledFilter::find(dump, chain).is_none());
    let without = without.map(|chain| &chain.place);
    let unseen = network.unseen.iter().map(|(place, _)| place);
    let all = without.chain(unseen);
    all.map(|place| format!("{place} (draining)")).collect()
}

fn paths(manager: &Value) -> Option<String> {
    let is_normal = manager.get("normalize_path") == Some(&Value::Bool(true));
    (!is_normal).then(|| {
        "it lacks `normalize_path: true`: paths with dots are judged as they come, and those \
         that are ambiguous refused"
            .to_owned()
    })
}

/// Whether the clusters that policies know are there, and what clusters do by themselves.
fn clusters(
    findings: &mut Findings,
    dump: Dump<'_>,
    policy: &CompiledPolicy,
    listed: &[&str],
    leading: &Leading<'_>,
) {
    let known: Vec<&str> = dump.clusters().map(|known| text(known, "/name")).collect();
    let asked = policy
        .policies
        .iter()
        .filter_map(|it| it.external_auth.as_ref());
    let asked = asked.map(|auth| auth.cluster.as_str());
    let mut missing: Vec<&str> = listed.iter().copied().chain(asked).collect();
    missing.retain(|cluster| !known.contains(cluster));
    missing.sort_unstable();
    missing.dedup();
    let wrong = (!missing.is_empty()).then(|| {
        format!(
            "there is no {}: the backend's policies apply to nothing, an authorizer is never \
             asked",
            missing.join(", ")
        )
    });
    let place = "clusters";
    findings.add(place, "clusters", wrong, shared(dump, listed));
    let crossing = clusters::crossing(dump, &policy.backends);
    findings.wrong(place, "backends", crossing);
    findings.add(place, "upstream", None, filters::of_clusters(dump));
    let options = dump.clusters();
    let options = options.filter_map(|it| it.get("typed_extension_protocol_options"));
    let mirrors = Mirrors::new(options, leading);
    findings.add(place, "mirrors", mirrors.wrong, mirrors.warning);
}

/// Clusters of a backend that are several of a route's backends, as Envoy Gateway makes one of
/// those of a rule.
fn shared(dump: Dump<'_>, listed: &[&str]) -> Option<String> {
    let mut shared = listed.to_vec();
    shared.retain(|cluster| dump.backends_of(cluster).len() > 1);
    shared.sort_unstable();
    shared.dedup();
    (!shared.is_empty()).then(|| {
        format!(
            "behind {} stand several backendRefs, for all of which the policies of one XBackend \
             are enforced: give each a rule of its own, unless they are one service",
            shared.join(", ")
        )
    })
}
