//! Which allowed requests are logged.

use std::cell::Cell;

/// Takes a share of what comes.
///
/// Which, depends on nothing that a client sends, so that nobody can choose to be among
/// those that are not taken.
#[derive(Debug, Default)]
pub struct Sampler {
    per_million: u64,
    state: Cell<u64>,
}

impl Sampler {
    /// Takes so many of a million; `seed` is to be random.
    pub fn new(per_million: u64, seed: [u8; 8]) -> Self {
        Self {
            per_million,
            state: Cell::new(u64::from_le_bytes(seed)),
        }
    }

    /// Whether the next is taken.
    pub fn takes(&self) -> bool {
        self.per_million > 0 && self.next() % 1_000_000 < self.per_million
    }

    /// The next number of SplitMix64: cheap, and evenly spread, which is all it has to be.
    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_taken_as_asked_for() {
        for (per_million, at_least, at_most) in [
            (0, 0, 0),
            (1_000_000, 100_000, 100_000),
            (10_000, 900, 1100),
            (500_000, 49_000, 51_000),
        ] {
            let sampler = Sampler::new(per_million, [7; 8]);
            let taken = (0..100_000).filter(|_| sampler.takes()).count();
            assert!(
                (at_least..=at_most).contains(&taken),
                "{per_million}: {taken}"
            );
        }
    }

    #[test]
    fn what_is_taken_depends_on_the_seed() {
        let taken = |seed| {
            let sampler = Sampler::new(500_000, [seed; 8]);
            (0..64).map(|_| sampler.takes()).collect::<Vec<_>>()
        };
        assert_ne!(taken(1), taken(2));
    }
}
