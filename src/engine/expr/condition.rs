//! A program that was found sound.

use super::budget::{Allowance, Budget};
use super::evaluate::Evaluation;
use super::needs;
use super::readings::{self, Reads};
use super::{
    AttributeNeeds, Attributes, CelNode, CelProgram, EvalError, MAX_DEPTH, MAX_NODES, Pattern,
    Value,
};

/// A program that is ready to be evaluated.
#[derive(Debug)]
pub struct CelCondition {
    pub(super) text: String,
    pub(super) nodes: Vec<CelNode>,
    pub(super) patterns: Vec<Pattern>,
    /// By node; empty where no node reads what has other readings.
    pub(super) reads: Vec<Reads>,
    needs: AttributeNeeds,
}

/// Why a program is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum UnsoundError {
    /// It has no node at all.
    Empty,
    /// It has more than [`MAX_NODES`].
    TooManyNodes,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A node is not used by exactly one that stands after it.
    NoTree,
    /// An item of a loop that it is not in.
    Unbound,
    /// A function with fewer or more arguments than it takes.
    Arguments,
    /// A regular expression whose automaton cannot be read, or that is not there.
    Pattern,
    /// The presence of something that is always there.
    Presence,
}

impl UnsoundError {
    /// What is wrong, in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "an expression without nodes",
            Self::TooManyNodes => "an expression with too many nodes",
            Self::TooDeep => "an expression that is nested too deep",
            Self::NoTree => "an expression whose nodes are no tree",
            Self::Unbound => "an expression with an item of no loop",
            Self::Arguments => "an expression with a wrong number of arguments",
            Self::Pattern => "an expression whose automaton cannot be read",
            Self::Presence => "an expression that asks for what is always there",
        }
    }
}

impl CelCondition {
    /// Makes a program ready.
    ///
    /// # Errors
    /// When anything is wrong with it that evaluation would have to be wary of.
    pub fn new(program: CelProgram) -> Result<Self, UnsoundError> {
        let CelProgram {
            text,
            nodes,
            patterns,
        } = program;
        check(&nodes, patterns.len())?;
        let patterns: Option<Vec<Pattern>> = patterns.iter().map(Pattern::new).collect();
        Ok(Self {
            needs: AttributeNeeds::of(&nodes),
            reads: readings::reads(&nodes),
            text,
            nodes,
            patterns: patterns.ok_or(UnsoundError::Pattern)?,
        })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What has to be known of a request.
    pub const fn needs(&self) -> &AttributeNeeds {
        &self.needs
    }

    /// The paths below `request.mcp.params` that it reads, each as its keys; the empty one
    /// is all of it.
    pub fn params(&self) -> Vec<Vec<String>> {
        needs::params(&self.nodes)
    }

    /// Whether the expression is true of a request.
    ///
    /// # Errors
    /// When it has no value, one that is no boolean, or takes too much to evaluate.
    pub fn evaluate(&self, variables: &dyn Attributes) -> Result<bool, EvalError> {
        self.evaluate_within(variables, &Allowance::default())
    }

    /// The same, as one of several evaluations that share what they may take.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_within(
        &self,
        variables: &dyn Attributes,
        allowance: &Allowance,
    ) -> Result<bool, EvalError> {
        let budget = Budget::of(allowance);
        let result = Evaluation::new(self, variables, &budget).result();
        budget.settle(allowance);
        match result? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(EvalError::NoSuchOverload),
        }
    }
}

/// What is known of a node from those that stand after it.
#[derive(Clone, Copy, Default)]
struct Around {
    is_used: bool,
    depth: usize,
    loops: usize,
}

/// Checks that nodes are a tree, bounded, with every item in its loop.
///
/// From the result downwards, which is from the last to the first: no recursion.
fn check(nodes: &[CelNode], patterns: usize) -> Result<(), UnsoundError> {
    if nodes.len() > MAX_NODES {
        return Err(UnsoundError::TooManyNodes);
    }
    let mut around = vec![Around::default(); nodes.len()];
    let root = around.last_mut().ok_or(UnsoundError::Empty)?;
    root.is_used = true;
    for (place, node) in nodes.iter().enumerate().rev() {
        let here = around.get(place).copied().unwrap_or_default();
        if !here.is_used {
            return Err(UnsoundError::NoTree);
        }
        check_node(node, here.loops, patterns)?;
        let depth = here.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(UnsoundError::TooDeep);
        }
        for child in node.children() {
            let is_body = matches!(node, CelNode::Loop { body, .. } if *body == child);
            let below = around.get_mut(..place).unwrap_or_default();
            let below = below.get_mut(child).ok_or(UnsoundError::NoTree)?;
            if below.is_used {
                return Err(UnsoundError::NoTree);
            }
            *below = Around {
                is_used: true,
                depth,
                loops: here.loops.saturating_add(usize::from(is_body)),
            };
        }
    }
    Ok(())
}

fn check_node(node: &CelNode, loops: usize, patterns: usize) -> Result<(), UnsoundError> {
    match node {
        CelNode::Item(item) if *item >= loops => Err(UnsoundError::Unbound),
        CelNode::Call {
            function,
            arguments,
        } if !function.arity().contains(&arguments.len()) => Err(UnsoundError::Arguments),
        CelNode::Matches { pattern, .. } if *pattern >= patterns => Err(UnsoundError::Pattern),
        CelNode::HasFact(fact) if fact.is_always_there() => Err(UnsoundError::Presence),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
