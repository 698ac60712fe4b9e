//! The HTTP connection managers that a network filter is, or has in it.

use serde_json::Value;

use super::typed::{below, is_struct, kind};

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.\
                       HttpConnectionManager";

/// Filters that have one in a member, without a type of its own.
const WRAPPERS: [(&str, &str); 2] = [
    (
        "envoy.extensions.filters.network.http_connection_manager.v3.\
         EnvoyMobileHttpConnectionManager",
        "config",
    ),
    (
        "envoy.extensions.filters.network.reverse_tunnel.v3.DrainAwareHttpConnectionManager",
        "hcm_config",
    ),
];

/// Proxies of other protocols, which have routes as well.
const OTHERS: [&str; 3] = [
    "envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy",
    "envoy.extensions.filters.network.generic_proxy.v3.GenericProxy",
    "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy",
];

/// Those of a network filter. One in a `TypedStruct` cannot be read: the struct stands for it.
///
/// SECURITY: a filter of a type that is not known here may have one in any member, and serve
/// requests by it.
pub(super) fn managers(config: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open = vec![config];
    while let Some(value) = open.pop() {
        if is_struct(value) {
            found.extend(Some(value).filter(|value| is_or_has(value)));
            continue;
        }
        if is_manager(value) {
            found.push(value);
            continue;
        }
        if let Some(manager) = wrapped(value) {
            found.push(manager);
            continue;
        }
        match value {
            Value::Object(members) => open.extend(members.values().rev()),
            Value::Array(items) => open.extend(items.iter().rev()),
            _ => {}
        }
    }
    found
}

fn wrapped(value: &Value) -> Option<&Value> {
    let own = kind(value);
    let wrapper = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == own);
    wrapper.and_then(|(_, member)| value.get(member))
}

/// Whether a `TypedStruct` stands for one, or for something that has one in it.
fn is_or_has(value: &Value) -> bool {
    let own = kind(value);
    if OTHERS.contains(&own) {
        return false;
    }
    let is_wrapper = WRAPPERS.iter().any(|(wrapper, _)| *wrapper == own);
    let mut inner = below(value).into_iter().map(|(_, inner)| inner);
    own == MANAGER || is_wrapper || inner.any(is_manager)
}

/// Whether something is one, by its type or by what it has in it.
fn is_manager(value: &Value) -> bool {
    let own = kind(value);
    if own == MANAGER {
        return true;
    }
    if OTHERS.contains(&own) {
        return false;
    }
    let has = |[name, other]: [&str; 2]| value.get(name).is_some() || value.get(other).is_some();
    has(["http_filters", "httpFilters"])
        || has(["stat_prefix", "statPrefix"])
            && (has(["route_config", "routeConfig"])
                || has(["rds", "rds"])
                || has(["scoped_routes", "scopedRoutes"]))
}
