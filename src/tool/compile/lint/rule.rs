//! Warnings about one policy: it is valid, and may not do what its author wants.

use super::callers;
use super::objects::unlikely;
use super::shadowed::covers;
use crate::engine::expr::{CelNode, Function};
use crate::engine::policy::{Action, Mcp, MethodMatch, MethodName};
use crate::tool::api::decode::{Located, Problem};
use crate::tool::api::v1alpha1::{McpMethod, Spec};
use crate::tool::compile::cel::{Truth, dead, truth};
use crate::tool::compile::check::{Checked, CheckedRule, problem};
use crate::tool::compile::edge::headers_of_clients;

/// SPEC: the CRD's `maxLength` of a param, which real names and uris exceed.
const PARAM_CHARACTERS: usize = 20;

/// The warnings about a valid policy.
pub(in crate::tool::compile) fn lint(checked: &Checked) -> Vec<Problem> {
    let mut warnings = Vec::new();
    let Some(rules) = &checked.rules else {
        let (message, help) = match checked.action {
            // Asking about every request is what such a policy is mostly for.
            Action::ExternalAuth => return warnings,
            Action::Allow => (
                "the policy has no rules: it allows every request",
                "add `rules` to say who may do what",
            ),
            Action::Deny => (
                "the policy has no rules: it refuses every request",
                "add `rules` to say who may not do what",
            ),
        };
        warnings.push(Problem::new(&checked.name.at, message).help(help));
        return warnings;
    };
    for rule in rules {
        warnings.extend(headers_of_clients(rule));
        warnings.extend(callers::unlikely(&rule.value));
        warnings.extend(decided(&rule.value, checked.action));
        warnings.extend(constants(&rule.value));
        warnings.extend(may_be_no_bool(&rule.value, checked.action));
        if let Some(mcp) = &rule.value.mcp {
            if checked.action == Action::Deny {
                warnings.extend(denied_uris(mcp));
            }
            warnings.extend(useless_params(mcp));
            warnings.extend(unlikely(mcp));
        }
    }
    warnings.extend(pointless_rules(rules));
    warnings
}

/// Warns of params that are longer than the CRD has them; valid policy or not.
pub(in crate::tool::compile) fn long_params(spec: &Spec) -> Vec<Problem> {
    let rules = spec
        .rules
        .given()
        .into_iter()
        .flat_map(|rules| &rules.value);
    let mcp = rules
        .filter_map(|rule| rule.value.authorization.given())
        .filter_map(|authorization| authorization.value.mcp.given())
        .filter_map(|mcp| mcp.value.methods.given());
    let methods = mcp.flat_map(|methods| &methods.value);
    let params = methods
        .filter_map(
            |Located {
                 value: McpMethod { params, .. },
                 ..
             }| params.given(),
        )
        .flat_map(|params| &params.value);
    let long = |param: &&Located<String>| param.value.chars().count() > PARAM_CHARACTERS;
    let warn = |Located { value, at }: &Located<String>| {
        let length = value.chars().count();
        Problem::new(
            at,
            format!("`{value}` is {length} characters long: an API server refuses it"),
        )
        .help(format!(
            "the CRD takes {PARAM_CHARACTERS} at most; what is compiled here takes more"
        ))
    };
    params.filter(long).map(warn).collect()
}

/// An expression whose value is known before any request.
fn decided(rule: &CheckedRule, action: Action) -> Option<Problem> {
    let cel = rule.cel.as_ref()?;
    let ask = "leave the rule out, or ask something of the request";
    let (message, help) = match (truth(&cel.value)?, action) {
        (Truth::Always, _) => (
            "the expression is true of every request".to_owned(),
            "leave `cel` out and change the type to `Inline`, or ask something of the request",
        ),
        (Truth::Never, _) => (
            "the expression is false of every request: the rule matches none".to_owned(),
            ask,
        ),
        (Truth::Error(error), Action::Allow) => (
            format!("the expression has no value ({error}): the rule matches no request"),
            ask,
        ),
        // What cannot be decided counts against the request.
        (Truth::Error(error), Action::Deny) => (
            format!("the expression has no value ({error}): the rule refuses every request"),
            ask,
        ),
        (Truth::Error(error), Action::ExternalAuth) => (
            format!("the expression has no value ({error}): the rule asks about every request"),
            ask,
        ),
    };
    Some(Problem::new(&cel.at, message).help(help))
}

/// Comparisons that come to the same for every request.
fn constants(rule: &CheckedRule) -> Vec<Problem> {
    let Some(cel) = &rule.cel else {
        return Vec::new();
    };
    let text = &cel.value.text;
    let faults = dead(text).into_iter();
    faults.map(|fault| problem(fault, text, &cel.at)).collect()
}

/// A member of the arguments is whatever the caller sends.
fn may_be_no_bool(rule: &CheckedRule, action: Action) -> Option<Problem> {
    let cel = rule.cel.as_ref()?;
    let is_member = match cel.value.nodes.last()? {
        CelNode::Field { .. } => true,
        CelNode::Call { function, .. } => *function == Function::Index,
        _ => false,
    };
    let then = match action {
        Action::Allow => "matches nothing",
        Action::Deny => "refuses",
        Action::ExternalAuth => "asks",
    };
    is_member.then(|| {
        let message =
            format!("the expression may be no bool: where it is something else, the rule {then}");
        Problem::new(&cel.at, message).help("compare it with something, such as `... == true`")
    })
}

/// SECURITY: which uris a server serves a resource under, only the server knows.
fn denied_uris(mcp: &Located<Mcp>) -> Option<Problem> {
    let mut methods = mcp.value.methods.iter().flatten();
    let lists = |method: &MethodMatch| method.name.acts_on_resources() && method.params.is_some();
    methods.any(lists).then(|| {
        let message = "other spellings of the uris listed are refused as well, but a server may \
                       serve a resource under further uris, which are not";
        Problem::new(&mcp.at, message)
            .help("list in an Allow policy the uris that may be read: it refuses all others")
    })
}

/// A category matches all that is under it, whatever params are listed beside it.
fn useless_params(mcp: &Located<Mcp>) -> Vec<Problem> {
    let methods = mcp.value.methods.as_deref().unwrap_or_default();
    let category = |name: MethodName| {
        let prefix = name.as_str().split('/').next().unwrap_or_default();
        methods
            .iter()
            .map(|method| method.name)
            .find(|other| other.as_str() == prefix)
    };
    methods
        .iter()
        .filter(|method| method.params.is_some())
        .filter_map(|method| Some((method.name.as_str(), category(method.name)?.as_str())))
        .map(|(name, category)| {
            let message = format!(
                "the `params` of `{name}` restrict nothing: `{category}` matches all of it"
            );
            Problem::new(&mcp.at, message).help(format!("leave out `{category}`, or the params"))
        })
        .collect()
}

fn pointless_rules(rules: &[Located<CheckedRule>]) -> Vec<Problem> {
    let mut warnings = Vec::new();
    let written = |rule: &&Located<CheckedRule>| !rule.value.is_implied;
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| written(rule)) {
        let covering = rules.iter().enumerate().find(|(other, by)| {
            *other != index
                && covers(&by.value, &rule.value)
                && (*other < index || !covers(&rule.value, &by.value))
        });
        if let Some((_, by)) = covering {
            let message = format!(
                "the rule `{}` changes nothing: `{}` matches everything that it matches",
                rule.value.name, by.value.name
            );
            warnings.push(
                Problem::new(&rule.at, message)
                    .help("leave it out, or narrow the other one")
                    .related(by.at.span, "the rule that matches as much"),
            );
        }
    }
    warnings
}
