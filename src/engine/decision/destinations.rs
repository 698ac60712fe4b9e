//! Whether a request is allowed wherever a route that is chosen again may lead it.

use crate::engine::policy::{Evaluation, ObjectName, Policies, Unlisted};
use crate::engine::request::Request;

use super::{Allowance, Basis, CompletedCalls, Interruption, Judge, Permit};

/// Where a request would not be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere<'p> {
    /// At a listed backend: its policies deny it, or ask an authorizer that has not answered.
    Backend(&'p ObjectName),
    /// Perhaps at a cluster that is not listed: the Gateway's policies are left to decide
    /// about those, whatever backend they may turn out to be.
    Unlisted,
}

/// Whether a request that is allowed where its route leads is allowed at every other listed
/// backend as well. Where none is listed, no policy asks where a request goes.
///
/// SECURITY: Envoy chooses a route again when a header changes, and does not say which: what
/// an authorizer sets, or removes, may lead to a backend whose policies were not asked.
///
/// `permit` is what allows it where its route leads, so that the Gateway's policies have
/// judged it. What the others take is taken off the same allowance.
///
/// # Errors
/// The first place, in the order of names, where it would not be allowed.
pub fn allowed_everywhere<'p>(
    policies: &'p Policies,
    request: &Request<'_>,
    progress: &CompletedCalls,
    permit: &Permit<'p>,
    allowance: &Allowance,
) -> Result<(), Elsewhere<'p>> {
    let view = Evaluation::Enforced;
    let gateway = match permit.basis() {
        Basis::Policies { gateway, .. } => gateway,
        Basis::Unprotected => None,
    };
    let mut judge = Judge {
        has_cluster: true,
        ..Judge::new(policies, request, progress, allowance)
    };
    for (name, attached) in policies.backends() {
        judge.backend = Some(attached);
        let goes_there = judge.destination(view).map_err(Interruption::Denied);
        if goes_there
            .and_then(|()| judge.judge_backend(gateway, view))
            .is_err()
        {
            return Err(Elsewhere::Backend(name));
        }
    }
    let has_backends = policies.backends().next().is_some();
    match policies.settings().unlisted {
        Unlisted::Gateway if has_backends => Err(Elsewhere::Unlisted),
        Unlisted::Gateway | Unlisted::Deny => Ok(()),
    }
}
