//! Warnings about SPIFFE IDs of a trust domain that is nearly the enforcement point's.
//!
//! SECURITY: nobody is of a misspelt trust domain, so that a Deny policy for it refuses
//! nobody.

use super::check::{Caller, Checked};
use super::enforcement_point::EnforcementPoint;
use super::resolve::is_near;
use crate::tool::api::decode::{Located, Problem};

/// The warnings about a policy's sources.
pub(super) fn near(checked: &Checked, point: &EnforcementPoint) -> Vec<Problem> {
    let Some(own) = &point.trust_domain else {
        return Vec::new();
    };
    let written = checked
        .rules
        .iter()
        .flatten()
        .filter(|rule| !rule.value.is_implied);
    let sources = written.filter_map(|rule| rule.value.source.as_ref());
    sources
        .filter_map(|source| of_source(source, own))
        .collect()
}

fn of_source(source: &Located<Caller>, own: &str) -> Option<Problem> {
    let Caller::Spiffe(id) = &source.value else {
        return None;
    };
    let rest = id.strip_prefix("spiffe://")?;
    let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (domain != own && is_nearly(domain, own)).then(|| {
        let message =
            format!("the trust domain `{domain}` is nearly that of the enforcement point, `{own}`");
        Problem::new(&source.at, message).help(format!("did you mean `spiffe://{own}{path}`?"))
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
