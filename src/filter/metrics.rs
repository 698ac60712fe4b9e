//! The filter's metrics in the host's hands.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr;

use crate::engine::decision::{Audit, Basis, Denial, Determining, LevelName, Permit};
use crate::engine::enforcement::{Abandoned, CalloutRecord, CalloutResult};
use crate::engine::observe::{Determined, Metric, digest_value};
use crate::engine::policy::{ObjectName, PolicyId};

use super::host::{self, MetricKind};

/// Counters and the like, by what they count.
///
/// Each is made when it is first counted, and is found again without its name.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    known: RefCell<BTreeMap<CounterKey, u32>>,
}

/// The most counters of a VM that name policies and rules, and of a configuration.
///
/// SECURITY: the host never forgets a name. Neither a policy with a hundred thousand rules nor
/// a thousand updates with rules of other names are to fill its memory.
const NAMED: usize = 4000;

thread_local! {
    /// Those of all configurations, whichever plugin's: the host has one for a name.
    static DEFINED: Defined = Defined::default();
}

/// The host's numbers of metrics.
#[derive(Debug, Default)]
struct Defined {
    /// By name.
    numbers: RefCell<BTreeMap<CounterKey, u32>>,
    /// How many of them name a policy.
    named: Cell<usize>,
}

/// Whether a metric is one of a few, or names a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Few,
    Policy,
}

impl Defined {
    /// The number of a metric; `None` where there are too many that name policies.
    fn number(&self, kind: MetricKind, metric: Metric<'_>, naming: Naming) -> Option<u32> {
        let name = metric.to_string();
        let mut numbers = self.numbers.try_borrow_mut().ok()?;
        let key = CounterKey::hashed(&name);
        if let Some(number) = numbers.get(&key) {
            return Some(*number);
        }
        if naming == Naming::Policy {
            (self.named.get() < NAMED).then_some(())?;
        }
        let number = host::metric(kind, &name)?;
        numbers.insert(key, number);
        if naming == Naming::Policy {
            self.named.set(self.named.get().saturating_add(1));
        }
        Some(number)
    }
}

fn defined(kind: MetricKind, metric: Metric<'_>, naming: Naming) -> Option<u32> {
    let number = DEFINED.try_with(|defined| defined.number(kind, metric, naming));
    number.ok().flatten()
}

/// What is counted, without names: a kind, and what of that kind.
///
/// Policies, rules and reasons are told apart by where their names lie, in the
/// configuration, which outlives this, or in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CounterKey(Counted, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Allow,
    Deny,
    None,
    By(Use, RuleVerdict, LevelName),
    Other(Use),
    Asked(Option<PolicyId>, CalloutResult, Option<&'static str>),
    Took(Option<PolicyId>),
    BodyBytes,
    Hashed(u32),
}

impl CounterKey {
    /// A name by its hash (FNV-1a, 64 bits): two of the same are counted as one.
    fn hashed(name: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        let half = |half: u64| u32::try_from(half & u64::from(u32::MAX)).unwrap_or_default();
        let low = usize::try_from(half(hash)).unwrap_or_default();
        Self(Counted::Hashed(half(hash >> 32)), low)
    }

    /// Something that there is one of, or all that is not worth a name.
    const fn one(kind: Counted) -> Self {
        Self(kind, 0)
    }

    fn named(kind: Counted, name: &str) -> Self {
        Self(kind, name.as_ptr().addr())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RuleVerdict {
    Allowed,
    Denied,
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
        self.request(Counted::Allow, "allow", reason);
        self.audited(permit.audit());
    }

    /// A request is denied by policy.
    pub(super) fn denied(&self, denial: &Denial<'_>) {
        if let Some(by) = Determined::by(&denial.reason) {
            self.determined(Use::Decisions, by);
        }
        self.audited(denial.audit);
    }

    /// A request is denied or rejected, for a kind of reason.
    pub(super) fn blocked(&self, decision: &'static str, reason: &'static str) {
        self.request(Counted::Deny, decision, reason);
    }

    /// A request ended before it was decided.
    pub(super) fn abandoned(&self) {
        self.request(Counted::None, "none", Abandoned::REASON);
    }

    /// An authorizer has answered, or will not; in so many nanoseconds, where it was asked.
    pub(super) fn asked(&self, said: &CalloutRecord, took: Option<u64>) {
        let (outcome, reason) = (said.answered, said.error);
        let calls = |policy| Metric::AuthorizerCalls {
            policy,
            outcome: outcome.as_str(),
            reason,
        };
        let of = |id| CounterKey::one(Counted::Asked(id, outcome, reason));
        let (named, other) = (Some(said.policy.as_str()), None);
        self.count_named(
            MetricKind::Counter,
            (of(Some(said.id)), calls(named)),
            (of(None), calls(other)),
            1,
        );
        if let Some(took) = took {
            let duration = |policy| Metric::AuthorizerDuration { policy };
            let of = |id| CounterKey::one(Counted::Took(id));
            self.count_named(
                MetricKind::Histogram,
                (of(Some(said.id)), duration(named)),
                (of(None), duration(other)),
                took / 1_000_000,
            );
        }
    }

    /// An MCP body was read to its end.
    pub(super) fn body(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let key = CounterKey::one(Counted::BodyBytes);
        self.count(key, MetricKind::Histogram, Metric::BodyBytes, bytes);
    }

    fn request(&self, kind: Counted, decision: &'static str, reason: &'static str) {
        let metric = Metric::Requests { decision, reason };
        self.count(
            CounterKey::named(kind, reason),
            MetricKind::Counter,
            metric,
            1,
        );
    }

    fn audited(&self, audit: Option<Audit<'_>>) {
        if let Some(Audit::Deny(reason)) = audit {
            let by = Determined::by(&reason).unwrap_or(Determined::Other);
            self.determined(Use::Audit, by);
        }
    }

    fn determined(&self, used: Use, by: Determined<'_>) {
        let of = |verdict, level| Counted::By(used, verdict, level);
        let of_rule = |verdict, level, by: Determining<'_>| match by.rule {
            Some(rule) if !rule.is_empty() => CounterKey::named(of(verdict, level), rule),
            // All texts that are empty may lie at one place.
            _ => CounterKey(of(verdict, level), address(by.policy)),
        };
        let other = CounterKey::one(Counted::Other(used));
        let key = match by {
            Determined::Allowed(level, by) => of_rule(RuleVerdict::Allowed, level, by),
            Determined::Denied(level, by) => of_rule(RuleVerdict::Denied, level, by),
            Determined::NotAllowed(level, policy) => CounterKey(
                of(RuleVerdict::NotAllowed, level),
                policy.map_or(0, address),
            ),
            Determined::Other => other,
        };
        let metric = |by| match used {
            Use::Decisions => Metric::Decisions(by),
            Use::Audit => Metric::Audit(by),
        };
        self.count_named(
            MetricKind::Counter,
            (key, metric(by)),
            (other, metric(Determined::Other)),
            1,
        );
    }

    /// Counts what names a policy, or where there are too many, what stands for all others.
    fn count_named(
        &self,
        kind: MetricKind,
        (key, metric): (CounterKey, Metric<'_>),
        (other, of_others): (CounterKey, Metric<'_>),
        value: u64,
    ) {
        match self.number(key, kind, metric, Naming::Policy) {
            Some(number) => host::record(kind, number, value),
            None => self.count(other, kind, of_others, value),
        }
    }

    fn count(&self, key: CounterKey, kind: MetricKind, metric: Metric<'_>, value: u64) {
        if let Some(number) = self.number(key, kind, metric, Naming::Few) {
            host::record(kind, number, value);
        }
    }

    fn number(
        &self,
        key: CounterKey,
        kind: MetricKind,
        metric: Metric<'_>,
        naming: Naming,
    ) -> Option<u32> {
        let mut known = self.known.try_borrow_mut().ok()?;
        if let Some(number) = known.get(&key) {
            return Some(*number);
        }
        let number = defined(kind, metric, naming)?;
        known.insert(key, number);
        Some(number)
    }
}

/// A request is denied because there are no policies, for a kind of reason.
pub(super) fn without_policies(reason: &'static str) {
    let metric = Metric::Requests {
        decision: "deny",
        reason,
    };
    record(MetricKind::Counter, metric, 1);
}

/// A configuration came, and was taken or not.
pub(super) fn configured(outcome: &'static str) {
    let metric = Metric::ConfigLoads { outcome };
    record(MetricKind::Counter, metric, 1);
}

/// The configuration with this digest is in force.
pub(super) fn in_force(digest: &str) {
    record(
        MetricKind::Gauge,
        Metric::ConfigDigest,
        digest_value(digest),
    );
}

/// The memory of this VM.
pub(super) fn memory(bytes: usize) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    record(MetricKind::Gauge, Metric::Memory, bytes);
}

fn record(kind: MetricKind, metric: Metric<'_>, value: u64) {
    if let Some(number) = defined(kind, metric, Naming::Few) {
        host::record(kind, number, value);
    }
}

fn address(name: &ObjectName) -> usize {
    ptr::from_ref(name).addr()
}
