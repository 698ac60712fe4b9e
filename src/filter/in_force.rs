//! What is in force for a plugin.

use crate::engine::observe::Sampler;
use crate::engine::policy::Policies;

use super::host::{self, LogLevel};
use super::metrics::Metrics;

/// What is in force for a plugin.
#[derive(Debug)]
pub(super) enum InForce {
    /// No configuration came yet: nothing goes on.
    Nothing,
    /// There was no memory for the last one: nothing goes on.
    ///
    /// SECURITY: an older one would allow what the last forbids; and a plugin that takes
    /// none is left out by the host, on some of its threads.
    Unaffordable,
    /// These policies decide.
    Enforced(Box<Enforced>),
}

/// Policies that are in force, and what goes with them.
#[derive(Debug)]
pub(super) struct Enforced {
    pub(super) policies: Policies,
    /// What is counted is found by where its name lies in the policies.
    pub(super) metrics: Metrics,
    sampler: Sampler,
    /// Whether the host writes lines that are of interest only when something is amiss.
    logs_all: bool,
}

impl Enforced {
    pub(super) fn new(policies: Policies) -> Self {
        let sampler = sampler(policies.settings().log_allowed_per_million.get());
        Self {
            policies,
            metrics: Metrics::default(),
            sampler,
            logs_all: host::logs(LogLevel::Debug),
        }
    }

    /// At which level the record of the next allowed request is written, if it is.
    pub(super) fn logs_allowed(&self) -> Option<LogLevel> {
        match (self.sampler.takes(), self.logs_all) {
            (true, _) => Some(LogLevel::Info),
            (false, true) => Some(LogLevel::Debug),
            (false, false) => None,
        }
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
