//! Whose policies judge a request.

use crate::engine::decision::{Allowance, CompletedCalls, Decision, Denial, decide_answered};
use crate::engine::policy::{Policies, Routing, Unlisted};
use crate::engine::request::Request;

use super::StreamAttributes;

/// Whose policies judge a request.
#[derive(Debug, Clone, Copy)]
pub struct Judges<'p> {
    /// Those that it came to.
    pub policies: &'p Policies,
    /// Those that came while it was read, which have to allow it as well.
    pub newer: Option<&'p Policies>,
}

impl<'p> From<&'p Policies> for Judges<'p> {
    fn from(policies: &'p Policies) -> Self {
        Self {
            policies,
            newer: None,
        }
    }
}

/// Why newer policies do not allow what older ones do.
#[derive(Debug)]
pub(super) enum Forbidden<'p> {
    /// They deny it.
    Denied(Denial<'p>),
    /// They read requests otherwise, or would ask an authorizer that was not asked.
    Superseded,
}

impl<'p> Judges<'p> {
    /// Whether the headers of a message may go on before it is read, by the newer policies.
    pub(super) fn pass_headers_too(self, facts: &StreamAttributes) -> Result<(), Forbidden<'p>> {
        let Some(newer) = self.newer else {
            return Ok(());
        };
        if !self.policies.terms().suffice_for(newer.terms()) {
            return Err(Forbidden::Superseded);
        }
        facts
            .denied(newer)
            .map_or(Ok(()), |denial| Err(Forbidden::Denied(denial)))
    }

    /// Whether a request that an authorizer has changed may go on by the newer policies.
    ///
    /// SECURITY: the authorizers of the others have not answered for the newer, which hence
    /// cannot say whether the request may go wherever a changed route could lead it.
    pub(super) fn reroute_too(self) -> Result<(), Forbidden<'p>> {
        let leads_elsewhere = |newer: &Policies| {
            let settings = newer.settings();
            settings.external_auth.routing == Routing::Unknown
                && match settings.unlisted {
                    Unlisted::Deny => newer.backends().nth(1).is_some(),
                    Unlisted::Gateway => newer.backends().next().is_some(),
                }
        };
        match self.newer.is_some_and(leads_elsewhere) {
            true => Err(Forbidden::Superseded),
            false => Ok(()),
        }
    }

    /// Whether the newer policies allow a request as well, of which the authorizers of the
    /// others have said so far that it may go on.
    pub(super) fn allow_too(
        self,
        request: &Request<'_>,
        progress: &CompletedCalls,
        allowance: &Allowance,
    ) -> Result<(), Forbidden<'p>> {
        let Some(newer) = self.newer else {
            return Ok(());
        };
        if !self.policies.terms().suffice_for(newer.terms()) {
            return Err(Forbidden::Superseded);
        }
        let decision = decide_answered(newer, request, allowance, &mut |ask| {
            let mut asked = progress.asked(self.policies);
            asked.any(|auth| auth == ask.auth)
        });
        match decision {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(denial) => Err(Forbidden::Denied(denial)),
            Decision::Ask(_) => Err(Forbidden::Superseded),
        }
    }
}
