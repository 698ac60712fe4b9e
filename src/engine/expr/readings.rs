//! What becomes of an expression where servers may read something else than it does.
//!
//! An operation that comes to true or false, on something of which there are other
//! readings, is evaluated under each of them as well. Where they differ it has no value,
//! so that what decides without it still does.
//!
//! A spelling is what it spells: `request.url_path == "/Public"` is true of `/Public`,
//! whoever also routes without case, and has no value for `/public`. That `!=` is true of a
//! spelling says nothing, and so is the other way round.

use super::evaluate::Valued;
use super::needs::fixed_index;
use super::{Attribute, CelNode, EvalError, Function, NodeId, Reading, ReadingKind, Value};

/// The facts that have other readings.
const FACTS: [Attribute; 8] = [
    Attribute::Method,
    Attribute::Path,
    Attribute::UrlPath,
    Attribute::Query,
    Attribute::ResourceUri,
    Attribute::ToolName,
    Attribute::PromptName,
    Attribute::McpMethod,
];

/// Which of [`FACTS`] a node and those below it read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reads {
    facts: [bool; FACTS.len()],
    /// Which of them the node is, as a parameter of the message.
    param: Option<Attribute>,
}

impl Reads {
    pub(super) fn any(self) -> bool {
        self.facts.contains(&true)
    }

    pub(super) fn facts(self) -> impl Iterator<Item = Attribute> {
        let facts = FACTS.into_iter().zip(self.facts);
        facts.filter(|(_, reads)| *reads).map(|(fact, _)| fact)
    }

    /// Whether the node itself is a fact.
    pub(super) fn is(self, node: &CelNode, fact: Attribute) -> bool {
        match node {
            CelNode::Fact(known) => *known == fact,
            _ => self.param == Some(fact),
        }
    }

    fn add(&mut self, fact: Attribute) {
        for (known, reads) in FACTS.into_iter().zip(&mut self.facts) {
            *reads |= known == fact;
        }
    }
}

/// What every node reads; nothing at all where none reads anything.
pub(super) fn reads(nodes: &[CelNode]) -> Vec<Reads> {
    let mut all: Vec<Reads> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut reads = Reads {
            param: param(nodes, node),
            ..Reads::default()
        };
        match node {
            CelNode::Fact(fact) => reads.add(*fact),
            _ => reads.param.into_iter().for_each(|fact| reads.add(fact)),
        }
        for child in node.children() {
            let below = all.get(child).copied().unwrap_or_default();
            below.facts().for_each(|fact| reads.add(fact));
        }
        all.push(reads);
    }
    if all.iter().any(|reads| reads.any()) {
        all
    } else {
        Vec::new()
    }
}

/// The fact that a node is as a parameter: `request.mcp.params.uri` or `name`, or that of the
/// `ref` that is completed. A name is a tool's or a prompt's, which are read alike.
fn param(nodes: &[CelNode], node: &CelNode) -> Option<Attribute> {
    let is_params = |node: &CelNode| matches!(node, CelNode::Fact(Attribute::Params));
    let (operand, name) = member(nodes, node)?;
    let fact = match name {
        "uri" => Attribute::ResourceUri,
        "name" => Attribute::ToolName,
        _ => return None,
    };
    let is_ref = || matches!(member(nodes, operand), Some((of, "ref")) if is_params(of));
    (is_params(operand) || is_ref()).then_some(fact)
}

/// The map of which a node is a member, and its name.
fn member<'n>(nodes: &'n [CelNode], node: &'n CelNode) -> Option<(&'n CelNode, &'n str)> {
    match node {
        CelNode::Field { operand, name } => Some((nodes.get(*operand)?, name)),
        CelNode::Call { arguments, .. } => {
            let operand = *arguments.first()?;
            Some((nodes.get(operand)?, fixed_index(nodes, node, operand)?))
        }
        _ => None,
    }
}

/// The value of an operation that stays what it is, whatever other spellings come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stays {
    True,
    False,
    Neither,
}

impl Stays {
    /// Of an operation; `None` for what only passes on what others come to.
    pub(super) fn of(nodes: &[CelNode], reads: &[Reads], node: &CelNode) -> Option<Self> {
        let are_spellings = |operands: &[NodeId]| {
            let all = operands.iter();
            all.into_iter().all(|id| is_spelling(nodes, reads, *id))
        };
        let stays = match node {
            CelNode::Matches { operand, .. } if are_spellings(&[*operand]) => Self::True,
            CelNode::Matches { .. } => Self::Neither,
            CelNode::Call {
                function,
                arguments,
            } => match function {
                Function::Not => return None,
                Function::Equal
                | Function::In
                | Function::StartsWith
                | Function::EndsWith
                | Function::Contains
                    if are_spellings(arguments) =>
                {
                    Self::True
                }
                Function::NotEqual if are_spellings(arguments) => Self::False,
                _ => Self::Neither,
            },
            // What the items of a loop come from, its body cannot read otherwise.
            CelNode::Loop { range, .. } if read_by(reads, *range).any() => Self::Neither,
            _ => return None,
        };
        Some(stays)
    }

    pub(super) const fn keeps(self, value: bool) -> bool {
        matches!((self, value), (Self::True, true) | (Self::False, false))
    }
}

fn read_by(reads: &[Reads], id: NodeId) -> Reads {
    reads.get(id).copied().unwrap_or_default()
}

/// Whether an operand is a fact as it is spelt, or a part of it; or none that is read.
fn is_spelling(nodes: &[CelNode], reads: &[Reads], id: NodeId) -> bool {
    let Some(node) = nodes.get(id).filter(|_| read_by(reads, id).any()) else {
        return true;
    };
    match node {
        CelNode::Fact(_) => true,
        CelNode::List(items) => items.iter().all(|item| is_spelling(nodes, reads, *item)),
        CelNode::Call {
            function:
                function @ (Function::Add
                | Function::LowerAscii
                | Function::UpperAscii
                | Function::Trim
                | Function::Split
                | Function::Substring
                | Function::CharAt
                | Function::Index),
            arguments,
        } if read_by(reads, id).param.is_none() && !is_part_of_uri(reads, id, function) => {
            let (first, others) = match arguments.split_first() {
                Some((first, others)) => (*first, others),
                None => return false,
            };
            let is_plain = |other: &NodeId| !read_by(reads, *other).any();
            let is_sum = matches!(
                node,
                CelNode::Call {
                    function: Function::Add,
                    ..
                }
            );
            is_spelling(nodes, reads, first)
                && others
                    .iter()
                    .all(|id| is_plain(id) || (is_sum && is_spelling(nodes, reads, *id)))
        }
        _ => read_by(reads, id).param.is_some(),
    }
}

/// Whether a function takes a part of a uri.
///
/// SECURITY: `https:/a/b` is `https://a/b`, of which each part is another.
fn is_part_of_uri(reads: &[Reads], id: NodeId, function: &Function) -> bool {
    let takes_part = matches!(
        function,
        Function::Split | Function::Substring | Function::CharAt | Function::Index
    );
    let mut facts = read_by(reads, id).facts();
    takes_part && facts.any(|fact| fact == Attribute::ResourceUri)
}

/// What an operation comes to for all readings, where `value` is what it comes to as the
/// request is spelt.
pub(super) fn agreed<'v>(
    value: bool,
    readings: &'v [Reading],
    stays: Stays,
    mut evaluate: impl FnMut(&'v Reading) -> Valued<'v>,
) -> Result<(), EvalError> {
    for reading in readings {
        let is_other = matches!(reading.kind, ReadingKind::Instead | ReadingKind::AnyUri);
        if !is_other && stays.keeps(value) {
            continue;
        }
        match evaluate(reading) {
            Ok(Value::Bool(other)) if other == value => {}
            Err(EvalError::Exhausted) => return Err(EvalError::Exhausted),
            _ => return Err(EvalError::Ambiguous),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "readings_tests.rs"]
mod tests;
