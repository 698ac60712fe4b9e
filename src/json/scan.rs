//! The inner loop: where does the plain part of a string end.

/// How many bytes at the front are neither `"`, nor `\`, nor a control character.
///
/// Eight bytes at a time; bytes of 0x80 and above count as plain (whether they
/// are UTF-8 is checked elsewhere).
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length: usize = 0;
    for word in words {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            // The lowest marked byte is exact; higher ones may be false, see below.
            return length.saturating_add((special.trailing_zeros() >> 3) as usize);
        }
        length = length.saturating_add(8);
    }
    let tail = rest
        .iter()
        .position(|byte| is_special(*byte))
        .unwrap_or(rest.len());
    length.saturating_add(tail)
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
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
                    assert_eq!(plain(&text), expected, "{byte} at {place} of {length}");
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
                    2
                );
            }
        }
    }
}
