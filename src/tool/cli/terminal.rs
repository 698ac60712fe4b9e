//! Text for people: how wide, how wrapped, in which colours, and nothing in it that
//! controls a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use crate::engine::json::shown;

/// How wide text is where nobody says.
const USUAL: usize = 80;

/// The narrowest terminal that is taken at its word, and the widest text that one likes
/// to read.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// What stands for a tab.
const TAB: &str = "    ";

/// How something is set off. What is no terminal gets none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
}

impl Tone {
    /// Text in this tone.
    pub(super) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// How wide text on standard output is to be.
pub(super) fn width() -> usize {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return USUAL;
    }
    terminal_size::terminal_size_of(stdout).map_or(USUAL, |(width, _)| {
        usize::from(width.0).clamp(NARROWEST, WIDEST)
    })
}

/// Writes text to standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// One line of it, whatever it is.
///
/// SECURITY: requests and policies may say anything, and are not to control a terminal.
pub(super) fn plain(text: &str) -> String {
    tame(&text.replace('\n', "\\n").replace('\r', "\\r"))
}

/// Text whose lines stay lines, with an escape in the place of what controls a terminal and of
/// what is not seen.
///
/// SECURITY: names of files, registries and manifests may say anything.
pub(super) fn tame(text: &str) -> String {
    let lines = text.split('\n').map(|line| shown(&line.replace('\t', TAB)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Text broken between words, and within words that are longer than a line. Lines after
/// the first are indented to stand below the text, which `front` stands before.
pub(super) fn hang(front: &str, text: &str, width: usize) -> String {
    let indent = anstream::adapter::strip_str(front)
        .to_string()
        .chars()
        .count();
    let room = width.saturating_sub(indent).max(20);
    let text = plain(text);
    let lines = textwrap::wrap(&text, wrapping(room));
    let rest = format!("\n{}", " ".repeat(indent));
    format!("{front}{}\n", lines.join(&rest))
}

/// How text is broken: at blanks, line by line, never within what has none, such as `tools/call`
/// or a flag.
pub(super) fn wrapping<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_hangs_below_its_beginning() {
        let wrapped = hang("front ", "one two three four five six seven", 26);
        assert_eq!(wrapped, "front one two three four\n      five six seven\n");
        let wrapped = hang("", &"x".repeat(45), 20);
        assert_eq!(wrapped, format!("{0}\n{0}\nxxxxx\n", "x".repeat(20)));
        let painted = hang(&Tone::Bad.paint("no "), "a b", 80);
        assert_eq!(painted, "\u{1b}[1;31mno \u{1b}[0ma b\n");
    }

    #[test]
    fn nothing_controls_the_terminal() {
        let text = hang("", "a\u{1b}[31mb\nc\r\u{7}\u{202e}d", 80);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(
            !text.contains(['\u{1b}', '\r', '\u{7}', '\u{202e}']),
            "{text:?}"
        );
    }
}
