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

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use super::http::HttpConditions;
use super::model::{AllowPolicies, Category, MethodName, ObjectName, Settings};
use crate::expr::{Condition, Needs};

/// A hash map without a random seed: its keys come from the operator's
/// configuration, and the engine reads no random numbers.
pub(super) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

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
    /// The base protocol.
    pub const BASE_PROTOCOL: SelectorId = SelectorId(2);
    /// Every rule, whatever it asks for: answers "does this caller match any
    /// rule by source".
    pub const SOURCE: SelectorId = SelectorId(3);

    /// Every method under a category's prefix.
    pub const fn category(category: Category) -> SelectorId {
        SelectorId(4 + category as u32)
    }

    /// A method, whatever it acts on.
    pub const fn method(method: MethodName) -> SelectorId {
        SelectorId(16 + method as u32)
    }

    /// Rules that list things for a method: answers "does this caller have a
    /// list for it at all".
    pub const fn listed(method: MethodName) -> SelectorId {
        SelectorId(32 + method as u32)
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

/// The policies of one action at one level, with their rules filed.
#[derive(Debug, Default)]
pub struct Group {
    pub(super) policies: Vec<PolicyId>,
    pub(super) rules: Map<(CallerKey, SelectorId), Vec<RuleRef>>,
}

impl Group {
    /// The policies, in order.
    pub fn policies(&self) -> &[PolicyId] {
        &self.policies
    }

    /// The rules filed under a pair, in order of policy and rule name.
    pub fn rules(&self, caller: CallerKey, selector: SelectorId) -> &[RuleRef] {
        self.rules
            .get(&(caller, selector))
            .map_or(&[], Vec::as_slice)
    }
}

/// The policies attached to one target.
#[derive(Debug, Default)]
pub struct Level {
    pub(super) allow: Group,
}

impl Level {
    /// The Allow policies.
    pub fn allow(&self) -> &Group {
        &self.allow
    }
}

/// A policy's rules, as far as they are not in the index.
#[derive(Debug)]
pub(super) struct PolicyRules {
    pub(super) policy: ObjectName,
    pub(super) rules: Vec<IndexedRule>,
}

/// What of a rule is not in the index.
#[derive(Debug)]
pub(super) struct IndexedRule {
    pub(super) name: String,
    pub(super) http: Option<HttpConditions>,
    pub(super) cel: Option<Condition>,
}

/// A loaded compiled policy: immutable, shared by every stream.
#[derive(Debug)]
pub struct Policies {
    pub(super) digest: String,
    pub(super) settings: Settings,
    pub(super) policies: Vec<PolicyRules>,
    pub(super) callers: Map<String, CallerId>,
    pub(super) things: Map<MethodName, Map<String, SelectorId>>,
    pub(super) gateway: Level,
    pub(super) backends: Vec<Level>,
    pub(super) clusters: Map<String, usize>,
}

impl Policies {
    /// The digest of the sources.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The enforcement point's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How several Allow policies of one level combine.
    pub fn allow_policies(&self) -> AllowPolicies {
        self.settings.allow_policies
    }

    /// Whether there is no policy at all, at any level.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.policies.iter().map(|policy| policy.rules.len()).sum()
    }

    /// The Gateway level.
    pub fn gateway(&self) -> &Level {
        &self.gateway
    }

    /// The Backend level that a cluster belongs to, if it belongs to one.
    pub fn backend(&self, cluster: &str) -> Option<&Level> {
        self.backends.get(*self.clusters.get(cluster)?)
    }

    /// Whether any policy targets a backend, so that a request's cluster matters.
    pub fn protects_backends(&self) -> bool {
        self.backends
            .iter()
            .any(|level| !level.allow.policies.is_empty())
    }

    /// The number of a SPIFFE ID, if any rule names it.
    pub fn caller(&self, spiffe_id: &str) -> Option<CallerId> {
        self.callers.get(spiffe_id).copied()
    }

    /// The selector of a thing acted on by a method, if any rule names it.
    pub fn thing(&self, method: MethodName, thing: &str) -> Option<SelectorId> {
        self.things.get(&method)?.get(thing).copied()
    }

    /// A policy's name.
    pub fn policy_name(&self, policy: PolicyId) -> Option<&ObjectName> {
        let policy = self.policies.get(policy.0 as usize)?;
        Some(&policy.policy)
    }

    /// A rule's name; `None` for a policy without rules.
    pub fn rule_name(&self, rule: RuleRef) -> Option<&str> {
        self.rule(rule).map(|rule| rule.name.as_str())
    }

    /// What of HTTP a rule asks for.
    pub fn http(&self, rule: RuleRef) -> Option<&HttpConditions> {
        self.rule(rule)?.http.as_ref()
    }

    /// The expression that is to be true for a rule to match.
    pub fn cel(&self, rule: RuleRef) -> Option<&Condition> {
        self.rule(rule)?.cel.as_ref()
    }

    /// What the expressions of all rules read.
    pub fn expression_needs(&self) -> Needs {
        let rules = self.policies.iter().flat_map(|policy| &policy.rules);
        let mut needs = Needs::default();
        for condition in rules.filter_map(|rule| rule.cel.as_ref()) {
            needs.join(condition.needs());
        }
        needs
    }

    /// Whether any rule asks for a port.
    pub fn asks_for_ports(&self) -> bool {
        let mut rules = self.policies.iter().flat_map(|policy| &policy.rules);
        rules.any(|rule| rule.http.as_ref().is_some_and(|http| http.ports.is_some()))
    }

    fn rule(&self, rule: RuleRef) -> Option<&IndexedRule> {
        let policy = self.policies.get(rule.policy.0 as usize)?;
        policy.rules.get(rule.rule? as usize)
    }
}
