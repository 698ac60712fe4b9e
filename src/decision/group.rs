//! The policies of one level: does each allow, or one.

use crate::policy::{CallerKey, Group, PolicyId, RuleRef, SelectorId, selector};

use super::act::{Act, Completion};

/// What a group of Allow policies says of an act.
pub(super) enum Outcome {
    /// It is allowed; the first rule that says so.
    Allowed(RuleRef),
    /// It is not; the first policy that does not allow it, where each must.
    NotAllowed(Option<PolicyId>),
}

/// Judges an act by every policy of a group (`all`), or by any.
pub(super) fn judge(group: &Group, callers: &[CallerKey], act: &Act, all: bool) -> Outcome {
    let candidates = Candidates::new(group, callers, act);
    if all && !act.any_rule {
        let mut first = None;
        for policy in group.policies() {
            match candidates.rule_of(*policy) {
                Some(rule) => first = first.or(Some(rule)),
                None => return Outcome::NotAllowed(Some(*policy)),
            }
        }
        // A group is never empty here; if it were, nothing would have allowed.
        return first.map_or(Outcome::NotAllowed(None), Outcome::Allowed);
    }
    candidates
        .first()
        .map_or(Outcome::NotAllowed(None), Outcome::Allowed)
}

/// Rules filed under one pair, in order.
type Filed<'g> = &'g [RuleRef];

/// The rules that could match an act: each list a look-up, none a loop over rules.
struct Candidates<'g> {
    matching: Vec<Filed<'g>>,
    completion: Option<CompletionCandidates<'g>>,
}

struct CompletionCandidates<'g> {
    base: Vec<Filed<'g>>,
    listed: Vec<Filed<'g>>,
    things: Vec<Filed<'g>>,
}

impl<'g> Candidates<'g> {
    fn new(group: &'g Group, callers: &[CallerKey], act: &Act) -> Self {
        let look_up = |selectors: &[SelectorId]| -> Vec<Filed<'g>> {
            callers
                .iter()
                .flat_map(|caller| {
                    selectors
                        .iter()
                        .map(|selector| group.rules(*caller, *selector))
                })
                .filter(|filed| !filed.is_empty())
                .collect()
        };
        let completion = act
            .completion
            .as_ref()
            .map(|Completion { listed, things }| CompletionCandidates {
                base: look_up(&[selector::BASE_PROTOCOL]),
                listed: look_up(&[*listed]),
                things: look_up(things),
            });
        Self {
            matching: look_up(&act.selectors),
            completion,
        }
    }

    /// The first rule of a policy that matches.
    fn rule_of(&self, policy: PolicyId) -> Option<RuleRef> {
        first_of(&self.matching, policy).or_else(|| self.completion.as_ref()?.rule_of(policy))
    }

    /// The first rule of any policy that matches.
    fn first(&self) -> Option<RuleRef> {
        let plain = self
            .matching
            .iter()
            .filter_map(|filed| filed.first())
            .min()
            .copied();
        let completion = self
            .completion
            .as_ref()
            .and_then(CompletionCandidates::first);
        plain.into_iter().chain(completion).min()
    }
}

impl CompletionCandidates<'_> {
    fn rule_of(&self, policy: PolicyId) -> Option<RuleRef> {
        let rule = first_of(&self.base, policy)?;
        let is_restricted = first_of(&self.listed, policy).is_some();
        if is_restricted {
            first_of(&self.things, policy).map(|_| rule)
        } else {
            Some(rule)
        }
    }

    fn first(&self) -> Option<RuleRef> {
        let policies = self
            .base
            .iter()
            .flat_map(|filed| filed.iter().map(|rule| rule.policy));
        policies.filter_map(|policy| self.rule_of(policy)).min()
    }
}

/// The first rule of a policy in any of some lists.
fn first_of(lists: &[Filed<'_>], policy: PolicyId) -> Option<RuleRef> {
    let of_list = |filed: &&[RuleRef]| {
        let start = filed.partition_point(|rule| rule.policy < policy);
        filed
            .get(start)
            .filter(|rule| rule.policy == policy)
            .copied()
    };
    lists.iter().filter_map(of_list).min()
}
