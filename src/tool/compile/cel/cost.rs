//! What a program may take at most.
//!
//! The filter stops what takes too long, and that is an error of the expression: the
//! rule does not match. What must be expected to end so is refused here.

use super::syntax::SyntaxError;
use crate::engine::expr::{CelNode, CelProgram, MAX_NODES, STEPS};

/// How many items a list or map of the request is taken to have.
const ITEMS: u64 = 64;

/// How many loops over data of the request may be within one another.
const NESTED: u64 = 2;

/// What is known of a node.
#[derive(Clone, Copy, Default)]
struct Cost {
    steps: u64,
    /// How many items there are, of a list or map.
    items: u64,
    /// Loops over data of the request, one in the other, in it.
    nested: u64,
}

/// Refuses what takes too much.
pub(super) fn check(program: &CelProgram) -> Result<(), SyntaxError> {
    let whole = 0..program.text.len();
    if program.nodes.len() > MAX_NODES {
        let message = format!("the expression has {} parts", program.nodes.len());
        let help = format!("{MAX_NODES} are the most; write several rules");
        return Err(SyntaxError::new(&whole, message).help(help));
    }
    let mut costs: Vec<Cost> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let cost = cost(node, &costs);
        costs.push(cost);
    }
    let Cost { steps, nested, .. } = costs.last().copied().unwrap_or_default();
    if nested > NESTED {
        let message = format!(
            "{nested} loops over data of the request are within one another: that may take too long"
        );
        let help = format!("{NESTED} are the most; look into a list with `in`");
        return Err(SyntaxError::new(&whole, message).help(help));
    }
    if steps > u64::from(STEPS) {
        let message = format!(
            "the expression takes {steps} steps where lists have {ITEMS} items: that may take too long"
        );
        let help = format!("the filter stops after {STEPS}; use fewer or shorter loops");
        return Err(SyntaxError::new(&whole, message).help(help));
    }
    Ok(())
}

fn cost(node: &CelNode, costs: &[Cost]) -> Cost {
    let of = |id: &crate::engine::expr::NodeId| costs.get(*id).copied().unwrap_or_default();
    let below = node.children();
    let steps = below.iter().map(|child| of(child).steps);
    let steps = steps.fold(1, u64::saturating_add);
    let nested = below
        .iter()
        .map(|child| of(child).nested)
        .max()
        .unwrap_or(0);
    let items = match node {
        CelNode::List(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        CelNode::Map(entries) => u64::try_from(entries.len()).unwrap_or(u64::MAX),
        _ => ITEMS,
    };
    let CelNode::Loop { range, body, .. } = node else {
        return Cost {
            steps,
            items,
            nested,
        };
    };
    let (range, body) = (of(range), of(body));
    let is_literal = range.items != ITEMS;
    let each = body.steps.saturating_add(1).saturating_mul(range.items);
    Cost {
        steps: range.steps.saturating_add(each).saturating_add(1),
        items: range.items,
        nested: range
            .nested
            .max(body.nested.saturating_add(u64::from(!is_literal))),
    }
}
