//! What a program reads of a request.

use super::program::Constant;
use super::{Fact, Function, Node};

/// What a program reads of a request, so that only that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    // Lists, of which none is long: trees would be much code in the filter.
    facts: Vec<Fact>,
    headers: Vec<String>,
    all_headers: bool,
    params: Vec<Vec<String>>,
}

impl Needs {
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut needs = Self::default();
        let users = users(nodes);
        for (place, node) in nodes.iter().enumerate() {
            match node {
                Node::Fact(Fact::Params) => {
                    add(&mut needs.params, path(nodes, &users, place));
                    add(&mut needs.facts, Fact::Params);
                }
                Node::Fact(Fact::Headers) => {
                    add(&mut needs.facts, Fact::Headers);
                    match header(nodes, &users, place) {
                        Some(name) => add(&mut needs.headers, name.to_owned()),
                        None => needs.all_headers = true,
                    }
                }
                Node::Fact(fact) | Node::HasFact(fact) => add(&mut needs.facts, *fact),
                _ => {}
            }
        }
        needs
    }

    /// Adds what another program reads.
    pub fn join(&mut self, other: &Self) {
        let Self {
            facts,
            headers,
            all_headers,
            params,
        } = other;
        facts.iter().for_each(|fact| add(&mut self.facts, *fact));
        let own = &mut self.headers;
        headers.iter().for_each(|name| add(own, name.clone()));
        self.all_headers |= all_headers;
        let own = &mut self.params;
        params.iter().for_each(|path| add(own, path.clone()));
    }

    /// Whether it asks for a fact, or for its presence.
    pub fn has(&self, fact: Fact) -> bool {
        self.facts.contains(&fact)
    }

    /// Whether it asks for anything of the MCP message.
    pub fn mcp(&self) -> bool {
        self.facts.iter().any(|fact| fact.is_of_mcp())
    }

    /// The headers it asks for, where it names them; in lower case.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(String::as_str)
    }

    /// Whether it may ask for any header, or for their names.
    pub const fn all_headers(&self) -> bool {
        self.all_headers
    }

    /// The paths below `request.mcp.params` that it reads; the empty one is all of it.
    ///
    /// INVARIANT: the value of the program is the same when members of objects are left
    /// out of the parameters that are neither on a path, nor at the end of one, nor
    /// below that. What is on a path and no object has to stay as it is.
    pub fn params(&self) -> impl Iterator<Item = &[String]> {
        self.params.iter().map(Vec::as_slice)
    }
}

/// Adds an item that is not there yet.
fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// The node that uses each.
fn users(nodes: &[Node]) -> Vec<Option<usize>> {
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

/// The fixed keys that are read one below the other, starting from a node.
fn path(nodes: &[Node], users: &[Option<usize>], start: usize) -> Vec<String> {
    let mut path = Vec::new();
    let mut place = start;
    while let Some(Some(user)) = users.get(place) {
        match nodes.get(*user) {
            Some(Node::Field { name, .. }) => path.push(name.clone()),
            Some(Node::HasField { name, .. }) => {
                path.push(name.clone());
                break;
            }
            Some(node) => match fixed_index(nodes, node, place) {
                Some(name) => path.push(name.to_owned()),
                None => break,
            },
            None => break,
        }
        place = *user;
    }
    path
}

/// The one header that is read of the headers at a node.
fn header<'n>(nodes: &'n [Node], users: &[Option<usize>], start: usize) -> Option<&'n str> {
    match nodes.get((*users.get(start)?)?)? {
        Node::Field { name, .. } | Node::HasField { name, .. } => Some(name),
        Node::Call {
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
fn fixed_index<'n>(nodes: &'n [Node], node: &'n Node, operand: usize) -> Option<&'n str> {
    match node {
        Node::Call {
            function: Function::Index,
            arguments,
        } => match arguments.as_slice() {
            [map, key] if *map == operand => fixed(nodes, *key),
            _ => None,
        },
        _ => None,
    }
}

fn fixed(nodes: &[Node], place: usize) -> Option<&str> {
    match nodes.get(place)? {
        Node::Constant(Constant::String(name)) => Some(name),
        _ => None,
    }
}
