//! What follows from what was seen.

use crate::policy::{Action, AllowPolicies, Attached, RuleRef, Unprotected, View};

use super::super::{Basis, DenialReason, Determining, LevelName};
use super::{ActTrace, LevelTrace, LevelVerdict, PolicyTrace, Verdict, Walk};

impl<'p> Walk<'p, '_> {
    pub(super) fn conclude(&self, levels: &[LevelTrace<'p>], view: View) -> Verdict<'p> {
        let policies = self.judge.policies;
        if !policies.has_any(view) {
            return self.unprotected();
        }
        let reach = policies.reach(view);
        let port = self.judge.request.http.port();
        if reach.backends && self.judge.request.cluster.is_none() {
            return Err(DenialReason::NoCluster);
        }
        if reach.listeners && port.is_none() {
            return Err(DenialReason::NoPort);
        }
        let mut determining = levels.iter().map(|level| match view {
            View::Enforced => level.enforced,
            View::Audited => level.audited,
        });
        let gateway = determining.next().transpose()?.flatten();
        let backend = determining.next().transpose()?;
        let has_listener = port.is_some_and(|port| policies.has_listener(port));
        let is_foreign =
            (reach.backends && backend.is_none()) || (reach.listeners && !has_listener);
        let allowing =
            |policy: &PolicyTrace<'_>| policy.is_in(view) && policy.action == Action::Allow;
        let mut acts = levels.iter().flat_map(|level| &level.acts);
        if is_foreign && !acts.any(|act| act.policies.iter().any(allowing)) {
            return self.unprotected();
        }
        Ok(Basis::Policies {
            gateway,
            backend: backend.flatten(),
        })
    }

    fn unprotected(&self) -> Verdict<'p> {
        match self.judge.policies.settings().unprotected {
            Unprotected::Allow => Ok(Basis::Unprotected),
            Unprotected::Deny => Err(DenialReason::Unprotected),
        }
    }

    pub(super) fn conclude_level(
        &self,
        level: LevelName,
        attached: &'p Attached,
        acts: &[ActTrace<'p>],
        view: View,
    ) -> LevelVerdict<'p> {
        let policies = self.judge.policies;
        let of = |act: &'_ ActTrace<'p>, action| -> Vec<Seen> {
            let counted = act.policies.iter();
            counted
                .filter(|policy| policy.is_in(view) && policy.action == action)
                .map(Seen::of)
                .collect()
        };
        for act in acts {
            let refusing = of(act, Action::Deny);
            let refusing = refusing.iter().filter_map(|seen| seen.direct).min();
            if let Some(by) = refusing.and_then(|rule| Determining::new(policies, rule)) {
                let message = refusing.and_then(|rule| policies.message(rule));
                return Err(DenialReason::Refused { level, by, message });
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
                _ if each_must => allowing.first().and_then(Seen::matched),
                _ => allowing.iter().filter_map(Seen::matched).min(),
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
struct Seen {
    policy: crate::policy::PolicyId,
    direct: Option<RuleRef>,
    base: Option<RuleRef>,
}

impl Seen {
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
