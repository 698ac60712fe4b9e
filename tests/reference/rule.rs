//! Which rule of a policy speaks for a request, or against it.

use accesspolicy::engine::expr::CelProgram;
use accesspolicy::engine::policy::{BaseProtocol, Mcp, Policy, Rule};

use super::request::{Asks, Request, method};
use super::truth::Truth;
use super::{cel, mcp};
use super::{http, request};

/// The rule by which an Allow policy allows a request, the first by name.
pub fn allows(policy: &Policy, request: &Request) -> Option<String> {
    first(policy, |rule| {
        source(rule, request) && asked_for(rule, request) && !is_held_back(policy, rule, request)
    })
}

/// The rule of an Allow policy that some message with the headers of a request could meet,
/// the first by name.
pub fn knows(policy: &Policy, request: &Request) -> Option<String> {
    first(policy, |rule| {
        let http = rule.http.as_ref();
        let http = http.map_or(Truth::Yes, |http| http::matches(http, request));
        let cel = rule.cel.as_ref();
        // What an expression reads of a message, a response has none of.
        let could_be =
            |cel: &CelProgram| reads_message(cel) || cel::holds(cel, request) == Truth::Yes;
        source(rule, request) && http == Truth::Yes && cel.is_none_or(|cel| could_be(cel))
    })
}

/// Whether an expression reads anything of a message.
fn reads_message(cel: &CelProgram) -> bool {
    let reads = |text: &str| cel.text.contains(text);
    reads("request.mcp") || reads("request.size")
}

/// The rule by which a Deny policy refuses a request, the first by name. What cannot be
/// decided counts against the request.
pub fn refuses(policy: &Policy, request: &Request) -> Option<String> {
    first(policy, |rule| {
        let touched = rule.mcp.as_ref();
        let touched = touched.is_none_or(|mcp| mcp::touches(mcp, &request.asks));
        source(rule, request) && beside_mcp(rule, request) != Truth::No && touched
    })
}

/// The rule by which a Deny policy refuses every message with the headers of a request:
/// one that asks for nothing that a message says.
pub fn refuses_headers(policy: &Policy, request: &Request) -> Option<String> {
    first(policy, |rule| {
        let is_any = |mcp: &Mcp| mcp.methods.is_none() && mcp.base_protocol == BaseProtocol::None;
        let reads_message = rule.cel.as_ref().is_some_and(|cel| reads_message(cel));
        source(rule, request)
            && rule.mcp.as_ref().is_none_or(is_any)
            && !reads_message
            && beside_mcp(rule, request) != Truth::No
    })
}

/// The first rule by name for which something holds, `namespace/policy#rule`; or the
/// policy by itself, for which everything holds when it has no rules.
fn first(policy: &Policy, holds: impl Fn(&Rule) -> bool) -> Option<String> {
    let Some(rules) = &policy.rules else {
        return Some(policy.policy.to_string());
    };
    let names = rules.iter().filter(|rule| holds(rule));
    let name = names.map(|rule| &rule.name).min()?;
    Some(format!("{}#{name}", policy.policy))
}

/// Whether the caller is the rule's source. Nobody is no source.
fn source(rule: &Rule, request: &Request) -> bool {
    rule.source.is_none() || rule.source == request.caller
}

/// The conditions of a rule beside its source and its MCP part.
fn beside_mcp(rule: &Rule, request: &Request) -> Truth {
    let http = rule.http.as_ref();
    let cel = rule.cel.as_ref();
    Truth::all([
        http.map_or(Truth::Yes, |http| http::matches(http, request)),
        cel.map_or(Truth::Yes, |cel| cel::holds(cel, request)),
    ])
}

fn asked_for(rule: &Rule, request: &Request) -> bool {
    let mcp = rule.mcp.as_ref();
    beside_mcp(rule, request) == Truth::Yes
        && mcp.is_none_or(|mcp| mcp::matches(mcp, &request.asks))
}

/// Whether a rule lets a completion through as base protocol, of something that the
/// caller may not get, where the policy lists for this caller what may be got.
fn is_held_back(policy: &Policy, rule: &Rule, request: &Request) -> bool {
    let Asks::Message(message) = &request.asks else {
        return false;
    };
    let by_base = |mcp| mcp::is_base_completion(mcp, &request.asks);
    if !rule.mcp.as_ref().is_some_and(by_base) {
        return false;
    }
    let own = || {
        let rules = policy.rules.iter().flatten();
        rules.filter(|rule| source(rule, request))
    };
    let mut completed = request::things(message).into_iter();
    completed.any(|thing| {
        let listed = |rule: &Rule| {
            rule.mcp
                .as_ref()
                .is_some_and(|mcp| mcp::restricts(mcp, thing))
        };
        let got = |rule: &Rule| {
            let mcp = rule.mcp.as_ref();
            beside_mcp(rule, request) == Truth::Yes && mcp.is_none_or(|mcp| mcp::gets(mcp, thing))
        };
        own().any(listed) && !own().any(got)
    })
}

/// Whether a request is a response to one of the server's.
pub fn is_response(request: &Request) -> bool {
    matches!(&request.asks, Asks::Message(message) if method(message).is_none())
}
