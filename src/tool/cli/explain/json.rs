//! An explanation for programs.

use serde_json::{Map, Value, json};

use super::settings::{reached, settings};
use super::{Explanation, asked};
use crate::engine::decision::{Check, LevelTrace, Match, PolicyTrace, RuleTrace};
use crate::engine::enforcement::{Reason, Step};
use crate::engine::json::shown_json;
use crate::engine::policy::{Action, Mode};
use crate::tool::decision_tests::{Expect, Outcome};

/// The explanation as JSON text.
pub(super) fn text(explanation: &Explanation<'_>) -> String {
    let value = value(explanation);
    // Strings, lists and objects of them always serialize.
    shown_json(&serde_json::to_string_pretty(&value).unwrap_or_default()) + "\n"
}

/// The explanation: what a test can expect, and why it is so.
fn value(explanation: &Explanation<'_>) -> Value {
    let mut value = outcome(&explanation.outcome);
    let http = explanation.request.http();
    value.insert(
        "request".to_owned(),
        json!({
            "method": http.method,
            "path": http.path,
            "host": http.authority,
            "cluster": explanation.request.cluster(),
            "port": explanation.request.port,
        }),
    );
    if let Step::Block(refusal) = &explanation.explained.step {
        let body = String::from_utf8_lossy(&refusal.answer.body);
        value.insert(
            "answer".to_owned(),
            json!({"status": refusal.answer.status, "body": body}),
        );
    }
    if let Some(reason) = explanation.reason() {
        let offset = match reason {
            Reason::Malformed(_, offset) => *offset,
            _ => None,
        };
        value.insert(
            "reason".to_owned(),
            json!({"kind": reason.kind(), "detail": reason.detail(), "offset": offset}),
        );
    }
    let settings = settings(explanation).into_iter();
    let settings = settings.map(|found| json!({"setting": found.name, "effect": found.effect}));
    value.insert("settings".to_owned(), settings.collect());
    if let Some(ask) = explanation.ask().filter(|_| explanation.reason().is_none()) {
        value.insert("decision".to_owned(), json!("ask"));
        value.insert("level".to_owned(), json!(ask.level.as_str()));
        value.insert("policy".to_owned(), json!(ask.by.policy.to_string()));
        value.insert("rule".to_owned(), json!(ask.by.to_string()));
    }
    if !explanation.explained.asked.is_empty() {
        value.insert("asked".to_owned(), asked::json(&explanation.explained));
    }
    if let Some(trace) = &explanation.explained.trace {
        let count = reached(trace).count();
        let levels = trace.levels.iter().enumerate();
        let levels = levels.map(|(number, found)| level(found, number < count));
        value.insert("levels".to_owned(), levels.collect());
    }
    Value::Object(value)
}

/// What became of a request, in the words of tests.
fn outcome(outcome: &Outcome) -> Map<String, Value> {
    let Outcome {
        caller,
        expect,
        gateway,
        backend,
        level,
        policy,
        rule,
        audit,
        status: _,
        says,
        asks: _,
        changes: _,
    } = outcome;
    let mut value = Map::new();
    let expect = expect.map(Expect::as_str).map(str::to_owned);
    for (name, text) in [
        ("decision", &expect),
        ("caller", caller),
        ("gateway", gateway),
        ("backend", backend),
        ("level", level),
        ("policy", policy),
        ("rule", rule),
        ("audit", audit),
        ("says", says),
    ] {
        if let Some(text) = text {
            value.insert(name.to_owned(), Value::from(text.as_str()));
        }
    }
    value
}

fn level(level: &LevelTrace<'_>, reached: bool) -> Value {
    let acts = level.acts.iter().map(|act| {
        let policies: Vec<Value> = act.policies.iter().map(policy).collect();
        json!({"asks": act.asks, "policies": policies})
    });
    json!({
        "level": level.name.as_str(),
        "target": level.target,
        "reached": reached,
        "passes": level.passes(),
        "acts": acts.collect::<Vec<_>>(),
    })
}

fn policy(policy: &PolicyTrace<'_>) -> Value {
    let action = match policy.action {
        Action::Allow => "Allow",
        Action::Deny => "Deny",
        Action::ExternalAuth => "ExternalAuth",
    };
    let mode = match policy.mode {
        Mode::Enforce => "Enforce",
        Mode::Audit => "Audit",
    };
    json!({
        "policy": policy.name.to_string(),
        "action": action,
        "mode": mode,
        "matches": policy.matched().is_some(),
        "rules": policy.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn rule(rule: &RuleTrace<'_>) -> Value {
    json!({
        "rule": rule.name,
        "matches": answer(rule.matches),
        "counts": rule.counts,
        "conditions": rule.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

/// A condition.
pub(super) fn check(check: &Check) -> Value {
    let mut value = json!({
        "part": check.part.to_string(),
        "wanted": check.wanted,
        "found": check.found,
        "holds": answer(check.matches),
    });
    if !check.reads.is_empty() {
        let reads = check.reads.iter();
        let reads = reads.map(|(name, read)| (name.clone(), Value::from(read.clone())));
        value["reads"] = Value::Object(reads.collect());
    }
    value
}

const fn answer(matches: Match) -> &'static str {
    match matches {
        Match::Yes => "yes",
        Match::No => "no",
        Match::Undecided => "undecided",
    }
}
