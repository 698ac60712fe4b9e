//! Regular expressions: from RE2's syntax to automata that the filter runs.
//!
//! An expression means here what it means to RE2, or it is refused: `dialect` knows
//! where the syntax of the parser is another. It matches whole values, or searches them
//! as `matches` of CEL does. Its automaton is bounded in size, so that nothing is
//! compiled in the filter and every value takes linear time.

mod budget;
mod dialect;
mod shape;

pub(super) use budget::{bounded, is_about_it, is_spent};

use base64ct::{Base64, Encoding};
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;
use regex_syntax::hir::{Dot, Hir, Look, Repetition};
use regex_syntax::{ParserBuilder, ast};

use crate::engine::policy::CompiledRegex;
use dialect::Foreign;

/// The most bytes of an automaton, as the filter holds it.
const AUTOMATON_BYTES: usize = 64 * 1024;

/// The most bytes of the forms it passes through: they bound the time that takes.
const STATES_BYTES: usize = 256 * 1024;
const WORKING_BYTES: usize = 512 * 1024;

/// The deepest nesting of groups and classes.
const NESTING: u32 = 100;

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegexError {
    /// What is wrong: one sentence.
    pub(super) message: String,
    /// How to mend it.
    pub(super) help: Option<String>,
}

/// Compiles an expression in RE2's syntax that is to match whole values.
///
/// # Errors
/// What of it RE2 does not have or reads otherwise, or that its automaton is too big, or all
/// are that are built [together](bounded).
pub(super) fn compile(text: &str) -> Result<CompiledRegex, RegexError> {
    let whole = Hir::concat(vec![
        Hir::look(Look::Start),
        parse(text)?,
        Hir::look(Look::End),
    ]);
    finish(text, &whole)
}

/// Compiles an expression in RE2's syntax that is to be found somewhere in values.
///
/// # Errors
/// As of [`compile`].
pub(super) fn compile_search(text: &str) -> Result<CompiledRegex, RegexError> {
    // What comes before is part of the automaton, which then is of one form with others.
    let before = Hir::repetition(Repetition {
        min: 0,
        max: None,
        greedy: false,
        sub: Box::new(Hir::dot(Dot::AnyByte)),
    });
    finish(text, &Hir::concat(vec![before, parse(text)?]))
}

/// Whether a value that an expression matches as a whole may begin with an ASCII character; of
/// one that cannot be read that is not known.
pub(super) fn may_begin_with(text: &str, first: u8) -> bool {
    parse(text).map_or(true, |parsed| shape::may_begin_with(&parsed, first))
}

/// Whether an expression says where the values end that it matches: by `$`, or by `.*` and the
/// like. What cannot be read is taken to.
pub(super) fn says_its_end(text: &str) -> bool {
    parse(text).map_or(true, |parsed| shape::says_its_end(&parsed))
}

/// Whether every match of an expression has a character of a kind; of one that cannot be read
/// that is not known.
pub(super) fn needs(text: &str, is_of_kind: fn(char) -> bool) -> bool {
    parse(text).is_ok_and(|parsed| shape::needs(&parsed, is_of_kind))
}

/// Whether an expression is for the front of a value, by `^` or `\\A`.
pub(super) fn is_of_front(text: &str) -> bool {
    parse(text).is_ok_and(|parsed| shape::is_of_front(&parsed))
}

/// Whether an expression is a text without anything that makes it an expression.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.contains([
            '\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$',
        ])
}

/// What stands before a `*` at the end that repeats only a mark between words, as in `/a/*` and
/// `a-*`: to shells that is all that begins so.
pub(super) fn glob(text: &str) -> Option<&str> {
    let front = text.strip_suffix('$').unwrap_or(text).strip_suffix('*')?;
    let words = front.strip_suffix(['/', '-', '_', ':'])?;
    let is_word = words.ends_with(|c: char| c.is_alphanumeric());
    is_word.then_some(front)
}

fn parse(text: &str) -> Result<Hir, RegexError> {
    let re2 = dialect::translate(text, NESTING).map_err(|foreign| foreign.refusal(text))?;
    let parsed = ParserBuilder::new()
        // The byte-wise `\b` and `\B` of RE2; all else matches whole characters.
        .utf8(false)
        // What RE2 means is spelt with a group or a class around it.
        .nest_limit(NESTING.saturating_add(2))
        .build()
        .parse(&re2);
    parsed.map_err(|error| RegexError {
        message: format!("the regular expression cannot be read: {error}"),
        help: None,
    })
}

fn finish(text: &str, whole: &Hir) -> Result<CompiledRegex, RegexError> {
    let automaton = budget::spend(|| automaton(whole))?.ok_or_else(too_big)?;
    Ok(CompiledRegex {
        text: text.to_owned(),
        automaton: Base64::encode_string(&automaton),
    })
}

/// The automaton's bytes; `None` when there are too many.
fn automaton(expression: &Hir) -> Option<Vec<u8>> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .which_captures(thompson::WhichCaptures::None)
                .nfa_size_limit(Some(STATES_BYTES)),
        )
        .build_from_hir(expression)
        .ok()?;
    let dense = dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(regex_automata::dfa::StartKind::Anchored)
                .accelerate(false)
                .dfa_size_limit(Some(WORKING_BYTES))
                .determinize_size_limit(Some(WORKING_BYTES)),
        )
        .build_from_nfa(&nfa)
        .ok()?;
    let bytes = dense.to_sparse().ok()?.to_bytes_little_endian();
    (bytes.len() <= AUTOMATON_BYTES).then_some(bytes)
}

fn too_big() -> RegexError {
    let most = AUTOMATON_BYTES / 1024;
    RegexError {
        message: format!("the regular expression needs an automaton of more than {most} KiB"),
        help: Some(
            "counted repetitions need the most: use `*` or `+`, lower counts, or classes of \
             ASCII characters instead of `.`"
                .to_owned(),
        ),
    }
}

impl Foreign {
    fn refusal(self, text: &str) -> RegexError {
        let Self { at, message, help } = self;
        let before = text.get(..at).unwrap_or(text).chars().count();
        RegexError {
            message: format!("{message}, at character {}", before + 1),
            help,
        }
    }
}

impl From<&ast::Error> for Foreign {
    fn from(error: &ast::Error) -> Self {
        use ast::ErrorKind::{
            ClassUnclosed, GroupUnopened, RepetitionCountDecimalEmpty, RepetitionCountUnclosed,
            RepetitionMissing, UnsupportedBackreference,
        };
        let help = match error.kind() {
            ClassUnclosed => Some(r"a class ends with `]`; the character `[` is written `\[`"),
            GroupUnopened => Some(r"the character `)` is written `\)`"),
            RepetitionCountDecimalEmpty | RepetitionCountUnclosed => {
                Some(r"a count is `{2}`, `{2,}` or `{2,3}`; the character `{` is written `\{`")
            }
            RepetitionMissing => Some("the character itself is written with a `\\` before it"),
            UnsupportedBackreference => {
                Some(r"a character is written by its number as `\x41` or `\x{1f600}`")
            }
            _ => None,
        };
        Self {
            at: error.span().start.offset,
            message: format!("the regular expression cannot be read: {}", error.kind()),
            help: help.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests;
