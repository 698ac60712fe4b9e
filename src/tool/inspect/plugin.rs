//! The filter in a chain, and how Envoy is told to run it.

use serde_json::Value;

use super::capabilities;
use super::dump::{Chain, Dump};
use super::typed::{is_type, list, text};
use crate::engine::policy::CompiledPolicy;

pub(super) const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The filter in a chain.
#[derive(Debug, Clone)]
pub(super) struct InstalledFilter<'d> {
    /// Its place among the filters.
    pub(super) at: usize,
    pub(super) name: &'d str,
    /// Its configurations: several where several are discovered by its name, each of which may
    /// be the one of this chain.
    configs: Vec<&'d Value>,
    /// How many others are discovered by its name that are not it.
    others: usize,
    /// What stands in its place until it is discovered.
    default: Option<&'d Value>,
}

impl<'d> InstalledFilter<'d> {
    /// The first of a chain.
    pub(super) fn find(dump: Dump<'d>, chain: &Chain<'d>) -> Option<Self> {
        let filters = list(chain.manager, "/http_filters").iter().enumerate();
        let mut found = filters.map(|(at, filter)| Self::new(dump, at, filter));
        found.find(|found| !found.configs.is_empty())
    }

    fn new(dump: Dump<'d>, at: usize, filter: &'d Value) -> Self {
        let all = dump.configs(filter);
        let mut configs: Vec<&Value> = all.iter().filter_map(|typed| plugin(typed)).collect();
        let others = all.len() - configs.len();
        let default = filter.pointer("/config_discovery/default_config");
        if !configs.is_empty() {
            configs.extend(default.and_then(plugin));
        }
        Self {
            at,
            name: text(filter, "/name"),
            configs,
            others,
            default: default.filter(|default| plugin(default).is_none()),
        }
    }

    /// What is wrong with one of its configurations.
    fn any(&self, wrong: impl Fn(&Value) -> Option<String>) -> Option<String> {
        self.configs.iter().find_map(|config| wrong(config))
    }

    /// Whether what is discovered by its name is the filter.
    pub(super) fn is_it(&self) -> Option<String> {
        (self.others > 0).then(|| {
            format!(
                "by the name `{}` something else is discovered as well, and nothing says which \
                 is this chain's: give each filter a name of its own",
                self.name
            )
        })
    }

    pub(super) fn default(&self) -> Option<String> {
        self.default?;
        Some("its `default_config` stands in its place until it is discovered".to_owned())
    }

    pub(super) fn digest(&self, policy: &CompiledPolicy) -> Option<String> {
        self.any(|config| {
            let found = compiled(config)?;
            let is_changed = found.digest == policy.digest && !found.is_sealed();
            let found = found.digest;
            if is_changed {
                return Some(
                    "it was changed after it was compiled: it has no seal that fits".to_owned(),
                );
            }
            (found != policy.digest).then(|| {
                let short = |digest: &str| digest.chars().take(19).collect::<String>();
                format!(
                    "it has {}…, not {}…: the policies are not those",
                    short(&found),
                    short(&policy.digest)
                )
            })
        })
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.any(|config| {
            let is_open = text(config, "/failure_policy") == "FAIL_OPEN"
                || config.get("fail_open") == Some(&Value::Bool(true));
            let wrong = "after a failure everything is open: `failure_policy: FAIL_RELOAD`";
            is_open.then(|| wrong.to_owned())
        })
    }

    pub(super) fn headers(&self) -> Option<String> {
        self.any(|config| {
            let holds = config.get("allow_on_headers_stop_iteration") == Some(&Value::Bool(true));
            let wrong = "it lacks `allow_on_headers_stop_iteration: true`, which \
                         `requestHeaders: Hold` takes: requests hang";
            (!holds).then(|| wrong.to_owned())
        })
    }

    /// Whether Envoy calls it at all, and lets it call.
    pub(super) fn callbacks(&self) -> Option<String> {
        self.any(capabilities::lacking)
    }
}

/// The configuration of the plugin, where it is the filter's.
fn plugin(typed: &Value) -> Option<&Value> {
    let config = typed.get("config").filter(|_| is_type(typed, WASM))?;
    compiled(config).map(|_| config)
}

/// The compiled policy in the configuration of a plugin.
fn compiled(config: &Value) -> Option<CompiledPolicy> {
    let given = config.pointer("/configuration/value")?;
    match given.as_str() {
        Some(text) => serde_json::from_str(text).ok(),
        None => serde_json::from_value(given.clone()).ok(),
    }
}
