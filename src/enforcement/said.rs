//! What authorizers said of a request, for records; and the spans of the calls.

use crate::decision::Ask;
use crate::external_auth::Verdict;
use crate::policy::PolicyId;

/// What an authorizer said of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The policy that asked.
    pub id: PolicyId,
    /// Its name, `namespace/name`.
    pub policy: String,
    /// `allow`, `refuse` or `error`.
    pub answer: &'static str,
    /// What kind of error, or how the client was refused.
    pub detail: Option<String>,
}

impl Said {
    pub(super) fn new(ask: &Ask<'_>, verdict: &Verdict) -> Self {
        let (answer, detail) = match verdict {
            Verdict::Allow(_) => ("allow", None),
            Verdict::Refuse(reply) => ("refuse", Some(reply.status.to_string())),
            Verdict::Error(error) => ("error", Some(error.as_str().to_owned())),
        };
        Self {
            id: ask.policy(),
            policy: ask.by.policy.to_string(),
            answer,
            detail,
        }
    }
}

/// Ids for the spans of a stream's calls, from one random seed.
#[derive(Debug, Default)]
pub(super) struct Spans(pub(super) Option<[u8; 8]>);

impl Spans {
    /// The span of a call, the first of which is number 0. Zero stands for none.
    pub(super) fn next(&self, number: usize) -> [u8; 8] {
        let number = u64::try_from(number).unwrap_or_default();
        let of_seed = |seed| u64::from_be_bytes(seed).wrapping_add(number).to_be_bytes();
        self.0.map_or([0; 8], of_seed)
    }
}
