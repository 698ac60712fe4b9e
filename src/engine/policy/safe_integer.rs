//! Whole numbers that survive a trip through a protobuf `Struct`.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A whole number from 0 to 2^53.
///
/// A protobuf `Struct` (Istio's `pluginConfig`) holds every number as a double,
/// so `64` may come back as `64.0` or `6.4e1`. All three are the same number
/// here; a fraction, a sign or anything beyond 2^53 is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SafeInteger(u64);

/// The largest whole number below which a double misses none.
const MAX: u64 = 1 << 53;

impl SafeInteger {
    /// The number, or `None` beyond 2^53.
    pub const fn new(value: u64) -> Option<Self> {
        if value <= MAX {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The number that a double is; `None` for a fraction and out of bounds.
    pub(super) fn from_double(value: f64) -> Option<Self> {
        // INVARIANT: 0 to 2^53 are exact in both types, so the casts lose nothing.
        let is_whole = value.fract() == 0.0 && (0.0..=MAX as f64).contains(&value);
        is_whole.then_some(Self(value as u64))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is 0.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The number as an index or a size; on wasm32 the largest size when it does not fit.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<u32> for SafeInteger {
    fn from(value: u32) -> Self {
        Self(u64::from(value))
    }
}

impl<'de> Deserialize<'de> for SafeInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = SafeInteger;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 2^53")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<SafeInteger, E> {
        SafeInteger::new(value)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<SafeInteger, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<SafeInteger, E> {
        SafeInteger::from_double(value)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_the_same_number() {
        for text in ["64", "64.0", "6.4e1", "640e-1"] {
            assert_eq!(
                serde_json::from_str::<SafeInteger>(text).unwrap(),
                SafeInteger(64),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for text in [
            "64.5",
            "-1",
            "-1.0",
            "1e300",
            "9007199254740994",
            "\"64\"",
            "null",
            "true",
        ] {
            assert!(serde_json::from_str::<SafeInteger>(text).is_err(), "{text}");
        }
    }
}
