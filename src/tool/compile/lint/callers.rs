//! SPIFFE IDs that nobody has, or that seem to be for more than one caller.

use crate::tool::api::decode::Problem;
use crate::tool::compile::check::{CheckedRule, SourceCaller};

/// SPEC: SPIFFE-ID, 2.3.
const SPIFFE_ID_BYTES: usize = 2048;

/// What Kubernetes has for `sa`, as others spell it.
const ACCOUNTS: [&str; 4] = ["sa", "sas", "serviceaccount", "serviceaccounts"];
const NAMESPACES: [&str; 3] = ["ns", "namespace", "namespaces"];

/// The warning about a rule's source.
pub(in crate::tool::compile) fn unlikely(rule: &CheckedRule) -> Option<Problem> {
    let source = rule.source.as_ref()?;
    let SourceCaller::Spiffe(id) = &source.value else {
        return None;
    };
    let (message, help) = match no_id(id) {
        Some(help) => (
            "nobody has this SPIFFE ID: the rule matches no request".to_owned(),
            help.to_owned(),
        ),
        None => of_no_account(id)?,
    };
    Some(Problem::new(&source.at, message).help(help))
}

/// Why nobody has a SPIFFE ID.
///
/// SPEC: SPIFFE-ID, 2.2 and 2.3: no path segment is `.` or `..`, and no ID is longer
/// than 2048 bytes. The CRD's pattern takes both.
pub(in crate::tool::compile) fn no_id(id: &str) -> Option<&'static str> {
    if id.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("a SPIFFE ID has no `.` or `..` as a path segment")
    } else if id.len() > SPIFFE_ID_BYTES {
        Some("a SPIFFE ID has 2048 characters at most")
    } else {
        None
    }
}

/// What is wrong with an ID that is nearly one of a service account, and what to write instead.
/// Workloads may have other IDs, also such as begin like one.
pub(in crate::tool::compile) fn of_no_account(id: &str) -> Option<(String, String)> {
    let rest = id.strip_prefix("spiffe://")?;
    let (domain, path) = rest.split_once('/').unwrap_or((rest, ""));
    let segments: Vec<&str> = path.split('/').collect();
    let one = format!("`{id}` is the ID of one caller, and not the front of others");
    let all = |what: &str, cel: &str| {
        Some((
            one.clone(),
            format!("for all callers of {what} say in `cel`: `{cel}`"),
        ))
    };
    let domains = format!("identity.trust_domain == \"{domain}\"");
    match segments.as_slice() {
        [""] | ["ns"] => all("a trust domain", &domains),
        ["ns", namespace] | ["ns", namespace, "sa"] => all(
            "a namespace",
            &format!("{domains} && identity.namespace == \"{namespace}\""),
        ),
        [first, namespace, third, name] if is_misspelt(first, third) => Some((
            format!("`{id}` is the ID of no service account"),
            format!("did you mean `spiffe://{domain}/ns/{namespace}/sa/{name}`?"),
        )),
        _ => None,
    }
}

fn is_misspelt(first: &str, third: &str) -> bool {
    let is_of = |segment: &str, known: &[&str]| {
        let letters = segment.chars().filter(|c| !matches!(c, '-' | '_'));
        let plain: String = letters.collect::<String>().to_ascii_lowercase();
        known.contains(&plain.as_str())
    };
    (first, third) != ("ns", "sa") && is_of(first, &NAMESPACES) && is_of(third, &ACCOUNTS)
}

#[cfg(test)]
mod tests {
    use super::of_no_account;

    #[test]
    fn what_is_nearly_a_service_account_is_told_from_other_workloads() {
        for id in [
            "spiffe://a",
            "spiffe://a/ns",
            "spiffe://a/ns/agents",
            "spiffe://a/ns/agents/sa",
            "spiffe://a/ns/agents/serviceaccount/reader",
            "spiffe://a/namespace/agents/service-account/reader",
            "spiffe://a/NS/agents/SA/reader",
        ] {
            assert!(of_no_account(id).is_some(), "{id}");
        }
        for id in [
            "spiffe://a/ns/agents/sa/reader",
            "spiffe://a/ns/agents/sa/reader/pod/x",
            "spiffe://a/ns/agents/pod/x",
            "spiffe://a/workload",
            "spiffe://a/agents/reader",
        ] {
            assert_eq!(of_no_account(id), None, "{id}");
        }
    }
}
