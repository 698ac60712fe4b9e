//! How much of a text is read.
//!
//! SECURITY: the values of a small file can take a hundred times its memory.

use super::{Entry, YamlNode};
use crate::tool::api::decode::{FieldPlace, Problem};

/// The memory that the values of a text may take, in bytes.
const TEXT: usize = 320 << 20;

/// The same for all texts of a run, though one may be given back when the next is read: what
/// is made of it stays.
pub(crate) const RUN: usize = 1 << 30;

/// How many values of a document may stand in brackets.
///
/// SECURITY: the parser reads such a one to its end, which may be a key, before it says
/// anything of it. What it keeps meanwhile is many times what is written.
pub(super) const BRACKETS: usize = 800_000;

/// What the memory of one piece of text takes besides its letters.
const PIECE: usize = 32;

/// What a field takes in a table of those that an object has, besides the letters of its name.
const FIELD: usize = 130;

/// What it takes to say what is wrong, besides the letters.
const PROBLEM: usize = 400;

const HELP: &str = "split it into several files";

/// What the values of a text take so far.
#[derive(Debug, Default)]
pub(super) struct Size(usize);

impl Size {
    /// So many bytes, which were counted before.
    pub(super) const fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.0
    }

    /// Counts a text that is kept.
    pub(super) const fn text(&mut self, length: usize) {
        self.0 = self.0.saturating_add(PIECE.saturating_add(length));
    }

    /// Counts a document, of which there may be room for two.
    pub(super) const fn document(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes.saturating_mul(2));
    }

    /// Counts a field in the table of those of its object.
    pub(super) const fn field(&mut self, length: usize) {
        self.0 = self.0.saturating_add(FIELD.saturating_add(length));
    }

    /// Counts no longer such a table, of so many fields whose names have so many bytes.
    pub(super) const fn no_fields(&mut self, fields: usize, lengths: usize) {
        let counted = fields.saturating_mul(FIELD).saturating_add(lengths);
        self.0 = self.0.saturating_sub(counted);
    }

    /// Counts what is wrong with a field, which says its path.
    pub(super) fn problem(&mut self, problem: &Problem) {
        let said = problem.at.field.len().saturating_add(problem.message.len());
        self.text(said.saturating_add(PROBLEM));
    }

    /// Counts the room for values, which was less, or more.
    pub(super) const fn items(&mut self, before: usize, after: usize) {
        self.room(before, after, size_of::<YamlNode>());
    }

    /// The same for fields.
    pub(super) const fn entries(&mut self, before: usize, after: usize) {
        self.room(before, after, size_of::<Entry>());
    }

    const fn room(&mut self, before: usize, after: usize, each: usize) {
        let added = after.saturating_sub(before).saturating_mul(each);
        let taken = before.saturating_sub(after).saturating_mul(each);
        self.0 = self.0.saturating_add(added).saturating_sub(taken);
    }

    /// What is wrong where it is too much.
    pub(super) fn check(&self, at: &FieldPlace) -> Result<(), Problem> {
        match self.0 > TEXT {
            true => Err(too_much_of_a_text(at)),
            false => Ok(()),
        }
    }
}

/// The byte at which a document has more in brackets than is read, whatever is in them.
pub(super) fn beyond(text: &str) -> Option<usize> {
    let values = text.bytes().enumerate();
    let mut values = values.filter(|(_, byte)| matches!(byte, b',' | b'[' | b'{'));
    values.nth(BRACKETS).map(|(at, _)| at)
}

/// What is wrong with a text of which more is in brackets than is read.
pub(super) fn too_much_in_brackets(at: &FieldPlace) -> Problem {
    let message = format!(
        "too many values: a document has {BRACKETS} in brackets at most (one of JSON has all of \
         them there)"
    );
    Problem::new(at, message).help(format!("{HELP}, or write YAML"))
}

fn too_much_of_a_text(at: &FieldPlace) -> Problem {
    let most = TEXT >> 20;
    let message = format!("too many values: those of one file take {most} MiB of memory at most");
    Problem::new(at, message).help(HELP)
}

/// What is wrong with a text that is one too many.
pub(crate) fn too_much_of_a_run(at: &FieldPlace) -> Problem {
    let most = RUN >> 20;
    let message = format!(
        "too many values with those of the files before it: those of all files take {most} MiB \
         of memory at most"
    );
    Problem::new(at, message).help("give fewer files at a time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::api::yaml::{FileId, load};

    #[test]
    fn what_values_take_is_counted_and_given_back() {
        let size = |text: &str| load(FileId(0), text).size;
        let (node, entry) = (size_of::<YamlNode>(), size_of::<Entry>());
        let document = size("0");
        assert_eq!(size("[0, 0, 0]"), document + 2 * (PIECE + 1) + 3 * node);
        // The table of its fields is gone.
        let object = document + 3 * (PIECE + 1) + 2 * entry;
        assert_eq!(size("{a: 0, b: 0}"), object);
        assert_eq!(size("a: 0\nb: 0\n---\n0\n"), object + document);
        assert_eq!(
            size("{\"a\": 0, \"b\": 0} {}"),
            object + document - PIECE - 1
        );
        assert!(size("a: 0\na: 0\n") > document + 3 * (PIECE + 1) + entry + PROBLEM);
    }

    #[test]
    fn brackets_are_counted_by_document() {
        let some = format!("[{}0]", "0, ".repeat(BRACKETS / 2));
        for text in [
            format!("{some}\n---\n{some}"),
            format!("a: {some}\n--- {some}\n"),
        ] {
            assert_eq!(load(FileId(0), &text).broken, None);
        }
        for between in ["\n---,", "\n ---\n,", "\n%\n---\n,"] {
            let open = some.trim_end_matches(']');
            let text = format!("{open}{between}{}\n", open.repeat(2));
            let broken = load(FileId(0), &text).broken.expect("too much");
            assert!(broken.message.starts_with("too many values"), "{broken:?}");
        }
        let many = load(FileId(0), &"{}".repeat(BRACKETS + 2)).broken;
        assert!(many.is_some_and(|many| many.message.starts_with("too many values")));
    }
}
