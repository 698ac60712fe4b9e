//! The tree of an expression as it is written.

use std::ops::Range;

use crate::engine::expr::{Constant, Function};

/// A stretch of the expression, in bytes.
pub(super) type ExprSpan = Range<usize>;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: ExprSpan,
    /// How many levels of expressions are in it, itself included.
    pub(super) height: usize,
}

/// The forms of expressions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ExprKind {
    Literal(Constant),
    Name(String),
    Select(Box<Expr>, Name),
    Call {
        target: Option<Box<Expr>>,
        name: Name,
        arguments: Vec<Expr>,
    },
    /// An operator that is a function of its operands.
    Operator {
        function: Function,
        symbol: &'static str,
        operands: Vec<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Conditional(Box<[Expr; 3]>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
}

/// A name, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: ExprSpan,
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where: bytes of the expression.
    pub span: Range<usize>,
    /// What: one sentence in lower case, what was found in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(span: &ExprSpan, message: impl Into<String>) -> Self {
        Self {
            span: span.clone(),
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl ExprKind {
    fn height(&self) -> usize {
        let most = |exprs: &[Expr]| exprs.iter().map(|expr| expr.height).max().unwrap_or(0);
        match self {
            Self::Literal(_) | Self::Name(_) => 0,
            Self::Select(operand, _) => operand.height,
            Self::Call {
                target, arguments, ..
            } => most(arguments).max(target.as_ref().map_or(0, |target| target.height)),
            Self::Operator {
                operands: exprs, ..
            }
            | Self::And(exprs)
            | Self::Or(exprs)
            | Self::List(exprs) => most(exprs),
            Self::Conditional(exprs) => most(&exprs[..]),
            Self::Map(entries) => {
                let heights = entries
                    .iter()
                    .map(|(key, value)| key.height.max(value.height));
                heights.max().unwrap_or(0)
            }
        }
    }

    pub(super) fn at(self, span: ExprSpan) -> Expr {
        let height = self.height() + 1;
        Expr {
            kind: self,
            span,
            height,
        }
    }
}
