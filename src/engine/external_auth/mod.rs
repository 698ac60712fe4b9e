//! What to ask an external authorizer, and how to read its answer. No I/O.
//!
//! A [`Question`] says what is sent, and where; a [`Verdict`] what the answer means;
//! [`Obligations`] what it may change about the request. Whether anything is asked at all, the
//! engine says; what becomes of a request while it waits is `enforcement`'s.

mod answer;
mod edit;
pub mod grpc;
mod http;
mod names;
mod query;
mod question;
mod trace;

pub use answer::{AskError, Changes, Header, Reply, Verdict};
pub use edit::{Edit, Obligations, needs_headers, settled_edits};
pub use names::may_be_answered;
pub use question::{
    ANSWER_LIMIT, Body, Call, Question, Response, Shown, Unshown, ask, read, unanswered,
};
