//! A request, what the authorizer says of it, and which differences that shows.

use super::differences::{Difference, ROWS};
use crate::authorizer::Act;
use crate::authorizer::grpc;
use crate::support::message::Request;
use crate::support::recorder::Answer;

pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// The pair of listeners that it is sent to.
    pub(super) to: &'static str,
    pub(super) request: Request,
    pub(super) answer: Said,
    /// The rows that it shows, besides those that are seen everywhere.
    pub(super) shows: &'static [&'static str],
}

/// What the authorizer does.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there are few")]
pub(super) enum Said {
    Http(Act<Answer>),
    Grpc(Act<grpc::Answer>),
}

/// A scenario.
pub(super) fn one(
    name: &'static str,
    to: &'static str,
    request: Request,
    answer: Said,
    shows: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        to,
        request,
        answer,
        shows,
    }
}

impl Scenario {
    /// The row that a difference is of, if it is meant.
    pub(super) fn row_of(&self, difference: &Difference) -> Option<&'static str> {
        let mut rows = ROWS.iter();
        let may = |id: &&str| self.shows.contains(id);
        let row = rows.find(|row| (row.everywhere || may(&row.id)) && (row.is)(difference));
        row.map(|row| row.id)
    }
}
