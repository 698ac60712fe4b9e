//! What the headers of a posted message decide, whatever its body will say.

use crate::engine::policy::{
    AllowPolicies, Attached, Evaluation, Policies, PolicyGroup, PolicyLevel, RequestHeaders,
    RuleRef, SelectorId, selector,
};
use crate::engine::request::{Operation, Request};

use super::access::is_surely_mcp;
use super::{Allowance, CompletedCalls, Denial, DenialReason, Interruption, Judge, LevelName};

/// Why a posted message is denied whatever it says; `None` where some message of this
/// caller could be allowed. What `request` does is not looked at: nobody knows it yet.
///
/// A message could be allowed where each level with Allow policies has a rule whose source
/// and HTTP part match, and whose expression may be true of some message; and where no Deny
/// policy's rule is met by every message. Authorizers are not asked: they could only deny as well.
///
/// SECURITY: some servers act on headers alone, so that nothing of a request may go on that
/// no message could make an allowed one.
pub fn deny_by_headers<'p>(policies: &'p Policies, request: &Request<'_>) -> Option<Denial<'p>> {
    let allowance = Allowance::default();
    let judge = Judge::of_headers(policies, request, &CompletedCalls::default(), &allowance);
    let reason = match judge.by_headers() {
        Err(reason) => reason,
        Ok(()) => elsewhere(policies, request, &allowance)?,
    };
    Some(Denial {
        reason,
        audit: None,
    })
}

/// Why a request is denied that is something else than MCP to some servers: they read its
/// path as one that carries none, and of that the headers say all. Only where they would
/// go on: held ones are judged with the message.
fn elsewhere<'p>(
    policies: &'p Policies,
    request: &Request<'_>,
    allowance: &Allowance,
) -> Option<DenialReason<'p>> {
    let streams = policies.settings().request_headers == RequestHeaders::Stream;
    if !streams || is_surely_mcp(policies, request) {
        return None;
    }
    let request = Request {
        operation: Operation::Http,
        ..*request
    };
    let judge = Judge {
        // Once the message is known to be one. They could only deny as well.
        asks: false,
        ..Judge::new(policies, &request, &CompletedCalls::default(), allowance)
    };
    match judge.judge(Evaluation::Enforced) {
        Err(Interruption::Denied(reason)) => Some(reason),
        Ok(_) | Err(Interruption::Ask(_)) => None,
    }
}

impl<'p> Judge<'p, '_> {
    fn by_headers(&self) -> Result<(), DenialReason<'p>> {
        let view = Evaluation::Enforced;
        if !self.policies.has_any(view) {
            return self.unprotected().map(drop);
        }
        self.destination(view)?;
        self.level_by_headers(LevelName::Gateway, self.gateway.level(view))?;
        if let Some(backend) = self.backend {
            self.level_by_headers(LevelName::Backend, backend.level(view))?;
        }
        // An authorizer may yet have judged it.
        let may_be_judged = |attached: &Attached| {
            let level = attached.level(view);
            !level.allow().is_empty() || !level.asking().group().is_empty()
        };
        if self.is_foreign(view) && !self.attached().any(may_be_judged) {
            return self.unprotected().map(drop);
        }
        Ok(())
    }

    fn level_by_headers(
        &self,
        name: LevelName,
        level: &'p PolicyLevel,
    ) -> Result<(), DenialReason<'p>> {
        let any_message = [selector::ANYTHING, selector::ANY_MCP];
        let denies = |rule| self.denies_any_message(rule);
        if let Some(rule) = self.first(level.deny(), &any_message, &denies) {
            return Err(self.denied_by(name, rule));
        }
        let group = level.allow();
        let could_allow = |rule| self.could_allow(rule);
        if group.is_empty()
            || self
                .first(group, &[selector::SOURCE], &could_allow)
                .is_some()
        {
            return Ok(());
        }
        let policy = match self.policies.allow_policies() {
            AllowPolicies::All => group.policies().next(),
            AllowPolicies::Any => None,
        };
        Err(DenialReason::NotAllowed {
            level: name,
            policy: policy.and_then(|policy| self.policies.policy_name(policy)),
            message: None,
        })
    }

    /// The first of the caller's rules under some selectors that is wanted.
    fn first(
        &self,
        group: &PolicyGroup,
        selectors: &[SelectorId],
        is_wanted: &dyn Fn(RuleRef) -> bool,
    ) -> Option<RuleRef> {
        let mut first: Option<RuleRef> = None;
        for caller in self.callers.iter().flatten() {
            for selector in selectors {
                for list in group.rules(*caller, *selector) {
                    let found = list.iter().find(|rule| is_wanted(**rule));
                    first = first.into_iter().chain(found.copied()).min();
                }
            }
        }
        first
    }
}
