//! What stands around the filter, and does or may do what nobody judged.

use serde_json::Value;

use super::dump::{Chain, Dump};
use super::plugin::WASM;
use super::typed::{all_called, below, is_type, kind, kinds, list, text};

/// Filters that may stand between the filter and the router: they change nothing that was
/// judged.
const HARMLESS: [&str; 6] = [
    "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    ROUTER,
    "io.istio.http.peer_metadata.Config",
    "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    "stats.PluginConfig",
];

const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// Filters that answer by themselves, out of a file or of what they keep, or ask upstream by
/// themselves: no filter behind them is asked.
const ALONE: [&str; 5] = [
    "envoy.extensions.filters.http.cache.v3.CacheConfig",
    "envoy.extensions.filters.http.cache_v2.v3.CacheV2Config",
    "envoy.extensions.filters.http.file_server.v3.FileServerConfig",
    "envoy.extensions.filters.http.mcp_router.v3.McpRouter",
    ROUTER,
];

/// Filters that do what a program says, which may be the same.
const PROGRAMS: [&str; 5] = [
    "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
    "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
    "envoy.extensions.filters.http.golang.v3alpha.Config",
    "envoy.extensions.filters.http.lua.v3.Lua",
    WASM,
];

const CODEC: &str = "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";

/// How deep filters may be discovered by what was discovered.
const DEPTH: u8 = 4;

/// What stands before the filter and goes round it.
pub(super) fn before(dump: Dump<'_>, chain: &Chain<'_>, at: usize) -> Option<String> {
    let filters = list(chain.manager, "/http_filters").iter().take(at);
    let mut names = Vec::new();
    for filter in filters {
        let name = text(filter, "/name");
        match types(dump, filter, DEPTH) {
            Some(types) if types.iter().any(|kind| ALONE.contains(kind)) => names.push(name),
            Some(_) => {}
            None => {
                return Some(format!(
                    "before it stands `{name}`, or has in it, what is not in the dump: it cannot \
                     be seen"
                ));
            }
        }
    }
    // A filter that has others in it may have them of a route.
    let routes = dump.routes(chain.manager).into_iter();
    let mut own = routes.flat_map(|routes| all_called(routes, "typed_per_filter_config"));
    if own.any(|own| kinds(own).any(|kind| ALONE.contains(&kind))) {
        names.push("a filter of a route");
    }
    (!names.is_empty()).then(|| {
        format!(
            "before it stand {}, which answer or ask upstream by themselves, and go round it",
            names.join(", ")
        )
    })
}

/// The names of all types in a filter, and in what is discovered for it. `None` where something
/// is not in the dump.
fn types<'d>(dump: Dump<'d>, part: &'d Value, depth: u8) -> Option<Vec<&'d str>> {
    let mut found: Vec<&str> = kinds(part).collect();
    let inner = below(part).into_iter().map(|(_, inner)| inner);
    let discovering = inner.chain([part]);
    for discovering in discovering.filter(|part| part.get("config_discovery").is_some()) {
        let depth = depth.checked_sub(1)?;
        let configs = dump.discovered(discovering);
        if configs.is_empty() {
            return None;
        }
        for config in configs {
            found.extend(types(dump, config, depth)?);
        }
    }
    Some(found)
}

/// Programs before the filter, of which nobody knows what they do.
pub(super) fn programs(dump: Dump<'_>, chain: &Chain<'_>, at: usize) -> Option<String> {
    let before = list(chain.manager, "/http_filters").iter().take(at);
    let is_program = |filter: &&Value| {
        let types = types(dump, filter, DEPTH).unwrap_or_default();
        types.iter().any(|kind| PROGRAMS.contains(kind))
    };
    let names: Vec<&str> = before
        .filter(is_program)
        .map(|filter| text(filter, "/name"))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "before it stand {}, which may answer and ask upstream by themselves: what they do \
             so is judged by nobody",
            names.join(", ")
        )
    })
}

/// What stands behind the filter and may change what was judged. What it is says its type alone:
/// anybody can give it any name.
pub(super) fn last(chain: &Chain<'_>, at: usize) -> Option<String> {
    let behind = list(chain.manager, "/http_filters").iter().skip(at + 1);
    let others = behind.filter(|filter| !is_harmless(filter));
    let names: Vec<&str> = others.map(|filter| text(filter, "/name")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("behind it stand {names}, which may change what was judged")
    })
}

fn is_harmless(filter: &Value) -> bool {
    let typed = filter.get("typed_config");
    typed.is_some_and(|typed| HARMLESS.contains(&kind(typed)))
}

/// Filters of the router's, which come after all others.
pub(super) fn upstream(chain: &Chain<'_>) -> Option<String> {
    let filters = list(chain.manager, "/http_filters").iter();
    let lists = filters.flat_map(|filter| all_called(filter, "upstream_http_filters"));
    changing("the router has", lists)
}

/// The same of clusters.
pub(super) fn of_clusters(dump: Dump<'_>) -> Option<String> {
    let options = dump.clusters();
    let options = options.filter_map(|it| it.get("typed_extension_protocol_options"));
    let lists = options.flat_map(|options| all_called(options, "http_filters"));
    changing("clusters have", lists)
}

fn changing<'d>(who: &str, lists: impl Iterator<Item = &'d Value>) -> Option<String> {
    let all = lists.filter_map(Value::as_array).flatten();
    let is_codec = |filter: &Value| {
        let typed = filter.get("typed_config");
        typed.is_some_and(|typed| is_type(typed, CODEC))
    };
    let others = all.filter(|filter| !is_codec(filter) && !is_harmless(filter));
    let mut names: Vec<&str> = others.map(|filter| text(filter, "/name")).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("{who} {names} upstream, which may change what was judged")
    })
}

/// Upgrades with filters of their own, which take the place of all others.
pub(super) fn upgrades(manager: &Value) -> Option<String> {
    let all = list(manager, "/upgrade_configs").iter();
    let own = all.filter(|upgrade| !list(upgrade, "/filters").is_empty());
    let names: Vec<&str> = own.map(|upgrade| text(upgrade, "/upgrade_type")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("upgrades to {names} have `filters` of their own, and go round it")
    })
}
