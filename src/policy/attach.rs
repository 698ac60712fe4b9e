//! Which policies a request meets at which target.
//!
//! A listener's level has the policies of the whole Gateway as well, so that a request
//! looks in one place.

use super::incoming::Prepared;
use super::index::{Asking, Attached, CallerKey, Group, Level, Map, PolicyId, RuleRef, SelectorId};
use super::load::{LoadError, inconsistent};
use super::model::{Backend, Listener, Mode, ObjectName, Target};

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
        let count = self.policies.iter().map(|policy| of(*policy).len()).sum();
        let mut filed: Vec<(CallerKey, SelectorId, RuleRef)> = Vec::with_capacity(count);
        for policy in &self.policies {
            filed.extend(of(*policy).iter().map(|place| {
                let (policy, rule) = (*policy, place.rule);
                (place.caller, place.selector, RuleRef { policy, rule })
            }));
        }
        // Rules come in order, and stay so under each pair.
        sort(&mut filed, |(caller, selector, _)| {
            (u64::from(caller.number()) << 32) | u64::from(selector.0)
        });
        filed.dedup();
        self.selectors.reserve_exact(filed.len());
        self.rules.reserve_exact(filed.len());
        for (caller, selector, rule) in filed {
            if self.callers.last().is_none_or(|(last, _)| *last != caller) {
                self.callers.push((caller, self.rules.len()));
            }
            self.selectors.push(selector);
            self.rules.push(rule);
        }
        self.callers.shrink_to_fit();
    }
}

/// Sorts by a number; those of one number stay as they are.
///
/// By one byte of it after the other, from the lowest: less code in the module than a sort
/// of the library, and as fast.
fn sort<T: Copy>(items: &mut Vec<T>, number: impl Fn(&T) -> u64) {
    if items.is_sorted_by_key(&number) {
        return;
    }
    let mut sorted = items.clone();
    for shift in (0..u64::BITS).step_by(8) {
        let byte = |item: &T| (number(item) >> shift) as u8;
        let mut places = [0usize; 256];
        for item in &*items {
            if let Some(count) = places.get_mut(usize::from(byte(item))) {
                *count = count.saturating_add(1);
            }
        }
        if places.contains(&items.len()) {
            continue;
        }
        // From how many there are to where they begin.
        places.iter_mut().fold(0usize, |start, place| {
            let end = start.saturating_add(*place);
            *place = start;
            end
        });
        for item in &*items {
            if let Some(place) = places.get_mut(usize::from(byte(item)))
                && let Some(slot) = sorted.get_mut(*place)
            {
                *slot = *item;
                *place = place.saturating_add(1);
            }
        }
        std::mem::swap(items, &mut sorted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_is_by_number_and_leaves_equal_ones_as_they_are() {
        let mut numbers = vec![0, u64::MAX, 1, 256, 255, 1 << 40];
        let mut next = 7u64;
        for _ in 0..1000 {
            next = next.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            numbers.extend([next, next >> 50, next >> 33 << 32]);
        }
        let mut found: Vec<(u64, usize)> = numbers.iter().copied().zip(0..).collect();
        let mut expected = found.clone();
        expected.sort();
        sort(&mut found, |(number, _)| *number);
        assert_eq!(found, expected);
    }
}
