//! Where the parser's syntax is not RE2's.
//!
//! What both have and mean the same by is left as it is; what RE2 means otherwise by
//! `\d`, `\w`, `\s`, `\b` and their opposites is spelt out; all else is refused with
//! what to write instead. SECURITY: an expression that two implementations of the API
//! read in two ways protects nothing.
//!
//! SPEC: RE2, `doc/syntax.txt`, with Perl's classes, as Envoy runs it.

use std::fmt::Display;

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{
    self, Assertion, AssertionKind, Ast, ClassBracketed, ClassPerl, ClassPerlKind,
    ClassSetBinaryOp, ClassSetBinaryOpKind, ClassSetItem, ClassUnicode, ClassUnicodeKind, Flag,
    Flags, FlagsItemKind, Group, GroupKind, HexLiteralKind, Literal, LiteralKind, Repetition,
    RepetitionKind, RepetitionRange, Span, Visitor,
};

/// The most that a counted repetition repeats, those around it included.
const REPETITIONS: u32 = 1000;

/// SPEC: Unicode, general categories; RE2 takes them by these names alone.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z",
    "Zl", "Zp", "Zs", "Any",
];

/// What is not RE2's, or is to be read otherwise.
#[derive(Debug)]
pub(super) struct Foreign {
    /// The byte where it begins.
    pub(super) at: usize,
    /// What it is: one sentence.
    pub(super) message: String,
    /// What to write instead.
    pub(super) help: Option<String>,
}

/// An expression of RE2 as the parser is to read it.
pub(super) fn translate(text: &str, nesting: u32) -> Result<String, Foreign> {
    let mut parser = ParserBuilder::new().nest_limit(nesting).build();
    let tree = parser.parse(text).map_err(|error| Foreign::from(&error))?;
    ast::visit(
        &tree,
        Dialect {
            text,
            budgets: vec![REPETITIONS],
            translated: String::with_capacity(text.len()),
            taken: 0,
        },
    )
}

struct Dialect<'t> {
    text: &'t str,
    /// How often each open repetition may still be repeated; the innermost last.
    budgets: Vec<u32>,
    translated: String,
    /// Up to where the text is in `translated`.
    taken: usize,
}

impl Visitor for Dialect<'_> {
    type Output = String;
    type Err = Foreign;

    fn finish(mut self) -> Result<String, Foreign> {
        self.take(self.text.len());
        Ok(self.translated)
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Foreign> {
        match tree {
            Ast::Empty(_) | Ast::Dot(_) | Ast::Alternation(_) | Ast::Concat(_) => Ok(()),
            Ast::Flags(set) => flags(&set.flags),
            Ast::Literal(given) => literal(given, self.text),
            Ast::Assertion(given) => self.assertion(given),
            Ast::ClassUnicode(given) => unicode(given, self.text),
            Ast::ClassPerl(given) => {
                self.perl(given);
                Ok(())
            }
            Ast::ClassBracketed(given) => self.bracketed(given),
            Ast::Repetition(given) => self.repetition(given),
            Ast::Group(given) => group(given),
        }
    }

    fn visit_post(&mut self, tree: &Ast) -> Result<(), Foreign> {
        if let Ast::Repetition(_) = tree {
            self.budgets.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Foreign> {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Union(_) => Ok(()),
            ClassSetItem::Literal(given) => literal(given, self.text),
            ClassSetItem::Range(range) => {
                literal(&range.start, self.text)?;
                literal(&range.end, self.text)
            }
            ClassSetItem::Unicode(given) => unicode(given, self.text),
            ClassSetItem::Perl(given) => {
                self.perl(given);
                Ok(())
            }
            ClassSetItem::Bracketed(inner) => Err(foreign(
                &inner.span,
                "a class within a class",
                r"RE2 reads the inner `[` as a character: write `\[` for that, or one class of all",
            )),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, op: &ClassSetBinaryOp) -> Result<(), Foreign> {
        let sign = match op.kind {
            ClassSetBinaryOpKind::Intersection => "&&",
            ClassSetBinaryOpKind::Difference => "--",
            ClassSetBinaryOpKind::SymmetricDifference => "~~",
        };
        let at = Span::splat(op.lhs.span().end);
        let what = format!("`{sign}` between classes");
        let help = "RE2 reads it as characters: write each once and with a `\\` before it for that, \
                    or list what is to match";
        Err(foreign(&at, what, help))
    }
}

impl Dialect<'_> {
    /// Takes the text over, up to a byte.
    fn take(&mut self, end: usize) {
        let text = self.text.get(self.taken..end);
        self.translated.push_str(text.unwrap_or_default());
        self.taken = end;
    }

    fn replace(&mut self, span: &Span, by: &str) {
        self.take(span.start.offset);
        self.translated.push_str(by);
        self.taken = span.end.offset;
    }

    /// RE2's are ASCII, and `\s` has no vertical tab.
    fn perl(&mut self, class: &ClassPerl) {
        let by = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[\t\n\f\r\x20]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r\x20]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.replace(&class.span, by);
    }

    fn assertion(&mut self, assertion: &Assertion) -> Result<(), Foreign> {
        let span = &assertion.span;
        match assertion.kind {
            AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText => Ok(()),
            AssertionKind::WordBoundary => {
                self.replace(span, r"(?-u:\b)");
                Ok(())
            }
            AssertionKind::NotWordBoundary => {
                self.replace(span, r"(?-u:\B)");
                Ok(())
            }
            AssertionKind::WordBoundaryStartAngle => Err(foreign(
                span,
                r"`\<`",
                r"RE2 reads it as the character: write `<` for that, or `\b`",
            )),
            AssertionKind::WordBoundaryEndAngle => Err(foreign(
                span,
                r"`\>`",
                r"RE2 reads it as the character: write `>` for that, or `\b`",
            )),
            AssertionKind::WordBoundaryStart
            | AssertionKind::WordBoundaryEnd
            | AssertionKind::WordBoundaryStartHalf
            | AssertionKind::WordBoundaryEndHalf => Err(foreign(
                span,
                format!("`{}`", self.written(span)),
                r"RE2 has `\b` and `\B` alone",
            )),
        }
    }

    /// The parser takes a `-` or `]` that comes first as it is; RE2 starts ranges with it.
    fn bracketed(&self, class: &ClassBracketed) -> Result<(), Foreign> {
        let inner = self.written(&class.span);
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        let inner = inner.strip_prefix('^').unwrap_or(inner);
        match inner.as_bytes() {
            [first @ (b']' | b'-'), b'-', after, ..] if *after != b']' => {
                let first = char::from(*first);
                Err(foreign(
                    &class.span,
                    format!("a class that begins with `{first}-`"),
                    format!(r"RE2 reads a range: write `\{first}-`, or put the `-` last"),
                ))
            }
            _ => Ok(()),
        }
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), Foreign> {
        let span = &repetition.op.span;
        if let Ast::Repetition(_) = *repetition.ast {
            let what = format!("`{}` after another repetition", self.written(span));
            return Err(foreign(
                span,
                what,
                "put what is to be repeated in `(?:` and `)`",
            ));
        }
        let budget = self.budgets.last().copied().unwrap_or(REPETITIONS);
        let RepetitionKind::Range(range) = &repetition.op.kind else {
            self.budgets.push(budget);
            return Ok(());
        };
        if !is_count(self.written(span)) {
            let what = format!("the count `{}`", self.written(span));
            let help = r"RE2 reads it as characters: write `\{` for that; a count has no spaces and \
                         no zeros before it";
            return Err(foreign(span, what, help));
        }
        let (least, most) = match range {
            RepetitionRange::Exactly(count) => (*count, *count),
            RepetitionRange::AtLeast(least) => (*least, *least),
            RepetitionRange::Bounded(least, most) => (*least, *most),
        };
        let left = budget.checked_div(most.max(1)).unwrap_or(0);
        if left == 0 || least > REPETITIONS {
            let what = format!(
                "`{}`, by which something repeats too often",
                self.written(span)
            );
            let help = format!("{REPETITIONS} times are the most, repetitions around it included");
            return Err(foreign(span, what, help));
        }
        self.budgets.push(left);
        Ok(())
    }

    fn written(&self, span: &Span) -> &str {
        written(self.text, span)
    }
}

/// `{2}`, `{2,}` or `{2,3}`, perhaps lazy; as RE2 reads counts.
fn is_count(text: &str) -> bool {
    let text = text.strip_suffix('?').unwrap_or(text);
    let Some(inner) = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
    else {
        return false;
    };
    let is_number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text == "0" || !text.starts_with('0'))
    };
    match inner.split_once(',') {
        None => is_number(inner),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    }
}

fn literal(literal: &Literal, text: &str) -> Result<(), Foreign> {
    match literal.kind {
        LiteralKind::Verbatim
        | LiteralKind::Meta
        | LiteralKind::Superfluous
        | LiteralKind::Special(_)
        | LiteralKind::HexFixed(HexLiteralKind::X)
        | LiteralKind::HexBrace(HexLiteralKind::X) => Ok(()),
        LiteralKind::Octal | LiteralKind::HexFixed(_) | LiteralKind::HexBrace(_) => Err(foreign(
            &literal.span,
            format!("`{}`", written(text, &literal.span)),
            format!(r"write `\x{{{:x}}}`", u32::from(literal.c)),
        )),
    }
}

fn unicode(class: &ClassUnicode, text: &str) -> Result<(), Foreign> {
    let is_category = match &class.kind {
        ClassUnicodeKind::OneLetter(letter) => CATEGORIES.contains(&letter.to_string().as_str()),
        ClassUnicodeKind::Named(name) => CATEGORIES.contains(&name.as_str()),
        ClassUnicodeKind::NamedValue { .. } => false,
    };
    if is_category {
        return Ok(());
    }
    Err(foreign(
        &class.span,
        format!("the class `{}`", written(text, &class.span)),
        r"only general categories are read, such as `\pL`, `\p{Lu}` and `\P{N}`",
    ))
}

fn group(group: &Group) -> Result<(), Foreign> {
    match &group.kind {
        GroupKind::CaptureIndex(_) => Ok(()),
        GroupKind::NonCapturing(given) => flags(given),
        GroupKind::CaptureName { name, .. } => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.name.bytes().all(is_word) {
                return Ok(());
            }
            Err(foreign(
                &name.span,
                format!("the group name `{}`", name.name),
                "letters, digits and `_`",
            ))
        }
    }
}

fn flags(flags: &Flags) -> Result<(), Foreign> {
    for item in &flags.items {
        let flag = match item.kind {
            FlagsItemKind::Negation
            | FlagsItemKind::Flag(
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed,
            ) => continue,
            FlagsItemKind::Flag(Flag::Unicode) => 'u',
            FlagsItemKind::Flag(Flag::CRLF) => 'R',
            FlagsItemKind::Flag(Flag::IgnoreWhitespace) => 'x',
        };
        let help = "RE2 has `i`, `m`, `s` and `U`";
        return Err(foreign(&item.span, format!("the flag `{flag}`"), help));
    }
    Ok(())
}

fn written<'t>(text: &'t str, span: &Span) -> &'t str {
    text.get(span.start.offset..span.end.offset)
        .unwrap_or_default()
}

fn foreign(at: &Span, what: impl Display, help: impl Into<String>) -> Foreign {
    Foreign {
        at: at.start.offset,
        message: format!("the regular expression has {what}"),
        help: Some(help.into()),
    }
}
