//! Expressions whose value is the same for every request.

use std::borrow::Cow;

use crate::engine::expr::{
    Attribute, AttributeValue, Attributes, CelCondition, CelNode, CelProgram, EvalError,
};

/// What an expression comes to whatever is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) enum Truth {
    /// It is true.
    Always,
    /// It is false.
    Never,
    /// It has no value.
    Error(EvalError),
}

/// What a program comes to whatever is asked; `None` when that depends, or may.
///
/// INVARIANT: sound, not complete. Facts are taken to have no value, which only what
/// decides without them makes up for.
pub(in crate::tool::compile) fn truth(program: &CelProgram) -> Option<Truth> {
    let mut program = program.clone();
    let mut depends = false;
    for node in &mut program.nodes {
        if let CelNode::Fact(_) | CelNode::HasFact(_) = node {
            depends = true;
            *node = CelNode::Fact(Attribute::Method);
        }
    }
    match CelCondition::new(program).ok()?.evaluate(&NoValue) {
        Ok(true) => Some(Truth::Always),
        Ok(false) => Some(Truth::Never),
        Err(error) if !depends => Some(Truth::Error(error)),
        Err(_) => None,
    }
}

struct NoValue;

impl Attributes for NoValue {
    fn fact(&self, _: Attribute) -> Option<AttributeValue<'_>> {
        None
    }

    fn header(&self, _: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError> {
        Ok(None)
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError> {
        Ok(Vec::new())
    }
}
