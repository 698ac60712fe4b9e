//! Expressions that read what a client can write, where this Envoy may believe it.

use super::cel;
use crate::api::decode::{Located, Problem};
use crate::expr::{Fact, Program};

/// What is wrong with an expression for an Envoy that is not said to be the edge.
///
/// SECURITY: Envoy takes the address from `x-forwarded-for` unless it is told otherwise, and
/// behind another proxy the connection says nothing of the client.
pub(super) fn facts_of_clients(cel: &Located<Program>) -> Vec<Problem> {
    let Located { value, at } = cel;
    let facts = cel::facts(&value.text);
    let facts = facts.into_iter().filter(|(fact, _)| fact.needs_edge());
    facts
        .map(|(fact, span)| {
            let message = format!(
                "`{}` may be what the client says in {}",
                fact.as_str(),
                by(fact)
            );
            Problem::new(at, message).within(&value.text, span).help(
                "say `edge: true` in the enforcement point file if this Envoy takes address and \
                 scheme from the connection: `use_remote_address: true`, and no trusted hops",
            )
        })
        .collect()
}

/// The headers by which clients say it.
const fn by(fact: Fact) -> &'static str {
    match fact {
        Fact::Scheme => "`:scheme` or `x-forwarded-proto`",
        _ => "`x-forwarded-for`",
    }
}
