//! Names that stand for something, and that are hashed once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Names, each with what it stands for.
///
/// Beside a map of names it costs half as much to fill: a map hashes all of its keys again
/// whenever it grows.
#[derive(Debug)]
pub(super) struct Interner<V> {
    /// Where a name is, by its hash or the next number that was free.
    places: HashMap<u64, u32, BuildHasherDefault<Same>>,
    names: Vec<(String, V)>,
}

impl<V> Default for Interner<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            names: Vec::new(),
        }
    }
}

/// What is hashed already, by words, as rustc hashes. Names come from the operator's
/// configuration: those who write it could only make loading slower for themselves, and
/// clients choose nothing but what is looked up.
fn hash(name: &str) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let add = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let of_words = words
        .iter()
        .fold(0, |hash, word| add(hash, u64::from_le_bytes(*word)));
    let last = rest
        .iter()
        .fold(1, |last, byte| (last << 8) | u64::from(*byte));
    let hash = add(of_words, last);
    // The table goes by the lower bits, which are less mixed than the upper.
    hash ^ (hash >> 32)
}

impl<V: Copy> Interner<V> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// What a name stands for.
    pub(super) fn get(&self, name: &str) -> Option<V> {
        self.find(hash(name), name).ok()
    }

    /// What a name stands for; `new` where it was not known.
    pub(super) fn get_or_insert(&mut self, name: String, new: impl FnOnce() -> V) -> V {
        self.insert(hash(&name), name, new)
    }

    fn insert(&mut self, hash: u64, name: String, new: impl FnOnce() -> V) -> V {
        let free = match self.find(hash, &name) {
            Ok(known) => return known,
            Err(free) => free,
        };
        let value = new();
        // Fewer names than bytes of a configuration, which fit.
        let place = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push((name, value));
        self.places.insert(free, place);
        value
    }

    /// What a name stands for, or the number that it could have.
    fn find(&self, hash: u64, name: &str) -> Result<V, u64> {
        let mut number = hash;
        while let Some(place) = self.places.get(&number) {
            match self.names.get(*place as usize) {
                Some((known, value)) if known == name => return Ok(*value),
                _ => number = number.wrapping_add(1),
            }
        }
        Err(number)
    }
}

/// The hash of a number that is one.
#[derive(Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = (self.0 << 8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_what_it_was_first_given() {
        let mut names = Interner::default();
        for number in 0..1000 {
            assert_eq!(names.get_or_insert(format!("n{number}"), || number), number);
            assert_eq!(names.get_or_insert("n0".to_owned(), || 7), 0);
        }
        assert_eq!(names.len(), 1000);
        assert_eq!(names.get("n999"), Some(999));
        assert_eq!(names.get("n1000"), None);
    }

    #[test]
    fn names_of_one_hash_are_told_apart() {
        let mut names = Interner::default();
        for (hash, name) in [(u64::MAX, "a"), (u64::MAX, "b"), (0, "c"), (1, "d")] {
            let value = names.insert(hash, name.to_owned(), || name);
            assert_eq!(value, name);
        }
        for (hash, name) in [(u64::MAX, "a"), (u64::MAX, "b"), (0, "c"), (1, "d")] {
            assert_eq!(names.find(hash, name), Ok(name));
        }
        assert_eq!(names.find(u64::MAX, "e"), Err(3));
    }
}
