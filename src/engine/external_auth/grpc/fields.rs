//! The fields of a protobuf message, front to back.
//!
//! Stricter than readers have to be: groups, which proto3 does not have, are refused,
//! and so is text that is not UTF-8.
//!
//! SPEC: Protocol Buffers, Encoding.

/// The bytes are no message, or none that could be taken in one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldError;

/// A field's value, as far as the encoding tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValue<'m> {
    /// A number.
    Number(u64),
    /// A number of four or eight bytes, none of which is looked at.
    Fixed,
    /// A string, bytes or a message.
    Bytes(&'m [u8]),
}

/// The fields that are left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct WireFields<'m> {
    rest: &'m [u8],
}

impl<'m> WireFields<'m> {
    pub(super) const fn new(message: &'m [u8]) -> Self {
        Self { rest: message }
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], FieldError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(FieldError)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, FieldError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().ok_or(FieldError)?;
            let bits = u64::from(byte & 0x7F);
            // The tenth byte has room for one bit.
            if (bits << shift) >> shift != bits {
                return Err(FieldError);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FieldError)
    }

    // Read in many places, none of which is in a hurry: one copy keeps the module small.
    #[inline(never)]
    fn field(&mut self) -> Result<(u32, FieldValue<'m>), FieldError> {
        let key = u32::try_from(self.varint()?).map_err(|_| FieldError)?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => FieldValue::Number(self.varint()?),
            1 => self.take(8).map(|_| FieldValue::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| FieldError)?;
                FieldValue::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| FieldValue::Fixed)?,
            _ => return Err(FieldError),
        };
        if number == 0 {
            return Err(FieldError);
        }
        Ok((number, value))
    }
}

impl<'m> Iterator for WireFields<'m> {
    type Item = Result<(u32, FieldValue<'m>), FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'m> FieldValue<'m> {
    pub(super) const fn number(self) -> Result<u64, FieldError> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Fixed | Self::Bytes(_) => Err(FieldError),
        }
    }

    pub(super) const fn bytes(self) -> Result<&'m [u8], FieldError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Fixed | Self::Number(_) => Err(FieldError),
        }
    }

    pub(super) fn message(self) -> Result<WireFields<'m>, FieldError> {
        self.bytes().map(WireFields::new)
    }

    pub(super) fn text(self) -> Result<&'m str, FieldError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| FieldError)
    }
}

/// Keeps the value of a field that comes once at most.
///
/// SECURITY: readers merge two, or take the last; nobody writes two.
pub(super) fn once<T>(held: &mut Option<T>, value: T) -> Result<(), FieldError> {
    match held.replace(value) {
        None => Ok(()),
        Some(_) => Err(FieldError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, FieldValue<'_>)>, FieldError> {
        WireFields::new(bytes).collect()
    }

    #[test]
    fn every_kind_of_value() {
        let bytes = b"\x08\xAC\x02\x11\0\0\0\0\0\0\xF0\x3F\x1A\x02ab\x25\0\0\0\0\x82\x01\0";
        let expected = vec![
            (1, FieldValue::Number(300)),
            (2, FieldValue::Fixed),
            (3, FieldValue::Bytes(b"ab")),
            (4, FieldValue::Fixed),
            (16, FieldValue::Bytes(b"")),
        ];
        assert_eq!(fields(bytes), Ok(expected));
        let most = b"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
        assert_eq!(fields(most), Ok(vec![(1, FieldValue::Number(u64::MAX))]));
    }

    #[test]
    fn what_is_no_message() {
        for bytes in [
            &b"\x08"[..],                                      // no value
            b"\x0A\x02a",                                      // too short
            b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",   // far too short
            b"\x09\0\0\0\0",                                   // half a double
            b"\x00\x00",                                       // field 0
            b"\x0B\x0C",                                       // a group
            b"\x0F",                                           // no kind of value
            b"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02",   // more than 64 bits
            b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", // more than ten bytes
            b"\x88\x80\x80\x80\x80\x80\0",                     // a key of more than 32 bits
        ] {
            assert_eq!(fields(bytes), Err(FieldError), "{bytes:x?}");
        }
    }
}
