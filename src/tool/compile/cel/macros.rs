//! Macros that go through lists and maps.
//!
//! SPEC: cel-spec, "Macros". DEVIATION: a macro is one node of the program, and not the
//! fold that it is defined by; `all` and `exists` absorb errors as that does.

use super::call::count;
use super::check::{Checker, Typed};
use super::syntax::{Expr, ExprKind, Name, SyntaxError};
use super::types::Type;
use crate::engine::expr::{CelNode, Loop, NodeId};

impl Checker {
    pub(super) fn each(&mut self, range: &Expr, name: &Name, arguments: &[Expr]) -> Typed {
        let (variable, filter, body) = match (name.text.as_str(), arguments) {
            ("map", [variable, filter, body]) => (variable, Some(filter), body),
            (_, [variable, body]) => (variable, None, body),
            ("map", _) => return self.wrong(count(name, "2 or 3 arguments", arguments.len())),
            _ => return self.wrong(count(name, "2 arguments", arguments.len())),
        };
        let ExprKind::Name(variable) = &variable.kind else {
            let message = format!("the first argument of `{}` names a variable", name.text);
            let help = format!("such as `list.{}(item, ...)`", name.text);
            return self.wrong(SyntaxError::new(&variable.span, message).help(help));
        };
        let over = self.check(range);
        let item = match over.kind {
            Type::List(item) => *item,
            Type::Map(key, _) => *key,
            Type::Dyn => Type::Dyn,
            kind => {
                let message = format!("`{}` goes through a list or a map, not {kind}", name.text);
                return self.wrong(SyntaxError::new(&range.span, message));
            }
        };
        let mut range = over.node;
        if let Some(filter) = filter {
            self.scope.push((variable.clone(), item.clone()));
            let holds = self.check(filter);
            self.scope.pop();
            self.is_bool(&holds.kind, &filter.span, &name.text);
            range = self
                .each_of(Type::Dyn, Loop::Filter, range, holds.node)
                .node;
        }
        self.scope.push((variable.clone(), item.clone()));
        let value = self.check(body);
        self.scope.pop();
        let (kind, result) = match name.text.as_str() {
            "map" => (Loop::Map, Type::List(Box::new(value.kind))),
            other => {
                self.is_bool(&value.kind, &body.span, other);
                match other {
                    "all" => (Loop::All, Type::Bool),
                    "exists" => (Loop::Exists, Type::Bool),
                    "filter" => (Loop::Filter, Type::List(Box::new(item))),
                    _ => (Loop::ExistsOne, Type::Bool),
                }
            }
        };
        self.each_of(result, kind, range, value.node)
    }

    fn each_of(&mut self, result: Type, kind: Loop, range: NodeId, body: NodeId) -> Typed {
        self.make(result, CelNode::Loop { kind, range, body })
    }
}
