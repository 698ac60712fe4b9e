//! The settings that had a say where the field disagrees.

use super::Explanation;
use crate::engine::decision::{Basis, DenialReason, LevelTrace, Trace};
use crate::engine::enforcement::{Permitted, Reason, Step};
use crate::engine::mcp::MessageError;
use crate::engine::policy::{
    Action, AllowPolicies, DenialForm, Evaluation, RequestHeaders, ResourceParam, Unprotected,
};

/// A setting of the enforcement point, and what it did.
pub(super) struct Setting {
    /// As it is written: `allowPolicies: All`.
    pub(super) name: String,
    /// What follows from it here.
    pub(super) effect: String,
}

/// Every setting that had a say.
pub(super) fn settings(explanation: &Explanation<'_>) -> Vec<Setting> {
    let mut all = Vec::new();
    let mut add = |name: String, effect: &str| {
        all.push(Setting {
            name,
            effect: effect.to_owned(),
        });
    };
    let settings = explanation.loaded.policies.settings();
    let is_unprotected = match &explanation.explained.step {
        Step::Continue(Permitted::Now(permit, _)) => permit.basis() == Basis::Unprotected,
        Step::Block(refusal) => {
            let denial = refusal.reason.denial();
            denial.is_some_and(|denial| denial.reason == DenialReason::Unprotected)
        }
        _ => false,
    };
    if is_unprotected {
        match settings.unprotected {
            Unprotected::Allow => add(
                "unprotected: Allow".to_owned(),
                "what no policy is for goes on",
            ),
            Unprotected::Deny => add(
                "unprotected: Deny".to_owned(),
                "what no policy is for is denied",
            ),
        }
    }
    if let Step::Block(refusal) = &explanation.explained.step
        && matches!(refusal.reason, Reason::DeniedByHeaders(_))
        && settings.request_headers == RequestHeaders::Stream
    {
        add(
            "requestHeaders: Stream".to_owned(),
            "it is denied before its headers go on, so the answer cannot have its id",
        );
    }
    if let Step::Block(refusal) = &explanation.explained.step
        && matches!(
            refusal.reason,
            Reason::Malformed(MessageError::UnknownMember, _)
        )
    {
        add(
            "mcp.unknownMembers: Reject".to_owned(),
            "a message has only the members that JSON-RPC has",
        );
    }
    let trace = explanation.explained.trace.as_ref();
    let Some(trace) = trace else {
        return all;
    };
    let asks = |what: &str| {
        let mut acts = trace.levels.iter().flat_map(|level| &level.acts);
        acts.any(|act| act.asks.starts_with(what))
    };
    if asks("a request that is not MCP") {
        let paths = settings.mcp_paths.as_deref().unwrap_or_default();
        add(
            format!("mcp.paths: [{}]", paths.join(", ")),
            "the path is none of these, so the request is not MCP and its body is not read",
        );
    }
    // Of a response one rule is enough, whatever they say.
    if reached(trace).any(disagree) && !asks("a response") {
        match settings.allow_policies {
            AllowPolicies::All => add(
                "allowPolicies: All".to_owned(),
                "one Allow policy is not enough, each of the level must allow",
            ),
            AllowPolicies::Any => add(
                "allowPolicies: Any".to_owned(),
                "one Allow policy of the level is enough",
            ),
        }
    }
    if settings.resource_param == ResourceParam::Name && asks("resources/") {
        add(
            "resourceParam: Name".to_owned(),
            "rules list what `params.name` says, not the uri that the server acts on",
        );
    }
    if let Step::Block(refusal) = &explanation.explained.step
        && matches!(refusal.reason, Reason::Denied(_))
        && refusal.called.is_some()
    {
        match settings.denial {
            DenialForm::JsonRpc => {}
            DenialForm::Http403 => add(
                "denial.mcp: Http403".to_owned(),
                "the error comes with HTTP 403 instead of 200",
            ),
            DenialForm::Hide => add(
                "denial.mcp: Hide".to_owned(),
                "the client is told that there is no such thing",
            ),
        }
    }
    all
}

/// The levels that the request got to.
pub(super) fn reached<'t, 'p>(trace: &'t Trace<'p>) -> impl Iterator<Item = &'t LevelTrace<'p>> {
    let stopped = trace.levels.iter().position(|level| !level.passes());
    let count = stopped.map_or(trace.levels.len(), |last| last + 1);
    trace.levels.iter().take(count)
}

/// Whether some of a level's Allow policies allow and others do not.
fn disagree(level: &LevelTrace<'_>) -> bool {
    level.acts.iter().any(|act| {
        let allowing = act
            .policies
            .iter()
            .filter(|policy| policy.is_in(Evaluation::Enforced) && policy.action == Action::Allow);
        let mut matched = allowing.map(|policy| policy.matched().is_some());
        let first = matched.next();
        matched.any(|next| Some(next) != first)
    })
}
