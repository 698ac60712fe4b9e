//! The plugin: its configuration, and the streams it begins.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::enforcement::{Envelopes, Stream};
use crate::observe::Sampler;
use crate::policy::{Policies, SCHEMA_VERSION};

use super::host::{self, Buffer, Level};
use super::identity::Callers;
use super::metrics::{self, Metrics};
use super::stream::HttpStream;

/// What this is, in the form that `accesspolicy package` finds in the module.
const BUILD: &str = concat!(
    "accesspolicy ",
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ACCESSPOLICY_COMMIT"),
    " of ",
    env!("ACCESSPOLICY_COMMIT_TIME"),
    ", policy schema 1)",
);
const _: () = assert!(SCHEMA_VERSION == 1, "say so in `BUILD`");

/// One configured plugin.
///
/// INVARIANT: everything configured lives here, never in a global: plugins with
/// the same module share one VM.
#[derive(Debug)]
pub struct Root {
    policies: Option<Rc<Policies>>,
    callers: Rc<RefCell<Callers>>,
    envelopes: Rc<Envelopes>,
    metrics: Rc<Metrics>,
    /// Whether the host writes lines that are of interest only when something is amiss.
    logs_all: bool,
    sampler: Sampler,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            policies: None,
            callers: Rc::default(),
            envelopes: Rc::new(Envelopes::with_clock(host::now)),
            metrics: Rc::default(),
            logs_all: false,
            sampler: Sampler::default(),
        }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = host::buffer(Buffer::PluginConfiguration, 0, size).unwrap_or_default();
        match Policies::from_json(text) {
            Ok(policies) => {
                host::log(
                    Level::Info,
                    &format!(
                        "{BUILD}: enforcing {} policies with {} rules, digest {}",
                        policies.policy_count(),
                        policies.rule_count(),
                        policies.digest(),
                    ),
                );
                self.logs_all = host::logs(Level::Debug);
                self.sampler = sampler(policies.settings().log_allowed_per_million.get());
                metrics::configured("taken");
                metrics::in_force(policies.digest());
                // What is counted is found by where its name lies in the configuration.
                self.metrics = Rc::default();
                self.policies = Some(Rc::new(policies));
                true
            }
            Err(error) => {
                metrics::configured("refused");
                host::log(
                    Level::Error,
                    &format!("accesspolicy: configuration refused: {error}"),
                );
                false
            }
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        let logs_allowed = match (self.sampler.takes(), self.logs_all) {
            (true, _) => Some(Level::Info),
            (false, true) => Some(Level::Debug),
            (false, false) => None,
        };
        let mut stream = Stream::new(Rc::clone(&self.envelopes));
        if logs_allowed.is_some() {
            stream.keep_called();
        }
        Some(Box::new(HttpStream::new(
            self.policies.clone(),
            Rc::clone(&self.callers),
            stream,
            Rc::clone(&self.metrics),
            logs_allowed,
        )))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Takes so many of a million requests.
fn sampler(per_million: u64) -> Sampler {
    let mut seed = [0; 8];
    if per_million > 0 {
        // Without randomness the same share is taken, only in an order that can be known.
        let _ = getrandom::fill(&mut seed);
    }
    Sampler::new(per_million, seed)
}
