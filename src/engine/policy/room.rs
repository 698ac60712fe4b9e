//! How much memory a compiled policy takes, before it is read.

/// How much memory it takes at most to load a text, beside the text: by its length, and by
/// what it has of objects and of texts that are not keys. What rules take that are filed for
/// several targets is asked for when they are: see
/// [`Policies::from_json_within`](super::Policies::from_json_within).
///
/// SECURITY: running out of memory ends the module, and the host then leaves the filter out.
pub fn memory_to_load(text: &[u8]) -> usize {
    let (mut texts, mut objects) = (0_usize, 0_usize);
    let mut rest = text.iter().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'{' | b'[' => objects = objects.saturating_add(1),
            b'"' => {
                while let Some(byte) = rest.next() {
                    match byte {
                        b'\\' => drop(rest.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
                let is_blank = |byte: &&u8| byte.is_ascii_whitespace();
                while rest.next_if(is_blank).is_some() {}
                if rest.peek() != Some(&&b':') {
                    texts = texts.saturating_add(1);
                }
            }
            _ => {}
        }
    }
    let of_parts = texts.saturating_add(objects).saturating_mul(OF_A_PART);
    of_parts.saturating_add(text.len().saturating_mul(3))
}

/// How much memory an object or a text takes at most, in bytes. Measured: up to 360 for a uri
/// that is denied, 250 for a rule without anything.
const OF_A_PART: usize = 400;
