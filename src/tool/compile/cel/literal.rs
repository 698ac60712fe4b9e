//! Numbers, strings and bytes as they are written.
//!
//! SPEC: cel-spec, "Numeric Values" and "String and Bytes Values".

use super::syntax::{ExprSpan, SyntaxError};
use super::token::Token;
use crate::engine::expr::{Constant, Real};

/// Whether a number begins here.
pub(super) fn begins_number(text: &str) -> bool {
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(b'0'..=b'9') => true,
        Some(b'.') => bytes.next().is_some_and(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// The length of the number that begins here, with all letters that follow.
pub(super) fn number_length(text: &str) -> usize {
    let mut length = 0;
    let mut last = '0';
    let mut has_point = false;
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    for (at, c) in text.char_indices() {
        let next = text[at + c.len_utf8()..].bytes().next();
        let is_part = match c {
            '.' => !has_point && !is_hex && next.is_some_and(|byte| byte.is_ascii_digit()),
            '+' | '-' => !is_hex && matches!(last, 'e' | 'E'),
            c => c.is_ascii_alphanumeric() || c == '_',
        };
        if !is_part {
            break;
        }
        has_point |= matches!(c, '.' | 'e' | 'E');
        last = c;
        length = at + c.len_utf8();
    }
    length
}

/// The value of a number, which may have a sign.
pub(super) fn number(
    is_negative: bool,
    text: &str,
    span: &ExprSpan,
) -> Result<Constant, SyntaxError> {
    let sign = if is_negative { "-" } else { "" };
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let (digits, is_uint) = match text.strip_suffix(['u', 'U']) {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let (digits, radix) = match is_hex {
        true => (&digits[2..], 16),
        false => (digits, 10),
    };
    let malformed = || SyntaxError::new(span, format!("`{text}` is no number"));
    if digits.chars().all(|c| c.is_digit(radix)) && !digits.is_empty() {
        let too_big = |kind: &str| {
            SyntaxError::new(span, format!("`{sign}{text}` does not fit in an {kind}"))
                .help("numbers have 64 bits; with a point or an exponent it is a double")
        };
        if is_uint {
            if is_negative {
                return Err(SyntaxError::new(span, "a uint has no sign"));
            }
            let value = u64::from_str_radix(digits, radix);
            return value.map(Constant::Uint).map_err(|_| too_big("uint"));
        }
        let value = i64::from_str_radix(&format!("{sign}{digits}"), radix);
        return value.map(Constant::Int).map_err(|_| too_big("int"));
    }
    let is_double = !is_uint && !is_hex && digits.bytes().all(|b| b"0123456789.eE+-".contains(&b));
    let value = format!("{sign}{digits}").parse::<f64>();
    match value {
        Ok(value) if is_double && value.is_finite() => Ok(Constant::Double(Real(value))),
        Ok(_) if is_double => Err(SyntaxError::new(
            span,
            format!("`{text}` does not fit in a double"),
        )),
        _ => Err(malformed()),
    }
}

/// The string or bytes that begin here, if any do, and how long they are.
pub(super) fn quoted(text: &str, at: usize) -> Result<Option<(Token, usize)>, SyntaxError> {
    // No prefix is longer than two letters.
    let quote = text
        .bytes()
        .take(3)
        .position(|byte| matches!(byte, b'"' | b'\''));
    let Some(quote) = quote else {
        return Ok(None);
    };
    let prefix = text[..quote].to_ascii_lowercase();
    let (is_raw, is_bytes) = match prefix.as_str() {
        "" => (false, false),
        "r" => (true, false),
        "b" => (false, true),
        "br" => (true, true),
        _ => return Ok(None),
    };
    let rest = &text[quote..];
    let Some(mark) = ["\"\"\"", "'''", "\"", "'"]
        .iter()
        .find(|m| rest.starts_with(**m))
    else {
        return Ok(None);
    };
    let begin = quote + mark.len();
    let mut value = LiteralBuffer {
        is_bytes,
        bytes: Vec::new(),
    };
    let mut place = begin;
    loop {
        let rest = &text[place..];
        if rest.starts_with(mark) {
            let length = place + mark.len();
            return value
                .finish(at..at + length)
                .map(|value| Some((Token::Literal(value), length)));
        }
        let Some(c) = rest
            .chars()
            .next()
            .filter(|c| mark.len() > 1 || !matches!(c, '\n' | '\r'))
        else {
            let span = at..at + quote + mark.len();
            return Err(SyntaxError::new(&span, "the string has no end on its line")
                .help(format!("end it with `{mark}`")));
        };
        if c != '\\' || is_raw {
            value.push(c);
            place += c.len_utf8();
            continue;
        }
        let length = value.escape(&rest[1..]).ok_or_else(|| {
            let next = rest.chars().nth(1);
            let end = place + 1 + next.map_or(0, char::len_utf8);
            let message = format!("`{}` is no escape", &text[place..end]);
            SyntaxError::new(&(at + place..at + end), message).help(match is_bytes {
                true => {
                    r"such as `\n`, `\\` or `\x00`; what no escape is meant in stands in `br'...'`"
                }
                false => {
                    r"such as `\n`, `\\`, `\x41` or `\u00e9`; in `r'...'` a backslash is itself"
                }
            })
        })?;
        place += 1 + length;
    }
}

/// A string or bytes on the way.
struct LiteralBuffer {
    is_bytes: bool,
    bytes: Vec<u8>,
}

impl LiteralBuffer {
    fn push(&mut self, c: char) {
        self.bytes
            .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Adds what an escape stands for, which is given without its backslash; its length.
    fn escape(&mut self, text: &str) -> Option<usize> {
        let simple = match text.chars().next()? {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            c @ ('\\' | '?' | '"' | '\'' | '`') => c,
            'x' | 'X' => return self.code(text, 1, 2, 16),
            'u' if !self.is_bytes => return self.code(text, 1, 4, 16),
            'U' if !self.is_bytes => return self.code(text, 1, 8, 16),
            '0'..='3' => return self.code(text, 0, 3, 8),
            _ => return None,
        };
        self.push(simple);
        Some(1)
    }

    fn code(&mut self, text: &str, skip: usize, digits: usize, radix: u32) -> Option<usize> {
        let end = skip + digits;
        let digits = text.get(skip..end)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        let code = u32::from_str_radix(digits, radix).ok()?;
        if self.is_bytes {
            self.bytes.push(u8::try_from(code).ok()?);
        } else {
            self.push(char::from_u32(code)?);
        }
        Some(end)
    }

    fn finish(self, span: ExprSpan) -> Result<Constant, SyntaxError> {
        if self.is_bytes {
            return Ok(Constant::Bytes(self.bytes));
        }
        let text = String::from_utf8(self.bytes);
        text.map(Constant::String)
            .map_err(|_| SyntaxError::new(&span, "the string is not UTF-8"))
    }
}
