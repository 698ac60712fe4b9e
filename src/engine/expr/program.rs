//! A compiled expression, as a document.
//!
//! Each node is a line of text (`written` has its grammar): a document of objects would be
//! many times as long, and so would be what reads it in the filter.
//!
//! INVARIANT: as of every part of the compiled policy, its meaning depends neither on
//! the order of keys nor on numbers beyond 2^53: there are neither in text.

use serde::{Deserialize, Serialize};

use super::value::TypeName;
use super::{Attribute, CompiledRegex, Function};

/// The most nodes of a program.
pub const MAX_NODES: usize = 1000;

/// The deepest nesting of nodes: evaluation is as deep on the machine's stack.
pub const MAX_DEPTH: usize = 64;

/// A compiled expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CelProgram {
    /// The expression as it was written.
    pub text: String,
    /// What there is to do. Each node stands after those it uses, is used by one, and
    /// the last one is the result.
    pub nodes: Vec<CelNode>,
    /// The regular expressions that nodes search for.
    pub patterns: Vec<CompiledRegex>,
}

/// A node, by its place in [`CelProgram::nodes`].
pub type NodeId = usize;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CelNode {
    /// A value that is given.
    Constant(Constant),
    /// A fact of the request.
    Fact(Attribute),
    /// Whether the request has a fact.
    HasFact(Attribute),
    /// The item that a loop is at; loops are counted from the outermost.
    Item(usize),
    /// A field of a map.
    Field {
        /// The map.
        operand: NodeId,
        /// The key.
        name: String,
    },
    /// Whether a map has a field.
    HasField {
        /// The map.
        operand: NodeId,
        /// The key.
        name: String,
    },
    /// `&&`, of all of these.
    And(Vec<NodeId>),
    /// `||`, of all of these.
    Or(Vec<NodeId>),
    /// `? :`
    Conditional {
        /// What decides.
        condition: NodeId,
        /// The value if that is true.
        then: NodeId,
        /// The value if it is false.
        otherwise: NodeId,
    },
    /// An operation.
    Call {
        /// Which.
        function: Function,
        /// On what.
        arguments: Vec<NodeId>,
    },
    /// Whether a string has what a regular expression searches for.
    Matches {
        /// The string.
        operand: NodeId,
        /// The place in [`CelProgram::patterns`].
        pattern: usize,
    },
    /// A new list.
    List(Vec<NodeId>),
    /// A new map, of keys and values.
    Map(Vec<(NodeId, NodeId)>),
    /// Something for every item of a list, or key of a map.
    Loop {
        /// What.
        kind: Loop,
        /// The list or map.
        range: NodeId,
        /// What is evaluated for each item.
        body: NodeId,
    },
}

/// What a loop is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    /// Whether the body is true of all.
    All,
    /// Whether it is true of some.
    Exists,
    /// Whether it is true of exactly one.
    ExistsOne,
    /// The list of what the body makes of each.
    Map,
    /// The list of those it is true of.
    Filter,
}

/// A value that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constant {
    /// `null`
    Null,
    /// A truth.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer without sign.
    Uint(u64),
    /// A double.
    Double(Real),
    /// A string.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A type.
    Type(TypeName),
}

/// A double; equal to another when every bit is.
#[derive(Debug, Clone, Copy)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl CelNode {
    /// The nodes it uses.
    pub fn children(&self) -> Vec<NodeId> {
        match self {
            Self::Constant(_) | Self::Fact(_) | Self::HasFact(_) | Self::Item(_) => Vec::new(),
            Self::Field { operand, .. }
            | Self::HasField { operand, .. }
            | Self::Matches { operand, .. } => vec![*operand],
            Self::And(nodes)
            | Self::Or(nodes)
            | Self::List(nodes)
            | Self::Call {
                arguments: nodes, ..
            } => nodes.clone(),
            Self::Conditional {
                condition,
                then,
                otherwise,
            } => vec![*condition, *then, *otherwise],
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [*key, *value])
                .collect(),
            Self::Loop { range, body, .. } => vec![*range, *body],
        }
    }
}
