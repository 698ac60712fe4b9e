//! What there is to compile, and where it stands.

use super::Source;
use crate::tool::api::yaml::{FileId, YamlNode};

/// Something to compile.
#[derive(Debug, Clone)]
pub enum Input {
    /// A text, by its place in [`Inputs::sources`].
    File(FileId),
    /// An object in a text of another kind.
    Node(YamlNode),
}

/// Everything to compile.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Every text.
    pub sources: Vec<Source>,
    /// Where the policies are.
    pub policies: Vec<Input>,
    /// Where the enforcement point is.
    pub point: Input,
}

impl Input {
    /// The first `count` texts.
    pub(super) fn files(count: usize) -> Vec<Self> {
        (0..count).map(|file| Self::File(FileId(file))).collect()
    }
}
