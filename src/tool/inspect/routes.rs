//! What routes do with the filter, and with what it judged.

use serde_json::Value;

use super::clusters::Leading;
use super::dump::{Chain, Dump};
use super::plugin::InstalledFilter;
use super::typed::{all_called, is_called, list, text};

const PER_FILTER: &str = "typed_per_filter_config";

/// Where the filter is switched off.
pub(super) fn enabled(
    dump: Dump<'_>,
    chain: &Chain<'_>,
    plugin: &InstalledFilter<'_>,
) -> Option<String> {
    let filter = list(chain.manager, "/http_filters").get(plugin.at)?;
    if filter.get("disabled") == Some(&Value::Bool(true)) {
        return Some("it is `disabled`, and on only where a route says so".to_owned());
    }
    let routes = dump.routes(chain.manager);
    if routes.is_empty() {
        return Some("its routes are not in the dump: nobody knows".to_owned());
    }
    let all = routes.into_iter();
    let mut off: Vec<String> = all.flat_map(|routes| off(routes, plugin.name)).collect();
    off.sort_unstable();
    off.dedup();
    (!off.is_empty()).then(|| format!("it is switched off for {}", off.join(", ")))
}

/// Virtual hosts that come when somebody asks for them.
pub(super) fn later(dump: Dump<'_>, chain: &Chain<'_>) -> Option<String> {
    let mut routes = dump.routes(chain.manager).into_iter();
    routes.any(|routes| routes.get("vhds").is_some()).then(|| {
        "its virtual hosts are discovered (`vhds`): those that come later cannot be seen".to_owned()
    })
}

/// The parts of routes for which a filter is switched off.
fn off(routes: &Value, name: &str) -> Vec<String> {
    let mut off = Vec::new();
    if own(routes).any(|own| says_off(own, name)) {
        off.push("every route".to_owned());
    }
    if others_off(routes, "virtual_hosts", name) {
        off.push("some of its routes".to_owned());
    }
    for host in list(routes, "/virtual_hosts") {
        let host_name = text(host, "/name");
        if own(host).any(|own| says_off(own, name)) {
            off.push(format!("virtual host `{host_name}`"));
        }
        if others_off(host, "routes", name) {
            off.push(format!("a route of `{host_name}`, by its matcher"));
        }
        for route in list(host, "/routes") {
            if all_called(route, PER_FILTER).any(|own| says_off(own, name)) {
                let prefix = route.get("match").map(Value::to_string).unwrap_or_default();
                off.push(format!("a route of `{host_name}` ({prefix})"));
            }
        }
    }
    off
}

/// What something itself says of filters.
fn own(of: &Value) -> impl Iterator<Item = &Value> {
    let members = of.as_object().into_iter().flatten();
    let own = members.filter(|(key, _)| is_called(key, PER_FILTER));
    own.map(|(_, own)| own)
}

/// Whether it says that a filter is off.
fn says_off(per_filter: &Value, name: &str) -> bool {
    let own = per_filter.get(name);
    own.is_some_and(|own| own.get("disabled") == Some(&Value::Bool(true)))
}

/// Whether something in a member other than one does.
fn others_off(of: &Value, but: &str, name: &str) -> bool {
    let members = of.as_object().into_iter().flatten();
    let others = members.filter(|(key, _)| key.as_str() != but);
    let mut inner = others.flat_map(|(_, member)| all_called(member, PER_FILTER));
    inner.any(|inner| says_off(inner, name))
}

/// Where requests are sent a second time: clusters that a backend of the policy has, and others.
#[derive(Debug, Default)]
pub(super) struct Mirrors {
    pub(super) wrong: Option<String>,
    pub(super) warning: Option<String>,
}

impl Mirrors {
    /// The mirrors of a part of the dump, for the clusters that lead to backends.
    pub(super) fn new<'d>(parts: impl Iterator<Item = &'d Value>, leading: &Leading<'_>) -> Self {
        let lists = parts.flat_map(|part| all_called(part, "request_mirror_policies"));
        let all = lists.filter_map(Value::as_array).flatten();
        let mut wrong = Vec::new();
        let mut others = Vec::new();
        for mirror in all {
            let to = text(mirror, "/cluster");
            // A header of the client's may name any cluster.
            if leading.has(to) || (to.is_empty() && !leading.is_empty()) {
                wrong.push(to);
            } else {
                others.push(to);
            }
        }
        Self {
            wrong: Self::says(wrong).map(|to| {
                format!("requests are mirrored to {to}, whose policies nobody asks there")
            }),
            warning: Self::says(others)
                .map(|to| format!("requests are mirrored to {to}, where nobody judges them")),
        }
    }

    /// The names of clusters, each once.
    fn says(mut clusters: Vec<&str>) -> Option<String> {
        clusters.sort_unstable();
        clusters.dedup();
        let named = |to: &&str| match *to {
            "" => "what a header names".to_owned(),
            to => format!("`{to}`"),
        };
        let named: Vec<String> = clusters.iter().map(named).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}
