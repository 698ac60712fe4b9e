//! Warnings about names of tools and prompts, and uris of resources, that nothing has.
//!
//! What is listed is compared as it is.

use super::invisible;
use super::likeness;
use crate::engine::policy::{Mcp, ObjectName, ResourceParam};
use crate::tool::api::decode::{Located, Problem};
use crate::tool::compile::enforcement_point::EnforcementPoint;
use crate::tool::compile::lower::Lowered;

/// The warnings about what a rule lists, whatever it is.
pub(in crate::tool::compile) fn unlikely(mcp: &Located<Mcp>) -> Vec<Problem> {
    let methods = mcp.value.methods.iter().flatten();
    let things = methods.flat_map(|method| {
        let are_uris = method.name.acts_on_resources();
        let params = method.params.iter().flatten();
        params.map(move |param| (param, are_uris))
    });
    things
        .filter_map(|(thing, are_uris)| {
            let (message, help) = mistaken(thing, are_uris).or_else(|| alike(thing, are_uris))?;
            Some(Problem::new(&mcp.at, message).help(help))
        })
        .collect()
}

/// What looks like a pattern or a list.
fn alike(thing: &str, is_uri: bool) -> Option<(String, &'static str)> {
    let likeness = match is_uri {
        true => likeness::of_uri(thing),
        false => likeness::of_name(thing),
    }?;
    let help = match likeness.means_several {
        true => "list every name that the rule is for",
        false => "write the name alone",
    };
    let message = format!(
        "`{thing}` is the whole name of one thing: {}",
        likeness.is_none
    );
    Some((message, help))
}

pub(in crate::tool::compile) fn mistaken(
    thing: &str,
    is_uri: bool,
) -> Option<(String, &'static str)> {
    let shown = invisible::shown(thing);
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    Some(if thing.contains('*') {
        (
            format!("`{thing}` is the whole name of one thing: `*` is no wildcard"),
            "list every name that the rule is for",
        )
    } else if thing.contains(is_break) {
        (
            format!("`{shown}` has a line break, which is taken as a part of the name"),
            "write the name on one line",
        )
    } else if thing.trim_matches([' ', '\t']) != thing {
        (
            format!("`{shown}` has a blank at an end, which is taken as a part of the name"),
            "write the name without it",
        )
    } else if let Some(letter) = invisible::named(thing) {
        (
            format!("`{shown}` has an invisible letter, {letter}"),
            "write the name without it, unless the server has it",
        )
    } else if thing.starts_with('^') || (thing.ends_with('$') && !is_uri) {
        (
            format!("`{thing}` is the whole name of one thing, and no regular expression"),
            "list every name that the rule is for",
        )
    } else {
        return None;
    })
}

/// The warnings about what is listed as a uri and is none, each with the policy that it is
/// about. Where resources are judged by name, names are listed.
pub(in crate::tool::compile) fn no_uris(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Vec<(ObjectName, Problem)> {
    if point.settings.resource_param == ResourceParam::Name {
        return Vec::new();
    }
    let mcp = policies.iter().flat_map(|lowered| {
        let rules = lowered.written.iter();
        rules.filter_map(move |rule| Some((lowered, rule.value.mcp.as_ref()?)))
    });
    let uris = mcp.flat_map(|(lowered, mcp)| {
        let methods = mcp.value.methods.iter().flatten();
        let methods = methods.filter(|method| method.name.acts_on_resources());
        let uris = methods.flat_map(|method| method.params.iter().flatten());
        uris.map(move |uri| (lowered, mcp, uri))
    });
    let mut warnings: Vec<(ObjectName, Problem)> = Vec::new();
    for (lowered, mcp, uri) in uris {
        let Some((message, help)) = no_uri(uri) else {
            continue;
        };
        let warning = (
            lowered.policy.policy.clone(),
            Problem::new(&mcp.at, message).help(help),
        );
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

pub(in crate::tool::compile) fn no_uri(uri: &str) -> Option<(String, &'static str)> {
    if mistaken(uri, true).is_some() || likeness::of_uri(uri).is_some() {
        return None;
    }
    let is_template = uri
        .split_once('{')
        .is_some_and(|(_, rest)| rest.contains('}'));
    if is_template {
        return Some((
            format!("`{uri}` is the whole uri of one resource: templates are not filled in"),
            "list every uri that the rule is for",
        ));
    }
    (!has_scheme(uri)).then(|| {
        (
            format!("`{uri}` is no uri: it has no scheme"),
            "write the whole uri, such as `file:///readme.md`",
        )
    })
}

/// SPEC: RFC 3986, 3.1.
fn has_scheme(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_of_scheme)
    })
}
