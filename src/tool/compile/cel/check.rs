//! Types, and the way to a program.
//!
//! One walk over the tree does both: what it says of the type of an expression is what
//! the node it makes of it comes to. What is wrong is collected; the program is then of
//! no use.
//!
//! SPEC: cel-spec, "Gradual Type Checking".

use super::syntax::{Expr, ExprKind, ExprSpan, Name, SyntaxError};
use super::types::Type;
use super::vocabulary::{self, Meaning};
use crate::engine::expr::{Attribute, CelNode, CompiledRegex, Constant, Function, NodeId};

/// What is known of an expression, and the node it became.
pub(super) struct Typed {
    pub(super) kind: Type,
    pub(super) node: NodeId,
}

/// A walk over a tree.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) nodes: Vec<CelNode>,
    pub(super) patterns: Vec<CompiledRegex>,
    pub(super) faults: Vec<SyntaxError>,
    /// The facts that are read, and where.
    pub(super) facts: Vec<(Attribute, ExprSpan)>,
    /// The variables of the macros around, the outermost first.
    pub(super) scope: Vec<(String, Type)>,
}

impl Checker {
    /// Checks the whole, which is to be a boolean.
    pub(super) fn result(&mut self, expr: &Expr) {
        let Typed { kind, node: _ } = self.check(expr);
        if !kind.meets(&Type::Bool) {
            let message = format!("the expression is {kind}, and not a bool");
            let help = "compare it with something: the rule matches where it is true";
            self.fault(SyntaxError::new(&expr.span, message).help(help));
        }
    }

    pub(super) fn fault(&mut self, fault: SyntaxError) {
        self.faults.push(fault);
    }

    pub(super) fn make(&mut self, kind: Type, node: CelNode) -> Typed {
        let id = self.nodes.len();
        self.nodes.push(node);
        Typed { kind, node: id }
    }

    pub(super) fn constant(&mut self, constant: Constant) -> Typed {
        let kind = match &constant {
            Constant::Null => Type::Null,
            Constant::Bool(_) => Type::Bool,
            Constant::Int(_) => Type::Int,
            Constant::Uint(_) => Type::Uint,
            Constant::Double(_) => Type::Double,
            Constant::String(_) => Type::String,
            Constant::Bytes(_) => Type::Bytes,
            Constant::Type(_) => Type::Meta,
        };
        self.make(kind, CelNode::Constant(constant))
    }

    /// Stands for what was found wrong, so that nothing else is said of it.
    pub(super) fn wrong(&mut self, fault: SyntaxError) -> Typed {
        self.fault(fault);
        self.make(Type::Dyn, CelNode::Constant(Constant::Null))
    }

    pub(super) fn check(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Literal(constant) => self.constant(constant.clone()),
            ExprKind::Name(name) => self.name(name, &expr.span),
            ExprKind::Select(operand, name) => self.select(expr, operand, name),
            ExprKind::Call {
                target,
                name,
                arguments,
            } => self.call(expr, target.as_deref(), name, arguments),
            ExprKind::Operator {
                function,
                symbol,
                operands,
            } => match operands.as_slice() {
                [operand] => self.unary(*function, symbol, operand),
                [left, right] => self.binary(*function, symbol, left, right, &expr.span),
                _ => self.wrong(SyntaxError::new(&expr.span, "an operator without operands")),
            },
            ExprKind::And(operands) => {
                let nodes = self.booleans(operands, "&&");
                self.make(Type::Bool, CelNode::And(nodes))
            }
            ExprKind::Or(operands) => {
                let nodes = self.booleans(operands, "||");
                self.make(Type::Bool, CelNode::Or(nodes))
            }
            ExprKind::Conditional(parts) => self.conditional(parts),
            ExprKind::List(items) => self.list(items),
            ExprKind::Map(entries) => self.map(entries),
        }
    }

    fn name(&mut self, name: &str, span: &ExprSpan) -> Typed {
        let found = self.scope.iter().rposition(|(known, _)| known == name);
        if let Some((place, (_, kind))) = found.and_then(|at| Some((at, self.scope.get(at)?))) {
            let kind = kind.clone();
            return self.make(kind, CelNode::Item(place));
        }
        self.meaning(&[(name, span)])
            .unwrap_or_else(|| self.wrong(SyntaxError::new(span, format!("`{name}` is no value"))))
    }

    /// What a dotted name is; `None` where it is a fact and fields of that.
    fn meaning(&mut self, segments: &[(&str, &ExprSpan)]) -> Option<Typed> {
        let names: Vec<&str> = segments.iter().map(|(name, _)| *name).collect();
        match vocabulary::meaning(&names) {
            Meaning::Type(name) => Some(self.constant(Constant::Type(name))),
            Meaning::Attribute(fact, length) if length == names.len() => {
                self.reads(fact, segments);
                Some(self.make(vocabulary::type_of(fact), CelNode::Fact(fact)))
            }
            Meaning::Attribute(..) => None,
            Meaning::Fields => Some(self.only_fields(segments)),
            Meaning::Unknown(place) => {
                let (above, rest) = names.split_at(place);
                let word = rest.first().copied().unwrap_or_default();
                let span = segments
                    .get(place)
                    .map_or(0..0, |(_, span)| (*span).clone());
                let mut known = vocabulary::names_below(above);
                let (message, are) = if above.is_empty() {
                    known.extend(self.scope.iter().map(|(name, _)| name.as_str()));
                    let message = format!("`{word}` is not known");
                    (message, "an expression can ask about")
                } else {
                    let message = format!("`{}` has no field `{word}`", above.join("."));
                    (message, "its fields are")
                };
                let help = vocabulary::help(word, &known, are);
                Some(self.wrong(SyntaxError::new(&span, message).help(help)))
            }
        }
    }

    /// Remembers where a fact is read.
    pub(super) fn reads(&mut self, fact: Attribute, segments: &[(&str, &ExprSpan)]) {
        self.facts.push((fact, covered(segments)));
    }

    fn only_fields(&mut self, segments: &[(&str, &ExprSpan)]) -> Typed {
        let names: Vec<&str> = segments.iter().map(|(name, _)| *name).collect();
        let name = names.join(".");
        let below = vocabulary::names_below(&names);
        let example = below.first().copied().unwrap_or_default();
        let message = format!("`{name}` is no value by itself");
        let help = format!("name a field of it, such as `{name}.{example}`");
        self.wrong(SyntaxError::new(&covered(segments), message).help(help))
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, name: &Name) -> Typed {
        if let Some(segments) = self.dotted(expr)
            && let Some(typed) = self.meaning(&segments)
        {
            return typed;
        }
        let (kind, operand) = self.field_of(operand, name);
        let name = name.text.clone();
        self.make(kind, CelNode::Field { operand, name })
    }

    /// The names and dots that an expression consists of, unless the first one is a
    /// variable.
    pub(super) fn dotted<'e>(&self, expr: &'e Expr) -> Option<Vec<(&'e str, &'e ExprSpan)>> {
        let mut segments = Vec::new();
        let mut expr = expr;
        loop {
            match &expr.kind {
                ExprKind::Select(operand, name) => {
                    segments.push((name.text.as_str(), &name.span));
                    expr = operand;
                }
                ExprKind::Name(name) if self.scope.iter().all(|(known, _)| known != name) => {
                    segments.push((name, &expr.span));
                    segments.reverse();
                    return Some(segments);
                }
                _ => return None,
            }
        }
    }

    /// The type of a field, and the node of what it is a field of.
    pub(super) fn field_of(&mut self, operand: &Expr, name: &Name) -> (Type, NodeId) {
        let Typed { kind, node } = self.check(operand);
        let field = match kind {
            Type::Dyn => Type::Dyn,
            Type::Map(key, value) if key.meets(&Type::String) => {
                self.header(node, &name.text, &name.span);
                *value
            }
            kind => {
                let message = format!("{kind} has no field `{}`", name.text);
                self.fault(SyntaxError::new(&name.span, message));
                Type::Dyn
            }
        };
        (field, node)
    }

    /// Refuses names that no header has, where a node is the headers.
    pub(super) fn header(&mut self, node: NodeId, name: &str, span: &ExprSpan) {
        if !matches!(
            self.nodes.get(node),
            Some(CelNode::Fact(Attribute::Headers))
        ) {
            return;
        }
        let lower = name.to_ascii_lowercase();
        let message = format!("no header is named `{name}` here");
        if name.starts_with(':') {
            let help = "the method, path, host and scheme are fields of `request`";
            self.fault(SyntaxError::new(span, message).help(help));
        } else if lower == "host" {
            let help = "to Envoy it is the authority: `request.host`";
            self.fault(SyntaxError::new(span, message).help(help));
        } else if lower != name {
            let help = format!("names are in lower case: `{lower}`");
            self.fault(SyntaxError::new(span, message).help(help));
        }
    }

    fn booleans(&mut self, operands: &[Expr], symbol: &str) -> Vec<NodeId> {
        let each = operands.iter().map(|operand| {
            let typed = self.check(operand);
            self.is_bool(&typed.kind, &operand.span, symbol);
            typed.node
        });
        each.collect()
    }

    pub(super) fn is_bool(&mut self, kind: &Type, span: &ExprSpan, what: &str) {
        if !kind.meets(&Type::Bool) {
            let message = format!("`{what}` takes a bool, not {kind}");
            self.fault(SyntaxError::new(span, message));
        }
    }

    fn conditional(&mut self, [condition, then, otherwise]: &[Expr; 3]) -> Typed {
        let decides = self.check(condition);
        self.is_bool(&decides.kind, &condition.span, "? :");
        let [first, second] = [then, otherwise].map(|expr| self.check(expr));
        if !first.kind.meets(&second.kind) {
            let message = format!(
                "`? :` has a value of one type, and these are {} and {}",
                first.kind, second.kind
            );
            self.fault(SyntaxError::new(&otherwise.span, message));
        }
        let node = CelNode::Conditional {
            condition: decides.node,
            then: first.node,
            otherwise: second.node,
        };
        self.make(first.kind.join(&second.kind), node)
    }

    fn list(&mut self, items: &[Expr]) -> Typed {
        let typed: Vec<Typed> = items.iter().map(|item| self.check(item)).collect();
        let kind = joined(typed.iter().map(|item| &item.kind));
        let nodes = typed.iter().map(|item| item.node).collect();
        self.make(Type::List(Box::new(kind)), CelNode::List(nodes))
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Typed {
        let mut typed = Vec::new();
        for (key, value) in entries {
            let (of_key, value) = (self.check(key), self.check(value));
            let is_key = matches!(
                of_key.kind,
                Type::Bool | Type::Int | Type::Uint | Type::String | Type::Dyn
            );
            if !is_key {
                let message = format!("{} cannot be a key", of_key.kind);
                let help = "keys are strings, ints, uints or bools";
                self.fault(SyntaxError::new(&key.span, message).help(help));
            }
            typed.push((of_key, value));
        }
        let key = joined(typed.iter().map(|(key, _)| &key.kind));
        let value = joined(typed.iter().map(|(_, value)| &value.kind));
        let nodes = typed.iter().map(|(key, value)| (key.node, value.node));
        let node = CelNode::Map(nodes.collect());
        self.make(Type::Map(Box::new(key), Box::new(value)), node)
    }

    fn unary(&mut self, function: Function, symbol: &str, operand: &Expr) -> Typed {
        let typed = self.check(operand);
        let (is_right, wanted) = match function {
            Function::Not => (typed.kind.meets(&Type::Bool), "a bool"),
            _ => (
                matches!(typed.kind, Type::Int | Type::Double | Type::Dyn),
                "an int or a double",
            ),
        };
        if !is_right {
            let message = format!("`{symbol}` takes {wanted}, not {}", typed.kind);
            self.fault(SyntaxError::new(&operand.span, message));
        }
        let kind = match function {
            Function::Not => Type::Bool,
            _ => typed.kind,
        };
        let node = CelNode::Call {
            function,
            arguments: vec![typed.node],
        };
        self.make(kind, node)
    }
}

/// From the first of some names to the last.
fn covered(segments: &[(&str, &ExprSpan)]) -> ExprSpan {
    let start = segments.first().map_or(0, |(_, span)| span.start);
    let end = segments.last().map_or(0, |(_, span)| span.end);
    start..end
}

/// The type that covers all.
fn joined<'t>(mut kinds: impl Iterator<Item = &'t Type>) -> Type {
    match kinds.next() {
        None => Type::Dyn,
        Some(first) => kinds.fold(first.clone(), |joined, kind| joined.join(kind)),
    }
}

/// The constant that a node is, if it is a string.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Constant::String(text)) => Some(text),
        _ => None,
    }
}
