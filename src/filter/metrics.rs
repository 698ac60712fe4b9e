//! The filter's metrics in the host's hands.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr;

use crate::decision::{Audit, Basis, Denial, Determining, LevelName, Permit};
use crate::enforcement::{Abandoned, Answered, Said};
use crate::observe::{Determined, Metric, digest_value};
use crate::policy::{ObjectName, PolicyId};

use super::host::{self, MetricKind};

/// Counters and the like, by what they count.
///
/// Each is made when it is first counted, and is found again without its name.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    known: RefCell<BTreeMap<Key, u32>>,
}

/// The most counters that name policies and rules.
///
/// SECURITY: the host never forgets a name; a policy with a hundred thousand rules is not
/// to fill its memory.
const NAMED: usize = 4000;

/// What is counted, without names: a kind, and what of that kind.
///
/// Policies, rules and reasons are told apart by where their names lie, in the
/// configuration, which outlives this, or in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(Kind, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Allow,
    Deny,
    None,
    By(Use, Verdict, LevelName),
    Other(Use),
    Asked(Option<PolicyId>, Answered, Option<&'static str>),
    Took(Option<PolicyId>),
    BodyBytes,
}

impl Key {
    /// Something that there is one of, or all that is not worth a name.
    const fn one(kind: Kind) -> Self {
        Self(kind, 0)
    }

    fn named(kind: Kind, name: &str) -> Self {
        Self(kind, name.as_ptr().addr())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Allowed,
    Refused,
    NotAllowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Decisions,
    Audit,
}

impl Metrics {
    /// A request goes on.
    pub(super) fn allowed(&self, permit: &Permit<'_>) {
        let reason = match permit.basis() {
            Basis::Unprotected => "unprotected",
            Basis::Policies { gateway, backend } => {
                let levels = [(LevelName::Gateway, gateway), (LevelName::Backend, backend)];
                for (level, by) in levels {
                    if let Some(by) = by {
                        self.determined(Use::Decisions, Determined::Allowed(level, by));
                    }
                }
                "policy"
            }
        };
        self.request(Kind::Allow, "allow", reason);
        self.audited(permit.audit());
    }

    /// A request is refused by policy.
    pub(super) fn denied(&self, denial: &Denial<'_>) {
        if let Some(by) = Determined::by(&denial.reason) {
            self.determined(Use::Decisions, by);
        }
        self.audited(denial.audit);
    }

    /// A request is refused, for a kind of reason.
    pub(super) fn refused(&self, reason: &'static str) {
        self.request(Kind::Deny, "deny", reason);
    }

    /// A request ended before it was decided.
    pub(super) fn abandoned(&self) {
        self.request(Kind::None, "none", Abandoned::REASON);
    }

    /// An authorizer has answered, or will not; in so many nanoseconds, where it was asked.
    pub(super) fn asked(&self, said: &Said, took: Option<u64>) {
        let (policy, outcome, reason) = (said.id, said.answered, said.error);
        let is_named = !self.is_full(Key::one(Kind::Asked(Some(policy), outcome, reason)));
        let (id, policy) = match is_named {
            true => (Some(policy), Some(said.policy.as_str())),
            false => (None, None),
        };
        let calls = Metric::AuthorizerCalls {
            policy,
            outcome: outcome.as_str(),
            reason,
        };
        let key = Key::one(Kind::Asked(id, outcome, reason));
        self.count(key, MetricKind::Counter, calls, 1);
        if let Some(took) = took {
            let duration = Metric::AuthorizerDuration { policy };
            let milliseconds = took / 1_000_000;
            let key = Key::one(Kind::Took(id));
            self.count(key, MetricKind::Histogram, duration, milliseconds);
        }
    }

    /// An MCP body was read to its end.
    pub(super) fn body(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let key = Key::one(Kind::BodyBytes);
        self.count(key, MetricKind::Histogram, Metric::BodyBytes, bytes);
    }

    fn request(&self, kind: Kind, decision: &'static str, reason: &'static str) {
        let metric = Metric::Requests { decision, reason };
        self.count(Key::named(kind, reason), MetricKind::Counter, metric, 1);
    }

    fn audited(&self, audit: Option<Audit<'_>>) {
        if let Some(Audit::Deny(reason)) = audit {
            let by = Determined::by(&reason).unwrap_or(Determined::Other);
            self.determined(Use::Audit, by);
        }
    }

    fn determined(&self, used: Use, by: Determined<'_>) {
        let of = |verdict, level| Kind::By(used, verdict, level);
        let of_rule = |verdict, level, by: Determining<'_>| match by.rule {
            Some(rule) if !rule.is_empty() => Key::named(of(verdict, level), rule),
            // All texts that are empty may lie at one place.
            _ => Key(of(verdict, level), address(by.policy)),
        };
        let other = Key::one(Kind::Other(used));
        let key = match by {
            Determined::Allowed(level, by) => of_rule(Verdict::Allowed, level, by),
            Determined::Refused(level, by) => of_rule(Verdict::Refused, level, by),
            Determined::NotAllowed(level, policy) => {
                Key(of(Verdict::NotAllowed, level), policy.map_or(0, address))
            }
            Determined::Other => other,
        };
        let (key, by) = match self.is_full(key) {
            true => (other, Determined::Other),
            false => (key, by),
        };
        let metric = match used {
            Use::Decisions => Metric::Decisions(by),
            Use::Audit => Metric::Audit(by),
        };
        self.count(key, MetricKind::Counter, metric, 1);
    }

    /// Whether there are too many names to add this one.
    fn is_full(&self, key: Key) -> bool {
        let known = self.known.try_borrow();
        known.is_ok_and(|known| known.len() >= NAMED && !known.contains_key(&key))
    }

    fn count(&self, key: Key, kind: MetricKind, metric: Metric<'_>, value: u64) {
        let Ok(mut known) = self.known.try_borrow_mut() else {
            return;
        };
        let id = match known.get(&key) {
            Some(id) => *id,
            None => {
                let Some(id) = host::metric(kind, &metric.to_string()) else {
                    return;
                };
                known.insert(key, id);
                id
            }
        };
        host::record(kind, id, value);
    }
}

/// A request is refused because there are no policies, for a kind of reason.
pub(super) fn without_policies(reason: &'static str) {
    let metric = Metric::Requests {
        decision: "deny",
        reason,
    };
    if let Some(id) = host::metric(MetricKind::Counter, &metric.to_string()) {
        host::record(MetricKind::Counter, id, 1);
    }
}

/// A configuration came, and was taken or not.
pub(super) fn configured(outcome: &'static str) {
    let metric = Metric::ConfigLoads { outcome };
    if let Some(id) = host::metric(MetricKind::Counter, &metric.to_string()) {
        host::record(MetricKind::Counter, id, 1);
    }
}

/// The configuration with this digest is in force.
pub(super) fn in_force(digest: &str) {
    if let Some(id) = host::metric(MetricKind::Gauge, &Metric::ConfigDigest.to_string()) {
        host::record(MetricKind::Gauge, id, digest_value(digest));
    }
}

/// The memory of this VM.
pub(super) fn memory(bytes: usize) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if let Some(id) = host::metric(MetricKind::Gauge, &Metric::Memory.to_string()) {
        host::record(MetricKind::Gauge, id, bytes);
    }
}

fn address(name: &ObjectName) -> usize {
    ptr::from_ref(name).addr()
}
