//! The keys of the objects now open, and whether two of them are equal.
//!
//! Exact and without a hash table: keys are collected while their object is
//! open, and sorted when it closes, by hash and then by bytes. However an
//! attacker chooses keys, n of them cost n log n comparisons, and memory is
//! bounded by the body that carried them.

use std::ops::Range;

/// A key of an open object.
#[derive(Debug, Clone)]
struct Key {
    hash: u32,
    text: Range<usize>,
    offset: usize,
}

/// The keys of every open object, innermost last.
#[derive(Debug, Default)]
pub(super) struct Keys {
    text: Vec<u8>,
    keys: Vec<Key>,
    /// Where the key that is being read begins.
    start: usize,
}

/// Where an object's keys begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    keys: usize,
    text: usize,
}

impl Keys {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.keys.clear();
    }

    /// The memory held, in bytes.
    pub(super) fn memory(&self) -> usize {
        let keys = self.keys.capacity().saturating_mul(size_of::<Key>());
        keys.saturating_add(self.text.capacity())
    }

    /// An object opens.
    pub(super) fn open(&self) -> Mark {
        Mark {
            keys: self.keys.len(),
            text: self.text.len(),
        }
    }

    /// A key begins.
    pub(super) fn begin(&mut self) {
        self.start = self.text.len();
    }

    /// More of the key, unescaped.
    pub(super) fn text(&mut self, fragment: &[u8]) {
        self.text.extend_from_slice(fragment);
    }

    /// The key is complete; `offset` is where it began in the body.
    pub(super) fn end(&mut self, offset: usize) -> &[u8] {
        let text = self.start..self.text.len();
        let key = self.text.get(text.clone()).unwrap_or_default();
        self.keys.push(Key {
            hash: hash(key),
            text,
            offset,
        });
        key
    }

    /// The object closes: `Err` with the offset of a key that it had before.
    pub(super) fn close(&mut self, mark: Mark) -> Result<(), usize> {
        let Self { text, keys, .. } = self;
        let key = |key: &Key| text.get(key.text.clone()).unwrap_or_default();
        let own = keys.get_mut(mark.keys..).unwrap_or_default();
        if own.len() > 1 {
            own.sort_unstable_by(|a, b| a.hash.cmp(&b.hash).then_with(|| key(a).cmp(key(b))));
        }
        let mut repeated = own.windows(2).filter_map(|pair| match pair {
            [a, b] if a.hash == b.hash && key(a) == key(b) => Some(a.offset.max(b.offset)),
            _ => None,
        });
        // The first in the body, so that the answer does not depend on hashes.
        if let Some(first) = repeated.next() {
            return Err(repeated.fold(first, usize::min));
        }
        keys.truncate(mark.keys);
        text.truncate(mark.text);
        Ok(())
    }
}

/// FNV-1a. Not keyed: equal hashes only cost a comparison.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
