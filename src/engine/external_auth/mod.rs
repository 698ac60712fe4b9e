//! What to ask an external authorizer, and how to read its answer. No I/O.
//!
//! A [`Callout`] says what is sent, and where; a [`CalloutVerdict`] what the answer means;
//! [`Obligations`] what it may change about the request. Whether anything is asked at all, the
//! engine says; what becomes of a request while it waits is `enforcement`'s.

mod callout;
mod edit;
pub mod grpc;
mod http;
mod names;
mod query;
mod trace;
mod verdict;

pub use callout::{
    ANSWER_LIMIT, Callout, CalloutInput, CalloutRequest, CalloutResponse, ForwardedBody, Unshown,
    interpret, prepare, unanswered,
};
pub use edit::{Edit, Obligations, needs_headers, settled_edits};
pub use names::may_be_answered;
pub use verdict::{CalloutError, CalloutVerdict, Header, Reply, RequestedChanges};
