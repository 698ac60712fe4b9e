//! Lines of a text with marks: as they may be drawn, and no wider than is read.

use std::ops::Range;

use crate::engine::json::{is_hidden, shown};

/// The most letters of a line that are shown, and how many of them before its first mark.
const LETTERS: usize = 200;
const BEFORE: usize = 60;

/// So many lines beside one with a mark are drawn with it, at most.
const BESIDE: usize = 4;

/// Some lines, and where the marks are in them.
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) marks: Vec<Range<usize>>,
}

impl Excerpt {
    /// Lines of a text: with an escape for what is not seen, and of long lines what is around
    /// the first mark. Lines far from every mark are empty. Every mark is within a line.
    pub(super) fn of(lines: &str, marks: &[Range<usize>]) -> Self {
        let mut excerpt = Self {
            text: String::with_capacity(lines.len().min(1 << 16)),
            marks: vec![0..0; marks.len()],
        };
        let marked = marked(lines, marks);
        let mut start = 0;
        for (number, line) in lines.split('\n').enumerate() {
            if number > 0 {
                excerpt.text.push('\n');
            }
            let next = marked.partition_point(|at| *at < number.saturating_sub(BESIDE));
            if marked.get(next).is_some_and(|at| *at <= number + BESIDE) {
                excerpt.line(line, start, marks);
            }
            start += line.len() + 1;
        }
        excerpt
    }

    fn line(&mut self, line: &str, start: usize, marks: &[Range<usize>]) {
        let end = start + line.len();
        let is_here = |mark: &&Range<usize>| (start..=end).contains(&mark.start);
        let first = marks.iter().filter(is_here).map(|mark| mark.start).min();
        let window = window(line, first.map_or(0, |at| at - start));
        if window.start > 0 {
            self.text.push('…');
        }
        let begin = self.text.len();
        // Where each letter begins: as written, and as shown.
        let mut places = Vec::new();
        let shown_part = line.get(window.clone()).unwrap_or_default();
        let body = shown_part.trim_end_matches('\r');
        for (at, letter) in body.char_indices() {
            places.push((start + window.start + at, self.text.len()));
            match letter {
                '\t' => self.text.push('\t'),
                letter if is_hidden(letter) => self.text.push_str(&shown(&letter.to_string())),
                letter => self.text.push(letter),
            }
        }
        let last = self.text.len();
        let place = |at: usize| {
            let next = places.partition_point(|(written, _)| *written < at);
            places.get(next).map_or(last, |(_, shown)| *shown)
        };
        for (mark, found) in marks.iter().zip(&mut self.marks) {
            if is_here(&mark) {
                *found = place(mark.start).max(begin)..place(mark.end).max(begin);
            }
        }
        if window.end < line.len() {
            self.text.push('…');
        }
    }
}

/// The lines that have marks, in order.
fn marked(lines: &str, marks: &[Range<usize>]) -> Vec<usize> {
    let number = |mark: &Range<usize>| {
        let before = lines.as_bytes().get(..mark.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count()
    };
    let mut marked: Vec<usize> = marks.iter().map(number).collect();
    marked.sort_unstable();
    marked
}

/// The part of a line that is shown, around a place in it.
fn window(line: &str, at: usize) -> Range<usize> {
    if line.len() <= LETTERS {
        return 0..line.len();
    }
    let before = line.get(..at).unwrap_or_default();
    let start = before.char_indices().rev().nth(BEFORE - 1);
    let all = line.chars().nth(LETTERS).is_none();
    let start = start.filter(|_| !all).map_or(0, |(start, _)| start);
    let rest = line.get(start..).unwrap_or_default();
    let end = rest.char_indices().nth(LETTERS);
    start..end.map_or(line.len(), |(end, _)| start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked_text(lines: &str, mark: Range<usize>) -> (String, String) {
        let Excerpt { text, marks } = Excerpt::of(lines, &[mark]);
        let found = text[marks[0].clone()].to_owned();
        (text, found)
    }

    #[test]
    fn what_is_short_and_seen_stays_as_it_is() {
        let lines = "größe: 1\n\ta: b # x\nc: d";
        let at = lines.find("b #").unwrap();
        let (text, found) = marked_text(lines, at..at + 1);
        assert_eq!((text.as_str(), found.as_str()), (lines, "b"));
    }

    #[test]
    fn marks_follow_what_is_escaped_and_cut() {
        let (text, found) = marked_text("a\u{202e}b: cd", 7..9);
        assert_eq!((text.as_str(), found.as_str()), ("a\\u{202e}b: cd", "cd"));
        let long = format!("{}mark{}", "ä".repeat(5000), "z".repeat(5000));
        let (text, found) = marked_text(&long, 10_000..10_004);
        assert_eq!(found, "mark");
        assert_eq!(text.chars().count(), LETTERS + 2);
        assert!(text.starts_with("…ä") && text.ends_with("z…"));
        let (text, found) = marked_text(&long, 10_000..15_000);
        assert!(found.starts_with("markz") && text.len() < 400);
        let (_, found) = marked_text(&long, long.len()..long.len());
        assert_eq!(found, "");
    }

    #[test]
    fn lines_far_from_marks_are_empty() {
        let lines = format!("a\n{}b", "x\n".repeat(100));
        let end = lines.len() - 1;
        let excerpt = Excerpt::of(&lines, &[0..1, end..end + 1]);
        assert_eq!(excerpt.text.lines().count(), 102);
        assert!(excerpt.text.matches('x').count() <= 2 * BESIDE);
        let found: Vec<&str> = excerpt
            .marks
            .iter()
            .map(|m| &excerpt.text[m.clone()])
            .collect();
        assert_eq!(found, ["a", "b"]);
    }
}
