//! Comparisons of one value that cannot all be true, or of which one always is.
//!
//! INVARIANT: sound, not complete: what is said to contradict does for every value.

use std::collections::HashMap;

use super::numbers::{Range, int, number, turned};
use super::syntax::{Expr, ExprKind, SyntaxError};
use crate::engine::expr::{Constant, Function};

/// What is known of a value where some comparisons are true.
struct Known<'e> {
    range: Range,
    /// The texts that it may be, where they are known.
    texts: Option<Vec<&'e str>>,
}

/// What contradicts what stands before it: of what has to be true together, or cannot be false
/// together.
pub(super) fn contradictions(kind: &ExprKind, text: &str, scope: &[String]) -> Vec<SyntaxError> {
    let (exprs, is_and) = match kind {
        ExprKind::And(exprs) => (exprs, true),
        ExprKind::Or(exprs) => (exprs, false),
        _ => return Vec::new(),
    };
    let mut values: HashMap<&str, Known<'_>> = HashMap::new();
    let mut faults = Vec::new();
    for expr in exprs {
        let Some((value, next)) = known(expr, is_and, scope) else {
            continue;
        };
        let Some(name) = text.get(value.span.clone()) else {
            continue;
        };
        let before = values.remove(name);
        let both = match before {
            Some(before) => before.and(next),
            None => next,
        };
        let (least, most) = both.range;
        let is_empty = least > most || both.texts.as_ref().is_some_and(Vec::is_empty);
        if is_empty {
            faults.push(contradiction(expr, name, is_and));
        } else {
            values.insert(name, both);
        }
    }
    faults
}

fn contradiction(expr: &Expr, name: &str, is_and: bool) -> SyntaxError {
    let (message, help) = match is_and {
        true => (
            format!("this is never so beside what stands before it: no `{name}` meets both"),
            "join the two with `||`, or compare with something else",
        ),
        false => (
            format!("this or what stands before it is always so: every `{name}` meets one"),
            "join the two with `&&`, or compare with something else",
        ),
    };
    SyntaxError::new(&expr.span, message).help(help)
}

impl Known<'_> {
    fn and(self, other: Self) -> Self {
        let texts = match (self.texts, other.texts) {
            (Some(mut texts), Some(others)) => {
                texts.retain(|text| others.contains(text));
                Some(texts)
            }
            (texts, others) => texts.or(others),
        };
        Self {
            range: (
                self.range.0.max(other.range.0),
                self.range.1.min(other.range.1),
            ),
            texts,
        }
    }
}

/// What is compared, and what is known of it where the comparison is true, or is false.
fn known<'e>(expr: &'e Expr, is_true: bool, scope: &[String]) -> Option<(&'e Expr, Known<'e>)> {
    let ExprKind::Operator {
        function, operands, ..
    } = &expr.kind
    else {
        return None;
    };
    let [left, right] = operands.as_slice() else {
        return None;
    };
    let is_written = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(_) | ExprKind::List(_));
    let (value, function, constant) = match (is_written(left), is_written(right)) {
        (false, true) => (left, *function, right),
        (true, false) if *function != Function::In => (right, turned(*function), left),
        _ => return None,
    };
    let function = match is_true {
        true => function,
        false => negated(function)?,
    };
    let any = (i64::MIN, i64::MAX);
    let known = match (function, &constant.kind) {
        (Function::Equal, ExprKind::Literal(Constant::String(text))) => Known {
            range: any,
            texts: Some(vec![text]),
        },
        (Function::In, ExprKind::List(items)) => Known {
            range: any,
            texts: Some(items.iter().map(text).collect::<Option<Vec<&str>>>()?),
        },
        _ => Known {
            range: range(function, value, int(constant)?, scope)?,
            texts: None,
        },
    };
    Some((value, known))
}

fn text(expr: &Expr) -> Option<&str> {
    super::check::literal(expr)
}

const fn negated(function: Function) -> Option<Function> {
    Some(match function {
        Function::NotEqual => Function::Equal,
        Function::Less => Function::GreaterOrEqual,
        Function::LessOrEqual => Function::Greater,
        Function::Greater => Function::LessOrEqual,
        Function::GreaterOrEqual => Function::Less,
        _ => return None,
    })
}

/// The numbers that a comparison is true of. What may be no whole number lies between two.
fn range(function: Function, value: &Expr, with: i64, scope: &[String]) -> Option<Range> {
    let step = i64::from(number(value, scope).is_some());
    Some(match function {
        Function::Equal => (with, with),
        Function::Less => (i64::MIN, with.saturating_sub(step)),
        Function::LessOrEqual => (i64::MIN, with),
        Function::Greater => (with.saturating_add(step), i64::MAX),
        Function::GreaterOrEqual => (with, i64::MAX),
        _ => return None,
    })
}
