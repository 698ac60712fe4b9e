//! The trace that a question belongs to.
//!
//! SPEC: W3C Trace Context, 3.2.

/// The trace of a request, for a call with a span of its own; `None` where the request
/// has none, or nobody could choose a span.
pub(super) fn traceparent(given: Option<&[u8]>, span: [u8; 8]) -> Option<String> {
    let given = std::str::from_utf8(given?).ok()?;
    let mut parts = given.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let parent = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    // A later version may say more, which nobody here could pass on.
    let is_known = version != "ff" && (version != "00" || parts.next().is_none());
    let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
    let is_valid = is_known && !is_zero(trace) && !is_zero(parent) && span != [0; 8];
    let span = u64::from_be_bytes(span);
    is_valid.then(|| format!("00-{trace}-{span:016x}-{flags}"))
}

fn hex(part: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (part.len() == length && part.bytes().all(is_digit)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_stays_and_the_span_is_new() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let given = format!("00-{trace}-b7ad6b7169203331-01");
        let of = |given: &str| traceparent(Some(given.as_bytes()), [0, 1, 2, 3, 4, 5, 6, 0xff]);
        let expected = format!("00-{trace}-00010203040506ff-01");
        assert_eq!(of(&given).as_ref(), Some(&expected));
        let later = format!("01-{trace}-b7ad6b7169203331-01-more");
        assert_eq!(of(&later), Some(expected));
        for wrong in [
            "",
            "00",
            &given.to_uppercase(),
            &given.replace("00-0af", "ff-0af"),
            &given.replace(trace, &"0".repeat(32)),
            &given.replace("b7ad6b7169203331", &"0".repeat(16)),
            &format!("{given}-more"),
            &format!("{given} "),
            &format!("00-{trace}-b7ad6b7169203331"),
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(traceparent(Some(given.as_bytes()), [0; 8]), None);
        assert_eq!(traceparent(None, [1; 8]), None);
    }
}
