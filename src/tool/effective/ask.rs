//! The engine, asked about everything.

use super::bounds::{Bounds, is_conditional};
use super::probe::Probe;
use super::universe::{Destination, Query, Universe};
use crate::engine::decision::{
    Allowance, Basis, Check, CompletedCalls, Decision, LevelTrace, Match, PolicyTrace, RulePart,
    RuleTrace, Trace, decide, explain,
};
use crate::engine::policy::{
    Action, AllowPolicies, CompiledPolicy, Evaluation, LoadError, Policies, RuleRef,
};
use crate::engine::request::Request;

/// Whether something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Never.
    Never,
    /// Whatever else the request is.
    Always {
        /// The rules that allow it; none where no policy is for it.
        by: Vec<String>,
    },
    /// On conditions.
    Depends {
        /// The rules that may allow it.
        by: Vec<String>,
        /// The conditions, with the rules that make them.
        on: Vec<String>,
    },
}

/// Who may do what.
#[derive(Debug)]
pub struct Effective {
    /// What was asked.
    pub universe: Universe,
    /// By place, caller and ask, each in the universe's order.
    pub grants: Vec<Vec<Vec<Grant>>>,
}

/// Asks a compiled policy about everything in `universe`.
///
/// # Errors
/// When the compiled policy contradicts itself.
pub fn effective(compiled: &CompiledPolicy, universe: Universe) -> Result<Effective, LoadError> {
    let bounds = Bounds::new(compiled)?;
    let of_caller = |place: &Destination, caller: &Option<String>| -> Vec<Grant> {
        let asks = universe.asks.iter();
        asks.map(|ask| grant(&bounds, &universe, place, caller.as_deref(), ask))
            .collect()
    };
    let places = universe.places.iter().map(|place| {
        let callers = universe.callers.iter();
        callers.map(|caller| of_caller(place, caller)).collect()
    });
    Ok(Effective {
        grants: places.collect(),
        universe,
    })
}

fn grant(
    bounds: &Bounds,
    universe: &Universe,
    place: &Destination,
    caller: Option<&str>,
    ask: &Query,
) -> Grant {
    let question = Probe::new(universe, place, caller, bounds.policies.settings());
    let request = question.request(ask);
    let (decision, answered) = decide_asked(&bounds.best, &request);
    let Decision::Allow(best) = decision else {
        return Grant::Never;
    };
    let worst = decide(
        &bounds.worst,
        &request,
        &CompletedCalls::default(),
        &Allowance::default(),
    );
    let is_sure = matches!(worst, Decision::Allow(_));
    if best.basis() == Basis::Unprotected {
        return Grant::Always {
            by: vec!["unprotected: Allow".to_owned()],
        };
    }
    let (document, policies) = &bounds.met;
    let met = explain(policies, document, &request, answered);
    let by = giving(bounds, &met);
    let names = by.iter().map(|rule| name(bounds, *rule)).collect();
    if is_sure {
        return Grant::Always { by: names };
    }
    let asked = explain(&bounds.policies, &bounds.document, &request, 0);
    let mut on = conditions(bounds, &asked, &by, &met);
    on.extend(asking(bounds, &asked, &met));
    on.sort();
    Grant::Depends { by: names, on }
}

/// What is decided where every authorizer lets the request go on, and how many are asked.
fn decide_asked<'p>(policies: &'p Policies, request: &Request<'_>) -> (Decision<'p>, usize) {
    let mut progress = CompletedCalls::default();
    let mut answered = 0;
    loop {
        match decide(policies, request, &progress, &Allowance::default()) {
            Decision::Ask(ask) => {
                answered += 1;
                progress = ask.wait(progress).allowed();
            }
            decision => return (decision, answered),
        }
    }
}

/// Whose authorizers have to allow, and on which conditions they are asked at all.
fn asking(bounds: &Bounds, asked: &Trace<'_>, met: &Trace<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let levels = met.levels.iter();
    for policy in levels.flat_map(|level| enforced(level, Action::ExternalAuth)) {
        let Some(auth) = bounds.policies.external_auth(policy.policy) else {
            continue;
        };
        let matching = || policy.rules.iter().filter(|rule| rule.counts);
        let sure = matching().find(|rule| !is_conditional_rule(bounds, rule));
        let rules = match sure {
            Some(sure) => vec![sure],
            None => matching().collect(),
        };
        all.extend(rules.into_iter().map(|rule| {
            let (cluster, rule) = (&auth.cluster, rule.rule);
            let name = name(bounds, rule);
            match own_conditions(asked, rule) {
                Some(own) => format!("authorizer {cluster} allows, where {own} ({name})"),
                None => format!("authorizer {cluster} allows ({name})"),
            }
        }));
    }
    all.sort();
    all.dedup();
    all
}

/// What a rule wants besides caller, method and thing.
fn own_conditions(asked: &Trace<'_>, rule: RuleRef) -> Option<String> {
    let acts = asked.levels.iter().flat_map(|level| &level.acts);
    let policies = acts.flat_map(|act| &act.policies);
    let mut rules = policies.flat_map(|policy| &policy.rules);
    let checks = &rules.find(|found| found.rule == rule)?.checks;
    let own = checks
        .iter()
        .filter(|check| !matches!(check.part, RulePart::Source | RulePart::Mcp));
    let own: Vec<String> = own.map(in_words).collect();
    (!own.is_empty()).then(|| own.join(" and "))
}

/// The rules that allow, all conditions met: of each Allow policy the first that has no
/// condition, or else all that have.
fn giving(bounds: &Bounds, met: &Trace<'_>) -> Vec<RuleRef> {
    let mut giving = Vec::new();
    for level in &met.levels {
        let policies = enforced(level, Action::Allow);
        let of_policy = policies.map(|policy| {
            let matching = || policy.rules.iter().filter(|rule| rule.counts);
            let sure = matching().find(|rule| !is_conditional_rule(bounds, rule));
            let maybe = matching().map(|rule| rule.rule).collect();
            let is_sure = sure.is_some();
            (is_sure, sure.map_or(maybe, |rule| vec![rule.rule]))
        });
        let of_policy: Vec<(bool, Vec<RuleRef>)> = of_policy.collect();
        let any = bounds.policies.allow_policies() == AllowPolicies::Any;
        let first_sure = of_policy.iter().find(|(is_sure, _)| any && *is_sure);
        match first_sure {
            Some((_, rules)) => giving.extend(rules),
            None => giving.extend(of_policy.iter().flat_map(|(_, rules)| rules)),
        }
    }
    giving.sort_unstable();
    giving.dedup();
    giving
}

fn enforced<'t, 'p>(
    level: &'t LevelTrace<'p>,
    action: Action,
) -> impl Iterator<Item = &'t PolicyTrace<'p>> {
    let policies = level.acts.iter().flat_map(|act| &act.policies);
    policies.filter(move |policy| policy.is_in(Evaluation::Enforced) && policy.action == action)
}

fn is_conditional_rule(bounds: &Bounds, rule: &RuleTrace<'_>) -> bool {
    let written = bounds.document.rule(rule.rule);
    written.is_some_and(is_conditional)
}

fn name(bounds: &Bounds, rule: RuleRef) -> String {
    let policy = bounds.document.policy(rule.policy);
    let policy = policy.map(|policy| policy.policy.to_string());
    let policy = policy.unwrap_or_default();
    match bounds.document.rule(rule) {
        Some(rule) => format!("{policy}#{}", rule.name),
        None => policy,
    }
}

/// The conditions of the rules that allow, and of those that would refuse.
fn conditions(bounds: &Bounds, asked: &Trace<'_>, by: &[RuleRef], met: &Trace<'_>) -> Vec<String> {
    let refusing: Vec<RuleRef> = met
        .levels
        .iter()
        .flat_map(|level| enforced(level, Action::Deny))
        .flat_map(|policy| &policy.rules)
        .filter(|rule| rule.matches == Match::Yes && is_conditional_rule(bounds, rule))
        .map(|rule| rule.rule)
        .collect();
    let giving = by.iter().map(|rule| ("", *rule));
    let refusing = refusing.into_iter().map(|rule| ("not ", rule));
    let conditional = giving.chain(refusing).filter_map(|(unless, rule)| {
        let own = own_conditions(asked, rule)?;
        Some(format!("{unless}{own} ({})", name(bounds, rule)))
    });
    let mut all: Vec<String> = conditional.collect();
    all.sort();
    all.dedup();
    all
}

fn in_words(check: &Check) -> String {
    let wanted = check.wanted.join(" or ");
    match check.part {
        RulePart::Cel => format!("cel: {wanted}"),
        _ => format!("{} {wanted}", check.part),
    }
}
