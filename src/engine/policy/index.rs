//! The compiled policy as the engine reads it: names as numbers, rules by what
//! selects them.
//!
//! A rule is filed under every pair of (caller, selector) that it asks for. A
//! request knows the few pairs it could be filed under and looks those up, so it
//! costs the same under ten rules and under ten thousand.
//!
//! INVARIANT: policies are numbered by namespace and name, and rules within a
//! policy by name. What the engine finds first therefore does not depend on the
//! order in which anything was written.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::rc::Rc;

use super::authorizer::ExternalAuth;
use super::http::HttpConditions;
use super::id_hash::NumberMap;
use super::interner::Interner;
use super::model::{AllowPolicies, Category, MethodName, ObjectName, Settings};
use super::one_or_many::OneOrMany;
use super::requirements::Requirements;
use super::targets::{Reach, Targets};
use super::terms::Terms;
use crate::engine::expr::CelCondition;
use crate::engine::uri;

/// A hash map without a random seed: its keys come from the operator's
/// configuration, and the engine reads no random numbers.
pub(super) type SeedlessMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// A caller that some rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallerId(pub(super) u32);

/// Whom a rule is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKey {
    /// Rules without a source.
    Anyone,
    /// Rules whose source is this caller.
    Caller(CallerId),
}

/// What of a request a rule is filed under. See [`selector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SelectorId(pub(super) u32);

/// The selectors that exist whatever the policy.
pub mod selector {
    use super::{Category, MethodName, SelectorId};

    /// Every request, MCP or not.
    pub const ANYTHING: SelectorId = SelectorId(0);
    /// Every MCP request.
    pub const ANY_MCP: SelectorId = SelectorId(1);
    /// The whole base protocol.
    pub const BASE_PROTOCOL: SelectorId = SelectorId(2);
    /// Every rule, whatever it asks for: answers "does this caller match any
    /// rule by source".
    pub const SOURCE: SelectorId = SelectorId(3);
    /// That part of the base protocol by which sessions begin and end, and tools are listed.
    pub const SESSION: SelectorId = SelectorId(4);

    /// Every method under a category's prefix.
    pub const fn category(category: Category) -> SelectorId {
        SelectorId((category as u32).saturating_add(8))
    }

    /// A method, whatever it acts on.
    pub const fn method(method: MethodName) -> SelectorId {
        SelectorId((method as u32).saturating_add(16))
    }

    /// Rules that list things for a method: answers "does this caller have a
    /// list for it at all".
    pub const fn listed(method: MethodName) -> SelectorId {
        SelectorId((method as u32).saturating_add(32))
    }

    /// Things get the numbers from here on.
    pub(in super::super) const FIRST_THING: u32 = 64;
}

/// A policy, by its place in the order of namespace and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(pub(super) u32);

/// A rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The policy.
    pub policy: PolicyId,
    /// The rule's place in the policy's order of names; `None` stands for a
    /// policy without rules, which every request matches.
    pub(super) rule: Option<u32>,
}

/// The policies of one action and mode that are attached to one target, with their rules
/// filed.
#[derive(Debug, Default)]
pub(super) struct TargetPolicies {
    /// In order; each with its place, where that counts before its name.
    pub(super) policies: Vec<(u64, PolicyId)>,
    /// Whether any rule is without a source.
    pub(super) for_anyone: bool,
    /// By [`filed`].
    pub(super) rules: NumberMap<OneOrMany<RuleRef>>,
}

impl TargetPolicies {
    #[inline(never)] // it is smaller so
    fn rules(&self, caller: CallerKey, selector: SelectorId) -> &[RuleRef] {
        if caller == CallerKey::Anyone && !self.for_anyone {
            return &[];
        }
        self.rules
            .get(&filed(caller, selector))
            .map_or(&[], OneOrMany::as_slice)
    }
}

/// The policies of one action at one level.
#[derive(Debug, Default)]
pub struct PolicyGroup {
    /// INVARIANT: at most [`PARTS`], and in each of them some policy. What a Gateway has is
    /// filed once, and shared by its listeners: a rule takes no more memory where there are
    /// many of them.
    pub(super) parts: Vec<Rc<TargetPolicies>>,
}

/// Those of the Gateway and of the target itself, enforced and audited.
const PARTS: usize = 4;

impl PolicyGroup {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The policies, in order, each once: one may meet a request by two of its targets.
    #[inline(never)] // it is smaller so
    pub fn policies(&self) -> impl Iterator<Item = PolicyId> {
        let mut left = [&[][..]; PARTS];
        for (left, part) in left.iter_mut().zip(&self.parts) {
            *left = &part.policies;
        }
        std::iter::from_fn(move || next(&mut left))
    }

    /// The rules filed under a pair: lists, each in order of policy and rule name.
    pub fn rules(
        &self,
        caller: CallerKey,
        selector: SelectorId,
    ) -> impl Iterator<Item = &[RuleRef]> {
        let lists = self
            .parts
            .iter()
            .map(move |part| part.rules(caller, selector));
        lists.filter(|list| !list.is_empty())
    }
}

/// The first policy of some lists, which is taken from them.
#[inline(never)] // as above
fn next(lists: &mut [&[(u64, PolicyId)]]) -> Option<PolicyId> {
    let next = *lists.iter().filter_map(|list| list.first()).min()?;
    for list in lists {
        if let [first, rest @ ..] = list
            && *first == next
        {
            *list = rest;
        }
    }
    Some(next.1)
}

/// A pair as one number.
pub(super) fn filed(caller: CallerKey, SelectorId(selector): SelectorId) -> u64 {
    let caller = match caller {
        CallerKey::Anyone => 0,
        CallerKey::Caller(CallerId(caller)) => u64::from(caller).saturating_add(1),
    };
    (caller << 32) | u64::from(selector)
}

/// The policies that a request passes at one level.
#[derive(Debug, Default)]
pub struct PolicyLevel {
    pub(super) asking: ExternalAuthPolicies,
    pub(super) deny: PolicyGroup,
    pub(super) allow: PolicyGroup,
}

/// The policies that ask authorizers.
#[derive(Debug, Default)]
pub struct ExternalAuthPolicies {
    pub(super) group: PolicyGroup,
}

impl ExternalAuthPolicies {
    /// The policies, with their rules filed.
    pub fn group(&self) -> &PolicyGroup {
        &self.group
    }

    /// The policies, in the order in which they ask.
    pub fn policies(&self) -> impl Iterator<Item = PolicyId> {
        self.group.policies()
    }
}

impl PolicyLevel {
    /// The ExternalAuth policies. Among those that are audited, only these: what is
    /// enforced has been asked about when somebody wants to know.
    pub fn asking(&self) -> &ExternalAuthPolicies {
        &self.asking
    }

    /// The Deny policies.
    pub fn deny(&self) -> &PolicyGroup {
        &self.deny
    }

    /// The Allow policies.
    pub fn allow(&self) -> &PolicyGroup {
        &self.allow
    }
}

/// What is attached to one target.
#[derive(Debug, Default)]
pub struct Attached {
    pub(super) enforced: PolicyLevel,
    pub(super) audited: Option<PolicyLevel>,
}

/// Which policies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// Those that are enforced.
    Enforced,
    /// Those in Audit mode as well.
    Audited,
}

impl Attached {
    /// The policies that count.
    pub fn level(&self, view: Evaluation) -> &PolicyLevel {
        match (view, &self.audited) {
            (Evaluation::Audited, Some(level)) => level,
            (Evaluation::Enforced, _) | (_, None) => &self.enforced,
        }
    }

    /// Whether there is any policy in Audit mode.
    pub const fn has_audited(&self) -> bool {
        self.audited.is_some()
    }
}

/// A policy's rules, as far as they are not in the index.
#[derive(Debug)]
pub(super) struct PolicyRules {
    pub(super) policy: ObjectName,
    pub(super) external_auth: Option<Box<ExternalAuth>>,
    pub(super) rules: Vec<IndexedRule>,
}

/// What of a rule is not in the index. Most have little of it, so that what they may
/// have is boxed.
#[derive(Debug)]
pub(super) struct IndexedRule {
    pub(super) name: String,
    pub(super) http: Option<Box<HttpConditions>>,
    pub(super) cel: Option<Box<CelCondition>>,
    pub(super) message: Option<String>,
}

/// A loaded compiled policy: immutable, shared by every stream.
#[derive(Debug)]
pub struct Policies {
    pub(super) digest: String,
    pub(super) gateway: ObjectName,
    pub(super) terms: Rc<Terms>,
    pub(super) policies: Vec<PolicyRules>,
    pub(super) callers: Interner<CallerId>,
    pub(super) things: BTreeMap<MethodName, Interner<SelectorId>>,
    /// The forms of the uris that rules list which refuse or ask.
    pub(super) forms: BTreeMap<MethodName, Interner<SelectorId>>,
    pub(super) enforced: usize,
    pub(super) targets: Targets,
}

impl Policies {
    /// The digest of the sources.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The Gateway that they are for.
    pub const fn gateway_name(&self) -> &ObjectName {
        &self.gateway
    }

    /// The enforcement point's settings.
    pub fn settings(&self) -> &Settings {
        &self.terms.settings
    }

    /// How several Allow policies of one level combine.
    pub fn allow_policies(&self) -> AllowPolicies {
        self.terms.settings.allow_policies
    }

    /// Whether any policy counts, at any level.
    pub const fn has_any(&self, view: Evaluation) -> bool {
        match view {
            Evaluation::Enforced => self.enforced > 0,
            Evaluation::Audited => !self.policies.is_empty(),
        }
    }

    /// Whether any policy is in Audit mode.
    pub fn has_audited(&self) -> bool {
        self.enforced < self.policies.len()
    }

    /// How many policies there are.
    pub fn policy_count(&self) -> usize {
        self.policies.len()
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.policies.iter().map(|policy| policy.rules.len()).sum()
    }

    /// What is attached to the Gateway, and to the listener that a port belongs to.
    pub fn gateway(&self, port: Option<u64>) -> &Attached {
        let listener = port.and_then(|port| self.targets.listeners.get(&port));
        listener.unwrap_or(&self.targets.gateway)
    }

    /// What the policies that count are attached to besides the whole Gateway.
    pub const fn reach(&self, view: Evaluation) -> Reach {
        match view {
            Evaluation::Enforced => self.targets.reach,
            Evaluation::Audited => self.targets.audited_reach,
        }
    }

    /// Whether a listener has this port.
    pub fn has_listener(&self, port: u64) -> bool {
        self.targets.ports.contains(&port)
    }

    /// Every listed backend, in the order of names, and what is attached to it.
    pub fn backends(&self) -> impl Iterator<Item = (&ObjectName, &Attached)> {
        let names = self.targets.backend_names.iter();
        names.zip(&self.targets.backends)
    }

    /// Whether requests are denied for clusters of no backend.
    pub fn requires_backend(&self) -> bool {
        self.targets.require_one(self.settings().unlisted)
    }

    /// What is attached to the backend that a cluster belongs to, if it belongs to one.
    pub fn backend(&self, cluster: &str) -> Option<&Attached> {
        self.targets
            .backends
            .get(*self.targets.clusters.get(cluster)?)
    }

    /// What the rules ask of a request.
    pub fn needs(&self) -> &Requirements {
        &self.terms.needs
    }

    /// What requests are read by. Two of policies that are the same place mean the same
    /// policies.
    pub const fn terms(&self) -> &Rc<Terms> {
        &self.terms
    }

    /// The number of a SPIFFE ID, if any rule names it.
    pub fn caller(&self, spiffe_id: &str) -> Option<CallerId> {
        self.callers.get(spiffe_id)
    }

    /// The selector of a thing acted on by a method, if any rule names it.
    pub fn thing(&self, method: MethodName, thing: &str) -> Option<SelectorId> {
        self.things.get(&method)?.get(thing)
    }

    /// The selectors of the forms of a uri acted on by a method, under which rules are filed
    /// that refuse, or ask, about another spelling of it.
    pub fn forms(&self, method: MethodName, uri: &str) -> Vec<SelectorId> {
        let Some(known) = self.forms.get(&method) else {
            return Vec::new();
        };
        let forms = uri::asked_among_others(uri).into_iter();
        forms.filter_map(|form| known.get(&form)).collect()
    }

    /// A policy's name.
    pub fn policy_name(&self, policy: PolicyId) -> Option<&ObjectName> {
        let policy = self.policies.get(policy.0 as usize)?;
        Some(&policy.policy)
    }

    /// Whom a policy asks; `None` for one that decides by itself.
    pub fn external_auth(&self, policy: PolicyId) -> Option<&ExternalAuth> {
        let policy = self.policies.get(policy.0 as usize)?;
        policy.external_auth.as_deref()
    }

    /// A rule's name; `None` for a policy without rules.
    pub fn rule_name(&self, rule: RuleRef) -> Option<&str> {
        self.rule(rule).map(|rule| rule.name.as_str())
    }

    /// What of HTTP a rule asks for.
    pub fn http(&self, rule: RuleRef) -> Option<&HttpConditions> {
        self.rule(rule)?.http.as_deref()
    }

    /// The expression that is to be true for a rule to match.
    pub fn cel(&self, rule: RuleRef) -> Option<&CelCondition> {
        self.rule(rule)?.cel.as_deref()
    }

    /// What is said where a rule's expression is what decides against the caller.
    pub fn message(&self, rule: RuleRef) -> Option<&str> {
        self.rule(rule)?.message.as_deref()
    }

    fn rule(&self, rule: RuleRef) -> Option<&IndexedRule> {
        let policy = self.policies.get(rule.policy.0 as usize)?;
        policy.rules.get(rule.rule? as usize)
    }
}
