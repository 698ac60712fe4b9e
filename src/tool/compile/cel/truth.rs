//! Expressions whose value is the same for every request.

use std::borrow::Cow;

use crate::engine::expr::{Condition, Error, Fact, Given, Node, Program, Variables};

/// What an expression comes to whatever is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) enum Truth {
    /// It is true.
    Always,
    /// It is false.
    Never,
    /// It has no value.
    Error(Error),
}

/// What a program comes to whatever is asked; `None` when that depends, or may.
///
/// INVARIANT: sound, not complete. Facts are taken to have no value, which only what
/// decides without them makes up for.
pub(in crate::tool::compile) fn truth(program: &Program) -> Option<Truth> {
    let mut program = program.clone();
    let mut depends = false;
    for node in &mut program.nodes {
        if let Node::Fact(_) | Node::HasFact(_) = node {
            depends = true;
            *node = Node::Fact(Fact::Method);
        }
    }
    match Condition::new(program).ok()?.evaluate(&NoValue) {
        Ok(true) => Some(Truth::Always),
        Ok(false) => Some(Truth::Never),
        Err(error) if !depends => Some(Truth::Error(error)),
        Err(_) => None,
    }
}

struct NoValue;

impl Variables for NoValue {
    fn fact(&self, _: Fact) -> Option<Given<'_>> {
        None
    }

    fn header(&self, _: &str) -> Result<Option<Cow<'_, [u8]>>, Error> {
        Ok(None)
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, Error> {
        Ok(Vec::new())
    }
}
