//! Why a request is refused.

use crate::engine::decision::{
    AuthorizerCall, Denial, DenialReason, Determining, Elsewhere, LevelName,
};
use crate::engine::external_auth::{CalloutError, Unshown};
use crate::engine::mcp::MessageError;
use crate::engine::request::HeadError;

use super::{CallSummary, LocalReply};

/// A refusal: what the client is told, and what we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked<'p> {
    /// What the client is told.
    pub answer: LocalReply,
    /// Why, in full: for records, never for the client.
    pub reason: Reason<'p>,
    /// What is called, if the message could be read.
    pub called: Option<CallSummary>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'p> {
    /// By its headers alone.
    Head(HeadError),
    /// The body is longer than the limit.
    TooLarge,
    /// The body is no message that everybody reads the same way.
    Malformed(MessageError, Option<usize>),
    /// By policy.
    Denied(Denial<'p>),
    /// By policy, whatever the message says, which was not read to its end.
    DeniedByHeaders(Denial<'p>),
    /// By an authorizer, with this status.
    DeniedByAuthorizer(Unauthorized<'p, u16>),
    /// For want of an authorizer's answer.
    Unanswered(Unauthorized<'p, CalloutError>),
    /// What an authorizer changed may lead it to where it would not be allowed.
    Rerouted(Elsewhere<'p>),
    /// It cannot be shown to an authorizer as it is.
    Unshown(Unshown),
    /// All requests being read hold too much together.
    Overloaded,
    /// It did not come in time.
    TimedOut,
    /// The caller has as many calls of authorizers open as it may.
    Crowded,
    /// Policies came meanwhile that ask for more of a request than was kept of this one, or
    /// read requests otherwise.
    Superseded,
    /// The host told of events in an order that a request cannot have.
    OutOfOrder,
}

/// Whose authorizer did not let a request go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unauthorized<'p, T> {
    /// The level.
    pub level: LevelName,
    /// The policy that asked, and the rule that matched.
    pub by: Determining<'p>,
    /// What came instead of a permission.
    pub why: T,
}

impl<'p, T> Unauthorized<'p, T> {
    pub(super) const fn new(ask: &AuthorizerCall<'p>, why: T) -> Self
    where
        T: Copy,
    {
        Self {
            level: ask.level,
            by: ask.by,
            why,
        }
    }
}

#[cfg(not(target_os = "wasi"))]
impl<'p> Blocked<'p> {
    /// The rule for which the authorizer was asked that did not let the request go on.
    pub fn asked_by(&self) -> Option<Determining<'p>> {
        match self.reason {
            Reason::DeniedByAuthorizer(Unauthorized { by, .. })
            | Reason::Unanswered(Unauthorized { by, .. }) => Some(by),
            _ => None,
        }
    }
}

impl<'p> Reason<'p> {
    /// The denial, where it is one of policies.
    pub const fn denial(&self) -> Option<&Denial<'p>> {
        match self {
            Self::Denied(denial) | Self::DeniedByHeaders(denial) => Some(denial),
            _ => None,
        }
    }
}

impl Reason<'_> {
    /// The kind of reason, for records and metrics: one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Head(HeadError::TooLarge) | Self::TooLarge => "too_large",
            Self::Head(HeadError::Media(_)) => "media_type",
            Self::Head(HeadError::Method | HeadError::Override) => "http_method",
            Self::Head(_) => "http_request",
            Self::Malformed(..) => "malformed",
            Self::Denied(denial) | Self::DeniedByHeaders(denial) => match denial.reason {
                DenialReason::Unlisted => "unlisted",
                _ => "policy",
            },
            Self::DeniedByAuthorizer(_) => "authorizer",
            Self::Rerouted(_) => "rerouted",
            Self::Unanswered(_) => "authorizer_error",
            Self::Unshown(Unshown::TooLarge) => "too_large",
            Self::Unshown(
                Unshown::NotText
                | Unshown::Alike
                | Unshown::Repeated
                | Unshown::Blanks
                | Unshown::AmbiguousPath
                | Unshown::HiddenMethod
                | Unshown::HiddenHost,
            ) => "http_request",
            Self::Unshown(Unshown::TooDeep | Unshown::Inexact) => "arguments",
            Self::Overloaded | Self::Crowded => "overloaded",
            Self::Superseded => "superseded",
            Self::TimedOut => "timeout",
            Self::OutOfOrder => "out_of_order",
        }
    }

    /// What became of the request, in one word: `deny` where policies or an authorizer had
    /// their say, `reject` where it was turned away without them.
    pub const fn decision(&self) -> &'static str {
        match self {
            Self::Denied(_)
            | Self::DeniedByHeaders(_)
            | Self::DeniedByAuthorizer(_)
            | Self::Unanswered(_)
            | Self::Rerouted(_) => "deny",
            Self::Head(_)
            | Self::TooLarge
            | Self::Malformed(..)
            | Self::Unshown(_)
            | Self::Overloaded
            | Self::TimedOut
            | Self::Crowded
            | Self::Superseded
            | Self::OutOfOrder => "reject",
        }
    }

    /// The reason in a few words, where it is not a decision's.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Head(fault) => Some(fault.as_str().to_owned()),
            Self::Malformed(fault, Some(offset)) => Some(format!("{fault} (at byte {offset})")),
            Self::Malformed(fault, None) => Some(fault.to_string()),
            Self::TooLarge => Some("body is too large".to_owned()),
            Self::Unshown(unshown) => Some(unshown.as_str().to_owned()),
            Self::Rerouted(Elsewhere::Backend(backend)) => Some(format!(
                "an authorizer changed it, by which a route to {backend} may be chosen, where it \
                 would not be allowed; `externalAuth.routing: Fixed` says that none is"
            )),
            Self::Rerouted(Elsewhere::Unlisted) => Some(
                "an authorizer changed it, by which a route to a cluster of no listed backend may \
                 be chosen; `externalAuth.routing: Fixed` says that none is"
                    .to_owned(),
            ),
            Self::DeniedByAuthorizer(by) => Some(format!("an authorizer denies it ({})", by.why)),
            Self::Unanswered(by) => Some(format!("no answer of an authorizer: {}", by.why)),
            Self::Crowded => Some("the caller waits for too many authorizers".to_owned()),
            Self::Superseded => {
                Some("policies came meanwhile that would have read it otherwise".to_owned())
            }
            Self::TimedOut => Some("the body did not come in time".to_owned()),
            Self::DeniedByHeaders(_) => None,
            Self::Overloaded | Self::OutOfOrder | Self::Denied(_) => None,
        }
    }
}
