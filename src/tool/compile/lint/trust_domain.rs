//! Warnings about SPIFFE IDs of a trust domain that is nearly the enforcement point's.
//!
//! SECURITY: nobody is of a misspelt trust domain, so that a Deny policy for it refuses
//! nobody.

use crate::engine::expr::{Attribute, CelProgram, Constant};
use crate::tool::api::decode::{Located, Problem};
use crate::tool::compile::cel::{self, By, How, What};
use crate::tool::compile::check::{Checked, SourceCaller};
use crate::tool::compile::enforcement_point::EnforcementPoint;
use crate::tool::compile::resolve::is_near;

/// The warnings about a policy's sources.
pub(in crate::tool::compile) fn near(checked: &Checked, point: &EnforcementPoint) -> Vec<Problem> {
    let Some(own) = &point.trust_domain else {
        return Vec::new();
    };
    let written = checked
        .rules
        .iter()
        .flatten()
        .filter(|rule| !rule.value.is_implied);
    let warnings = written.flat_map(|rule| {
        let source = rule.value.source.as_ref();
        let source = source.and_then(|source| of_source(source, own));
        let compared = rule.value.cel.iter().flat_map(|cel| compared(cel, own));
        source.into_iter().chain(compared)
    });
    warnings.collect()
}

/// What an expression compares an ID or its trust domain with.
fn compared(cel: &Located<CelProgram>, own: &str) -> Vec<Problem> {
    let Located { value, at } = cel;
    let near = cel::compared(&value.text)
        .into_iter()
        .filter_map(|compared| {
            let (What::Attribute(fact), Constant::String(text), By::Text(how)) =
                (compared.subject.what, compared.with, compared.by)
            else {
                return None;
            };
            let (message, help) = match (fact, how) {
                (Attribute::TrustDomain, How::Is) if !text.contains(char::is_uppercase) => {
                    nearly(&text, own, "", "")?
                }
                (Attribute::SpiffeId, How::Is | How::Begins) => {
                    let (domain, path) = parts(&text)?;
                    // The front of an ID may end within its trust domain.
                    let is_whole = how == How::Is || !path.is_empty();
                    nearly(domain, own, "spiffe://", path).filter(|_| is_whole)?
                }
                _ => return None,
            };
            let problem = Problem::new(at, message).within(&value.text, compared.span);
            Some(problem.help(help))
        });
    near.collect()
}

/// The trust domain of an ID, and its path.
fn parts(id: &str) -> Option<(&str, &str)> {
    let rest = id.strip_prefix("spiffe://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

fn of_source(source: &Located<SourceCaller>, own: &str) -> Option<Problem> {
    let SourceCaller::Spiffe(id) = &source.value else {
        return None;
    };
    let (domain, path) = parts(id)?;
    let (message, help) = nearly(domain, own, "spiffe://", path)?;
    Some(Problem::new(&source.at, message).help(help))
}

/// What is said of a trust domain, and what may be meant.
fn nearly(domain: &str, own: &str, before: &str, path: &str) -> Option<(String, String)> {
    (domain != own && is_nearly(domain, own)).then(|| {
        let message =
            format!("the trust domain `{domain}` is nearly that of the enforcement point, `{own}`");
        (message, format!("did you mean `{before}{own}{path}`?"))
    })
}

/// Whether one is most likely meant to be the other: a slip of the hand apart, or by a label
/// at the end, such as `.local`.
fn is_nearly(domain: &str, own: &str) -> bool {
    let extends = |long: &str, short: &str| {
        let rest = long.strip_prefix(short);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    is_near(domain, own) || extends(domain, own) || extends(own, domain)
}

#[cfg(test)]
mod tests {
    use super::is_nearly;

    #[test]
    fn slips_and_endings_are_near() {
        for (one, other) in [
            ("cluster.locl", "cluster.local"),
            ("clutser.local", "cluster.local"),
            ("cluster", "cluster.local"),
            ("example.org.local", "example.org"),
            ("cluster-local", "cluster.local"),
        ] {
            assert!(is_nearly(one, other), "{one} {other}");
        }
    }

    #[test]
    fn other_trust_domains_are_not() {
        for (one, other) in [
            ("partner.example", "cluster.local"),
            ("prod.example.com", "example.com"),
            ("cluster-1.local", "cluster-2.local"),
            ("eu.example.com", "us.example.com"),
            ("a", "cluster.local"),
        ] {
            assert!(!is_nearly(one, other), "{one} {other}");
        }
    }
}
