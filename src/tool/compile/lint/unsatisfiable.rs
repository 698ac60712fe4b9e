//! Warnings about HTTP conditions that no request meets, or that seem to be met by more.
//!
//! INVARIANT: sound, not complete: what is said to match nothing never matches.

pub(in crate::tool::compile) mod headers;
pub(in crate::tool::compile) mod paths;

use std::collections::HashMap;

use crate::tool::api::decode::{Located, Optional, Problem};
use crate::tool::api::v1alpha1::{
    Authorization, BaseProtocol, HeaderMatch, HeaderMatchType, HttpMethod, Mcp, Spec,
};

/// The warnings about the rules of a valid policy.
pub(in crate::tool::compile) fn unmatchable(spec: &Spec) -> Vec<Problem> {
    let rules = spec
        .rules
        .given()
        .into_iter()
        .flat_map(|rules| &rules.value);
    let mut warnings = Vec::new();
    for authorization in rules.filter_map(|rule| rule.value.authorization.given()) {
        let Authorization {
            kind: _,
            methods,
            paths,
            headers,
            hosts: _,
            ports: _,
            mcp,
            cel: _,
        } = &authorization.value;
        warnings.extend(no_method(methods, mcp));
        warnings.extend(items(paths).flat_map(paths::path));
        warnings.extend(items(headers).flat_map(headers::header));
        warnings.extend(two_values(headers));
    }
    warnings
}

fn items<T>(list: &Optional<Vec<Located<T>>>) -> impl Iterator<Item = &Located<T>> {
    list.given().into_iter().flat_map(|list| &list.value)
}

/// Tunnels are always refused, and so is what MCP does not use where it is MCP.
fn no_method(methods: &Optional<Vec<Located<HttpMethod>>>, mcp: &Optional<Mcp>) -> Option<Problem> {
    let methods = methods.given()?;
    let mcp = mcp.given();
    let is_possible = |method: HttpMethod| match (&mcp, method) {
        (_, HttpMethod::Connect) => false,
        (None, _) | (Some(_), HttpMethod::Post) => true,
        (Some(mcp), HttpMethod::Get | HttpMethod::Delete) => {
            has_base_protocol(&mcp.value) || !mcp.value.methods.is_written()
        }
        (Some(mcp), HttpMethod::Options) => {
            !has_base_protocol(&mcp.value) && !mcp.value.methods.is_written()
        }
        (Some(_), _) => false,
    };
    if methods.value.iter().any(|method| is_possible(method.value)) {
        return None;
    }
    let names = methods.value.iter().map(|method| method.value.as_str());
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let names = names.join(", ");
    let (message, help) = match mcp {
        None => (
            format!("no request is let through by {names}: the rule matches none"),
            "tunnels are always refused",
        ),
        Some(_) => (
            format!(
                "nothing of what `mcp` asks for is done by {names}: the rule matches no request"
            ),
            "messages of MCP are posted: list `POST`, or leave `methods` out",
        ),
    };
    Some(Problem::new(&methods.at, message).help(help))
}

fn has_base_protocol(mcp: &Mcp) -> bool {
    let option = mcp.base_protocol.given();
    option.is_some_and(|option| option.value == BaseProtocol::Match)
}

/// All headers must match, and a header has one value.
fn two_values(headers: &Optional<Vec<Located<HeaderMatch>>>) -> Vec<Problem> {
    let mut first: HashMap<String, &Located<String>> = HashMap::new();
    let mut warnings = Vec::new();
    for header in items(headers).filter(|header| !is_expression(&header.value)) {
        let (Some(name), Some(value)) = (&header.value.name, &header.value.value) else {
            continue;
        };
        let known = first
            .entry(name.value.to_ascii_lowercase())
            .or_insert(value);
        if known.value != value.value {
            let message = format!(
                "no header `{}` is both `{}` and `{}`: the rule matches no request",
                name.value, known.value, value.value
            );
            warnings.push(
                Problem::new(&value.at, message)
                    .help("write one rule for each value, or a regular expression for both")
                    .related(known.at.span, "the other value"),
            );
        }
    }
    warnings
}

fn is_expression(header: &HeaderMatch) -> bool {
    let kind = header.kind.given();
    kind.is_some_and(|kind| kind.value == HeaderMatchType::RegularExpression)
}
