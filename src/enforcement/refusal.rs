//! Why a request is refused.

use crate::decision::Denial;
use crate::mcp::Fault;
use crate::request::HeadFault;

use super::Answer;

/// A refusal: what the client is told, and what we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal<'p> {
    /// What the client is told.
    pub answer: Answer,
    /// Why, in full: for records, never for the client.
    pub reason: Reason<'p>,
    /// The method called, if the message could be read.
    pub method: Option<String>,
    /// The thing acted on, likewise.
    pub thing: Option<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'p> {
    /// By its headers alone.
    Head(HeadFault),
    /// The body is longer than the limit.
    TooLarge,
    /// The body is no message that everybody reads the same way.
    Malformed(Fault, Option<usize>),
    /// By policy.
    Denied(Denial<'p>),
    /// All requests being read hold too much together.
    Overloaded,
    /// The host told of events in an order that a request cannot have.
    OutOfOrder,
}

impl Reason<'_> {
    /// The kind of reason, for records and metrics: one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Head(HeadFault::TooLarge) | Self::TooLarge => "too_large",
            Self::Head(HeadFault::Media(_)) => "media_type",
            Self::Head(HeadFault::Method) => "http_method",
            Self::Head(_) => "http_request",
            Self::Malformed(..) => "malformed",
            Self::Denied(_) => "policy",
            Self::Overloaded => "overloaded",
            Self::OutOfOrder => "out_of_order",
        }
    }

    /// The reason in a few words, where it is not a decision's.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Head(fault) => Some(fault.as_str().to_owned()),
            Self::Malformed(fault, Some(offset)) => Some(format!("{fault} (at byte {offset})")),
            Self::Malformed(fault, None) => Some(fault.to_string()),
            Self::TooLarge => Some("body is too large".to_owned()),
            Self::Overloaded | Self::OutOfOrder | Self::Denied(_) => None,
        }
    }
}
