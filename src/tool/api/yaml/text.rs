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
pub(crate) struct Offsets<'t> {
    file: FileId,
    /// Where in its source the text begins.
    base: usize,
    text: &'t str,
    /// The byte at which each character starts whose number is a multiple of [`STEP`];
    /// absent for ASCII, where both are the same.
    starts: Option<Vec<usize>>,
}

/// SECURITY: one letter makes a text one that is not ASCII, so that a place for each of its
/// characters would take eight times its memory.
const STEP: usize = 64;

impl<'t> Offsets<'t> {
    pub(crate) fn new(file: FileId, text: &'t str) -> Self {
        let places = || text.char_indices().map(|(at, _)| at).step_by(STEP);
        let starts = (!text.is_ascii()).then(|| places().collect());
        Self {
            file,
            base: 0,
            text,
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
        let length = self.text.len();
        let byte = match &self.starts {
            None => character.min(length),
            Some(starts) => starts.get(character / STEP).map_or(length, |start| {
                let rest = self.text.get(*start..).unwrap_or_default();
                let mut rest = rest.char_indices().map(|(at, _)| start + at);
                rest.nth(character % STEP).unwrap_or(length)
            }),
        };
        self.base + byte
    }
}
