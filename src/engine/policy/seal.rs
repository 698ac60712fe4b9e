//! The seal of a compiled policy: whether the document is what the compiler wrote.
//!
//! A check sum, against edits by hand: a rule that has lost its source, or a policy that has
//! lost a rule, is a policy as well, and a weaker one. Who may write the document can seal it
//! anew.
//!
//! INVARIANT: it depends neither on the order of keys nor on how numbers are written, as the
//! document does not.

use crate::engine::json::{JsonError, Pull, RawNumber, TokenKind};

/// The member that has it.
pub(super) const KEY: &str = "seal";

/// What a document is sealed with, and what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// Its member; absent where the document is written by hand.
    pub(super) found: Option<String>,
    /// Of everything else.
    pub(super) expected: String,
}

impl Seal {
    /// The seal of a text that was read as a compiled policy.
    pub(super) fn of(text: &[u8]) -> Result<Self, JsonError> {
        let mut text = Pull::new(text)?;
        let (mut found, mut sum) = (None, OBJECT);
        text.object(&mut |text, key| {
            if key == KEY {
                found = Some(text.string()?.into_owned());
            } else {
                sum = sum.wrapping_add(member(key, value(text)?));
            }
            Ok::<(), JsonError>(())
        })?;
        Ok(Self {
            found,
            expected: format!("{sum:016x}"),
        })
    }

    /// Whether the document has a seal that is another's.
    pub(super) fn is_broken(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| *found != self.expected)
    }
}

// What each kind of value begins with.
const OBJECT: u64 = 1;
const ARRAY: u64 = 2;
const TEXT: u64 = 3;
const NUMBER: u64 = 4;
const TRUE: u64 = 5;
const FALSE: u64 = 6;

/// The depth is that of compiled policies: the text was read as one.
fn value(text: &mut Pull<'_>) -> Result<u64, JsonError> {
    match text.kind() {
        Some(TokenKind::Object) => {
            let mut sum = OBJECT;
            text.object(&mut |text, key| {
                sum = sum.wrapping_add(member(key, value(text)?));
                Ok::<(), JsonError>(())
            })?;
            Ok(sum)
        }
        Some(TokenKind::Array) => {
            let mut sum = ARRAY;
            text.array(&mut |text| {
                sum = mixed(sum, value(text)?);
                Ok::<(), JsonError>(())
            })?;
            Ok(sum)
        }
        Some(TokenKind::String) => Ok(hash(TEXT, &text.string()?)),
        Some(TokenKind::Number) => Ok(mixed(NUMBER, double(text.number()?).to_bits())),
        Some(TokenKind::True | TokenKind::False) => Ok(if text.boolean()? { TRUE } else { FALSE }),
        // Compiled policies have none.
        Some(TokenKind::Null) | None => Err(JsonError::Unexpected),
    }
}

fn member(key: &str, value: u64) -> u64 {
    mixed(hash(TEXT, key), value)
}

/// What a number is after a trip through a protobuf `Struct`.
#[allow(clippy::cast_precision_loss)] // what is lost is lost there
fn double(number: RawNumber) -> f64 {
    match number {
        RawNumber::Integer(integer) => integer as f64,
        RawNumber::Double(double) => double,
    }
}

/// FNV-1a, and then a turn of the whole, so that sums of such are no sums of parts.
fn hash(start: u64, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(start, text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// SplitMix64's mixer.
const fn mixed(before: u64, value: u64) -> u64 {
    let mut mixed = before.rotate_left(17) ^ value;
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(text: &str) -> String {
        Seal::of(text.as_bytes()).unwrap().expected
    }

    #[test]
    fn what_means_the_same_has_one_seal() {
        let seal = expected(r#"{"a":[1,"b",true],"c":{"d":2,"e":"\u0066"}}"#);
        for same in [
            r#"{"c":{"e":"f","d":2.0},"a":[1.0,"b",true]}"#,
            r#" { "a" : [ 1e0 , "b" , true ] , "c" : { "d" : 2 , "e" : "f" } , "seal" : "x" }"#,
        ] {
            assert_eq!(expected(same), seal, "{same}");
        }
        for other in [
            r#"{"a":["b",1,true],"c":{"d":2,"e":"f"}}"#,
            r#"{"a":[1,"b",false],"c":{"d":2,"e":"f"}}"#,
            r#"{"a":[1,"b",true],"c":{"d":2}}"#,
            r#"{"a":[1,"b",true],"c":{"d":2,"e":"f","g":false}}"#,
            r#"{"a":[1,"b",true],"d":{"c":2,"e":"f"}}"#,
            r#"{"a":[1,"b",true],"c":{"d":"2","e":"f"}}"#,
            r#"{"a":[1,"b",true],"c":{"seal":"x","d":2,"e":"f"}}"#,
        ] {
            assert_ne!(expected(other), seal, "{other}");
        }
    }
}
