//! Conditions on what a client can write, where authors may believe that Envoy does.

use super::cel;
use super::check::CheckedRule;
use super::enforcement_point::EnforcementPoint;
use super::lower::Lowered;
use crate::engine::expr::{Attribute, CelCondition, CelProgram};
use crate::engine::policy::{IdentitySource, ObjectName};
use crate::tool::api::decode::{FieldPlace, Located, Problem};

/// Headers by which proxies say where a request comes from, as clients can too.
const TOLD: [&str; 10] = [
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// What is wrong with an expression for an Envoy that is not said to be the edge.
///
/// SECURITY: Envoy takes the address from `x-forwarded-for` unless it is told otherwise, and
/// behind another proxy the connection says nothing of the client.
pub(super) fn facts_of_clients(cel: &Located<CelProgram>) -> Vec<Problem> {
    let Located { value, at } = cel;
    let facts = cel::facts(&value.text);
    let facts = facts.into_iter().filter(|(fact, _)| fact.needs_edge());
    facts
        .map(|(fact, span)| {
            let message = format!(
                "`{}` may be what the client says in {}",
                fact.as_str(),
                by(fact)
            );
            Problem::new(at, message).within(&value.text, span).help(
                "say `edge: true` in the enforcement point file if this Envoy takes address and \
                 scheme from the connection: `use_remote_address: true`, and no trusted hops",
            )
        })
        .collect()
}

/// The headers by which clients say it.
const fn by(fact: Attribute) -> &'static str {
    match fact {
        Attribute::Scheme => "`:scheme` or `x-forwarded-proto`",
        _ => "`x-forwarded-for`",
    }
}

/// A hop in front says who the caller is, so that the connection is the hop's.
pub(super) fn behind_a_hop(point: &EnforcementPoint) -> Option<Problem> {
    let at = point.edge.as_ref()?;
    (point.settings.identity == IdentitySource::ForwardedClientCert).then(|| {
        let message = "`edge: true`, and `identity.from: ForwardedClientCert` is for an Envoy \
                       behind a hop: address and scheme are those of the hop";
        Problem::new(at, message).help("leave `edge` out, or take callers from their certificates")
    })
}

/// Warns of conditions on headers that only seem to be a proxy's.
pub(super) fn headers_of_clients(rule: &Located<CheckedRule>) -> Vec<Problem> {
    let mut told = headers(rule);
    told.retain(|(name, _)| TOLD.contains(&name.as_str()));
    told.dedup();
    told.into_iter()
        .map(|(name, at)| {
            let message = format!("`{name}` may be what the client says");
            Problem::new(at, message).help(
                "ask for `source.address` or `request.scheme`, with `edge: true` in the \
                 enforcement point; or be sure that a proxy in front replaces the header",
            )
        })
        .collect()
}

/// The header by which a hop says who calls it.
const CERTIFICATE: &str = "x-forwarded-client-cert";

/// Warns of conditions on what hops say of certificates, where no hop is expected; each with
/// the policy that it is about.
pub(super) fn certificates_of_hops(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Vec<(ObjectName, Problem)> {
    if point.settings.identity == IdentitySource::ForwardedClientCert {
        return Vec::new();
    }
    let rules = policies
        .iter()
        .flat_map(|lowered| lowered.written.iter().map(move |rule| (lowered, rule)));
    rules
        .filter_map(|(lowered, rule)| {
            let (_, at) = headers(rule)
                .into_iter()
                .find(|(name, _)| name == CERTIFICATE)?;
            let message = format!(
                "Envoy drops `{CERTIFICATE}` unless it is told otherwise, and then it may be what \
                 the client says"
            );
            let problem = Problem::new(at, message).help(
                "name the caller in `source`, and behind a hop that sets the header say \
                 `identity: {from: ForwardedClientCert}` in the enforcement point",
            );
            Some((lowered.policy.policy.clone(), problem))
        })
        .collect()
}

/// The names of the headers that a rule asks for, and where it does.
fn headers(rule: &Located<CheckedRule>) -> Vec<(String, &FieldPlace)> {
    let CheckedRule { http, cel, .. } = &rule.value;
    let http = http.iter().flat_map(|http| http.headers.iter().flatten());
    let http = http.map(|header| (header.name.clone(), &rule.at));
    let condition = cel
        .as_ref()
        .and_then(|cel| Some((CelCondition::new(cel.value.clone()).ok()?, &cel.at)));
    let read = condition.iter().flat_map(|(condition, at)| {
        let headers = condition.needs().headers();
        headers.map(|name| (name.to_owned(), *at))
    });
    http.chain(read).collect()
}
