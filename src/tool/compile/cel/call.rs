//! Calls of functions and macros.

use super::check::{Checker, Typed, literal};
use super::functions::{self, CelType, OVERLOADS, Overload};
use super::syntax::{Expr, ExprKind, Name, SyntaxError};
use super::types::Type;
use super::vocabulary::{self, Meaning};
use super::zone;
use crate::engine::expr::{CelNode, Constant, Duration, Function, Timestamp};
use crate::tool::compile::regex;

/// The most regular expressions of an expression: each may be big.
const PATTERNS: usize = 4;

impl Checker {
    pub(super) fn call(
        &mut self,
        expr: &Expr,
        target: Option<&Expr>,
        name: &Name,
        arguments: &[Expr],
    ) -> Typed {
        match (name.text.as_str(), target, arguments) {
            ("has", None, [field]) => self.has(field),
            ("dyn", None, [value]) => {
                let Typed { kind: _, node } = self.check(value);
                Typed {
                    kind: Type::Dyn,
                    node,
                }
            }
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                self.matches(text, pattern)
            }
            ("has" | "dyn", None, _) => self.wrong(count(name, "1 argument", arguments.len())),
            ("matches", _, _) => {
                let takes = "1 argument, the regular expression";
                self.wrong(count(name, takes, arguments.len()))
            }
            ("all" | "exists" | "exists_one" | "existsOne" | "map" | "filter", Some(range), _) => {
                self.each(range, name, arguments)
            }
            _ => self.function(expr, target, name, arguments),
        }
    }

    fn function(
        &mut self,
        expr: &Expr,
        target: Option<&Expr>,
        name: &Name,
        arguments: &[Expr],
    ) -> Typed {
        let known = OVERLOADS
            .iter()
            .filter(|overload| overload.name == name.text);
        let overloads: Vec<&Overload> = known
            .filter(|overload| overload.target.is_some() == target.is_some())
            .collect();
        if overloads.is_empty() {
            return self.wrong(unknown(name, target.is_some()));
        }
        let fitting: Vec<&Overload> = overloads
            .iter()
            .filter(|overload| overload.parameters.len() == arguments.len())
            .copied()
            .collect();
        if fitting.is_empty() {
            let mut counts: Vec<usize> = overloads
                .iter()
                .map(|overload| overload.parameters.len())
                .collect();
            counts.dedup();
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            let is_one = counts.len() == 1 && counts.contains(&"1".to_owned());
            let noun = if is_one { "argument" } else { "arguments" };
            let takes = format!("{} {noun}", counts.join(" or "));
            return self.wrong(count(name, &takes, arguments.len()));
        }
        let typed_target = target.map(|target| self.check(target));
        let typed: Vec<Typed> = arguments
            .iter()
            .enumerate()
            .map(|(place, argument)| {
                let is_zone = fitting
                    .iter()
                    .any(|o| o.parameters.get(place) == Some(&CelType::Zone));
                if is_zone {
                    self.zone(argument)
                } else {
                    self.check(argument)
                }
            })
            .collect();
        let matching: Vec<&Overload> = fitting
            .iter()
            .filter(|overload| fits(overload, typed_target.as_ref(), &typed))
            .copied()
            .collect();
        let Some(first) = matching.first() else {
            let kinds = typed_target.iter().chain(&typed).map(|typed| &typed.kind);
            return self.wrong(mismatch(expr, name, target, arguments, kinds, &fitting));
        };
        self.check_text(first.function, arguments);
        let is_open = matching
            .iter()
            .any(|overload| overload.result != first.result);
        let kind = if is_open {
            Type::Dyn
        } else {
            first.result.as_type()
        };
        let arguments = typed_target.iter().chain(&typed).map(|typed| typed.node);
        let node = CelNode::Call {
            function: first.function,
            arguments: arguments.collect(),
        };
        self.make(kind, node)
    }

    /// Refuses literal times that can never be read.
    fn check_text(&mut self, function: Function, arguments: &[Expr]) {
        let [argument] = arguments else { return };
        let Some(text) = literal(argument) else {
            return;
        };
        let (is_read, what, help) = match function {
            Function::Timestamp => (
                Timestamp::parse(text).is_some(),
                "timestamp",
                "such as `2026-01-31T12:00:00Z`, of the years 1 to 9999",
            ),
            Function::Duration => (
                Duration::parse(text).is_some(),
                "duration",
                "such as `90s`, `1h30m` or `100ms`, of less than 292 years",
            ),
            _ => return,
        };
        if !is_read {
            let message = format!("`{text}` is no {what}");
            self.fault(SyntaxError::new(&argument.span, message).help(help));
        }
    }

    fn zone(&mut self, argument: &Expr) -> Typed {
        let minutes = literal(argument).and_then(zone::minutes);
        let Some(minutes) = minutes else {
            let message = match literal(argument) {
                Some(name) => format!("the time zone `{name}` is not known here"),
                None => "a time zone has to be a literal string".to_owned(),
            };
            let help = "`UTC` or an offset such as `+02:00`: rules for named zones change";
            self.fault(SyntaxError::new(&argument.span, message).help(help));
            return self.make(Type::String, CelNode::Constant(Constant::Null));
        };
        let node = self.constant(Constant::Int(minutes)).node;
        Typed {
            kind: Type::String,
            node,
        }
    }

    fn matches(&mut self, text: &Expr, pattern: &Expr) -> Typed {
        let typed = self.check(text);
        if !typed.kind.meets(&Type::String) {
            let message = format!("`matches` searches a string, not {}", typed.kind);
            self.fault(SyntaxError::new(&text.span, message));
        }
        let Some(expression) = literal(pattern) else {
            let help = "the filter compiles no regular expressions; compare strings instead";
            let message = "a regular expression has to be a literal string";
            return self.wrong(SyntaxError::new(&pattern.span, message).help(help));
        };
        match regex::compile_search(expression) {
            Ok(expression) => {
                let place = self.patterns.len();
                if place == PATTERNS {
                    let message = format!("there are more than {PATTERNS} regular expressions");
                    let help = "join them with `|`, or write several rules";
                    self.fault(SyntaxError::new(&pattern.span, message).help(help));
                }
                self.patterns.push(expression);
                let operand = typed.node;
                self.make(
                    Type::Bool,
                    CelNode::Matches {
                        operand,
                        pattern: place,
                    },
                )
            }
            Err(refusal) => {
                let mut fault = SyntaxError::new(&pattern.span, refusal.message);
                fault.help = refusal.help;
                self.wrong(fault)
            }
        }
    }

    fn has(&mut self, field: &Expr) -> Typed {
        let ExprKind::Select(operand, name) = &field.kind else {
            let help = "such as `has(request.mcp.tool_name)`; a key of a map by `key in map`";
            let fault = SyntaxError::new(&field.span, "`has` takes a field");
            return self.wrong(fault.help(help));
        };
        if let Some(segments) = self.dotted(field) {
            let names: Vec<&str> = segments.iter().map(|(name, _)| *name).collect();
            match vocabulary::meaning(&names) {
                Meaning::Attribute(fact, length) if length == names.len() => {
                    if fact.is_always_there() {
                        let message = format!("`{}` is always there", fact.as_str());
                        return self.wrong(SyntaxError::new(&field.span, message));
                    }
                    self.reads(fact, &segments);
                    return self.make(Type::Bool, CelNode::HasFact(fact));
                }
                Meaning::Attribute(..) | Meaning::Type(_) => {}
                Meaning::Fields | Meaning::Unknown(_) => {
                    // What it is that is wrong is said there.
                    self.check(field);
                    return self.make(Type::Bool, CelNode::Constant(Constant::Null));
                }
            }
        }
        let (_, operand) = self.field_of(operand, name);
        let name = name.text.clone();
        self.make(Type::Bool, CelNode::HasField { operand, name })
    }
}

fn fits(overload: &Overload, target: Option<&Typed>, arguments: &[Typed]) -> bool {
    let is_of = |form: &CelType, typed: &Typed| form.as_type().meets(&typed.kind);
    let by_target = match (&overload.target, target) {
        (Some(form), Some(typed)) => is_of(form, typed),
        _ => true,
    };
    let mut pairs = overload.parameters.iter().zip(arguments);
    by_target && pairs.all(|(form, typed)| is_of(form, typed))
}

fn unknown(name: &Name, is_member: bool) -> SyntaxError {
    let text = &name.text;
    let fault = SyntaxError::new(&name.span, format!("the function `{text}` is not known"));
    let of_other_style = OVERLOADS.iter().find(|overload| overload.name == text);
    let is_macro = functions::SPECIAL.contains(&text.as_str());
    if is_member && (of_other_style.is_some() || is_macro) {
        let message = format!("`{text}` is not called on a value");
        return SyntaxError::new(&name.span, message).help(format!("write `{text}(...)`"));
    }
    if of_other_style.is_some() || is_macro {
        let message = format!("`{text}` is called on a value");
        return SyntaxError::new(&name.span, message).help(format!("write `value.{text}(...)`"));
    }
    fault.help(vocabulary::help(text, &functions::names(), "there are"))
}

pub(super) fn count(name: &Name, takes: &str, found: usize) -> SyntaxError {
    let message = format!("`{}` takes {takes}, and is given {found}", name.text);
    SyntaxError::new(&name.span, message)
}

/// Names with commas, and `or` before the last.
fn one_of(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Says what is wrong with the first argument that no way to call the function takes.
fn mismatch<'t>(
    expr: &Expr,
    name: &Name,
    target: Option<&Expr>,
    arguments: &[Expr],
    kinds: impl Iterator<Item = &'t Type>,
    overloads: &[&Overload],
) -> SyntaxError {
    let name = &name.text;
    let exprs = target.into_iter().chain(arguments);
    for (place, (argument, kind)) in exprs.zip(kinds).enumerate() {
        let form = |overload: &&Overload| {
            let mut forms = overload.target.iter().chain(overload.parameters);
            forms.nth(place).copied()
        };
        let mut takes: Vec<String> = Vec::new();
        let mut is_taken = false;
        for form in overloads.iter().filter_map(form) {
            let wanted = form.as_type();
            is_taken |= wanted.meets(kind);
            let wanted = match form {
                CelType::Strings => "a list of strings".to_owned(),
                _ => wanted.to_string(),
            };
            if !takes.contains(&wanted) {
                takes.push(wanted);
            }
        }
        if !is_taken {
            let takes = one_of(&takes);
            let verb = match (target.is_some(), place) {
                (true, 0) => "is called on",
                _ => "takes",
            };
            let message = format!("`{name}` {verb} {takes}, not {kind}");
            return SyntaxError::new(&argument.span, message);
        }
    }
    SyntaxError::new(&expr.span, format!("`{name}` does not take these together"))
}
