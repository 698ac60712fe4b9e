//! What numbers of a request may be.
//!
//! INVARIANT: sound, not complete: a number is never outside of its range.

use super::subject::{What, subject};
use super::syntax::{Expr, ExprKind};
use crate::engine::expr::{Attribute, Constant, Function};

/// The least and the most that a number may be.
pub(in crate::tool::compile) type Range = (i64, i64);

/// A number with bounds that are not those of every int.
pub(super) struct Number {
    pub(super) range: Range,
    /// What it is, as a sentence has it, and its bounds.
    pub(super) is: String,
    /// What to write instead of what it never is.
    pub(super) help: &'static str,
}

/// What is known of an expression; `None` of what has no bounds.
pub(super) fn number(expr: &Expr, scope: &[String]) -> Option<Number> {
    let size = || Number {
        range: (0, i64::MAX),
        is: "no size is below 0".to_owned(),
        help: "compare the size with what it may be, such as `size(...) == 0`",
    };
    if let ExprKind::Call { target, name, .. } = &expr.kind {
        if name.text == "size" {
            return Some(size());
        }
        let target = target.as_ref()?;
        return part_of_time(&name.text, target, scope);
    }
    match subject(expr, scope)?.what {
        What::Attribute(Attribute::Size) => Some(size()),
        What::Attribute(Attribute::DestinationPort) => Some(Number {
            range: (0, 65_535),
            is: "ports are 0 to 65535".to_owned(),
            help: "compare it with the port of a listener",
        }),
        _ => None,
    }
}

/// SPEC: cel-spec, "List of Standard Definitions": months, days of the year and of the month
/// begin at 0, and the date at 1.
fn part_of_time(name: &str, target: &Expr, scope: &[String]) -> Option<Number> {
    let at_hour = "hours are 0 to 23, of UTC where no zone is named";
    let (range, help) = match name {
        "getMonth" => ((0, 11), "0 is January, 11 is December"),
        "getDate" => ((1, 31), "1 is the first; `getDayOfMonth()` counts from 0"),
        "getDayOfMonth" => ((0, 30), "0 is the first; `getDate()` counts from 1"),
        "getDayOfWeek" => ((0, 6), "0 is Sunday, 6 is Saturday"),
        "getDayOfYear" => ((0, 365), "0 is the first of January"),
        "getHours" => ((0, 23), at_hour),
        "getMinutes" => ((0, 59), "minutes are those of the hour"),
        "getSeconds" => ((0, 59), "seconds are those of the minute"),
        "getMilliseconds" => ((0, 999), "milliseconds are those of the second"),
        _ => return None,
    };
    // Durations have hours, minutes and seconds as well, without end.
    let is_of_both = matches!(
        name,
        "getHours" | "getMinutes" | "getSeconds" | "getMilliseconds"
    );
    if is_of_both && moment(target, scope) != Some(Moment::Time) {
        return None;
    }
    let (least, most) = range;
    Some(Number {
        range,
        is: format!("`{name}` is {least} to {most}"),
        help,
    })
}

/// A value of time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Time,
    Duration,
}

fn moment(expr: &Expr, scope: &[String]) -> Option<Moment> {
    match &expr.kind {
        ExprKind::Call {
            target: None, name, ..
        } => match name.text.as_str() {
            "timestamp" => Some(Moment::Time),
            "duration" => Some(Moment::Duration),
            _ => None,
        },
        ExprKind::Operator {
            function: Function::Add | Function::Subtract,
            operands,
            ..
        } => {
            let [left, right] = operands.as_slice() else {
                return None;
            };
            // Of two timestamps the difference is a duration.
            match moment(left, scope)? == moment(right, scope)? {
                true => Some(Moment::Duration),
                false => Some(Moment::Time),
            }
        }
        _ => {
            let subject = subject(expr, scope)?;
            (subject.what == What::Attribute(Attribute::Time)).then_some(Moment::Time)
        }
    }
}

/// The int that is written.
pub(super) fn int(expr: &Expr) -> Option<i64> {
    match expr.kind {
        ExprKind::Literal(Constant::Int(number)) => Some(number),
        _ => None,
    }
}

/// What a comparison comes to, where that is the same for all numbers of a range.
pub(in crate::tool::compile) fn decided(
    function: Function,
    (least, most): Range,
    number: i64,
) -> Option<bool> {
    let (all, none) = match function {
        Function::Less => (most < number, least >= number),
        Function::LessOrEqual => (most <= number, least > number),
        Function::Greater => (least > number, most <= number),
        Function::GreaterOrEqual => (least >= number, most < number),
        Function::Equal => (
            least == number && most == number,
            number < least || number > most,
        ),
        Function::NotEqual => {
            let is_outside = number < least || number > most;
            (is_outside, least == number && most == number)
        }
        _ => return None,
    };
    match (all, none) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Whether nobody writes a comparison that comes to that for the sake of a bound: hours that are
/// at least 0, or below 24.
pub(super) const fn is_slip(function: Function, (least, most): Range, number: i64) -> bool {
    match function {
        Function::GreaterOrEqual => number != least,
        Function::Greater => number != least.saturating_sub(1),
        Function::LessOrEqual => number != most,
        Function::Less => number != most.saturating_add(1),
        _ => true,
    }
}

/// The comparison with its sides turned round.
pub(super) const fn turned(function: Function) -> Function {
    match function {
        Function::Less => Function::Greater,
        Function::LessOrEqual => Function::GreaterOrEqual,
        Function::Greater => Function::Less,
        Function::GreaterOrEqual => Function::LessOrEqual,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Function, decided};

    #[test]
    fn what_is_outside_of_a_range_is_decided() {
        let hours = (0, 23);
        for (function, number, expected) in [
            (Function::Equal, 24, Some(false)),
            (Function::Equal, 23, None),
            (Function::NotEqual, -1, Some(true)),
            (Function::Less, 24, Some(true)),
            (Function::Less, 23, None),
            (Function::Less, 0, Some(false)),
            (Function::LessOrEqual, 23, Some(true)),
            (Function::LessOrEqual, -1, Some(false)),
            (Function::Greater, 23, Some(false)),
            (Function::Greater, -1, Some(true)),
            (Function::GreaterOrEqual, 24, Some(false)),
            (Function::GreaterOrEqual, 0, Some(true)),
            (Function::GreaterOrEqual, 1, None),
        ] {
            assert_eq!(
                decided(function, hours, number),
                expected,
                "{function:?} {number}"
            );
        }
    }
}
