//! What a question belongs to: a trace, and a request with an id.
//!
//! SPEC: W3C Trace Context, 3.2.

use super::callout::Unshown;
use crate::engine::request::Headers;

/// The longest `tracestate` and `x-request-id` that are passed on, in bytes.
///
/// SECURITY: authorizers fail where headers are too long, and a failure may allow. SPEC:
/// W3C Trace Context, 3.3.1.5, wants 512 bytes of `tracestate` passed on.
const LIMIT: usize = 512;

/// The headers that say it, with a span of its own.
pub(super) fn context(shown: &Headers, span: [u8; 8]) -> Result<Vec<(String, String)>, Unshown> {
    let mut context = Vec::new();
    let mut add = |name: &str, value: &[u8]| {
        let value = String::from_utf8(value.to_vec()).map_err(|_| Unshown::NotText)?;
        context.push((name.to_owned(), value));
        Ok(())
    };
    if let Some(traceparent) = traceparent(shown.only("traceparent"), span) {
        add("traceparent", traceparent.as_bytes())?;
        let states = || shown.all("tracestate");
        if states().map(<[u8]>::len).fold(0, usize::saturating_add) <= LIMIT {
            states().try_for_each(|state| add("tracestate", state))?;
        }
    }
    let id = shown.only("x-request-id").filter(|id| id.len() <= LIMIT);
    id.map_or(Ok(()), |id| add("x-request-id", id))?;
    Ok(context)
}

/// The trace of a request, for a call with a span of its own; `None` where the request
/// has none, or nobody could choose a span.
fn traceparent(given: Option<&[u8]>, span: [u8; 8]) -> Option<String> {
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
