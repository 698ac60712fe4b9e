//! The tree of a document.

use super::Span;

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlNode {
    /// Where: of a collection, from its first character on.
    pub span: Span,
    /// A tag other than the ones that change nothing, as written.
    pub tag: Option<String>,
    /// The value.
    pub kind: NodeKind,
}

/// The three kinds of value.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// Anything without parts.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<YamlNode>),
    /// An object, in the order written; no key twice.
    Mapping(Vec<Entry>),
}

/// A value without parts, before anybody decided what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text, unquoted and unescaped.
    pub text: String,
    /// Whether its form makes it a string.
    pub style: Style,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Bare: a string, a number, a boolean or null, by its spelling.
    Plain,
    /// Quoted, a block, or tagged `!!str`: a string.
    Text,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub value: YamlNode,
}

impl YamlNode {
    /// The entry under `key`, where the node is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            NodeKind::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text, where the node is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}
