//! What an expression asks about: a fact, a header or an argument, as it is or without case.

use super::check::literal;
use super::syntax::{Expr, ExprKind};
use super::vocabulary::{self, Meaning};
use crate::engine::expr::{Attribute, Function};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tool::compile) enum What {
    Attribute(Attribute),
    /// A header, by its name.
    Header(String),
    /// A member of the parameters.
    Argument,
    /// Something else, whose letters have one case.
    Other,
}

/// The case that letters are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) enum Case {
    Lower,
    Upper,
}

/// What an expression asks about, and in which case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tool::compile) struct Subject {
    pub(in crate::tool::compile) what: What,
    pub(in crate::tool::compile) case: Option<Case>,
}

/// What an expression asks about; `scope` has the variables of the macros around.
pub(super) fn subject(expr: &Expr, scope: &[String]) -> Option<Subject> {
    if let ExprKind::Call {
        target,
        name,
        arguments,
    } = &expr.kind
    {
        return match (name.text.as_str(), target, arguments.as_slice()) {
            ("dyn", None, [value]) => subject(value, scope),
            ("lowerAscii", Some(text), []) => Some(in_case(text, Case::Lower, scope)),
            ("upperAscii", Some(text), []) => Some(in_case(text, Case::Upper, scope)),
            _ => None,
        };
    }
    what(expr, scope).map(|what| Subject { what, case: None })
}

/// The case that is made last is the one that counts.
fn in_case(text: &Expr, case: Case, scope: &[String]) -> Subject {
    let what = subject(text, scope).map_or(What::Other, |subject| subject.what);
    Subject {
        what,
        case: Some(case),
    }
}

fn what(expr: &Expr, scope: &[String]) -> Option<What> {
    let (path, root) = members(expr, scope)?;
    let names: Vec<&str> = std::iter::once(root).chain(path.iter().copied()).collect();
    match vocabulary::meaning(&names) {
        Meaning::Attribute(Attribute::Headers, length) => match names.get(length..)? {
            [] => Some(What::Attribute(Attribute::Headers)),
            [name] => Some(What::Header((*name).to_owned())),
            _ => None,
        },
        Meaning::Attribute(Attribute::Params, length) => Some(match names.get(length..)? {
            [] => What::Attribute(Attribute::Params),
            ["name"] => What::Attribute(Attribute::ToolName),
            ["uri"] => What::Attribute(Attribute::ResourceUri),
            _ => What::Argument,
        }),
        Meaning::Attribute(fact, length) if length == names.len() => Some(What::Attribute(fact)),
        _ => None,
    }
}

/// The members that are taken of a name, by dots or by texts and numbers in brackets.
fn members<'e>(expr: &'e Expr, scope: &[String]) -> Option<(Vec<&'e str>, &'e str)> {
    let mut path = Vec::new();
    let mut expr = expr;
    loop {
        match &expr.kind {
            ExprKind::Select(operand, name) => {
                path.push(name.text.as_str());
                expr = operand;
            }
            ExprKind::Operator {
                function: Function::Index,
                operands,
                ..
            } => {
                let [operand, index] = operands.as_slice() else {
                    return None;
                };
                // Which item it is of a list does not matter.
                path.push(literal(index).unwrap_or(""));
                expr = operand;
            }
            ExprKind::Name(name) if !scope.contains(name) => {
                path.reverse();
                return Some((path, name));
            }
            _ => return None,
        }
    }
}
