//! Help for texts that are no YAML: what most of them have in common.

use super::template;
use crate::tool::api::decode::{FieldPlace, Problem};
use crate::tool::api::yaml::Span;

/// The same problem with a way to mend it, where there is one to be seen in the text.
pub(super) fn with_help(broken: Problem, text: &str) -> Problem {
    let start = broken.at.span.start;
    if let Some((span, found)) = action(broken.at.span, text) {
        let message = format!("the text is a template that was not rendered: it has `{found}`");
        return Problem::new(&nowhere(span), message).help(template::HELP);
    }
    if broken.help.is_some() {
        return broken;
    }
    let line = TextLine::at(text, start);
    if broken.message.contains("tab") {
        return at_the_tab(broken, text, &line)
            .help("indent with spaces: YAML takes no tabs there");
    }
    match help(&broken.message, text, &line, start) {
        Some(help) => broken.help(help),
        None => broken,
    }
}

/// The first action of a template in the document, up to the line that it breaks in.
fn action(broken: Span, text: &str) -> Option<(Span, &str)> {
    let Span { file, start, .. } = broken;
    let before = text.get(..start)?;
    let from = before.rfind("\n---").map_or(0, |at| at + 1);
    let line = TextLine::at(text, start);
    let document = text.get(from..line.start + line.text.len())?;
    let range = template::first(document)?;
    let span = Span {
        file,
        start: from + range.start,
        end: from + range.end,
    };
    Some((span, document.get(range)?))
}

fn nowhere(span: Span) -> FieldPlace {
    FieldPlace {
        span,
        field: String::new(),
    }
}

/// A line of a text.
struct TextLine<'t> {
    /// Its first byte.
    start: usize,
    text: &'t str,
}

impl<'t> TextLine<'t> {
    fn at(text: &'t str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(start..).unwrap_or_default();
        Self {
            start,
            text: rest.split('\n').next().unwrap_or_default(),
        }
    }

    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    /// The column of what stands behind the `- ` of items.
    fn content(&self) -> usize {
        let mut column = self.indent();
        while let Some(rest) = self.text.get(column..).and_then(|t| t.strip_prefix("- ")) {
            column = self.text.len() - rest.trim_start_matches(' ').len();
        }
        column
    }
}

/// The parser may name the line before: points at the tab itself.
fn at_the_tab(broken: Problem, text: &str, line: &TextLine<'_>) -> Problem {
    let rest = text.get(line.start..).unwrap_or_default();
    let mut start = line.start;
    for line in rest.split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..blanks).and_then(|blanks| blanks.find('\t'));
        if let Some(tab) = tab {
            let span = Span {
                start: start + tab,
                end: start + tab + 1,
                ..broken.at.span
            };
            return Problem {
                at: nowhere(span),
                ..broken
            };
        }
        start += line.len();
    }
    broken
}

fn help(message: &str, text: &str, line: &TextLine<'_>, at: usize) -> Option<String> {
    let before = line.text.get(..at.saturating_sub(line.start))?;
    if message.contains("document start") {
        return Some("put a line `---` between two documents".to_owned());
    }
    if message.contains("expect ':'") {
        let help =
            "a name of a field, here or in the line before, has no `:` with a space behind it";
        return Some(help.to_owned());
    }
    let is_misplaced = [
        "mapping values are not allowed",
        "did not find expected key",
        "did not find expected '-' indicator",
        "indentation",
        "indented",
    ];
    if !is_misplaced.iter().any(|part| message.contains(part)) {
        return None;
    }
    if before.contains(": ") {
        return Some("quote a value that has `: ` in it".to_owned());
    }
    let previous = text.get(..line.start)?.lines().rev().find(|previous| {
        let previous = previous.trim();
        !previous.is_empty() && !previous.starts_with('#')
    })?;
    let previous = TextLine {
        start: 0,
        text: previous,
    };
    Some(format!(
        "this line begins in column {}, and the fields of the line before in column {}: fields of \
         one object begin in the same column, and so do the `-` of one list",
        line.indent() + 1,
        previous.content() + 1,
    ))
}
