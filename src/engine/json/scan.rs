//! The inner loop: where does the plain part of a string end.

/// The plain part at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainRun {
    /// How many bytes are neither `"`, nor `\`, nor a control character.
    pub(super) length: usize,
    /// Whether all of them are ASCII; what is not is still to be checked for UTF-8.
    pub(super) is_ascii: bool,
}

/// Measures the plain part, eight bytes at a time.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> PlainRun {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length: usize = 0;
    let mut seen: u64 = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let special = special_bytes(word);
        if special != 0 {
            // The lowest marked byte is exact; higher ones may be false, see below.
            let bits = special.trailing_zeros() & !7;
            seen |= word & !(u64::MAX << bits);
            let length = length.saturating_add((bits >> 3) as usize);
            return PlainRun {
                length,
                is_ascii: is_ascii(seen),
            };
        }
        seen |= word;
        length = length.saturating_add(8);
    }
    for byte in rest {
        if is_special(*byte) {
            break;
        }
        seen |= u64::from(*byte);
        length = length.saturating_add(1);
    }
    PlainRun {
        length,
        is_ascii: is_ascii(seen),
    }
}

/// Whether the seven low bytes of a word, with zero behind, are UTF-8 without any sequence
/// of more than two bytes.
#[inline]
pub(super) const fn are_pairs(word: u64) -> bool {
    let (second, third) = (word << 1, word << 2);
    let follow = word & !second & HIGH;
    let lead = word & second & !third & HIGH;
    // What would lead to ASCII has none of these four bits.
    let is_far = (word & ONES.wrapping_mul(0x1e)).wrapping_add(ONES.wrapping_mul(0x7e));
    follow == lead << 8 && follow | lead == word & HIGH && lead & !is_far == 0
}

/// Whether a byte is no plain part of a string.
#[inline(always)]
pub(super) fn is_special(byte: u8) -> bool {
    SPECIAL.get(usize::from(byte)).is_some_and(|is| *is)
}

static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte: u8 = 0;
    while let Some((is_special, others)) = rest.split_first_mut() {
        *is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

/// Whether all bytes of a word are ASCII.
#[inline]
pub(super) const fn is_ascii(word: u64) -> bool {
    word & HIGH == 0
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Sets the high bit of every special byte.
///
/// A borrow can mark a byte above a special one falsely, never one below: the
/// lowest mark is always right.
const fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES.wrapping_mul(b'"' as u64));
    let backslash = word ^ (ONES.wrapping_mul(b'\\' as u64));
    let is_zero_quote = quote.wrapping_sub(ONES) & !quote;
    let is_zero_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word;
    (is_zero_quote | is_zero_backslash | is_control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=255 {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let expected = if is_special(byte) { place } else { length };
                    assert_eq!(
                        plain(&text).length,
                        expected,
                        "{byte} at {place} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn pairs_are_utf8() {
        for length in 1..8 {
            for place in 0..length {
                for byte in 0x80..=255 {
                    for other in 0..=255 {
                        let mut text = [b'a', 0xc3, 0xa4, b'b', 0xc3, 0xa4, b'c', 0];
                        text[length..].fill(0);
                        text[place] = byte;
                        if place + 1 < length {
                            text[place + 1] = other;
                        }
                        let is_utf8 = std::str::from_utf8(&text[..length])
                            .is_ok_and(|text| text.chars().all(|char| char.len_utf8() < 3));
                        assert_eq!(are_pairs(u64::from_le_bytes(text)), is_utf8, "{text:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_of_two_wins() {
        for first in [b'"', b'\\', 0x00, 0x1f] {
            for second in 0..=255 {
                assert_eq!(
                    plain(&[b'a', 0xff, first, second, 0x80, second, b'!', b'x']),
                    PlainRun {
                        length: 2,
                        is_ascii: false
                    }
                );
            }
        }
    }

    #[test]
    fn what_comes_after_the_plain_part_does_not_count() {
        for length in 0..20 {
            let ascii = [vec![b'a'; length], b"\"\xff\xff".to_vec()].concat();
            assert_eq!(
                plain(&ascii),
                PlainRun {
                    length,
                    is_ascii: true
                }
            );
            let other = [vec![b'a'; length], b"\xff\"".to_vec()].concat();
            assert_eq!(
                plain(&other),
                PlainRun {
                    length: length + 1,
                    is_ascii: false
                }
            );
        }
    }
}
