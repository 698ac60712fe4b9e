//! What is wrong, and where.

use std::ops::Range;

use crate::tool::api::yaml::Span;

/// A place in a manifest: where it is written, and the field's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPlace {
    /// Where to look.
    pub span: Span,
    /// The path from the top of the object, such as `spec.rules[0].source.spiffe`.
    pub field: String,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub at: FieldPlace,
}

/// Something wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: FieldPlace,
    /// What: one sentence in lower case, what was found in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<Box<str>>,
    /// Other places that have to do with it, and how.
    pub related: Vec<(Span, String)>,
    /// The part of the string at the place that it is about.
    pub part: Option<Box<TextPart>>,
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPart {
    /// The string.
    pub text: String,
    /// The part, in bytes.
    pub range: Range<usize>,
}

impl Problem {
    /// A problem without help.
    pub fn new(at: &FieldPlace, message: impl Into<String>) -> Self {
        Self {
            at: at.clone(),
            message: printable(message.into()),
            help: None,
            related: Vec::new(),
            part: None,
        }
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(help.into()).into());
        self
    }

    /// Points at a part of the string that is at the place.
    #[must_use]
    pub fn within(mut self, text: &str, range: Range<usize>) -> Self {
        self.part = Some(Box::new(TextPart {
            text: text.to_owned(),
            range,
        }));
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }
}

/// One line without control characters.
///
/// SECURITY: what a manifest says may be in it, and controls no terminal and
/// forges no line of a log.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}
