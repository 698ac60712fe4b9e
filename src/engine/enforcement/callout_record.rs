//! What authorizers said of a request, for records; and the spans of the calls.

use crate::engine::decision::AuthorizerCall;
use crate::engine::external_auth::CalloutVerdict;
use crate::engine::policy::PolicyId;

/// What an authorizer said of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalloutRecord {
    /// The policy that asked.
    pub id: PolicyId,
    /// Its name, `namespace/name`.
    pub policy: String,
    /// What the answer means.
    pub answered: CalloutResult,
    /// What kind of error, in one word.
    pub error: Option<&'static str>,
    /// What kind of error, or how the client was refused.
    pub detail: Option<String>,
}

/// What an authorizer's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalloutResult {
    /// Judging goes on.
    Allow,
    /// The request is refused.
    Deny,
    /// There is none that can be used.
    Error,
}

impl CalloutResult {
    /// `allow`, `deny` or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl CalloutRecord {
    pub(super) fn new(ask: &AuthorizerCall<'_>, verdict: &CalloutVerdict) -> Self {
        let (answered, detail) = match verdict {
            CalloutVerdict::Allow(_) => (CalloutResult::Allow, None),
            CalloutVerdict::Deny(reply) => (CalloutResult::Deny, Some(reply.status.to_string())),
            CalloutVerdict::Error(error) => (CalloutResult::Error, Some(error.to_string())),
        };
        let error = match verdict {
            CalloutVerdict::Error(error) => Some(error.kind()),
            CalloutVerdict::Allow(_) | CalloutVerdict::Deny(_) => None,
        };
        Self {
            id: ask.policy(),
            policy: ask.by.policy.to_string(),
            answered,
            error,
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
