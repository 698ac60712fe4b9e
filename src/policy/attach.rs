//! Which policies a request meets at which target.
//!
//! A listener's level has the policies of the whole Gateway as well, so that a request
//! looks in one place.

use std::collections::hash_map::Entry;

use super::incoming::Prepared;
use super::index::{
    Asking, Attached, CallerKey, Group, Level, Map, PolicyId, RuleRef, SelectorId, filed,
};
use super::list::List;
use super::load::{LoadError, inconsistent};
use super::model::{Backend, Listener, Mode, ObjectName, Target, Unlisted};

/// One place a rule is filed under.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) caller: CallerKey,
    pub(super) selector: SelectorId,
    /// As in [`RuleRef`].
    pub(super) rule: Option<u32>,
}

/// What a policy does where it matches, and its place where that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Allow,
    Deny,
    Ask(u64),
}

/// Every target, and what is attached to it.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) gateway: Attached,
    pub(super) listeners: Map<u64, Attached>,
    pub(super) ports: Vec<u64>,
    pub(super) backends: Vec<Attached>,
    /// The names of the backends, in the same order.
    pub(super) backend_names: Vec<ObjectName>,
    pub(super) clusters: Map<String, usize>,
    pub(super) reach: Reach,
    pub(super) audited_reach: Reach,
    ports_by_name: Map<String, u64>,
    numbers: Map<ObjectName, usize>,
}

/// What policies are attached to besides the whole Gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Some are for a listener.
    pub listeners: bool,
    /// Some are for a backend.
    pub backends: bool,
}

impl Reach {
    fn add(&mut self, target: &Target) {
        self.listeners |= matches!(target, Target::Listener(_));
        self.backends |= matches!(target, Target::Backend(_));
    }
}

impl Targets {
    /// Whether requests for clusters of no backend are denied.
    pub(super) fn require_one(&self, unlisted: Unlisted) -> bool {
        unlisted == Unlisted::Deny && !self.backends.is_empty()
    }

    /// The targets there are, with nothing attached yet but room for what `policies` need.
    pub(super) fn new(
        listeners: Vec<Listener>,
        backends: Vec<Backend>,
        policies: &[Prepared],
    ) -> Result<Self, LoadError> {
        let mut targets = Self::default();
        for Listener { name, port } in listeners {
            if targets.ports.contains(&port.get()) {
                return Err(inconsistent(format!(
                    "two listeners have port {}",
                    port.get()
                )));
            }
            targets.ports.push(port.get());
            let again = targets.ports_by_name.insert(name.clone(), port.get());
            if again.is_some() {
                return Err(inconsistent(format!("listener `{name}` is listed twice")));
            }
        }
        for Backend { backend, clusters } in backends {
            let number = targets.backends.len();
            targets.backends.push(Attached::default());
            targets.backend_names.push(backend.clone());
            for cluster in clusters {
                let again = targets.clusters.insert(cluster.clone(), number);
                if again.is_some() {
                    return Err(inconsistent(format!(
                        "cluster `{cluster}` serves two backends"
                    )));
                }
            }
            if targets.numbers.insert(backend.clone(), number).is_some() {
                return Err(inconsistent(format!("backend `{backend}` is listed twice")));
            }
        }
        for target in policies.iter().flat_map(|policy| &policy.targets) {
            if let Target::Listener(name) = target
                && let Some(port) = targets.ports_by_name.get(name)
            {
                targets.listeners.entry(*port).or_default();
            }
        }
        let audited = policies.iter().filter(|policy| policy.mode == Mode::Audit);
        for target in audited.flat_map(|policy| &policy.targets) {
            for attached in targets.of(target).into_iter().flatten() {
                attached.audited.get_or_insert_default();
            }
        }
        Ok(targets)
    }

    /// What a policy for a target is attached to; `None` when there is no such target.
    fn of(&mut self, target: &Target) -> Option<Vec<&mut Attached>> {
        Some(match target {
            Target::Gateway => std::iter::once(&mut self.gateway)
                .chain(self.listeners.values_mut())
                .collect(),
            Target::Listener(name) => {
                vec![self.listeners.get_mut(self.ports_by_name.get(name)?)?]
            }
            Target::Backend(backend) => {
                vec![self.backends.get_mut(*self.numbers.get(backend)?)?]
            }
        })
    }

    /// Attaches a policy to a target.
    pub(super) fn attach(
        &mut self,
        target: &Target,
        policy: PolicyId,
        does: Does,
        mode: Mode,
    ) -> Option<()> {
        self.audited_reach.add(target);
        if mode == Mode::Enforce {
            self.reach.add(target);
        }
        for Attached { enforced, audited } in self.of(target)? {
            let enforced = (mode == Mode::Enforce).then_some(enforced);
            // A question that was asked need not be asked again to know what else would be.
            let audited = audited.as_mut();
            let audited = audited.filter(|_| enforced.is_none() || !matches!(does, Does::Ask(_)));
            for level in enforced.into_iter().chain(audited) {
                match does {
                    Does::Allow => level.allow.add(policy),
                    Does::Deny => level.deny.add(policy),
                    Does::Ask(place) => level.asking.add(policy, place),
                }
            }
        }
        Some(())
    }

    /// Files the rules of what is attached, once all of it is; `places` are those of every
    /// policy, by number.
    pub(super) fn file(&mut self, places: &[Vec<Place>]) {
        let named = self.listeners.values_mut().chain(&mut self.backends);
        for Attached { enforced, audited } in named.chain([&mut self.gateway]) {
            for Level {
                asking,
                deny,
                allow,
            } in [enforced].into_iter().chain(audited)
            {
                for group in [&mut asking.group, deny, allow] {
                    group.file(places);
                }
            }
        }
    }
}

impl Asking {
    /// INVARIANT: policies come in the order of their names, which decides between those
    /// of one place.
    fn add(&mut self, policy: PolicyId, place: u64) {
        if self.group.policies.last() == Some(&policy) {
            return;
        }
        let at = self.order.partition_point(|(other, _)| *other <= place);
        self.order.insert(at, (place, policy));
        self.group.add(policy);
    }
}

impl Group {
    fn add(&mut self, policy: PolicyId) {
        // A policy may meet a request by two of its targets.
        if self.policies.last() != Some(&policy) {
            self.policies.push(policy);
        }
    }

    /// Files the rules of its policies; `places` are those of every policy, by number.
    fn file(&mut self, places: &[Vec<Place>]) {
        let of = |policy: PolicyId| places.get(policy.0 as usize).map_or(&[][..], Vec::as_slice);
        // A table that grows is there twice for a moment.
        let count = self.policies.iter().map(|policy| of(*policy).len()).sum();
        self.rules.reserve(count);
        for policy in &self.policies {
            for place in of(*policy) {
                self.for_anyone |= place.caller == CallerKey::Anyone;
                let rule = RuleRef {
                    policy: *policy,
                    rule: place.rule,
                };
                match self.rules.entry(filed(place.caller, place.selector)) {
                    Entry::Vacant(empty) => {
                        empty.insert(List::One(rule));
                    }
                    Entry::Occupied(mut rules) => {
                        let rules = rules.get_mut();
                        if rules.as_slice().last() != Some(&rule) {
                            rules.push(rule);
                        }
                    }
                }
            }
        }
        // Of rules that are alike there are fewer places than were counted.
        self.rules.shrink_to_fit();
    }
}
