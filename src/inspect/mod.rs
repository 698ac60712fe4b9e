//! Whether a running Envoy has the filter where it has to be, by its configuration dump.

mod dump;

use serde_json::Value;

use crate::policy::{CompiledPolicy, IdentitySource, RequestHeaders};
use dump::{Chain, Dump, is_type, list, text};

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

/// Filters that may stand between the filter and the router: they change nothing that was
/// judged.
const HARMLESS: [&str; 6] = [
    "RBAC",
    "FilterConfig",
    "GrpcStats",
    "PluginConfig",
    "Router",
    "Stats",
];

/// Looks for the filter with a policy in every chain of HTTP filters. `None` for what is no
/// configuration dump.
pub fn inspect(dump: &Value, policy: &CompiledPolicy) -> Option<Vec<Finding>> {
    let dump = Dump::new(dump)?;
    let mut findings = Vec::new();
    let chains = dump.chains();
    if chains.is_empty() {
        findings.push(Finding {
            place: "listeners".to_owned(),
            check: "filter",
            wrong: Some("there is no chain of HTTP filters".to_owned()),
            warning: None,
        });
    }
    for chain in &chains {
        let mut found = |check, wrong| {
            findings.push(Finding {
                place: chain.place.clone(),
                check,
                wrong,
                warning: None,
            });
        };
        let Some((at, name, config)) = filter(dump, chain) else {
            found(
                "filter",
                Some("it has none: everything goes on unjudged".to_owned()),
            );
            continue;
        };
        found("filter", None);
        found("digest", digest(config, policy));
        found("enabled", enabled(dump, chain, at, name));
        found("last", last(chain, at));
        found("failure", failure(config));
        if policy.settings.request_headers == RequestHeaders::Hold {
            let holds = config.get("allow_on_headers_stop_iteration") == Some(&Value::Bool(true));
            let wrong = "it lacks `allow_on_headers_stop_iteration: true`, which \
                         `requestHeaders: Hold` takes: requests hang";
            found("headers", (!holds).then(|| wrong.to_owned()));
        }
        found("upgrades", upgrades(chain.manager));
        found("paths", paths(chain.manager));
        if policy.settings.edge {
            let is_edge = chain.manager.get("use_remote_address") == Some(&Value::Bool(true));
            let wrong = "`edge: true` takes `use_remote_address: true`: clients choose their \
                         address";
            found("edge", (!is_edge).then(|| wrong.to_owned()));
        }
        if policy.settings.identity == IdentitySource::PeerCertificate {
            found("certificates", certificates(chain.tls));
        }
    }
    findings.push(clusters(dump, policy));
    Some(findings)
}

/// The filter of a chain: its place, its name, and its configuration.
fn filter<'d>(dump: Dump<'d>, chain: &Chain<'d>) -> Option<(usize, &'d str, &'d Value)> {
    let filters = list(chain.manager, "/http_filters");
    filters.iter().enumerate().find_map(|(at, filter)| {
        let name = text(filter, "/name");
        let typed = match filter.get("typed_config") {
            Some(typed) => typed,
            None => dump.discovered(name)?,
        };
        let config = typed.get("config").filter(|_| is_type(typed, "Wasm"))?;
        compiled(config).map(|_| (at, name, config))
    })
}

/// The compiled policy in the configuration of a plugin.
fn compiled(config: &Value) -> Option<CompiledPolicy> {
    let given = config.pointer("/configuration/value")?;
    match given.as_str() {
        Some(text) => serde_json::from_str(text).ok(),
        None => serde_json::from_value(given.clone()).ok(),
    }
}

fn digest(config: &Value, policy: &CompiledPolicy) -> Option<String> {
    let found = compiled(config)?.digest;
    (found != policy.digest).then(|| {
        let short = |digest: &str| digest.chars().take(19).collect::<String>();
        format!(
            "it has {}…, not {}…: the policies are not those",
            short(&found),
            short(&policy.digest)
        )
    })
}

/// Where the filter is switched off.
fn enabled(dump: Dump<'_>, chain: &Chain<'_>, at: usize, name: &str) -> Option<String> {
    let filter = list(chain.manager, "/http_filters").get(at)?;
    if filter.get("disabled") == Some(&Value::Bool(true)) {
        return Some("it is `disabled`, and on only where a route says so".to_owned());
    }
    let Some(routes) = dump.routes(chain.manager) else {
        return Some("its routes are not in the dump: nobody knows".to_owned());
    };
    let is_off = |of: &Value| {
        let own = of
            .get("typed_per_filter_config")
            .and_then(|all| all.get(name));
        own.is_some_and(|own| own.get("disabled") == Some(&Value::Bool(true)))
    };
    let mut off = Vec::new();
    if is_off(routes) {
        off.push("every route".to_owned());
    }
    for host in list(routes, "/virtual_hosts") {
        let host_name = text(host, "/name");
        if is_off(host) {
            off.push(format!("virtual host `{host_name}`"));
        }
        for route in list(host, "/routes") {
            let mut parts = list(route, "/route/weighted_clusters/clusters").iter();
            if is_off(route) || parts.any(is_off) {
                let prefix = route.get("match").map(Value::to_string).unwrap_or_default();
                off.push(format!("a route of `{host_name}` ({prefix})"));
            }
        }
    }
    (!off.is_empty()).then(|| format!("it is switched off for {}", off.join(", ")))
}

/// What stands behind the filter and may change what was judged.
fn last(chain: &Chain<'_>, at: usize) -> Option<String> {
    let behind = list(chain.manager, "/http_filters").iter().skip(at + 1);
    let is_harmless = |filter: &Value| {
        let typed = filter.get("typed_config");
        typed.is_some_and(|typed| HARMLESS.iter().any(|name| is_type(typed, name)))
            || text(filter, "/name").starts_with("istio.")
    };
    let others = behind.filter(|filter| !is_harmless(filter));
    let names: Vec<&str> = others.map(|filter| text(filter, "/name")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("behind it stand {names}, which may change what was judged")
    })
}

fn failure(config: &Value) -> Option<String> {
    let is_open = text(config, "/failure_policy") == "FAIL_OPEN"
        || config.get("fail_open") == Some(&Value::Bool(true));
    is_open.then(|| "after a failure everything is open: `failure_policy: FAIL_RELOAD`".to_owned())
}

/// Upgrades with filters of their own, which take the place of all others.
fn upgrades(manager: &Value) -> Option<String> {
    let all = list(manager, "/upgrade_configs").iter();
    let own = all.filter(|upgrade| !list(upgrade, "/filters").is_empty());
    let names: Vec<&str> = own.map(|upgrade| text(upgrade, "/upgrade_type")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("upgrades to {names} have `filters` of their own, and go round it")
    })
}

fn paths(manager: &Value) -> Option<String> {
    let is_normal = manager.get("normalize_path") == Some(&Value::Bool(true));
    (!is_normal).then(|| {
        "it lacks `normalize_path: true`: paths with dots are judged as they come, and those \
         that are ambiguous refused"
            .to_owned()
    })
}

/// Whether clients have certificates that were verified.
fn certificates(tls: Option<&Value>) -> Option<String> {
    let Some(tls) = tls.filter(|tls| is_type(tls, "DownstreamTlsContext")) else {
        return Some("it ends no TLS: every caller is nobody".to_owned());
    };
    let common = tls.get("common_tls_context").unwrap_or(&Value::Null);
    let contexts = [
        "/validation_context",
        "/combined_validation_context/default_validation_context",
    ];
    let contexts = || contexts.iter().filter_map(|path| common.pointer(path));
    let mut accepts = contexts();
    if accepts.any(|context| text(context, "/trust_chain_verification") == "ACCEPT_UNTRUSTED") {
        return Some(
            "it accepts certificates that were not verified (`ACCEPT_UNTRUSTED`), whose callers \
             are nobody, and before Envoy 1.39 whoever they say"
                .to_owned(),
        );
    }
    let is_discovered = common.get("validation_context_sds_secret_config").is_some()
        || common.get("combined_validation_context").is_some();
    let mut trusts = contexts();
    if !is_discovered && !trusts.any(|context| context.get("trusted_ca").is_some()) {
        return Some("it verifies no certificate: it lacks `trusted_ca`".to_owned());
    }
    if tls.get("require_client_certificate") != Some(&Value::Bool(true)) {
        return Some(
            "it does not require certificates: who shows none is nobody, which is only what \
             rules without a source allow"
                .to_owned(),
        );
    }
    None
}

/// Whether the clusters that policies know are there.
fn clusters(dump: Dump<'_>, policy: &CompiledPolicy) -> Finding {
    let known = dump.clusters();
    let backends = policy.backends.iter().flat_map(|backend| &backend.clusters);
    let asked = policy
        .policies
        .iter()
        .filter_map(|it| it.external_auth.as_ref());
    let all = backends.chain(asked.map(|auth| &auth.cluster));
    let mut missing: Vec<&str> = all
        .map(String::as_str)
        .filter(|cluster| !known.contains(cluster))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    Finding {
        place: "clusters".to_owned(),
        check: "clusters",
        wrong: (!missing.is_empty()).then(|| {
            format!(
                "there is no {}: the backend's policies apply to nothing, an authorizer is \
                 never asked",
                missing.join(", ")
            )
        }),
        warning: shared(dump, policy),
    }
}

/// Clusters of a backend that are several of a route's backends, as Envoy Gateway makes one of
/// those of a rule.
fn shared(dump: Dump<'_>, policy: &CompiledPolicy) -> Option<String> {
    let mut shared: Vec<&str> = policy
        .backends
        .iter()
        .flat_map(|backend| &backend.clusters)
        .map(String::as_str)
        .filter(|cluster| dump.backends_of(cluster).len() > 1)
        .collect();
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
