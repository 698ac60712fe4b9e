//! Nodes as lines of text: a word that says what it is, and what that needs, with single
//! spaces between.
//!
//! | line | node |
//! |---|---|
//! | `null`, `true`, `int -1`, `uint 1`, `double 0.5`, `string a b`, `bytes AP8=`, `type int` | a constant; a string goes to the end of the line |
//! | `fact request.method`, `has request.method`, `item 0` | what is asked of the request or the loop |
//! | `field 3 name`, `hasField 3 name` | a field of node 3; the name goes to the end |
//! | `and 1 2`, `or 1 2`, `if 1 2 3`, `list 1 2`, `map 1 2 3 4`, `matches 1 0` | of nodes |
//! | `all 1 2`, `exists 1 2`, `existsOne 1 2`, `transform 1 2`, `filter 1 2` | loops: range and body |
//! | `equal 1 2` and the other functions | calls |

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::program::{CelNode, Constant, Loop, NodeId, Real};
use super::value::TypeName;
use super::{Attribute, Function};

const LOOPS: [(&str, Loop); 5] = [
    ("all", Loop::All),
    ("exists", Loop::Exists),
    ("existsOne", Loop::ExistsOne),
    ("transform", Loop::Map),
    ("filter", Loop::Filter),
];

/// The name of something in a table.
fn name_of<T: PartialEq>(table: &'static [(&'static str, T)], wanted: &T) -> &'static str {
    let named = table.iter().find(|(_, known)| known == wanted);
    named.map_or("", |(name, _)| name)
}

fn by_name<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let named = table.iter().find(|(known, _)| *known == name);
    named.map(|(_, found)| *found)
}

impl fmt::Display for CelNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(constant) => match constant {
                Constant::Null => f.write_str("null"),
                Constant::Bool(value) => write!(f, "{value}"),
                Constant::Int(value) => write!(f, "int {value}"),
                Constant::Uint(value) => write!(f, "uint {value}"),
                Constant::Double(Real(value)) => write!(f, "double {value}"),
                Constant::String(text) => write!(f, "string {text}"),
                Constant::Bytes(bytes) => write!(f, "bytes {}", Base64::encode_string(bytes)),
                Constant::Type(name) => write!(f, "type {}", name_of(&TypeName::ALL, name)),
            },
            Self::Fact(fact) => write!(f, "fact {}", fact.as_str()),
            Self::HasFact(fact) => write!(f, "has {}", fact.as_str()),
            Self::Item(item) => write!(f, "item {item}"),
            Self::Field { operand, name } => write!(f, "field {operand} {name}"),
            Self::HasField { operand, name } => write!(f, "hasField {operand} {name}"),
            Self::And(_) => write_nodes("and", self, f),
            Self::Or(_) => write_nodes("or", self, f),
            Self::Conditional { .. } => write_nodes("if", self, f),
            Self::List(_) => write_nodes("list", self, f),
            Self::Map(_) => write_nodes("map", self, f),
            Self::Matches { operand, pattern } => write!(f, "matches {operand} {pattern}"),
            Self::Loop { kind, .. } => write_nodes(name_of(&LOOPS, kind), self, f),
            Self::Call { function, .. } => write_nodes(name_of(&Function::ALL, function), self, f),
        }
    }
}

fn write_nodes(word: &str, node: &CelNode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(word)?;
    node.children()
        .iter()
        .try_for_each(|child| write!(f, " {child}"))
}

/// A line that is no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNode;

impl FromStr for CelNode {
    type Err = NoNode;

    fn from_str(line: &str) -> Result<Self, NoNode> {
        let (word, rest) = match line.split_once(' ') {
            Some((word, rest)) => (word, Some(rest)),
            None => (line, None),
        };
        read(word, rest).ok_or(NoNode)
    }
}

fn read(word: &str, rest: Option<&str>) -> Option<CelNode> {
    if let Some(constant) = constant(word, rest) {
        return Some(CelNode::Constant(constant));
    }
    match word {
        "fact" => return Some(CelNode::Fact(by_name(&Attribute::ALL, rest?)?)),
        "has" => return Some(CelNode::HasFact(by_name(&Attribute::ALL, rest?)?)),
        "field" | "hasField" => {
            let (operand, name) = rest?.split_once(' ')?;
            let (operand, name) = (place(operand)?, name.to_owned());
            return Some(match word {
                "field" => CelNode::Field { operand, name },
                _ => CelNode::HasField { operand, name },
            });
        }
        _ => {}
    }
    let nodes = match rest {
        None => Vec::new(),
        Some(rest) => rest.split(' ').map(place).collect::<Option<Vec<_>>>()?,
    };
    Some(match (word, nodes.as_slice()) {
        ("item", [item]) => CelNode::Item(*item),
        ("and", [_, _, ..]) => CelNode::And(nodes),
        ("or", [_, _, ..]) => CelNode::Or(nodes),
        ("list", _) => CelNode::List(nodes),
        ("if", [condition, then, otherwise]) => CelNode::Conditional {
            condition: *condition,
            then: *then,
            otherwise: *otherwise,
        },
        ("map", nodes) => {
            let (pairs, rest) = nodes.as_chunks::<2>();
            let pairs = pairs.iter().map(|[key, value]| (*key, *value));
            rest.is_empty().then(|| CelNode::Map(pairs.collect()))?
        }
        ("matches", [operand, pattern]) => CelNode::Matches {
            operand: *operand,
            pattern: *pattern,
        },
        (word, nodes) => match (by_name(&LOOPS, word), nodes) {
            (Some(kind), [range, body]) => CelNode::Loop {
                kind,
                range: *range,
                body: *body,
            },
            _ => CelNode::Call {
                function: by_name(&Function::ALL, word)?,
                arguments: nodes.to_vec(),
            },
        },
    })
}

fn constant(word: &str, rest: Option<&str>) -> Option<Constant> {
    Some(match (word, rest) {
        ("null", None) => Constant::Null,
        ("true", None) => Constant::Bool(true),
        ("false", None) => Constant::Bool(false),
        ("int", Some(text)) => Constant::Int(text.parse().ok()?),
        ("uint", Some(text)) => Constant::Uint(text.parse().ok()?),
        ("double", Some(text)) => Constant::Double(Real(text.parse().ok()?)),
        ("string", Some(text)) => Constant::String(text.to_owned()),
        ("bytes", Some(text)) => Constant::Bytes(Base64::decode_vec(text).ok()?),
        ("type", Some(text)) => Constant::Type(by_name(&TypeName::ALL, text)?),
        _ => return None,
    })
}

fn place(digits: &str) -> Option<NodeId> {
    // One way to write a number.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

impl Serialize for CelNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CelNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NodeVisitor)
    }
}

struct NodeVisitor;

impl Visitor<'_> for NodeVisitor {
    type Value = CelNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node of an expression")
    }

    fn visit_str<E: de::Error>(self, line: &str) -> Result<CelNode, E> {
        line.parse()
            .map_err(|NoNode| E::invalid_value(de::Unexpected::Str(line), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (_, function) in Function::ALL {
            let arguments = vec![7; *function.arity().end()];
            let node = CelNode::Call {
                function,
                arguments,
            };
            assert_eq!(node.to_string().parse(), Ok(node));
        }
        for (name, fact) in Attribute::ALL {
            assert_eq!(format!("fact {name}").parse(), Ok(CelNode::Fact(fact)));
        }
        for line in [
            "null",
            "true",
            "false",
            "int -9223372036854775808",
            "uint 18446744073709551615",
            "double -0",
            "double 0.1",
            "string ",
            "string  a\n b",
            "bytes ",
            "bytes AP8=",
            "type timestamp",
            "fact request.mcp.params",
            "has identity.spiffe_id",
            "item 0",
            "field 3 a b",
            "field 3 ",
            "hasField 0 x",
            "and 1 2",
            "or 1 2 3",
            "if 1 2 3",
            "list",
            "list 1 2",
            "map",
            "map 1 2 3 4",
            "matches 1 0",
            "all 1 2",
            "transform 1 2",
            "not 1",
        ] {
            let node: CelNode = line.parse().unwrap_or_else(|NoNode| panic!("{line}"));
            assert_eq!(node.to_string(), line);
        }
    }

    #[test]
    fn other_lines_are_no_nodes() {
        for line in [
            "",
            " ",
            "nil",
            "null 1",
            "int",
            "int x",
            "int 1.5",
            "uint -1",
            "double x",
            "string",
            "bytes ?",
            "type any",
            "fact",
            "fact request",
            "has x",
            "item",
            "item -1",
            "item +1",
            "item 1 2",
            "field 3",
            "field x y",
            "and",
            "and 1",
            "if 1 2",
            "list  1",
            "list 1 ",
            "map 1",
            "matches 1",
            "exec 1",
            "Equal 1 2",
            "list 99999999999999999999",
        ] {
            assert_eq!(line.parse::<CelNode>(), Err(NoNode), "{line:?}");
        }
    }
}
