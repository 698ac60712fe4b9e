//! What a program reads of a request.

use super::program::Constant;
use super::{Attribute, CelNode, Function};

/// What a program reads of a request, so that only that is fetched and kept.
///
/// Lists instead of sets: they are short, and every set is code in the filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeNeeds {
    facts: Vec<Attribute>,
    /// Those of which it is asked whether they are there.
    presence: Vec<Attribute>,
    headers: Vec<String>,
    all_headers: bool,
}

impl AttributeNeeds {
    pub(super) fn of(nodes: &[CelNode]) -> Self {
        let mut needs = Self::default();
        let users = users(nodes);
        for (place, node) in nodes.iter().enumerate() {
            let (CelNode::Fact(fact) | CelNode::HasFact(fact)) = node else {
                continue;
            };
            needs.facts.push(*fact);
            if matches!(node, CelNode::HasFact(_)) {
                needs.presence.push(*fact);
            }
            if *fact == Attribute::Headers {
                match header(nodes, &users, place) {
                    Some(name) => needs.headers.push(name.to_owned()),
                    None => needs.all_headers = true,
                }
            }
        }
        needs
    }

    /// Whether it asks for a fact, or for its presence.
    pub fn has(&self, fact: Attribute) -> bool {
        self.facts.contains(&fact)
    }

    /// Whether it asks for something that is known only once a message has been read.
    pub fn message(&self) -> bool {
        self.facts.iter().any(is_of_message)
    }

    /// Whether it asks if something of a message is there. Without the message nothing is,
    /// which is then not a value that is missing, but a wrong one.
    pub fn message_presence(&self) -> bool {
        self.presence.iter().any(is_of_message)
    }

    /// The headers it asks for, where it names them; in lower case.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(String::as_str)
    }

    /// Whether it may ask for any header, or for their names.
    pub const fn all_headers(&self) -> bool {
        self.all_headers
    }
}

fn is_of_message(fact: &Attribute) -> bool {
    fact.is_of_mcp() || *fact == Attribute::Size
}

/// The paths below the parameters that a program reads, each as its keys; the empty one is
/// all of them. For explanations: the filter keeps the whole of a message or nothing.
pub(super) fn params(nodes: &[CelNode]) -> Vec<Vec<String>> {
    let users = users(nodes);
    let read = nodes.iter().enumerate();
    let places = read.filter(|(_, node)| matches!(node, CelNode::Fact(Attribute::Params)));
    places
        .map(|(place, _)| path(nodes, &users, place))
        .collect()
}

/// The fixed keys that are read one below the other, starting from a node.
fn path(nodes: &[CelNode], users: &[Option<usize>], start: usize) -> Vec<String> {
    let mut path = Vec::new();
    let mut place = start;
    while let Some(Some(user)) = users.get(place).copied() {
        match nodes.get(user) {
            Some(CelNode::Field { name, .. }) => path.push(name.clone()),
            Some(CelNode::HasField { name, .. }) => {
                path.push(name.clone());
                break;
            }
            Some(node) => match fixed_index(nodes, node, place) {
                Some(name) => path.push(name.to_owned()),
                None => break,
            },
            None => break,
        }
        place = user;
    }
    path
}

/// The node that uses each.
fn users(nodes: &[CelNode]) -> Vec<Option<usize>> {
    let mut users = vec![None; nodes.len()];
    for (user, node) in nodes.iter().enumerate() {
        for child in node.children() {
            if let Some(used) = users.get_mut(child) {
                *used = Some(user);
            }
        }
    }
    users
}

/// The one header that is read of the headers at a node.
fn header<'n>(nodes: &'n [CelNode], users: &[Option<usize>], start: usize) -> Option<&'n str> {
    match nodes.get((*users.get(start)?)?)? {
        CelNode::Field { name, .. } | CelNode::HasField { name, .. } => Some(name),
        CelNode::Call {
            function: Function::In,
            arguments,
        } => match arguments.as_slice() {
            [key, map] if *map == start => fixed(nodes, *key),
            _ => None,
        },
        node => fixed_index(nodes, node, start),
    }
}

/// The string by which a node indexes another.
pub(super) fn fixed_index<'n>(
    nodes: &'n [CelNode],
    node: &'n CelNode,
    operand: usize,
) -> Option<&'n str> {
    match node {
        CelNode::Call {
            function: Function::Index,
            arguments,
        } => match arguments.as_slice() {
            [map, key] if *map == operand => fixed(nodes, *key),
            _ => None,
        },
        _ => None,
    }
}

fn fixed(nodes: &[CelNode], place: usize) -> Option<&str> {
    match nodes.get(place)? {
        CelNode::Constant(Constant::String(name)) => Some(name),
        _ => None,
    }
}
