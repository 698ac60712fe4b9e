//! Protobuf messages, written front to back.
//!
//! A message within a message begins with its length, which is known only at its end.
//! So lengths are left out at first and put in by [`Writer::finish`], which takes the
//! time of one copy, however deep the messages are.
//!
//! SPEC: Protocol Buffers, Encoding.

/// A message that is being written, fields in the order given.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Everything but the lengths of messages.
    bytes: Vec<u8>,
    /// Where lengths go, from front to back.
    lengths: Vec<Length>,
    /// Which of them belong to messages that have not ended, from the outermost in.
    open: Vec<usize>,
    /// How many bytes the lengths of messages that have ended will take.
    inserted: usize,
}

#[derive(Debug)]
struct Length {
    /// Which bytes stand before it.
    at: usize,
    /// The length; while the message is open, `inserted` as it was at its beginning.
    value: usize,
}

/// How a field's value is written: the last three bits of its key.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

impl Writer {
    // Fields are written in many places, none of which is in a hurry: one copy of each
    // way keeps the module small.

    /// Begins a message in a field.
    #[inline(never)]
    pub(super) fn open(&mut self, field: u32) {
        self.key(field, LENGTH);
        self.open.push(self.lengths.len());
        self.lengths.push(Length {
            at: self.bytes.len(),
            value: self.inserted,
        });
    }

    /// Ends the message begun last.
    #[inline(never)]
    pub(super) fn close(&mut self) {
        let index = self.open.pop();
        let Some(length) = index.and_then(|index| self.lengths.get_mut(index)) else {
            return;
        };
        let plain = self.bytes.len().saturating_sub(length.at);
        let inserted = self.inserted.saturating_sub(length.value);
        length.value = plain.saturating_add(inserted);
        self.inserted = self.inserted.saturating_add(varint_size(length.value));
    }

    /// How long the message is so far, in bytes, without what is open in it.
    pub(super) const fn length(&self) -> usize {
        self.bytes.len().saturating_add(self.inserted)
    }

    /// How many messages are open.
    pub(super) const fn depth(&self) -> usize {
        self.open.len()
    }

    /// Ends messages until so many are open.
    pub(super) fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            self.close();
        }
    }

    /// A string or bytes, written also when empty.
    #[inline(never)]
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, LENGTH);
        varint(&mut self.bytes, value.len());
        self.bytes.extend_from_slice(value);
    }

    /// A string or bytes of a field that stays away when empty.
    pub(super) fn text(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes(field, value);
        }
    }

    /// A number, written also when it is 0.
    #[inline(never)]
    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        long_varint(&mut self.bytes, value);
    }

    /// A double, written also when it is 0.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.key(field, FIXED64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// The message, whatever is open in it ended.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close_to(0);
        let size = self.bytes.len().saturating_add(self.inserted);
        let mut message = Vec::with_capacity(size);
        let mut from = 0;
        for length in &self.lengths {
            message.extend_from_slice(self.bytes.get(from..length.at).unwrap_or_default());
            varint(&mut message, length.value);
            from = length.at;
        }
        message.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        message
    }

    fn key(&mut self, field: u32, kind: u32) {
        long_varint(&mut self.bytes, u64::from((field << 3) | kind));
    }
}

fn varint(bytes: &mut Vec<u8>, value: usize) {
    long_varint(bytes, value as u64);
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn long_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7F {
        bytes.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn varint_size(value: usize) -> usize {
    let bits = usize::BITS.saturating_sub(value.leading_zeros());
    bits.div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_before_what_they_measure() {
        let mut writer = Writer::default();
        writer.number(1, 300);
        writer.open(2);
        writer.open(16);
        writer.bytes(1, &[7; 130]);
        writer.close();
        writer.open(3);
        writer.close();
        writer.close();
        writer.double(3, 1.0);
        let mut expected = vec![0x08, 0xAC, 0x02, 0x12, 0x8B, 0x01];
        expected.extend([0x82, 0x01, 0x85, 0x01, 0x0A, 0x82, 0x01]);
        expected.extend([7; 130]);
        expected.extend([0x1A, 0x00]);
        expected.extend([0x19, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]);
        assert_eq!(writer.finish(), expected);
    }

    #[test]
    fn what_is_open_ends_with_the_message() {
        let mut writer = Writer::default();
        writer.open(1);
        writer.open(1);
        writer.text(1, b"");
        assert_eq!(writer.finish(), [0x0A, 0x02, 0x0A, 0x00]);
    }

    #[test]
    fn sizes_of_varints() {
        for value in [0, 1, 127, 128, 16_383, 16_384, usize::MAX] {
            let mut bytes = Vec::new();
            varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_size(value), "{value}");
        }
    }
}
