//! The policies of one action at a level: does each allow, or one; does one refuse.

use crate::engine::policy::{CallerKey, PolicyGroup, PolicyId, RuleRef, SelectorId, selector};

use super::access::{Access, Completion};

/// Whom rules are for that may match: anyone, and the caller where a rule names it.
pub(super) type CallerKeys = [Option<CallerKey>; 2];

/// What a group of Allow policies says of an act.
pub(super) enum GroupOutcome {
    /// It is allowed; the first rule that says so.
    Allowed(RuleRef),
    /// It is not; the first policy that does not allow it, where each must.
    NotAllowed(Option<PolicyId>),
}

/// How many policies of a group must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// Every one.
    All,
    /// One.
    Any,
}

/// Judges an act by a group. `holds` says whether what is not in the index, of a rule
/// that is filed where the act is looked up, matches as well.
pub(super) fn judge(
    group: &PolicyGroup,
    callers: &CallerKeys,
    act: &Access<'_>,
    needed: Needed,
    holds: &dyn Fn(RuleRef) -> bool,
) -> GroupOutcome {
    let candidates = Candidates::new(group, callers, act, holds);
    if needed == Needed::All && !act.any_rule {
        let mut first = None;
        for policy in group.policies() {
            match candidates.rule_of(policy) {
                Some(rule) => first = first.or(Some(rule)),
                None => return GroupOutcome::NotAllowed(Some(policy)),
            }
        }
        // A group is never empty here; if it were, nothing would have allowed.
        return first.map_or(GroupOutcome::NotAllowed(None), GroupOutcome::Allowed);
    }
    candidates
        .first()
        .map_or(GroupOutcome::NotAllowed(None), GroupOutcome::Allowed)
}

/// The first rule of a group of Deny policies that matches an act.
pub(super) fn refuses(
    group: &PolicyGroup,
    callers: &CallerKeys,
    act: &Access<'_>,
    holds: &dyn Fn(RuleRef) -> bool,
) -> Option<RuleRef> {
    FiledRules::new(group, callers, &act.refusing(), holds).first()
}

/// The first rule of a policy that matches an act as the rules of Deny policies do.
pub(super) fn meets(
    group: &PolicyGroup,
    policy: PolicyId,
    callers: &CallerKeys,
    act: &Access<'_>,
    holds: &dyn Fn(RuleRef) -> bool,
) -> Option<RuleRef> {
    FiledRules::new(group, callers, &act.refusing(), holds).of(policy)
}

/// The first rule of a group that an act finds and that satisfies `is_wanted`.
pub(super) fn first(
    group: &PolicyGroup,
    callers: &CallerKeys,
    act: &Access<'_>,
    is_wanted: &dyn Fn(RuleRef) -> bool,
) -> Option<RuleRef> {
    FiledRules::new(group, callers, &act.selectors, is_wanted).first()
}

/// Rules filed under some pairs: each list a look-up, in order of policy and rule.
struct FiledRules<'g> {
    lists: Vec<&'g [RuleRef]>,
    holds: &'g dyn Fn(RuleRef) -> bool,
}

impl<'g> FiledRules<'g> {
    fn new(
        group: &'g PolicyGroup,
        callers: &CallerKeys,
        selectors: &[SelectorId],
        holds: &'g dyn Fn(RuleRef) -> bool,
    ) -> Self {
        let mut lists = Vec::with_capacity(callers.len().saturating_mul(selectors.len()));
        for caller in callers.iter().flatten() {
            for selector in selectors {
                for list in group.rules(*caller, *selector) {
                    lists.push(list);
                }
            }
        }
        Self { lists, holds }
    }

    /// The first rule of a policy that holds.
    fn of(&self, policy: PolicyId) -> Option<RuleRef> {
        let of_list = |list: &&[RuleRef]| {
            let start = list.partition_point(|rule| rule.policy < policy);
            let rules = list.get(start..).unwrap_or_default();
            let mut rules = rules.iter().take_while(|rule| rule.policy == policy);
            rules.find(|rule| (self.holds)(**rule)).copied()
        };
        self.lists.iter().filter_map(of_list).min()
    }

    /// The first rule of any policy that holds.
    fn first(&self) -> Option<RuleRef> {
        let of_list = |list: &&[RuleRef]| list.iter().find(|rule| (self.holds)(**rule)).copied();
        self.lists.iter().filter_map(of_list).min()
    }

    /// The policies that have rules here.
    fn policies(&self) -> impl Iterator<Item = PolicyId> {
        self.lists
            .iter()
            .flat_map(|list| list.iter().map(|rule| rule.policy))
    }
}

/// The rules that could match an act.
struct Candidates<'g> {
    matching: FiledRules<'g>,
    completion: Option<CompletionCandidates<'g>>,
}

struct CompletionCandidates<'g> {
    base: FiledRules<'g>,
    listed: FiledRules<'g>,
    things: FiledRules<'g>,
}

impl<'g> Candidates<'g> {
    fn new(
        group: &'g PolicyGroup,
        callers: &CallerKeys,
        act: &Access<'_>,
        holds: &'g dyn Fn(RuleRef) -> bool,
    ) -> Self {
        let look_up =
            |selectors: &[SelectorId], holds| FiledRules::new(group, callers, selectors, holds);
        let matching = look_up(&act.selectors, holds);
        let completion = act
            .completion
            .as_ref()
            .map(|Completion { listed, things }| CompletionCandidates {
                base: look_up(&[selector::BASE_PROTOCOL], holds),
                // A list restricts also where its rule matches elsewhere.
                listed: look_up(&[*listed], &|_| true),
                things: look_up(things, holds),
            });
        Self {
            matching,
            completion,
        }
    }

    /// The first rule of a policy that matches.
    fn rule_of(&self, policy: PolicyId) -> Option<RuleRef> {
        let completion = self.completion.as_ref();
        let completion = completion.and_then(|completion| completion.rule_of(policy));
        self.matching.of(policy).into_iter().chain(completion).min()
    }

    /// The first rule of any policy that matches.
    fn first(&self) -> Option<RuleRef> {
        let completion = self.completion.as_ref();
        let completion = completion.and_then(CompletionCandidates::first);
        self.matching.first().into_iter().chain(completion).min()
    }
}

impl CompletionCandidates<'_> {
    fn rule_of(&self, policy: PolicyId) -> Option<RuleRef> {
        let rule = self.base.of(policy)?;
        let is_restricted = self.listed.of(policy).is_some();
        (!is_restricted || self.things.of(policy).is_some()).then_some(rule)
    }

    fn first(&self) -> Option<RuleRef> {
        self.base
            .policies()
            .filter_map(|policy| self.rule_of(policy))
            .min()
    }
}
