//! The keys of the objects now open, and whether two of them are equal.
//!
//! Exact and without a hash table: keys are collected while their object is
//! open, and compared when it closes: a few each with each, many sorted, by length and
//! hash and then by bytes. However an attacker chooses keys, n of them cost n log n
//! comparisons, and memory is bounded by the body that carried them.

use std::cmp::Ordering;

/// A key of an open object.
#[derive(Debug, Clone, Copy)]
struct SeenKey {
    /// The whole key, where it is short, with zeros behind; else its hash.
    word: u64,
    length: usize,
    /// Where it begins in the text, unless it is short.
    start: usize,
    offset: usize,
}

/// The longest key that is kept in a word, in bytes.
const SHORT: usize = 8;

/// The most keys that are compared each with each.
const FEW: usize = 24;

/// The most keys that are kept, unless told otherwise.
const USUAL: usize = 10_000;

/// The keys of every open object, innermost last.
#[derive(Debug)]
pub(super) struct Keys {
    text: Vec<u8>,
    keys: Vec<SeenKey>,
    /// How many are kept at most.
    limit: usize,
    /// Where the key that is being read begins.
    start: usize,
}

/// Where an object's keys begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeysMark {
    keys: usize,
    text: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            keys: Vec::new(),
            limit: USUAL,
            start: 0,
        }
    }
}

impl Keys {
    /// From now on, how many are kept at most.
    pub(super) const fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether there is room for no other.
    ///
    /// SECURITY: a body of nothing but keys would have the list of them double until there
    /// is no memory left in one piece.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.keys.len() >= self.limit
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.keys.clear();
    }

    /// The memory held, in bytes.
    pub(super) fn memory(&self) -> usize {
        let keys = self.keys.capacity().saturating_mul(size_of::<SeenKey>());
        keys.saturating_add(self.text.capacity())
    }

    /// An object opens.
    pub(super) fn open(&self) -> KeysMark {
        KeysMark {
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
        let key = self.text.get(self.start..).unwrap_or_default();
        self.keys.push(SeenKey {
            word: word(key),
            length: key.len(),
            start: self.start,
            offset,
        });
        key
    }

    /// A whole key, without escapes.
    pub(super) fn add(&mut self, key: &[u8], offset: usize) {
        let start = self.text.len();
        if key.len() > SHORT {
            self.text.extend_from_slice(key);
        }
        self.keys.push(SeenKey {
            word: word(key),
            length: key.len(),
            start,
            offset,
        });
    }

    /// A whole key of at most [`SHORT`] bytes, with zeros behind.
    #[inline]
    pub(super) fn add_short(&mut self, word: u64, length: usize, offset: usize) {
        self.keys.push(SeenKey {
            word,
            length,
            start: 0,
            offset,
        });
    }

    /// The object closes: `Err` with the offset of a key that it had before.
    #[inline]
    pub(super) fn close(&mut self, mark: KeysMark) -> Result<(), usize> {
        let own = self.keys.get(mark.keys..).unwrap_or_default();
        if own.len() > FEW || have_equal_words(own) {
            self.compare(mark)?;
        }
        self.keys.truncate(mark.keys);
        self.text.truncate(mark.text);
        Ok(())
    }

    /// Compares all keys of the innermost object.
    #[inline(never)]
    fn compare(&mut self, mark: KeysMark) -> Result<(), usize> {
        let Self { text, keys, .. } = self;
        let compare = |a: &SeenKey, b: &SeenKey| compare(text, a, b);
        let own = keys.get_mut(mark.keys..).unwrap_or_default();
        // The first in the body, so that the answer does not depend on the order here.
        let mut first = None;
        let mut repeated = |a: &SeenKey, b: &SeenKey| {
            if compare(a, b) == Ordering::Equal {
                let second = a.offset.max(b.offset);
                first = Some(first.map_or(second, |first: usize| first.min(second)));
            }
        };
        if own.len() <= FEW {
            let mut rest = &*own;
            while let Some((key, others)) = rest.split_first() {
                others.iter().for_each(|other| repeated(key, other));
                rest = others;
            }
        } else {
            own.sort_unstable_by(|a, b| compare(a, b).then_with(|| a.offset.cmp(&b.offset)));
            for pair in own.windows(2) {
                if let [a, b] = pair {
                    repeated(a, b);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// Whether two of a few keys may be equal.
#[inline]
fn have_equal_words(mut keys: &[SeenKey]) -> bool {
    let mut found = false;
    while let Some((key, others)) = keys.split_first() {
        // No way out of the loop: most often there are none.
        for other in others {
            found |= other.word == key.word;
        }
        keys = others;
    }
    found
}

/// Equal for keys that are equal, and in some order that all others have.
#[inline(always)]
fn compare(text: &[u8], a: &SeenKey, b: &SeenKey) -> Ordering {
    let by_word = a.word.cmp(&b.word);
    by_word.then_with(|| compare_alike(text, a, b))
}

/// The same, of keys with the same word.
#[cold]
fn compare_alike(text: &[u8], a: &SeenKey, b: &SeenKey) -> Ordering {
    let by_length = a.length.cmp(&b.length);
    if by_length != Ordering::Equal || a.length <= SHORT {
        return by_length;
    }
    let bytes = |key: &SeenKey| text.get(key.start..key.start.saturating_add(key.length));
    bytes(a).cmp(&bytes(b))
}

/// What a key is known by: all of it, where it is short.
fn word(key: &[u8]) -> u64 {
    if key.len() <= SHORT {
        return little(key);
    }
    // Not keyed: equal hashes only cost a comparison.
    let (words, _) = key.as_chunks::<8>();
    let last = key.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.chain([last]).fold(0, mix)
}

/// At most eight bytes as a word.
fn little(bytes: &[u8]) -> u64 {
    let with = |word: u64, byte: &u8| (word << 8) | u64::from(*byte);
    bytes.iter().rev().fold(0, with)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(keys: &[&str]) -> Result<(), usize> {
        let mut all = Keys::default();
        let mark = all.open();
        for (offset, key) in keys.iter().enumerate() {
            // Whole or in pieces, long or short, a key is the same.
            if offset % 3 == 0 {
                all.begin();
                all.text(key.as_bytes());
                all.end(offset);
            } else if offset % 3 == 1 || key.len() > SHORT {
                all.add(key.as_bytes(), offset);
            } else {
                all.add_short(little(key.as_bytes()), key.len(), offset);
            }
        }
        let closed = all.close(mark);
        assert!(closed.is_err() || (all.keys.is_empty() && all.text.is_empty()));
        closed
    }

    #[test]
    fn equal_keys_are_found_whatever_their_length_and_number() {
        for length in 0..40 {
            for count in [2, 3, 4, FEW, FEW + 1, 40] {
                let key = "k".repeat(length);
                let mut keys: Vec<String> = (0..count).map(|n| format!("{n:02}{key}x")).collect();
                let borrowed: Vec<&str> = keys.iter().map(String::as_str).collect();
                assert_eq!(close(&borrowed), Ok(()), "{length} {count}");
                for (a, b) in [(0, 1), (0, count - 1), (count - 2, count - 1)] {
                    let same = keys[a].clone();
                    let before = std::mem::replace(&mut keys[b], same);
                    let borrowed: Vec<&str> = keys.iter().map(String::as_str).collect();
                    assert_eq!(close(&borrowed), Err(b), "{length} {count} {a} {b}");
                    keys[b] = before;
                }
            }
        }
    }

    #[test]
    fn keys_that_are_much_alike_differ() {
        let keys = [
            "",
            "\0",
            "\0\0",
            "a",
            "a\0",
            "aaaaaaaa",
            "aaaaaaa",
            "aaaaaaa\0",
            "aaaaaaaa\0",
            "aaaaaaaaa",
            "aaaaaaaab",
            "baaaaaaaa",
            "aaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaab",
            "aaaaaaaabaaaaaaa",
            "aaaaaaaaaaaaaaaaa",
        ];
        assert_eq!(close(&keys), Ok(()));
        for pair in keys.windows(2) {
            assert_eq!(close(pair), Ok(()), "{pair:?}");
        }
    }

    #[test]
    fn the_first_repetition_is_told() {
        assert_eq!(close(&["a", "b", "b", "a"]), Err(2));
        assert_eq!(close(&["a", "a", "a"]), Err(1));
    }
}
