//! Comparisons with constants that come to the same for every request.
//!
//! INVARIANT: sound, not complete: what is said never to be is never so.

use super::constant::How;
use super::numbers::{self, Number, decided, int, is_slip, turned};
use super::subject::{Subject, What, subject};
use super::syntax::{Expr, ExprKind, ExprSpan, SyntaxError};
use super::{both, parse, pattern, spelt};
use crate::engine::expr::{Attribute, Constant, Function};
use crate::tool::compile::lint::unsatisfiable::headers;

/// What is wrong with the constants of an expression that compiles.
pub(in crate::tool::compile) fn dead(text: &str) -> Vec<SyntaxError> {
    searched(text).faults
}

/// What an expression that compiles compares with constants.
pub(in crate::tool::compile) fn compared(text: &str) -> Vec<Compared> {
    searched(text).compared
}

/// What something is compared with.
pub(in crate::tool::compile) struct Compared {
    pub(in crate::tool::compile) subject: Subject,
    pub(in crate::tool::compile) with: Constant,
    pub(in crate::tool::compile) by: By,
    /// Where the constant is: bytes of the expression.
    pub(in crate::tool::compile) span: ExprSpan,
}

/// How something is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tool::compile) enum By {
    Text(How),
    Order(Function),
}

fn searched(text: &str) -> Search<'_> {
    let mut search = Search {
        text,
        ..Search::default()
    };
    if let Ok(tree) = parse::parse(text) {
        search.search(&tree);
    }
    search
}

#[derive(Default)]
struct Search<'t> {
    text: &'t str,
    faults: Vec<SyntaxError>,
    compared: Vec<Compared>,
    /// The variables of the macros around.
    scope: Vec<String>,
}

impl Search<'_> {
    fn search(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Name(_) => {}
            ExprKind::Select(operand, name) => {
                self.header(operand, &name.text, &name.span);
                self.search(operand);
            }
            ExprKind::Call {
                target,
                name,
                arguments,
            } => {
                if let Some(target) = target {
                    self.search(target);
                    self.called(target, &name.text, arguments);
                }
                if let (None, "matches", [text, pattern]) =
                    (target, name.text.as_str(), arguments.as_slice())
                {
                    self.matched(text, pattern);
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
            ExprKind::Operator {
                function, operands, ..
            } => {
                for operand in operands {
                    self.search(operand);
                }
                if let [left, right] = operands.as_slice() {
                    self.compared(*function, left, right, &expr.span);
                }
            }
            ExprKind::And(exprs) | ExprKind::Or(exprs) | ExprKind::List(exprs) => {
                for expr in exprs {
                    self.search(expr);
                }
                let together = both::contradictions(&expr.kind, self.text, &self.scope);
                self.faults.extend(together);
            }
            ExprKind::Conditional(parts) => {
                for part in parts.iter() {
                    self.search(part);
                }
            }
            ExprKind::Map(entries) => {
                for (key, value) in entries {
                    self.search(key);
                    self.search(value);
                }
            }
        }
    }

    /// A function of text, with a constant.
    fn called(&mut self, target: &Expr, name: &str, arguments: &[Expr]) {
        let [argument] = arguments else {
            return;
        };
        let how = match name {
            "startsWith" => How::Begins,
            "endsWith" => How::Ends,
            "contains" => How::Contains,
            "matches" => return self.matched(target, argument),
            _ => return,
        };
        if let Some(subject) = subject(target, &self.scope) {
            self.constant(&subject, By::Text(how), argument);
        }
    }

    fn matched(&mut self, text: &Expr, pattern: &Expr) {
        let subject = subject(text, &self.scope);
        self.faults
            .extend(pattern::unlikely(subject.as_ref(), pattern));
    }

    fn compared(&mut self, function: Function, left: &Expr, right: &Expr, span: &ExprSpan) {
        match function {
            Function::Equal | Function::NotEqual => {
                if let Some(subject) = subject(left, &self.scope) {
                    self.constant(&subject, By::Text(How::Is), right);
                } else if let Some(subject) = subject(right, &self.scope) {
                    self.constant(&subject, By::Text(How::Is), left);
                }
                self.numbers(function, left, right, span);
            }
            Function::In => self.is_in(left, right, span),
            Function::Index => {
                if let ExprKind::Literal(Constant::String(name)) = &right.kind {
                    self.header(left, name, &right.span);
                }
            }
            _ => self.numbers(function, left, right, span),
        }
    }

    fn is_in(&mut self, left: &Expr, right: &Expr, span: &ExprSpan) {
        if let ExprKind::Literal(Constant::String(name)) = &left.kind {
            self.header(right, name, &left.span);
        }
        let items: Vec<&Expr> = match &right.kind {
            ExprKind::List(items) => items.iter().collect(),
            ExprKind::Map(entries) => entries.iter().map(|(key, _)| key).collect(),
            _ => return,
        };
        if items.is_empty() {
            let help = "list what it may be";
            let fault = SyntaxError::new(span, "nothing is in a list without items");
            self.faults.push(fault.help(help));
        }
        let subject = subject(left, &self.scope);
        let number = numbers::number(left, &self.scope);
        for item in items {
            if let Some(subject) = &subject {
                self.constant(subject, By::Text(How::Is), item);
            }
            if let Some((number, value)) = number.as_ref().zip(int(item)) {
                self.number(number, Function::Equal, value, &item.span);
            }
        }
    }

    /// A number that is outside of what it is compared with.
    fn numbers(&mut self, function: Function, left: &Expr, right: &Expr, span: &ExprSpan) {
        let of = |expr: &Expr| numbers::number(expr, &self.scope);
        let (subject_of, function, number, value) = match (of(left), of(right)) {
            (Some(number), None) => (left, function, number, int(right)),
            (None, Some(number)) => (right, turned(function), number, int(left)),
            _ => return,
        };
        let Some(value) = value else {
            return;
        };
        let is_order = !matches!(function, Function::Equal | Function::NotEqual);
        if let Some(subject) = subject(subject_of, &self.scope).filter(|_| is_order) {
            self.compared.push(Compared {
                subject,
                with: Constant::Int(value),
                by: By::Order(function),
                span: span.clone(),
            });
        }
        self.number(&number, function, value, span);
    }

    fn number(&mut self, number: &Number, function: Function, value: i64, span: &ExprSpan) {
        let Some(is_so) = decided(function, number.range, value) else {
            return;
        };
        let is_size = number.range.1 == i64::MAX;
        if is_so && !is_size && !is_slip(function, number.range, value) {
            return;
        }
        let always = if is_so { "always" } else { "never" };
        let message = format!("this is {always} so: {}", number.is);
        self.faults
            .push(SyntaxError::new(span, message).help(number.help));
    }

    /// A constant that something is compared with.
    fn constant(&mut self, subject: &Subject, by: By, constant: &Expr) {
        let ExprKind::Literal(with) = &constant.kind else {
            return;
        };
        self.compared.push(Compared {
            subject: subject.clone(),
            with: with.clone(),
            by,
            span: constant.span.clone(),
        });
        let (Constant::String(text), By::Text(how)) = (with, by) else {
            return;
        };
        if let Some((message, help)) = spelt::unlikely(subject, how, text) {
            self.faults
                .push(SyntaxError::new(&constant.span, message).help(help));
        }
    }

    /// A header that is read.
    fn header(&mut self, of: &Expr, name: &str, span: &ExprSpan) {
        let ExprKind::Select(request, headers) = &of.kind else {
            return;
        };
        let is_short = matches!(&request.kind, ExprKind::Name(_)) && headers.text == "headers";
        if !is_short || self.what(of) != Some(What::Attribute(Attribute::Headers)) {
            return;
        }
        let said = headers::of_envoy(name).or_else(|| headers::of_connection(name, None));
        let faults = said
            .into_iter()
            .map(|(message, help)| SyntaxError::new(span, message).help(help));
        self.faults.extend(faults);
    }

    fn what(&self, expr: &Expr) -> Option<What> {
        subject(expr, &self.scope).map(|subject| subject.what)
    }
}

/// The variable that the first argument of a macro names.
fn variable(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        _ => None,
    }
}
