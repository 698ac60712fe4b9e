//! Where a part of a scalar is written.
//!
//! Quotes, indentation and folded lines make a scalar another text than what is written;
//! but they change only its white space. So a part is found by counting the characters
//! that are none. Where what is written has others than the value there is no answer.

use std::ops::Range;

use super::Span;

/// Where a part of a scalar is written, which begins and ends at no white space. `span` is
/// where the whole scalar is written, `value` what it says.
pub fn locate(text: &str, span: Span, value: &str, part: &Range<usize>) -> Option<Span> {
    let written = text.get(span.start..span.end)?;
    let readings = [block(written), quoted(written), Some(plain(written))];
    let mut readings = readings.into_iter().flatten();
    let places = readings.find(|places| is_same(places, value))?;
    let count = |end: usize| Some(value.get(..end)?.chars().filter(is_shown).count());
    let start = places.get(count(part.start)?);
    let last = count(part.end)?
        .checked_sub(1)
        .and_then(|last| places.get(last));
    // What is empty is at the end, or before what follows.
    let (start, end) = match (start, last) {
        (Some(start), Some(last)) if last.at >= start.at => (start.at, last.end),
        (Some(start), _) => (start.at, start.at),
        (None, Some(last)) => (last.end, last.end),
        (None, None) => return None,
    };
    Some(Span {
        file: span.file,
        start: span.start + start,
        end: span.start + end,
    })
}

/// A character that is no white space, and where it is written.
struct VisibleChar {
    char: char,
    at: usize,
    end: usize,
}

fn is_shown(char: &char) -> bool {
    !char.is_whitespace()
}

fn is_same(places: &[VisibleChar], value: &str) -> bool {
    let value = value.chars().filter(is_shown);
    places.iter().map(|place| place.char).eq(value)
}

/// What is written as it stands.
fn plain(written: &str) -> Vec<VisibleChar> {
    let places = written.char_indices().map(|(at, char)| VisibleChar {
        char,
        at,
        end: at + char.len_utf8(),
    });
    places.filter(|place| is_shown(&place.char)).collect()
}

/// A block, without the line that says it is one.
fn block(written: &str) -> Option<Vec<VisibleChar>> {
    let (first, rest) = written.split_once('\n')?;
    if !first.starts_with(['|', '>']) {
        return None;
    }
    let skipped = written.len() - rest.len();
    let mut places = plain(rest);
    for place in &mut places {
        place.at += skipped;
        place.end += skipped;
    }
    Some(places)
}

/// What stands in quotes, with the escapes that are one character.
fn quoted(written: &str) -> Option<Vec<VisibleChar>> {
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = written.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut places = Vec::new();
    let mut chars = inner.char_indices();
    while let Some((at, first)) = chars.next() {
        let is_escape = first == '\'' && quote == '\'' || first == '\\' && quote == '"';
        let (char, length) = match is_escape {
            true => (unescaped(chars.next()?.1)?, 2),
            false => (first, first.len_utf8()),
        };
        if is_shown(&char) {
            let at = at + quote.len_utf8();
            places.push(VisibleChar {
                char,
                at,
                end: at + length,
            });
        }
    }
    Some(places)
}

/// What an escape of one character stands for; line breaks count for no more than space.
fn unescaped(char: char) -> Option<char> {
    match char {
        '"' | '\'' | '\\' | '/' => Some(char),
        'n' | 't' | 'r' | ' ' | '\n' | '\r' => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::api::yaml::{FileId, load};

    /// Where `part` of the value of `a` is said to be written.
    fn located(text: &str, part: &str) -> Option<String> {
        let loaded = load(FileId(0), text);
        let entry = loaded.documents[0].root.get("a").unwrap();
        let value = entry.value.text().unwrap();
        let start = value.find(part).unwrap();
        let span = locate(text, entry.value.span, value, &(start..start + part.len()))?;
        Some(text[span.start..span.end].to_owned())
    }

    #[test]
    fn a_part_is_found_however_the_scalar_is_written() {
        for text in [
            "a: x && y == z\n",
            "a: x &&\n  y == z\n",
            "a: 'x && y == z'\n",
            "a: \"x && y == z\"\n",
            "a: \"x\n  && y\\\n   == z\"\n",
            "a: |\n  x &&\n    y == z\n",
            "a: |-\n  x &&\n  y == z",
            "a: >\n  x &&\n  y == z\n",
            "a: >2-  # folded\n    x && y\n    == z\nb: 1\n",
            "{\"a\": \"x && y == z\"}",
            "a: |\r\n  x &&\r\n  y == z\r\n",
        ] {
            assert_eq!(located(text, "y").as_deref(), Some("y"), "{text}");
            assert_eq!(located(text, "z").as_deref(), Some("z"), "{text}");
        }
    }

    #[test]
    fn escapes_are_pointed_at_as_they_are_written() {
        assert_eq!(
            located("a: 'x == ''y'' + z'\n", "'y'").as_deref(),
            Some("''y''")
        );
        let double = "a: \"x == \\\"y\\\" + z\"\n";
        assert_eq!(located(double, "\"y\"").as_deref(), Some("\\\"y\\\""));
        assert_eq!(located(double, "z").as_deref(), Some("z"));
        assert_eq!(located("a: \"x\\u0020== z\"\n", "z"), None);
    }
}
