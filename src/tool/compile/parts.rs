//! What there is to compile, and where it stands.

use super::Source;
use crate::tool::api::yaml::{FileId, Node};

/// Something to compile.
#[derive(Debug, Clone)]
pub enum Part {
    /// A text, by its place in [`Parts::sources`].
    File(FileId),
    /// An object in a text of another kind.
    Node(Node),
}

/// Everything to compile.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Every text.
    pub sources: Vec<Source>,
    /// Where the policies are.
    pub policies: Vec<Part>,
    /// Where the enforcement point is.
    pub point: Part,
}

impl Part {
    /// The first `count` texts.
    pub(super) fn files(count: usize) -> Vec<Self> {
        (0..count).map(|file| Self::File(FileId(file))).collect()
    }
}
