//! Expressions: from CEL to programs that the filter runs.
//!
//! An expression is parsed (`token`, `literal`, `parse`), checked against the types and
//! names there are and resolved in the same walk (`check` and its parts), and bounded in
//! what it may take (`cost`). What the filter gets names what to do and what to read,
//! and nothing in it is looked up by name.

mod both;
mod call;
mod check;
mod constant;
mod cost;
mod dead;
mod functions;
mod identity;
mod literal;
mod macros;
mod numbers;
mod operators;
mod parse;
mod pattern;
mod spelt;
mod subject;
mod syntax;
mod token;
mod truth;
mod types;
mod vocabulary;
mod zone;

pub(super) use constant::How;
pub(super) use dead::{By, compared, dead};
pub(super) use numbers::decided;
pub(super) use subject::What;
pub use syntax::SyntaxError;
pub(super) use truth::{Truth, truth};

use std::ops::Range;

use crate::engine::expr::{Attribute, CelCondition, CelProgram, UnsoundError};
use check::Checker;

/// Compiles an expression of CEL that is to be a boolean.
///
/// # Errors
/// Everything that is wrong with it.
pub fn expression(text: &str) -> Result<CelProgram, Vec<SyntaxError>> {
    let tree = parse::parse(text).map_err(|fault| vec![fault])?;
    let mut checker = Checker::default();
    checker.result(&tree);
    let Checker {
        nodes,
        patterns,
        faults,
        facts: _,
        scope: _,
    } = checker;
    if !faults.is_empty() {
        return Err(faults);
    }
    let program = CelProgram {
        text: text.to_owned(),
        nodes,
        patterns,
    };
    cost::check(&program).map_err(|fault| vec![fault])?;
    match CelCondition::new(program.clone()) {
        Ok(_) => Ok(program),
        Err(unsound) => Err(vec![refused(text, unsound)]),
    }
}

/// The facts that an expression reads, each with its bytes in the text. None of one that does
/// not compile.
pub(super) fn facts(text: &str) -> Vec<(Attribute, Range<usize>)> {
    let mut checker = Checker::default();
    if let Ok(tree) = parse::parse(text) {
        checker.result(&tree);
    }
    checker.facts
}

/// What the checks before should have said in better words.
fn refused(text: &str, unsound: UnsoundError) -> SyntaxError {
    SyntaxError::new(&(0..text.len()), format!("this is {unsound}"))
        .help("write several rules, or a simpler one")
}

#[cfg(test)]
mod tests;
