//! Source texts.

/// A text to compile, under the name that diagnostics show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line starts; what is read is far shorter than 4 GiB.
    lines: Vec<u32>,
    /// Where the bytes stop being UTF-8.
    invalid: Option<usize>,
}

impl Source {
    /// A text from its bytes; a byte order mark is no part of it.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Vec<u8> = bytes.into();
        let (mut text, invalid) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                (
                    String::from_utf8_lossy(error.as_bytes()).into_owned(),
                    Some(valid),
                )
            }
        };
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(breaks);
        let lines = starts
            .map_while(|start| u32::try_from(start).ok())
            .collect();
        Self {
            name: name.into(),
            text,
            lines,
            invalid,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text; where it was not UTF-8, a likeness of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte at which it stops being UTF-8.
    pub fn invalid(&self) -> Option<usize> {
        self.invalid
    }

    /// Line and column of a byte, both from 1, columns in characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let place = |start: &u32| usize::try_from(*start).unwrap_or(usize::MAX);
        let line = self.lines.partition_point(|start| place(start) <= byte);
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line));
        let start = start.map(place);
        let before = self.text.get(start.unwrap_or(0)..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_skip_the_byte_order_mark() {
        let source = Source::new("x", "\u{feff}é: 1\r\nb: ü\t2\r\n");
        assert_eq!(source.text(), "é: 1\r\nb: ü\t2\r\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (1, 2));
        assert_eq!(source.position(source.text().find('2').unwrap()), (2, 6));
    }
}
