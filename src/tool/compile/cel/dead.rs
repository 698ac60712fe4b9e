//! Comparisons with constants that come to the same for every request.
//!
//! INVARIANT: sound, not complete: what is said never to be is never so.

use super::syntax::{Expr, Fault, Kind, Span};
use super::vocabulary::{self, Meaning};
use super::{constant, parse};
use crate::engine::expr::{Constant, Fact, Function};
use constant::How;

/// What is wrong with the constants of an expression that compiles.
pub(in crate::tool::compile) fn dead(text: &str) -> Vec<Fault> {
    let mut search = Search::default();
    if let Ok(tree) = parse::parse(text) {
        search.search(&tree);
    }
    search.faults
}

#[derive(Default)]
struct Search {
    faults: Vec<Fault>,
    /// The variables of the macros around.
    scope: Vec<String>,
}

impl Search {
    fn search(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Literal(_) | Kind::Name(_) => {}
            Kind::Select(operand, _) => self.search(operand),
            Kind::Call {
                target,
                name,
                arguments,
            } => {
                if let Some(target) = target {
                    self.search(target);
                    self.called(target, &name.text, arguments);
                }
                let variable = match (target, arguments.as_slice()) {
                    (Some(_), [first, _, ..]) => variable(first),
                    _ => None,
                };
                self.scope.extend(variable.map(str::to_owned));
                for argument in arguments {
                    self.search(argument);
                }
                if variable.is_some() {
                    self.scope.pop();
                }
            }
            Kind::Operator {
                function, operands, ..
            } => {
                for operand in operands {
                    self.search(operand);
                }
                if let [left, right] = operands.as_slice() {
                    self.compared(*function, left, right, &expr.span);
                }
            }
            Kind::And(exprs) | Kind::Or(exprs) | Kind::List(exprs) => {
                for expr in exprs {
                    self.search(expr);
                }
            }
            Kind::Conditional(parts) => {
                for part in parts.iter() {
                    self.search(part);
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.search(key);
                    self.search(value);
                }
            }
        }
    }

    /// A function of text, with a constant.
    fn called(&mut self, target: &Expr, name: &str, arguments: &[Expr]) {
        let how = match name {
            "startsWith" => How::Begins,
            "endsWith" => How::Ends,
            "contains" => How::Contains,
            _ => return,
        };
        if let (Some(fact), [argument]) = (self.fact(target), arguments) {
            self.constant(fact, how, argument);
        }
    }

    fn compared(&mut self, function: Function, left: &Expr, right: &Expr, span: &Span) {
        match function {
            Function::Equal | Function::NotEqual => {
                if let Some(fact) = self.fact(left) {
                    self.constant(fact, How::Is, right);
                } else if let Some(fact) = self.fact(right) {
                    self.constant(fact, How::Is, left);
                }
                self.sizes(function, left, right, span);
            }
            Function::In => {
                let Kind::List(items) = &right.kind else {
                    return;
                };
                if items.is_empty() {
                    let help = "list what it may be";
                    let fault = Fault::new(span, "nothing is in a list without items");
                    self.faults.push(fault.help(help));
                }
                if let Some(fact) = self.fact(left) {
                    for item in items {
                        self.constant(fact, How::Is, item);
                    }
                }
            }
            _ => self.sizes(function, left, right, span),
        }
    }

    /// No size is below zero.
    fn sizes(&mut self, function: Function, left: &Expr, right: &Expr, span: &Span) {
        let (function, number) = match (self.is_size(left), self.is_size(right)) {
            (true, false) => (function, number(right)),
            (false, true) => (turned(function), number(left)),
            _ => return,
        };
        let Some(number) = number else {
            return;
        };
        let always = match function {
            Function::Less => (number <= 0).then_some("never"),
            Function::LessOrEqual | Function::Equal => (number < 0).then_some("never"),
            Function::Greater | Function::NotEqual => (number < 0).then_some("always"),
            Function::GreaterOrEqual => (number <= 0).then_some("always"),
            _ => None,
        };
        if let Some(always) = always {
            let message = format!("this is {always} so: no size is below 0");
            let help = "compare the size with what it may be, such as `size(...) == 0`";
            self.faults.push(Fault::new(span, message).help(help));
        }
    }

    fn is_size(&self, expr: &Expr) -> bool {
        let is_call = matches!(&expr.kind, Kind::Call { name, .. } if name.text == "size");
        is_call || self.fact(expr) == Some(Fact::Size)
    }

    fn constant(&mut self, fact: Fact, how: How, constant: &Expr) {
        let Kind::Literal(Constant::String(text)) = &constant.kind else {
            return;
        };
        if let Some(help) = constant::never(fact, how, text) {
            let message = constant::message(fact, how, text);
            self.faults
                .push(Fault::new(&constant.span, message).help(help));
        }
    }

    /// The fact that an expression is.
    fn fact(&self, expr: &Expr) -> Option<Fact> {
        let mut names = Vec::new();
        let mut expr = expr;
        loop {
            match &expr.kind {
                Kind::Select(operand, name) => {
                    names.push(name.text.as_str());
                    expr = operand;
                }
                Kind::Name(name) if !self.scope.contains(name) => {
                    names.push(name);
                    break;
                }
                _ => return None,
            }
        }
        names.reverse();
        match vocabulary::meaning(&names) {
            Meaning::Fact(fact, length) if length == names.len() => Some(fact),
            _ => None,
        }
    }
}

/// The variable that the first argument of a macro names.
fn variable(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        Kind::Name(name) => Some(name),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<i64> {
    match expr.kind {
        Kind::Literal(Constant::Int(number)) => Some(number),
        _ => None,
    }
}

/// The comparison with its sides turned round.
const fn turned(function: Function) -> Function {
    match function {
        Function::Less => Function::Greater,
        Function::LessOrEqual => Function::GreaterOrEqual,
        Function::Greater => Function::Less,
        Function::GreaterOrEqual => Function::LessOrEqual,
        other => other,
    }
}
