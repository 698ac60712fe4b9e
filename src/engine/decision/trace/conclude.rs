//! What follows from what was seen.

use crate::engine::policy::{
    Action, AllowPolicies, Attached, Evaluation, Mode, RuleRef, Unprotected,
};

use super::super::{Basis, DenialReason, Determining, LevelName};
use super::{AccessTrace, LevelTrace, LevelVerdict, PolicyTrace, TracedVerdict, Walk};

impl<'p> Walk<'p, '_> {
    pub(super) fn conclude(
        &self,
        levels: &[LevelTrace<'p>],
        view: Evaluation,
    ) -> TracedVerdict<'p> {
        let basis = match self.conclude_levels(levels, view) {
            Ok(basis) => basis,
            Err(stopped) => return stopped,
        };
        // Who would ask is asked by nobody, but would have its say.
        let mut asking = levels.iter().filter(|_| view == Evaluation::Audited);
        asking
            .find_map(|level| level.would_ask)
            .map_or(TracedVerdict::Allow(basis), TracedVerdict::Ask)
    }

    fn conclude_levels(
        &self,
        levels: &[LevelTrace<'p>],
        view: Evaluation,
    ) -> Result<Basis<'p>, TracedVerdict<'p>> {
        let policies = self.judge.policies;
        if !policies.has_any(view) {
            return self.unprotected();
        }
        let reach = policies.reach(view);
        let port = self.judge.request.http.port();
        let needs_backend = policies.requires_backend();
        let cluster = self.judge.request.cluster;
        if (reach.backends || needs_backend) && cluster.is_none() {
            return Err(TracedVerdict::Deny(DenialReason::NoCluster));
        }
        if needs_backend && cluster.and_then(|it| policies.backend(it)).is_none() {
            return Err(TracedVerdict::Deny(DenialReason::Unlisted));
        }
        if reach.listeners && port.is_none() {
            return Err(TracedVerdict::Deny(DenialReason::NoPort));
        }
        let mut determining = levels.iter().map(|level| match (level.asks, view) {
            (Some(by), _) => Err(TracedVerdict::Ask(by)),
            (None, Evaluation::Enforced) => level.enforced.map_err(TracedVerdict::Deny),
            (None, Evaluation::Audited) => level.audited.map_err(TracedVerdict::Deny),
        });
        let gateway = determining.next().transpose()?.flatten();
        let backend = determining.next().transpose()?;
        let has_listener = port.is_some_and(|port| policies.has_listener(port));
        let is_foreign =
            (reach.backends && backend.is_none()) || (reach.listeners && !has_listener);
        // Of what the request does each; an Allow policy has judged all of it.
        let judging = |policy: &PolicyTrace<'_>| match policy.action {
            Action::Allow => policy.is_in(view),
            Action::Deny => false,
            Action::ExternalAuth => {
                policy.direct.is_some() && self.judge.progress.has_answer(policy.policy)
            }
        };
        let is_judged = |number: usize| {
            let mut acts = levels.iter().filter_map(|level| level.acts.get(number));
            acts.any(|act| act.policies.iter().any(judging))
        };
        let count = levels.first().map_or(0, |level| level.acts.len());
        if is_foreign && !(0..count).all(is_judged) {
            return self.unprotected();
        }
        Ok(Basis::Policies {
            gateway,
            backend: backend.flatten(),
        })
    }

    fn unprotected(&self) -> Result<Basis<'p>, TracedVerdict<'p>> {
        match self.judge.policies.settings().unprotected {
            Unprotected::Allow => Ok(Basis::Unprotected),
            Unprotected::Deny => Err(TracedVerdict::Deny(DenialReason::Unprotected)),
        }
    }

    /// The rule for which a policy of a mode has yet to ask: the first policy in order of
    /// asking, and of it the first thing that meets a rule.
    pub(super) fn conclude_asking(
        &self,
        acts: &[AccessTrace<'p>],
        mode: Mode,
    ) -> Option<Determining<'p>> {
        let count = acts.first().map_or(0, |act| act.policies.len());
        let met = (0..count).find_map(|number| {
            let of_acts = acts.iter().filter_map(|act| act.policies.get(number));
            let mut asking = of_acts.filter(|policy| {
                policy.action == Action::ExternalAuth
                    && policy.mode == mode
                    && !self.judge.progress.has_answer(policy.policy)
            });
            asking.find_map(|policy| policy.direct)
        });
        met.and_then(|rule| Determining::new(self.judge.policies, rule))
    }

    pub(super) fn conclude_level(
        &self,
        level: LevelName,
        attached: &'p Attached,
        acts: &[AccessTrace<'p>],
        view: Evaluation,
    ) -> LevelVerdict<'p> {
        let policies = self.judge.policies;
        let of = |act: &'_ AccessTrace<'p>, action| -> Vec<MatchedRules> {
            let counted = act.policies.iter();
            counted
                .filter(|policy| policy.is_in(view) && policy.action == action)
                .map(MatchedRules::of)
                .collect()
        };
        for act in acts {
            let refusing = of(act, Action::Deny);
            let refusing = refusing.iter().filter_map(|seen| seen.direct).min();
            if let Some(by) = refusing.and_then(|rule| Determining::new(policies, rule)) {
                let message = refusing.and_then(|rule| policies.message(rule));
                return Err(DenialReason::DenyRule { level, by, message });
            }
        }
        let mut determining = None;
        for (act, judged) in acts.iter().zip(self.judge.acts.iter()) {
            let allowing = of(act, Action::Allow);
            if allowing.is_empty() {
                return Ok(None);
            }
            let each_must = policies.allow_policies() == AllowPolicies::All && !judged.any_rule;
            let missing = allowing.iter().find(|seen| seen.matched().is_none());
            let rule = match missing {
                Some(_) if each_must => None,
                _ if each_must => allowing.first().and_then(MatchedRules::matched),
                _ => allowing.iter().filter_map(MatchedRules::matched).min(),
            };
            let Some(rule) = rule else {
                let policy = missing.filter(|_| each_must).map(|seen| seen.policy);
                let group = attached.level(view).allow();
                return Err(DenialReason::NotAllowed {
                    level,
                    policy: policy.and_then(|policy| policies.policy_name(policy)),
                    message: self.judge.message(group, policy, judged),
                });
            };
            determining = determining.or(Some(rule));
        }
        Ok(determining.and_then(|rule| Determining::new(policies, rule)))
    }
}

/// By which rules a policy was seen to match.
struct MatchedRules {
    policy: crate::engine::policy::PolicyId,
    direct: Option<RuleRef>,
    base: Option<RuleRef>,
}

impl MatchedRules {
    fn of(policy: &PolicyTrace<'_>) -> Self {
        Self {
            policy: policy.policy,
            direct: policy.direct,
            base: policy.base,
        }
    }

    /// By which it matches.
    fn matched(&self) -> Option<RuleRef> {
        self.direct.into_iter().chain(self.base).min()
    }
}
