//! What is to be done next with a stream.

use crate::engine::decision::Permit;
use crate::engine::external_auth::{Callout, Obligations};

use super::Blocked;

/// What is to be done next with a stream.
#[derive(Debug)]
pub enum Step<'p> {
    /// Hold what there is: the verdict needs more.
    Wait,
    /// Let the headers go on, hold the body: the verdict needs it.
    PassHeaders,
    /// Ask an authorizer, and hold what there is until it has answered.
    Ask(Box<Callout>),
    /// Let everything go on.
    Continue(Permitted<'p>),
    /// Answer, and let nothing more go on.
    Block(Box<Blocked<'p>>),
}

/// Why everything may go on.
#[derive(Debug)]
pub enum Permitted<'p> {
    /// The engine permits it, now; what authorizers want changed comes first.
    Now(Permit<'p>, Obligations),
    /// It was permitted before; this is the rest of it.
    Before,
}
