//! A hash of numbers that the index gave out itself.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash map whose keys are such numbers.
pub(super) type NumberMap<V> = HashMap<u64, V, BuildHasherDefault<NumberHasher>>;

/// A multiplication spreads a number well enough.
///
/// SECURITY: not for what anybody can choose, who could choose numbers of one hash.
#[derive(Debug, Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        let product = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The table looks at the lowest bits, which depend on the lowest bits only.
        self.0 = product ^ (product >> 32);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| {
            let byte = u64::from(*byte);
            self.write_u64((self.0 << 8) ^ byte);
        });
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
