//! What the compiler has to say.

use std::fmt;

use super::Source;
use crate::tool::api::decode::{FieldPlace, Problem, TextPart};
use crate::tool::api::yaml::{Span, locate};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was skipped, or is to be known, and may be meant to be so.
    Note,
    /// The policy is valid, and may not do what its author wants.
    Warning,
    /// The policy is refused.
    Error,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where: the source, the stretch of text and the field's path.
    pub at: FieldPlace,
    /// The policy it is about, as `namespace/name`.
    pub policy: Option<String>,
    /// What: one sentence in lower case, what was found in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Other places that have to do with it, and how.
    pub related: Vec<(Span, String)>,
}

/// Everything the compiler has to say, with the sources it speaks of.
///
/// Notes come first, then warnings, then errors; each in the order of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The sources; a span's file is an index into them.
    pub sources: Vec<Source>,
    /// What there is to say.
    pub diagnostics: Vec<Diagnostic>,
    /// The memory that the values of the sources took, in bytes, as far as they were read.
    pub(super) read: usize,
    /// How much there is to say of each severity: more than is kept, where nobody reads it.
    said: [usize; 3],
}

/// How many diagnostics of a severity are kept.
///
/// SECURITY: a file can have as many as values, and each takes more memory than its value.
const KEPT: usize = 10_000;

impl Severity {
    const fn place(self) -> usize {
        match self {
            Self::Note => 0,
            Self::Warning => 1,
            Self::Error => 2,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Report {
    pub(super) fn new(sources: Vec<Source>) -> Self {
        Self {
            sources,
            diagnostics: Vec::new(),
            read: 0,
            said: [0; 3],
        }
    }

    /// What is wrong with texts that others than the compiler read.
    pub fn refusal(sources: Vec<Source>, problems: Vec<Problem>) -> Self {
        let mut report = Self::new(sources);
        report.add(Severity::Error, None, problems);
        report.finish().unwrap_or_else(|refused| refused)
    }

    /// Adds what is wrong with a policy, or with a text.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        policy: Option<&str>,
        problems: impl IntoIterator<Item = Problem>,
    ) {
        let sources = &self.sources;
        let problems = problems.into_iter();
        let said = &mut self.said[severity.place()];
        let problems = problems.filter(|_| {
            *said += 1;
            *said <= KEPT
        });
        self.diagnostics.extend(problems.map(|problem| {
            let Problem {
                mut at,
                mut message,
                help,
                related,
                part,
            } = problem;
            if let Some(part) = part {
                let source = sources.get(at.span.file.0);
                let found = source
                    .and_then(|source| locate(source.text(), at.span, &part.text, &part.range));
                match found {
                    Some(span) => at.span = span,
                    // What begins with the string is where that is pointed at.
                    None if part.range.start == 0 => {}
                    None => message.push_str(&position(&part)),
                }
            }
            Diagnostic {
                severity,
                at,
                policy: policy.map(str::to_owned),
                message,
                help: help.map(String::from),
                related,
            }
        }));
    }

    pub(super) fn finish(mut self) -> Result<Self, Self> {
        self.diagnostics
            .sort_by_key(|diagnostic| (diagnostic.severity, diagnostic.at.span));
        if self.count(Severity::Error) > 0 {
            Err(self)
        } else {
            Ok(self)
        }
    }

    /// How many diagnostics there are of a severity, those that were not kept included.
    pub const fn count(&self, severity: Severity) -> usize {
        self.said[severity.place()]
    }

    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.said.iter().sum()
    }

    /// The name of a span's source, and its first line and column.
    pub fn position(&self, span: Span) -> (&str, usize, usize) {
        self.sources.get(span.file.0).map_or(("", 0, 0), |source| {
            let (line, column) = source.position(span.start);
            (source.name(), line, column)
        })
    }
}

/// Where a part is that cannot be pointed at.
fn position(part: &TextPart) -> String {
    let before = part.text.get(..part.range.start).unwrap_or(&part.text);
    format!(", at character {}", before.chars().count() + 1)
}

/// One line for each diagnostic: for logs and failed tests.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Diagnostic {
            severity,
            at,
            message,
            ..
        } in &self.diagnostics
        {
            let (name, line, column) = self.position(at.span);
            let severity = severity.as_str();
            writeln!(f, "{severity}: {name}:{line}:{column}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
