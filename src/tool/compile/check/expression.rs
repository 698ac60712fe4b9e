//! The expression of a rule.

use crate::engine::expr::CelProgram;
use crate::tool::api::decode::{FieldPlace, Located, Problem};
use crate::tool::compile::cel::{self, SyntaxError};

/// The expression's program; `None` when problems were reported.
pub(super) fn check_expression(
    expression: &Located<String>,
    problems: &mut Vec<Problem>,
) -> Option<Located<CelProgram>> {
    let Located { value, at } = expression;
    let faults = match cel::expression(value) {
        Ok(program) => {
            return Some(Located {
                value: program,
                at: at.clone(),
            });
        }
        Err(faults) => faults,
    };
    problems.extend(faults.into_iter().map(|fault| problem(fault, value, at)));
    None
}

/// What is wrong with an expression, at its place in the manifest.
pub(in crate::tool::compile) fn problem(
    fault: SyntaxError,
    text: &str,
    at: &FieldPlace,
) -> Problem {
    let SyntaxError {
        span,
        message,
        help,
    } = fault;
    let problem = Problem::new(at, message).within(text, span);
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
