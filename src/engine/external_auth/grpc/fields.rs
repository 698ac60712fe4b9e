//! The fields of a protobuf message, front to back.
//!
//! Stricter than readers have to be: groups, which proto3 does not have, are refused,
//! and so is text that is not UTF-8.
//!
//! SPEC: Protocol Buffers, Encoding.

/// The bytes are no message, or none that could be taken in one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// A field's value, as far as the encoding tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'m> {
    /// A number.
    Number(u64),
    /// A number of four or eight bytes, none of which is looked at.
    Fixed,
    /// A string, bytes or a message.
    Bytes(&'m [u8]),
}

/// The fields that are left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'m> {
    rest: &'m [u8],
}

impl<'m> Fields<'m> {
    pub(super) const fn new(message: &'m [u8]) -> Self {
        Self { rest: message }
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unreadable)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Unreadable> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().ok_or(Unreadable)?;
            let bits = u64::from(byte & 0x7F);
            // The tenth byte has room for one bit.
            if (bits << shift) >> shift != bits {
                return Err(Unreadable);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Unreadable)
    }

    // Read in many places, none of which is in a hurry: one copy keeps the module small.
    #[inline(never)]
    fn field(&mut self) -> Result<(u32, Value<'m>), Unreadable> {
        let key = u32::try_from(self.varint()?).map_err(|_| Unreadable)?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Unreadable)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Unreadable),
        };
        if number == 0 {
            return Err(Unreadable);
        }
        Ok((number, value))
    }
}

impl<'m> Iterator for Fields<'m> {
    type Item = Result<(u32, Value<'m>), Unreadable>;

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

impl<'m> Value<'m> {
    pub(super) const fn number(self) -> Result<u64, Unreadable> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Fixed | Self::Bytes(_) => Err(Unreadable),
        }
    }

    pub(super) const fn bytes(self) -> Result<&'m [u8], Unreadable> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Fixed | Self::Number(_) => Err(Unreadable),
        }
    }

    pub(super) fn message(self) -> Result<Fields<'m>, Unreadable> {
        self.bytes().map(Fields::new)
    }

    pub(super) fn text(self) -> Result<&'m str, Unreadable> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Unreadable)
    }
}

/// Keeps the value of a field that comes once at most.
///
/// SECURITY: readers merge two, or take the last; nobody writes two.
pub(super) fn once<T>(held: &mut Option<T>, value: T) -> Result<(), Unreadable> {
    match held.replace(value) {
        None => Ok(()),
        Some(_) => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Unreadable> {
        Fields::new(bytes).collect()
    }

    #[test]
    fn every_kind_of_value() {
        let bytes = b"\x08\xAC\x02\x11\0\0\0\0\0\0\xF0\x3F\x1A\x02ab\x25\0\0\0\0\x82\x01\0";
        let expected = vec![
            (1, Value::Number(300)),
            (2, Value::Fixed),
            (3, Value::Bytes(b"ab")),
            (4, Value::Fixed),
            (16, Value::Bytes(b"")),
        ];
        assert_eq!(fields(bytes), Ok(expected));
        let most = b"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
        assert_eq!(fields(most), Ok(vec![(1, Value::Number(u64::MAX))]));
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
            assert_eq!(fields(bytes), Err(Unreadable), "{bytes:x?}");
        }
    }
}
