//! Who may do what, and what changes, for programs.

use serde_json::{Value, json};

use super::place_name;
use crate::engine::json::shown_json;
use crate::engine::policy::CompiledPolicy;
use crate::tool::effective::{Change, Changes, Effective, Grant, ObjectPattern, Query, Universe};

/// Every grant; what is not listed is refused.
pub(super) fn effective(compiled: &CompiledPolicy, effective: &Effective) -> String {
    let grants = each(compiled, &effective.universe, &effective.grants, |value| {
        (*value != Grant::Never).then(|| grant(value))
    });
    text(&json!({"gateway": compiled.gateway, "digest": compiled.digest, "grants": grants}))
}

/// Every change.
pub(super) fn changes(compiled: &CompiledPolicy, changes: &Changes) -> String {
    let listed = |said: &dyn Fn(&Change) -> Option<Value>| {
        each(compiled, &changes.universe, &changes.changes, said)
    };
    let settings = changes.settings.iter().map(|setting| {
        json!({
            "setting": setting.name,
            "before": setting.before,
            "now": setting.now,
            "changesMeaning": setting.is_meaning,
        })
    });
    text(&json!({
        "mayGrant": changes.may_grant(),
        "granted": listed(&|change| match change {
            Change::Granted(now) => Some(grant(now)),
            _ => None,
        }),
        "taken": listed(&|change| match change {
            Change::Taken(now) => Some(grant(now)),
            _ => None,
        }),
        "conditions": listed(&|change| match change {
            Change::Conditions {
                before,
                now,
                grants,
            } => Some(json!({
                "before": grant(before),
                "now": grant(now),
                "mayGrant": grants,
            })),
            _ => None,
        }),
        "settings": settings.collect::<Vec<_>>(),
    }))
}

fn text(value: &Value) -> String {
    // Strings, lists and objects of them always serialize.
    shown_json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// What there is to say of each place, caller and ask.
fn each<T>(
    compiled: &CompiledPolicy,
    universe: &Universe,
    values: &[Vec<Vec<T>>],
    said: impl Fn(&T) -> Option<Value>,
) -> Vec<Value> {
    let mut all = Vec::new();
    for (place, callers) in universe.places.iter().zip(values) {
        for (caller, asks) in universe.callers.iter().zip(callers) {
            for (ask, value) in universe.asks.iter().zip(asks) {
                let Some(mut said) = said(value) else {
                    continue;
                };
                said["where"] = json!({
                    "name": place_name(compiled, place),
                    "cluster": place.cluster.known(),
                    "port": place.port.known(),
                });
                said["caller"] = json!(caller);
                said["method"] = json!(ask.name);
                acted(ask, &mut said);
                all.push(said);
            }
        }
    }
    all
}

fn acted(ask: &Query, said: &mut Value) {
    match &ask.acted {
        ObjectPattern::Nothing => {}
        ObjectPattern::Named(kind, name) => said[kind.as_str()] = json!(name),
        ObjectPattern::Other(kind, _) => said["anyOther"] = json!(kind.as_str()),
        ObjectPattern::Unnamed => said["anyUnnamed"] = json!("resource"),
        ObjectPattern::Respelt(uri) => said["spellingOf"] = json!(uri),
        ObjectPattern::Something => said["names"] = json!("something"),
    }
}

fn grant(grant: &Grant) -> Value {
    match grant {
        Grant::Never => json!({"allowed": "never"}),
        Grant::Always { by } => json!({"allowed": "always", "by": by}),
        Grant::Depends { by, on } => json!({"allowed": "depends", "by": by, "on": on}),
    }
}
