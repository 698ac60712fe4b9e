//! The engine: a policy and a request in, a decision with its reasons out.
//!
//! Pure: no I/O, no clock, no randomness. Nothing here fails; what cannot be
//! decided in a request's favour is decided against it.

mod access;
mod assume;
mod attribute_cache;
mod attributes;
mod authorizer_call;
mod destinations;
mod group;
mod headers;
mod http;
mod matching;
#[cfg(not(target_os = "wasi"))]
mod trace;
mod verdict;

#[cfg(not(target_os = "wasi"))]
pub use assume::decide_assuming;
pub use assume::{Assumed, Holds};
pub use authorizer_call::{AuthorizerCall, CompletedCalls, Pending};
pub use destinations::{Elsewhere, allowed_everywhere};
pub use headers::deny_by_headers;
pub use matching::Match;
#[cfg(not(target_os = "wasi"))]
pub use trace::{
    AccessTrace, Check, ContradictionError, LevelTrace, LevelVerdict, PolicyTrace, RulePart,
    RuleTrace, Trace, TracedVerdict, explain,
};
pub use verdict::{Audit, Basis, Decision, Denial, DenialReason, Determining, LevelName, Permit};

use std::cell::OnceCell;

pub use crate::engine::expr::Allowance;
use crate::engine::expr::EvalError;
use crate::engine::policy::{
    AllowPolicies, Attached, CallerKey, Evaluation, ExternalAuthPolicies, Policies, PolicyGroup,
    PolicyId, PolicyLevel, RuleRef, Unprotected,
};
use crate::engine::request::Request;

use access::{Access, Accesses};
use attribute_cache::{About, AttributeCache, PartResult};
use attributes::RequestAttributes;
use group::{CallerKeys, GroupOutcome, Needed};

/// Judges a request: the Gateway level first, then the Backend level of the
/// cluster that the route chose.
///
/// `progress` is what authorizers have answered about it so far. Judging begins at the
/// start each time and comes to the same: nothing that it depends on changes meanwhile.
///
/// What it takes is taken off `allowance`: one for all that a request is judged by before it
/// goes on or waits for an authorizer. Each time that it is judged again, it has a new one:
/// it has waited meanwhile, and comes to the same only so.
pub fn decide<'p>(
    policies: &'p Policies,
    request: &Request<'_>,
    progress: &CompletedCalls,
    allowance: &Allowance,
) -> Decision<'p> {
    Judge::new(policies, request, progress, allowance).decide()
}

/// The same, where `has_answered` says of each question whether its authorizer has let the
/// request go on.
pub fn decide_answered<'p>(
    policies: &'p Policies,
    request: &Request<'_>,
    allowance: &Allowance,
    has_answered: &mut dyn FnMut(&AuthorizerCall<'p>) -> bool,
) -> Decision<'p> {
    Judge::new(policies, request, &CompletedCalls::default(), allowance)
        .decide_answered(has_answered)
}

/// Why judging stops before its end.
enum Interruption<'p> {
    Denied(DenialReason<'p>),
    Ask(AuthorizerCall<'p>),
}

impl<'p> From<DenialReason<'p>> for Interruption<'p> {
    fn from(reason: DenialReason<'p>) -> Self {
        Self::Denied(reason)
    }
}

/// A request as the index knows it.
struct Judge<'p, 'r> {
    policies: &'p Policies,
    progress: CompletedCalls,
    callers: CallerKeys,
    request: &'r Request<'r>,
    acts: Accesses<'r>,
    /// Where the message's parameters are, once an expression asked for them.
    params: OnceCell<Option<&'r [u8]>>,
    known: AttributeCache<'r>,
    /// Whether authorizers that have not answered are to be asked; else they are taken to
    /// let the request go on.
    asks: bool,
    /// What is not looked at.
    assumed: Option<Assumed<'r>>,
    has_cluster: bool,
    gateway: &'p Attached,
    backend: Option<&'p Attached>,
}

impl<'p, 'r> Judge<'p, 'r> {
    fn new(
        policies: &'p Policies,
        request: &'r Request<'r>,
        progress: &CompletedCalls,
        allowance: &'r Allowance,
    ) -> Self {
        Self {
            acts: Accesses::new(policies, request),
            ..Self::of_headers(policies, request, progress, allowance)
        }
    }

    /// A request of which only the headers are known: nothing that it does.
    fn of_headers(
        policies: &'p Policies,
        request: &'r Request<'r>,
        progress: &CompletedCalls,
        allowance: &'r Allowance,
    ) -> Self {
        let caller = request
            .caller
            .spiffe_id()
            .and_then(|id| policies.caller(id));
        Self {
            policies,
            progress: progress.again(),
            callers: [Some(CallerKey::Anyone), caller.map(CallerKey::Caller)],
            request,
            params: OnceCell::new(),
            known: AttributeCache::new(request.http, allowance),
            asks: true,
            assumed: None,
            acts: Accesses::default(),
            has_cluster: request.cluster.is_some(),
            gateway: policies.gateway(request.http.port()),
            backend: request
                .cluster
                .and_then(|cluster| policies.backend(cluster)),
        }
    }

    fn decide(&self) -> Decision<'p> {
        let decided = match self.judge(Evaluation::Enforced) {
            Ok(basis) => Ok(basis),
            Err(Interruption::Denied(reason)) => Err(reason),
            Err(Interruption::Ask(ask)) => return Decision::Ask(ask),
        };
        let audit = self.audit(decided.is_ok());
        match decided {
            Ok(basis) => Decision::Allow(Permit::new(basis, audit)),
            Err(reason) => Decision::Deny(Denial { reason, audit }),
        }
    }

    /// Each question is another policy's, so that there is a last one.
    fn decide_answered(
        &mut self,
        has_answered: &mut dyn FnMut(&AuthorizerCall<'p>) -> bool,
    ) -> Decision<'p> {
        loop {
            match self.decide() {
                Decision::Ask(ask) if has_answered(&ask) => {
                    let progress = std::mem::take(&mut self.progress);
                    self.progress = ask.wait(progress).allowed();
                }
                decided => return decided,
            }
        }
    }

    /// What policies in Audit mode would make of it, where that is worth telling.
    fn audit(&self, is_allowed: bool) -> Option<Audit<'p>> {
        // Where none is attached, enforcing one may still make the request one that no
        // policy could judge, or the other way round.
        if !self.policies.has_audited() {
            return None;
        }
        let (audit, would_be) = match self.judge(Evaluation::Audited) {
            Err(Interruption::Denied(reason)) => (Audit::Deny(reason), Some(false)),
            Err(Interruption::Ask(ask)) => (Audit::Ask(ask.by), None),
            // Who asks first here may not be judged first; but whatever refuses does.
            Ok(basis) => match self.audited_asking() {
                Some(by) => (Audit::Ask(by), None),
                None => (Audit::Allow(basis), Some(true)),
            },
        };
        self.tells(would_be, Some(is_allowed)).then_some(audit)
    }

    /// Who would be asked first if policies in Audit mode were enforced.
    fn audited_asking(&self) -> Option<Determining<'p>> {
        let rule = self
            .attached()
            .find_map(|at| self.asking(at.level(Evaluation::Audited).asking()))?;
        Determining::new(self.policies, rule)
    }

    /// Whether any policy in Audit mode is attached where the request goes.
    fn meets_audited(&self) -> bool {
        self.attached().any(Attached::has_audited)
    }

    /// Whether what would be allowed is worth telling beside what is; `None` stands for
    /// what an authorizer says.
    fn tells(&self, audited: Option<bool>, decided: Option<bool>) -> bool {
        self.meets_audited() || audited != decided
    }

    fn judge(&self, view: Evaluation) -> Result<Basis<'p>, Interruption<'p>> {
        if !self.policies.has_any(view) {
            return Ok(self.unprotected()?);
        }
        self.destination(view)?;
        let gateway = self.level(LevelName::Gateway, self.gateway, view)?;
        self.judge_backend(gateway, view)
    }

    /// The rest, after what the Gateway level came to.
    fn judge_backend(
        &self,
        gateway: Option<Determining<'p>>,
        view: Evaluation,
    ) -> Result<Basis<'p>, Interruption<'p>> {
        let backend = match self.backend {
            Some(attached) => self.level(LevelName::Backend, attached, view)?,
            None => None,
        };
        if self.is_foreign(view) && !self.is_judged(view) {
            return Ok(self.unprotected()?);
        }
        Ok(Basis::Policies { gateway, backend })
    }

    /// What is attached where the request goes.
    fn attached(&self) -> impl Iterator<Item = &'p Attached> + use<'p> {
        std::iter::once(self.gateway).chain(self.backend)
    }

    /// Whether it is known where the request goes, as far as that matters.
    fn destination(&self, view: Evaluation) -> Result<(), DenialReason<'p>> {
        let reach = self.policies.reach(view);
        let needs_backend = self.policies.requires_backend();
        // SECURITY: what is not known yet may turn out to be protected once it is.
        if (reach.backends || needs_backend) && !self.has_cluster {
            return Err(DenialReason::NoCluster);
        }
        if needs_backend && self.backend.is_none() {
            return Err(DenialReason::Unlisted);
        }
        if reach.listeners && self.request.http.port().is_none() {
            return Err(DenialReason::NoPort);
        }
        Ok(())
    }

    /// Whether policies protect other backends or listeners than the request's.
    ///
    /// SECURITY: a cluster that was renamed, or misspelt in the enforcement point, is
    /// not to be open because some other cluster is protected; and likewise a port.
    fn is_foreign(&self, view: Evaluation) -> bool {
        let reach = self.policies.reach(view);
        let port = self.request.http.port();
        let has_listener = || port.is_some_and(|port| self.policies.has_listener(port));
        (reach.backends && self.backend.is_none()) || (reach.listeners && !has_listener())
    }

    /// Whether policies that are attached there have judged all that the request does: an Allow
    /// policy, or for each act one whose authorizer has answered about it.
    fn is_judged(&self, view: Evaluation) -> bool {
        let mut attached = self.attached();
        if attached.any(|attached| !attached.level(view).allow().is_empty()) {
            return true;
        }
        self.acts.iter().all(|act| {
            let holds = |rule| self.conditions(rule, act) != Match::No;
            self.attached().any(|attached| {
                let asking = attached.level(Evaluation::Enforced).asking();
                let mut answered = asking
                    .policies()
                    .filter(|policy| !self.asks || self.progress.has_answer(*policy));
                answered.any(|policy| {
                    let met = group::meets(asking.group(), policy, &self.callers, act, &holds);
                    met.is_some()
                })
            })
        })
    }

    /// The decision on a request that no policy could judge.
    fn unprotected(&self) -> Result<Basis<'p>, DenialReason<'p>> {
        match self.policies.settings().unprotected {
            Unprotected::Allow => Ok(Basis::Unprotected),
            Unprotected::Deny => Err(DenialReason::Unprotected),
        }
    }

    /// What allows the request at a level; `None` where no Allow policy is attached.
    fn level(
        &self,
        name: LevelName,
        attached: &'p Attached,
        view: Evaluation,
    ) -> Result<Option<Determining<'p>>, Interruption<'p>> {
        // Audited or not, what is enforced is asked about, and only that.
        if self.asks {
            self.ask(name, attached.level(Evaluation::Enforced).asking())?;
        }
        let level = attached.level(view);
        self.refused(name, level)?;
        let group = level.allow();
        if group.is_empty() {
            return Ok(None);
        }
        let needed = match self.policies.allow_policies() {
            AllowPolicies::All => Needed::All,
            AllowPolicies::Any => Needed::Any,
        };
        let mut determining = None;
        for act in self.acts.iter() {
            let holds = |rule| match act.any_rule {
                // Of a response, the headers are all that could meet a condition.
                true => self.could_allow(rule),
                false => self.conditions(rule, act) == Match::Yes,
            };
            match group::judge(group, &self.callers, act, needed, &holds) {
                GroupOutcome::Allowed(rule) => {
                    determining.get_or_insert(rule);
                }
                GroupOutcome::NotAllowed(policy) => {
                    return Err(Interruption::Denied(DenialReason::NotAllowed {
                        level: name,
                        policy: policy.and_then(|policy| self.policies.policy_name(policy)),
                        message: self.message(group, policy, act),
                    }));
                }
            }
        }
        Ok(determining.and_then(|rule| Determining::new(self.policies, rule)))
    }

    /// Whether an authorizer of a level has yet to be asked about the request.
    fn ask(&self, level: LevelName, asking: &ExternalAuthPolicies) -> Result<(), Interruption<'p>> {
        let Some(rule) = self.asking(asking) else {
            return Ok(());
        };
        let ask = AuthorizerCall::new(self.policies, level, rule);
        Err(match ask {
            Some(ask) => Interruption::Ask(ask),
            // A policy that names nobody to ask: there is none, and it would still refuse.
            None => Interruption::Denied(DenialReason::NotAllowed {
                level,
                policy: self.policies.policy_name(rule.policy),
                message: None,
            }),
        })
    }

    /// The rule for which an authorizer is to be asked first, of those that have not
    /// answered yet.
    ///
    /// SPEC: a rule matches here as in a Deny policy: where that cannot be decided, and
    /// where anything that the request does matches. A response matches where no method
    /// is asked for: it calls none.
    fn asking(&self, asking: &ExternalAuthPolicies) -> Option<RuleRef> {
        let open = |policy: &PolicyId| !self.progress.has_answer(*policy);
        let mut policies = asking.policies().filter(open);
        policies.find_map(|policy| {
            let mut acts = self.acts.iter();
            acts.find_map(|act| {
                let holds = |rule| self.conditions(rule, act) != Match::No;
                group::meets(asking.group(), policy, &self.callers, act, &holds)
            })
        })
    }

    /// Whether a Deny policy of a level refuses anything that the request does.
    fn refused(&self, name: LevelName, level: &'p PolicyLevel) -> Result<(), DenialReason<'p>> {
        let group = level.deny();
        if group.is_empty() {
            return Ok(());
        }
        let mut acts = self.acts.iter();
        let refusing = acts.find_map(|act| {
            let holds = |rule| self.conditions(rule, act) != Match::No;
            group::refuses(group, &self.callers, act, &holds)
        });
        match refusing {
            Some(rule) => Err(self.denied_by(name, rule)),
            None => Ok(()),
        }
    }

    /// A denial by a rule of a Deny policy.
    fn denied_by(&self, level: LevelName, rule: RuleRef) -> DenialReason<'p> {
        let message = self.policies.message(rule);
        match Determining::new(self.policies, rule) {
            Some(by) => DenialReason::DenyRule { level, by, message },
            // A rule without a policy: there is none, and it would still refuse.
            None => DenialReason::NotAllowed {
                level,
                policy: None,
                message,
            },
        }
    }

    /// What a rule has to say whose expression alone kept it from allowing an act; only
    /// of `policy`, where that is the one that did not allow.
    fn message(
        &self,
        group: &'p PolicyGroup,
        policy: Option<PolicyId>,
        act: &Access<'r>,
    ) -> Option<&'p str> {
        let speaks = |rule: RuleRef| {
            let is_asked = policy.is_none_or(|policy| policy == rule.policy);
            is_asked && self.policies.message(rule).is_some() && self.http(rule) == Match::Yes
        };
        let rule = group::first(group, &self.callers, act, &speaks)?;
        self.policies.message(rule)
    }

    /// What of a rule is not in the index.
    fn conditions(&self, rule: RuleRef, act: &Access<'r>) -> Match {
        if let Some(assumed) = self.assumed {
            return (assumed.conditions)(rule).as_match();
        }
        match (self.http(rule), self.policies.cel(rule)) {
            // What does not match decides, and need not be evaluated further.
            (Match::No, _) => Match::No,
            (http, None) => http,
            (http, Some(condition)) => {
                let value = self.known.of_rule(rule, About::act(act), &|| {
                    let answers = self.answers(act);
                    condition.evaluate_within(&answers, self.known.allowance)
                });
                http.and(as_match(value))
            }
        }
    }

    /// What the request answers to expressions, where they ask about an act.
    fn answers(&self, act: &Access<'r>) -> RequestAttributes<'r, '_> {
        RequestAttributes::new(self.request, act, &self.params, &self.known)
    }

    /// Whether some message with these headers could meet what of a rule is not in the index.
    fn could_allow(&self, rule: RuleRef) -> bool {
        if let Some(assumed) = self.assumed {
            return (assumed.conditions)(rule).allows;
        }
        self.http(rule) == Match::Yes && self.could_be_true(rule)
    }

    /// Whether the expression of a rule could be true of some message with these headers.
    fn could_be_true(&self, rule: RuleRef) -> bool {
        match self.without_message(rule) {
            (Match::Yes, _) => true,
            (Match::No, _) => false,
            (Match::Undecided, reads_message) => reads_message,
        }
    }

    /// Whether every message with these headers meets what of a rule is not in the index, as
    /// far as it counts where a match denies.
    fn denies_any_message(&self, rule: RuleRef) -> bool {
        self.http(rule) != Match::No
            && match self.without_message(rule) {
                (Match::Yes, _) => true,
                (Match::No, _) => false,
                (Match::Undecided, reads_message) => !reads_message,
            }
    }

    /// What the expression of a rule is where the message has no value in it, and whether it
    /// reads the message. Whatever is decided so is decided for every message.
    fn without_message(&self, rule: RuleRef) -> (Match, bool) {
        let Some(condition) = self.policies.cel(rule) else {
            return (Match::Yes, false);
        };
        let needs = condition.needs();
        if needs.message_presence() {
            return (Match::Undecided, true);
        }
        let holds = self.known.of_rule(rule, About::Headers, &|| {
            let headers = Request {
                operation: self.request.operation.of_headers(),
                size: None,
                ..*self.request
            };
            let (any, params) = (Access::default(), OnceCell::new());
            let answers = RequestAttributes::new(&headers, &any, &params, &self.known);
            condition.evaluate_within(&answers, self.known.allowance)
        });
        (as_match(holds), needs.message())
    }

    fn http(&self, rule: RuleRef) -> Match {
        let Some(conditions) = self.policies.http(rule) else {
            return Match::Yes;
        };
        let find = || match http::matches(conditions, &self.known.head, self.known.allowance) {
            Match::Yes => Ok(true),
            Match::No => Ok(false),
            Match::Undecided => Err(EvalError::Ambiguous),
        };
        as_match(self.known.of_rule(rule, About::Http, &find))
    }
}

/// What has no value is undecided.
fn as_match(value: PartResult) -> Match {
    value.map_or(Match::Undecided, Match::decided)
}

#[cfg(test)]
mod tests;
