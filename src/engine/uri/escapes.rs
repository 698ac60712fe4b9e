//! Escapes, such as `%2F`.

/// Decodes until nothing is left to decode, in one pass.
///
/// SECURITY: a chain of servers decodes as often as it is long, and a client must not be
/// able to choose what that costs here.
pub fn decode_all(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for byte in text {
        decoded.push(*byte);
        // What an escape stands for may be the end of another one.
        while let Some((rest, value)) = escape_at_end(&decoded) {
            decoded.truncate(rest);
            decoded.push(value);
        }
    }
    decoded
}

/// Where an escape at the end of a text begins, and the byte that it stands for.
fn escape_at_end(text: &[u8]) -> Option<(usize, u8)> {
    let (rest, [mark, high, low]) = text.split_last_chunk::<3>()?;
    if *mark != b'%' {
        return None;
    }
    Some((rest.len(), escaped(*high, *low)?))
}

/// The byte that two hexadecimal digits stand for.
pub fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = digit(high).zip(digit(low))?;
    u8::try_from((high << 4) | low).ok()
}
