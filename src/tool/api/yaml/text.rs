//! Positions in source texts.

/// A source text of a run, by its place in the list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A stretch of a source text, in bytes, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// Turns the YAML parser's positions, which count characters, into bytes.
pub(crate) struct Offsets {
    file: FileId,
    /// Where in its source the text begins.
    base: usize,
    length: usize,
    /// The byte at which each character starts; absent for ASCII, where both are the same.
    starts: Option<Vec<usize>>,
}

impl Offsets {
    pub(crate) fn new(file: FileId, text: &str) -> Self {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self {
            file,
            base: 0,
            length: text.len(),
            starts,
        }
    }

    /// The same for a text that is part of another, from this byte on.
    pub(crate) fn from(self, base: usize) -> Self {
        Self { base, ..self }
    }

    pub(crate) fn span(&self, from: usize, to: usize) -> Span {
        let start = self.byte(from);
        Span {
            file: self.file,
            start,
            end: self.byte(to).max(start),
        }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = match &self.starts {
            None => character.min(self.length),
            Some(starts) => starts.get(character).copied().unwrap_or(self.length),
        };
        self.base + byte
    }
}
