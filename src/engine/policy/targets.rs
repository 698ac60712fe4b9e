//! Which policies a request meets at which target.
//!
//! A listener's level has the policies of the whole Gateway as well: the same ones, filed once.

use std::collections::hash_map::Entry;
use std::rc::Rc;

use super::builder::PolicyDraft;
use super::index::{
    Attached, CallerKey, PolicyGroup, PolicyId, PolicyLevel, RuleRef, SeedlessMap, SelectorId,
    TargetPolicies, filed,
};
use super::load::{LoadError, inconsistent};
use super::model::{Backend, Listener, Mode, ObjectName, Target, Unlisted};
use super::one_or_many::OneOrMany;

/// One place a rule is filed under.
#[derive(Debug)]
pub(super) struct IndexPlace {
    pub(super) caller: CallerKey,
    pub(super) selector: SelectorId,
    /// As in [`RuleRef`].
    pub(super) rule: Option<u32>,
}

/// What a policy does where it matches, and its place where that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
    Ask(u64),
}

/// Every target, and what is attached to it.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) gateway: Attached,
    pub(super) listeners: SeedlessMap<u64, Attached>,
    pub(super) ports: Vec<u64>,
    pub(super) backends: Vec<Attached>,
    /// The names of the backends, in the same order.
    pub(super) backend_names: Vec<ObjectName>,
    pub(super) clusters: SeedlessMap<String, usize>,
    pub(super) reach: Reach,
    pub(super) audited_reach: Reach,
    ports_by_name: SeedlessMap<String, u64>,
    numbers: SeedlessMap<ObjectName, usize>,
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
        policies: &[PolicyDraft],
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
        Ok(targets)
    }

    /// What a policy for a target is attached to; `None` when there is no such target.
    fn of(&mut self, target: &Target) -> Option<&mut Attached> {
        match target {
            Target::Gateway => Some(&mut self.gateway),
            Target::Listener(name) => self.listeners.get_mut(self.ports_by_name.get(name)?),
            Target::Backend(backend) => self.backends.get_mut(*self.numbers.get(backend)?),
        }
    }

    /// Attaches a policy to a target.
    pub(super) fn attach(
        &mut self,
        target: &Target,
        policy: PolicyId,
        does: Effect,
        mode: Mode,
    ) -> Option<()> {
        self.audited_reach.add(target);
        if mode == Mode::Enforce {
            self.reach.add(target);
        }
        let Attached { enforced, audited } = self.of(target)?;
        let level = match mode {
            Mode::Enforce => enforced,
            Mode::Audit => audited.get_or_insert_default(),
        };
        let (group, place) = match does {
            Effect::Allow => (&mut level.allow, 0),
            Effect::Deny => (&mut level.deny, 0),
            Effect::Ask(place) => (&mut level.asking.group, place),
        };
        let own = &mut group.own()?.policies;
        // A policy may name a target twice.
        if own.last() != Some(&(place, policy)) {
            own.push((place, policy));
        }
        Some(())
    }

    /// Files the rules of what is attached, once all of it is; `places` are those of every
    /// policy, by number. `None` where `has_room` says that there is no memory for so many
    /// bytes.
    pub(super) fn file(
        &mut self,
        places: &[Vec<IndexPlace>],
        has_room: &dyn Fn(usize) -> bool,
    ) -> Option<()> {
        let mut filing = Filing::new(places, has_room);
        let named = self.listeners.values_mut().chain(&mut self.backends);
        for attached in named.chain([&mut self.gateway]) {
            filing.file(attached)?;
        }
        let listeners = self.listeners.values_mut();
        listeners.for_each(|listener| listener.share(&self.gateway));
        let named = self.listeners.values_mut().chain(&mut self.backends);
        named.chain([&mut self.gateway]).for_each(Attached::audit);
        Some(())
    }
}

impl Attached {
    /// Has the policies of the whole Gateway as well.
    fn share(&mut self, gateway: &Self) {
        self.enforced.share(&gateway.enforced);
        if let Some(audited) = &gateway.audited {
            self.audited.get_or_insert_default().share(audited);
        }
    }

    /// Among what would be enforced is what is. A question that was asked need not be asked
    /// again to know what else would be.
    fn audit(&mut self) {
        if let Some(audited) = &mut self.audited {
            audited.deny.share(&self.enforced.deny);
            audited.allow.share(&self.enforced.allow);
        }
    }
}

impl PolicyLevel {
    fn share(&mut self, other: &Self) {
        let others = [&other.asking.group, &other.deny, &other.allow];
        for (group, other) in self.groups().into_iter().zip(others) {
            group.share(other);
        }
    }

    fn groups(&mut self) -> [&mut PolicyGroup; 3] {
        [&mut self.asking.group, &mut self.deny, &mut self.allow]
    }
}

impl PolicyGroup {
    /// The policies of the target itself, as long as they are not filed.
    fn own(&mut self) -> Option<&mut TargetPolicies> {
        if self.parts.is_empty() {
            self.parts.push(Rc::default());
        }
        self.parts.last_mut().and_then(Rc::get_mut)
    }

    #[inline(never)] // it is smaller so
    fn share(&mut self, other: &Self) {
        self.parts.extend_from_slice(&other.parts);
    }
}

/// Rules that are being filed.
struct Filing<'p> {
    /// Of every policy, by number.
    places: &'p [Vec<IndexPlace>],
    has_room: &'p dyn Fn(usize) -> bool,
    /// What has been filed, to be shared by targets with the same policies; those of one slot
    /// take each other's place.
    filed: Vec<Rc<TargetPolicies>>,
}

impl<'p> Filing<'p> {
    const SLOTS: usize = 1024;

    /// What a place takes at most in a table, in bytes: twice what is there, and lists that
    /// grow.
    const OF_A_PLACE: usize = 160;

    fn new(places: &'p [Vec<IndexPlace>], has_room: &'p dyn Fn(usize) -> bool) -> Self {
        Self {
            places,
            has_room,
            filed: vec![Rc::default(); Self::SLOTS],
        }
    }

    fn file(&mut self, attached: &mut Attached) -> Option<()> {
        let Attached { enforced, audited } = attached;
        for level in [enforced].into_iter().chain(audited) {
            for group in level.groups() {
                if let Some(own) = group.parts.last_mut() {
                    self.part(own)?;
                }
            }
        }
        Some(())
    }

    fn part(&mut self, part: &mut Rc<TargetPolicies>) -> Option<()> {
        let mix =
            |hash: u32, (_, policy): &(u64, PolicyId)| (hash ^ policy.0).wrapping_mul(0x9e37_79b1);
        let slot = part.policies.iter().fold(0, mix) >> 22;
        let slot = self.filed.get_mut(slot as usize)?;
        if slot.policies == part.policies {
            *part = Rc::clone(slot);
            return Some(());
        }
        let places = self.places;
        let of = |policy: &PolicyId| places.get(policy.0 as usize).map_or(&[][..], Vec::as_slice);
        let count = part
            .policies
            .iter()
            .map(|(_, policy)| of(policy).len())
            .sum();
        if !(self.has_room)(Self::OF_A_PLACE.saturating_mul(count)) {
            return None;
        }
        let own = Rc::get_mut(part)?;
        // A table that grows is there twice for a moment.
        own.rules.reserve(count);
        for (_, policy) in &own.policies {
            for place in of(policy) {
                own.for_anyone |= place.caller == CallerKey::Anyone;
                let rule = RuleRef {
                    policy: *policy,
                    rule: place.rule,
                };
                match own.rules.entry(filed(place.caller, place.selector)) {
                    Entry::Vacant(empty) => {
                        empty.insert(OneOrMany::One(rule));
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
        own.rules.shrink_to_fit();
        own.sort();
        *slot = Rc::clone(part);
        Some(())
    }
}

impl TargetPolicies {
    /// Policies come in the order of their names, which decides between those of one place.
    fn sort(&mut self) {
        for policy in std::mem::take(&mut self.policies) {
            let at = self.policies.partition_point(|other| *other < policy);
            self.policies.insert(at, policy);
        }
    }
}
