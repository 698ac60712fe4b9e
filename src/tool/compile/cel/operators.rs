//! The types of binary operators.

use super::check::{Checker, Typed, literal};
use super::syntax::{Expr, ExprSpan, SyntaxError};
use super::types::Type;
use crate::engine::expr::{CelNode, Function};

impl Checker {
    pub(super) fn binary(
        &mut self,
        function: Function,
        symbol: &str,
        left: &Expr,
        right: &Expr,
        span: &ExprSpan,
    ) -> Typed {
        let (a, b) = (self.check(left), self.check(right));
        let kind = match function {
            Function::Equal | Function::NotEqual => equality(&a.kind, &b.kind),
            Function::Less
            | Function::LessOrEqual
            | Function::Greater
            | Function::GreaterOrEqual => order(&a.kind, &b.kind),
            Function::In => {
                if let Some(name) = literal(left) {
                    self.header(b.node, name, &left.span);
                }
                membership(&a.kind, &b.kind)
            }
            Function::Index => {
                if let Some(name) = literal(right) {
                    self.header(a.node, name, &right.span);
                }
                item(&a.kind, &b.kind)
            }
            _ => arithmetic(function, &a.kind, &b.kind),
        };
        let kind = kind.unwrap_or_else(|| {
            self.fault(mismatch(function, symbol, &a.kind, &b.kind, span));
            Type::Dyn
        });
        let node = CelNode::Call {
            function,
            arguments: vec![a.node, b.node],
        };
        self.make(kind, node)
    }
}

fn mismatch(function: Function, symbol: &str, a: &Type, b: &Type, span: &ExprSpan) -> SyntaxError {
    let message = match function {
        Function::Equal | Function::NotEqual => {
            format!("`{symbol}` compares values of one type, not {a} with {b}")
        }
        Function::Index => format!("{a} has no items by {b}"),
        Function::In if !matches!(b, Type::List(_) | Type::Map(..)) => {
            format!("`in` looks into a list or a map, not {b}")
        }
        Function::In => format!("`in` looks for {a}, which is no item or key there"),
        _ => format!("`{symbol}` does not take {a} and {b}"),
    };
    let fault = SyntaxError::new(span, message);
    let is_number = |kind: &Type| matches!(kind, Type::Int | Type::Uint | Type::Double);
    if is_number(a) && is_number(b) && a != b {
        return fault.help("convert one of them: `int(...)`, `uint(...)` or `double(...)`");
    }
    match (function, a, b) {
        (Function::Equal | Function::NotEqual, Type::Null, _)
        | (Function::Equal | Function::NotEqual, _, Type::Null) => {
            fault.help("ask whether it is there with `has(...)`")
        }
        (Function::In, _, Type::String) => fault.help("of strings: `text.contains(...)`"),
        _ => fault,
    }
}

fn equality(a: &Type, b: &Type) -> Option<Type> {
    a.meets(b).then_some(Type::Bool)
}

fn order(a: &Type, b: &Type) -> Option<Type> {
    let is_ordered = |kind: &Type| {
        !matches!(
            kind,
            Type::Null | Type::Meta | Type::List(_) | Type::Map(..)
        )
    };
    let numbers = a.is_number() && b.is_number();
    let same = a.meets(b) && is_ordered(a) && is_ordered(b);
    (numbers || same).then_some(Type::Bool)
}

fn membership(a: &Type, b: &Type) -> Option<Type> {
    let is_possible = match b {
        Type::Dyn => true,
        Type::List(item) => a.meets(item),
        Type::Map(key, _) => a.meets(key),
        _ => false,
    };
    is_possible.then_some(Type::Bool)
}

fn item(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Dyn, _) => Some(Type::Dyn),
        (Type::List(item), Type::Int | Type::Dyn) => Some((**item).clone()),
        (Type::Map(key, value), b) if key.meets(b) => Some((**value).clone()),
        _ => None,
    }
}

fn arithmetic(function: Function, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Bytes, Double, Duration, Dyn, Int, List, String, Timestamp, Uint};
    let is_sum = function == Function::Add;
    let is_difference = function == Function::Subtract;
    Some(match (a, b) {
        (Int, Int) | (Uint, Uint) => a.clone(),
        (Double, Double) if function != Function::Modulo => Double,
        (String, String) | (Bytes, Bytes) if is_sum => a.clone(),
        (List(x), List(y)) if is_sum => List(Box::new(x.join(y))),
        (Timestamp, Duration) if is_sum || is_difference => Timestamp,
        (Duration, Timestamp) if is_sum => Timestamp,
        (Duration, Duration) if is_sum || is_difference => Duration,
        (Timestamp, Timestamp) if is_difference => Duration,
        (Dyn, Dyn) => Dyn,
        (Dyn, other) | (other, Dyn) => {
            let takes = match other {
                Int | Uint => true,
                Double => function != Function::Modulo,
                String | Bytes | List(_) => is_sum,
                Timestamp | Duration => is_sum || is_difference,
                _ => false,
            };
            // With times the other may be of two types.
            let is_open = matches!(other, Timestamp | Duration);
            takes.then(|| if is_open { Dyn } else { other.clone() })?
        }
        _ => return None,
    })
}
