//! Why a decision is what it is: every level, policy and rule, with what each condition
//! wanted and what it found.
//!
//! Walks through everything where the engine looks things up, with the engine's own
//! conditions, and concludes from what it saw. What the engine has found out on its way
//! stays found: judging may take so much and no more, and the walk takes more. What it concludes is compared with the
//! decision ([`Trace::contradiction`]): a story that ends otherwise is not told.
//!
//! For people; the filter has none of it.

mod conclude;
mod found;
mod rule;

use std::fmt;

use crate::engine::policy::{
    Action, Attached, Evaluation, Mode, NumberedPolicy, ObjectName, Policies, PolicyId, RuleRef,
};
use crate::engine::request::Request;

use super::access::Access;
use super::{
    Allowance, Audit, Basis, CompletedCalls, Decision, DenialReason, Determining, Judge, LevelName,
    Match, decide,
};

/// What a view of the policies comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TracedVerdict<'p> {
    /// The request goes on.
    Allow(Basis<'p>),
    /// It does not.
    Deny(DenialReason<'p>),
    /// That is for an authorizer to say first.
    Ask(Determining<'p>),
}

/// What a level comes to: what allows, `None` where no Allow policy is attached.
pub type LevelVerdict<'p> = Result<Option<Determining<'p>>, DenialReason<'p>>;

/// A decision and everything it rests on.
#[derive(Debug)]
pub struct Trace<'p> {
    /// The engine's decision.
    pub decision: Decision<'p>,
    /// The Gateway level, and the Backend level where there is one; the second may not
    /// have been reached.
    pub levels: Vec<LevelTrace<'p>>,
    /// What follows from the levels.
    pub enforced: TracedVerdict<'p>,
    /// What would follow if policies in Audit mode were enforced, where any applies.
    pub audited: Option<TracedVerdict<'p>>,
}

/// A level.
#[derive(Debug)]
pub struct LevelTrace<'p> {
    /// Which.
    pub name: LevelName,
    /// What its policies are attached to: `Gateway infra/prod`.
    pub target: String,
    /// Each thing that the request does, judged.
    pub acts: Vec<AccessTrace<'p>>,
    /// Whose authorizer is to be asked before anything else; none once all have answered.
    pub asks: Option<Determining<'p>>,
    /// What the level comes to besides.
    pub enforced: LevelVerdict<'p>,
    /// The same, policies in Audit mode included.
    pub audited: LevelVerdict<'p>,
    /// Whose authorizer would be asked if policies in Audit mode were enforced.
    would_ask: Option<Determining<'p>>,
}

/// One thing that a request does, and what each policy of a level says of it.
#[derive(Debug)]
pub struct AccessTrace<'p> {
    /// What it does: `tools/call echo`.
    pub asks: String,
    /// The policies: those that ask first, in the order in which they do; then those that
    /// refuse and those that allow, each in order of name.
    pub policies: Vec<PolicyTrace<'p>>,
}

/// A policy.
#[derive(Debug)]
pub struct PolicyTrace<'p> {
    /// Its number.
    pub policy: PolicyId,
    /// Its name.
    pub name: &'p ObjectName,
    /// What a match means.
    pub action: Action,
    /// Whether it is enforced.
    pub mode: Mode,
    /// Its rules, in order.
    pub rules: Vec<RuleTrace<'p>>,
    /// The first rule that matches by what it lists.
    direct: Option<RuleRef>,
    /// The first rule that matches by the base protocol, where things are completed.
    base: Option<RuleRef>,
}

/// A rule.
#[derive(Debug)]
pub struct RuleTrace<'p> {
    /// Its number.
    pub rule: RuleRef,
    /// Its name; `None` stands for a policy without rules, which all requests match.
    pub name: Option<&'p str>,
    /// Its conditions, in order.
    pub checks: Vec<Check>,
    /// Whether all of them hold.
    pub matches: Match,
    /// Whether that counts as a match: what nobody can say does where a match refuses.
    pub counts: bool,
}

/// A condition of a rule.
#[derive(Debug)]
pub struct Check {
    /// What it is about.
    pub part: RulePart,
    /// What it wants: any of these.
    pub wanted: Vec<String>,
    /// What the request has there.
    pub found: Option<String>,
    /// What an expression read, by name; `None` for what the request does not have.
    pub reads: Vec<(String, Option<String>)>,
    /// Whether it holds.
    pub matches: Match,
}

/// What a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulePart {
    /// The caller.
    Source,
    /// The MCP method and what it acts on.
    Mcp,
    /// The HTTP method.
    Method,
    /// The path.
    Path,
    /// A header.
    Header(String),
    /// The host.
    Host,
    /// The port.
    Port,
    /// An expression.
    Cel,
}

/// A trace that does not end where the engine does: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ContradictionError(String);

impl fmt::Display for RulePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Mcp => "mcp",
            Self::Method => "method",
            Self::Path => "path",
            Self::Header(name) => return write!(f, "header {name}"),
            Self::Host => "host",
            Self::Port => "port",
            Self::Cel => "cel",
        })
    }
}

/// Judges a request, and says why. `document` is the one that `policies` are made of.
///
/// The first authorizers, as many as `answered`, let the request go on. Nobody else is
/// asked: where an authorizer is to be, the explanation ends with that.
pub fn explain<'p>(
    policies: &'p Policies,
    document: &'p NumberedPolicy,
    request: &Request<'_>,
    answered: usize,
) -> Trace<'p> {
    let mut progress = CompletedCalls::default();
    for _ in 0..answered {
        let decision = decide(policies, request, &progress, &Allowance::default());
        if let Decision::Ask(ask) = decision {
            progress = ask.wait(progress).allowed();
        }
    }
    let allowance = Allowance::default();
    let judge = Judge::new(policies, request, &progress, &allowance);
    let decision = judge.decide();
    let walk = Walk { judge, document };
    let levels = walk.levels();
    let enforced = walk.conclude(&levels, Evaluation::Enforced);
    let audited = policies
        .has_audited()
        .then(|| walk.conclude(&levels, Evaluation::Audited));
    Trace {
        decision,
        audited: audited.filter(|audited| {
            // What an answer is still to decide has no audit yet.
            let decided = enforced.goes_on();
            decided.is_some() && walk.judge.tells(audited.goes_on(), decided)
        }),
        enforced,
        levels,
    }
}

impl<'p> Trace<'p> {
    /// Where the trace ends otherwise than the engine.
    pub fn contradiction(&self) -> Option<ContradictionError> {
        let (decided, audit) = match &self.decision {
            Decision::Allow(permit) => (TracedVerdict::Allow(permit.basis()), permit.audit()),
            Decision::Deny(denial) => (TracedVerdict::Deny(denial.reason), denial.audit),
            Decision::Ask(ask) => (TracedVerdict::Ask(ask.by), None),
        };
        let audit = audit.map(|audit| match audit {
            Audit::Allow(basis) => TracedVerdict::Allow(basis),
            Audit::Deny(reason) => TracedVerdict::Deny(reason),
            Audit::Ask(by) => TracedVerdict::Ask(by),
        });
        if (decided, audit) == (self.enforced, self.audited) {
            return None;
        }
        Some(ContradictionError(format!(
            "the engine decides {decided:?} (audit: {audit:?}), and what was seen on the way to it \
             is {:?} (audit: {:?})",
            self.enforced, self.audited
        )))
    }
}

impl TracedVerdict<'_> {
    /// Whether the request goes on; `None` where an authorizer is to say that.
    const fn goes_on(&self) -> Option<bool> {
        match self {
            Self::Allow(_) => Some(true),
            Self::Deny(_) => Some(false),
            Self::Ask(_) => None,
        }
    }
}

impl LevelTrace<'_> {
    /// Whether the request gets past the level.
    pub const fn passes(&self) -> bool {
        self.asks.is_none() && self.enforced.is_ok()
    }
}

impl PolicyTrace<'_> {
    /// The rule by which it matches.
    pub fn matched(&self) -> Option<RuleRef> {
        self.direct.or(self.base)
    }

    /// Whether it counts in a view.
    pub fn is_in(&self, view: Evaluation) -> bool {
        view == Evaluation::Audited || self.mode == Mode::Enforce
    }
}

/// A request on its way through every policy.
struct Walk<'p, 'r> {
    judge: Judge<'p, 'r>,
    document: &'p NumberedPolicy,
}

impl<'p, 'r> Walk<'p, 'r> {
    fn levels(&self) -> Vec<LevelTrace<'p>> {
        let gateway = self.level(LevelName::Gateway, self.judge.gateway);
        let backend = self
            .judge
            .backend
            .map(|backend| self.level(LevelName::Backend, backend));
        std::iter::once(gateway).chain(backend).collect()
    }

    fn level(&self, name: LevelName, attached: &'p Attached) -> LevelTrace<'p> {
        let acts = self.judge.acts.iter();
        let acts: Vec<AccessTrace<'p>> = acts.map(|act| self.act(attached, act)).collect();
        LevelTrace {
            name,
            target: self.target(name),
            asks: self.conclude_asking(&acts, Mode::Enforce),
            would_ask: self.conclude_asking(&acts, Mode::Audit),
            enforced: self.conclude_level(name, attached, &acts, Evaluation::Enforced),
            audited: self.conclude_level(name, attached, &acts, Evaluation::Audited),
            acts,
        }
    }

    fn act(&self, attached: &Attached, act: &Access<'r>) -> AccessTrace<'p> {
        let (enforced, level) = (
            attached.level(Evaluation::Enforced),
            attached.level(Evaluation::Audited),
        );
        let mut policies: Vec<PolicyId> = enforced.asking().policies().collect();
        let audited = level.asking().policies();
        // Without policies in Audit mode both are the same.
        let audited: Vec<_> = audited
            .filter(|policy| !policies.contains(policy))
            .collect();
        policies.extend(audited);
        policies.extend(level.deny().policies().chain(level.allow().policies()));
        AccessTrace {
            asks: found::asked(act.operation(self.judge.request.operation), act.thing),
            policies: policies
                .into_iter()
                .filter_map(|policy| self.policy(policy, act))
                .collect(),
        }
    }

    /// What a level's policies are attached to.
    fn target(&self, name: LevelName) -> String {
        let compiled = self.document.compiled();
        let request = self.judge.request;
        match name {
            LevelName::Gateway => {
                let port = request.http.port();
                let mut listeners = compiled.listeners.iter();
                let listener = listeners.find(|listener| Some(listener.port.get()) == port);
                let listener = listener.map(|listener| format!(", listener {}", listener.name));
                format!(
                    "Gateway {}{}",
                    compiled.gateway,
                    listener.unwrap_or_default()
                )
            }
            LevelName::Backend => {
                let cluster = request.cluster.unwrap_or_default();
                let mut backends = compiled.backends.iter();
                let serves = |name: &String| name == cluster;
                let backend = backends.find(|backend| backend.clusters.iter().any(serves));
                backend.map_or_else(String::new, |found| format!("XBackend {}", found.backend))
            }
        }
    }
}

#[cfg(test)]
mod tests;
