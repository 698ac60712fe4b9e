//! What a caller's name is most likely meant to be.

use crate::engine::policy::{CompiledPolicy, IdentitySource};

/// The trust domain that is in most examples.
const USUAL: &str = "cluster.local";

/// The SPIFFE ID of a service account that is given by other names: `ci/deploy-bot`, or as
/// Kubernetes' tokens have it.
pub(super) fn of_account(caller: &str, policy: &CompiledPolicy) -> Option<String> {
    let (namespace, name) = match caller.strip_prefix("system:serviceaccount:") {
        Some(account) => account.split_once(':')?,
        None => caller.split_once('/').filter(|_| !caller.contains(':'))?,
    };
    let is_name = |text: &str| !text.is_empty() && !text.contains(['/', ':', ' ']);
    (is_name(namespace) && is_name(name)).then(|| {
        let path = format!("/ns/{namespace}/sa/{name}");
        id_with(&path, policy).map_or_else(
            || format!("spiffe://{}{path}", trust_domain(policy)),
            str::to_owned,
        )
    })
}

/// An example of a SPIFFE ID.
pub(super) fn example(policy: &CompiledPolicy) -> String {
    let mut sources = sources(policy);
    sources.next().map_or_else(
        || format!("spiffe://{USUAL}/ns/agents/sa/reader"),
        str::to_owned,
    )
}

/// The caller of a rule that is the same but for its trust domain, where no rule is for this
/// one.
pub(super) fn in_another_domain<'p>(caller: &str, policy: &'p CompiledPolicy) -> Option<&'p str> {
    let (_, path) = parts(caller)?;
    let is_known = sources(policy).any(|source| source == caller);
    (!is_known && !path.is_empty())
        .then(|| id_with(path, policy))
        .flatten()
}

/// The first caller of a rule that has this path.
fn id_with<'p>(path: &str, policy: &'p CompiledPolicy) -> Option<&'p str> {
    sources(policy).find(|source| parts(source).is_some_and(|(_, own)| own == path))
}

/// The trust domain of service accounts where the policy says it, else that of most rules.
fn trust_domain(policy: &CompiledPolicy) -> &str {
    if let IdentitySource::Metadata(text) = &policy.settings.identity
        && let Some(domain) = text.trust_domain()
    {
        return domain;
    }
    let domains = || sources(policy).filter_map(|source| Some(parts(source)?.0));
    let count = |domain: &str| domains().filter(|other| *other == domain).count();
    domains()
        .max_by_key(|domain| (count(domain), std::cmp::Reverse(*domain)))
        .unwrap_or(USUAL)
}

fn sources(policy: &CompiledPolicy) -> impl Iterator<Item = &str> {
    let rules = policy.policies.iter().filter_map(|one| one.rules.as_ref());
    rules.flatten().filter_map(|rule| rule.source.as_deref())
}

/// The trust domain and the path of a SPIFFE ID.
fn parts(id: &str) -> Option<(&str, &str)> {
    let rest = id.strip_prefix("spiffe://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}
