//! The words of an expression.
//!
//! SPEC: cel-spec, "Syntax". DEVIATION: a name with a dot before it (`.request`) is
//! refused: there are no containers that it could step out of.

use super::literal;
use super::syntax::{ExprSpan, SyntaxError};
use crate::engine::expr::Constant;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, or a word that may not be one.
    Word(String),
    /// A name in backticks.
    Quoted(String),
    /// The digits of a number, which may get a sign yet.
    Number(String),
    /// A string or bytes.
    Literal(Constant),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end.
    End,
}

/// Those that begin as others come before them.
const SYMBOLS: [&str; 26] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}", "=", "&",
];

impl Token {
    /// The word as a sentence shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => format!("`{word}`"),
            Self::Quoted(word) => format!("`` `{word}` ``"),
            Self::Literal(Constant::Bytes(_)) => "bytes".to_owned(),
            Self::Literal(_) => "a string".to_owned(),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Takes an expression apart.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, ExprSpan)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += blank(&text[at..]);
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, at..at));
            return Ok(tokens);
        };
        let (token, length) = if let Some(found) = literal::quoted(rest, at)? {
            found
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = word(rest);
            (Token::Word(rest[..length].to_owned()), length)
        } else if first == '`' {
            backticks(rest, at)?
        } else if literal::begins_number(rest) {
            let length = literal::number_length(rest);
            (Token::Number(rest[..length].to_owned()), length)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let message = format!("`{first}` has no meaning here");
            let help = "a string stands in quotes: `\"...\"` or `'...'`";
            return Err(SyntaxError::new(&(at..at + first.len_utf8()), message).help(help));
        };
        tokens.push((token, at..at + length));
        at += length;
    }
}

fn word(text: &str) -> usize {
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    text.find(ends).unwrap_or(text.len())
}

/// White space and comments.
fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        if !rest.starts_with("//") {
            return text.len() - rest.len();
        }
        rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
    }
}

fn backticks(rest: &str, at: usize) -> Result<(Token, usize), SyntaxError> {
    let is_name = |name: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        !name.is_empty() && name.chars().all(allowed)
    };
    match rest[1..]
        .split_once('`')
        .map(|(name, _)| name)
        .filter(is_name)
    {
        Some(name) => Ok((Token::Quoted(name.to_owned()), name.len() + 2)),
        None => Err(
            SyntaxError::new(&(at..at + 1), "a backtick begins no name here")
                .help("between backticks stand letters, digits, `_`, `.`, `-`, `/` and spaces"),
        ),
    }
}
