//! Diagnostics for people, on standard error.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::Range;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::excerpt::Excerpt;
use super::terminal::{plain, tame, wrapping};
use super::{count, say};
use crate::tool::api::yaml::{FileId, Span};
use crate::tool::compile::{Diagnostic, Report, Severity, Source};

/// How wide a terminal is that does not say.
const USUAL: usize = 80;

/// The narrowest terminal that is taken at its word.
const NARROWEST: usize = 40;

/// So many diagnostics are drawn.
const MOST: usize = 100;

/// So many letters of a sentence are shown.
const LETTERS: usize = 4000;

/// Prints a report. Colours go to terminals only.
pub(super) fn print(report: &Report) {
    let width = width();
    for diagnostic in shown(&report.diagnostics) {
        let _ = writeln!(anstream::stderr(), "{}", text(diagnostic, report, width));
    }
    let more = report.total().saturating_sub(MOST);
    if more > 0 {
        say(format_args!("and {more} more, which are not shown\n"));
    }
}

/// As many as one may read: the worst, in their order.
fn shown(all: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut shown: Vec<(usize, &Diagnostic)> = all.iter().enumerate().collect();
    shown.sort_by_key(|(_, diagnostic)| Reverse(diagnostic.severity));
    shown.truncate(MOST);
    shown.sort_by_key(|(place, _)| *place);
    shown
        .into_iter()
        .map(|(_, diagnostic)| diagnostic)
        .collect()
}

fn text(diagnostic: &Diagnostic, report: &Report, width: usize) -> String {
    match diagnostic.severity {
        Severity::Note => note(diagnostic, report, width),
        Severity::Warning => drawing(diagnostic, report, Level::WARNING, width),
        Severity::Error => drawing(diagnostic, report, Level::ERROR, width),
    }
}

/// Says how much is wrong, and what follows from that.
pub(super) fn refused(report: &Report, consequence: &str) {
    let problems = count(report.count(Severity::Error), "problem", "problems");
    say(format_args!("{problems}: {consequence}"));
}

/// Whether there are warnings; says how many, and what follows where they are denied.
pub(super) fn warned(report: &Report, consequence: &str) -> bool {
    let warnings = report.count(Severity::Warning);
    if warnings > 0 {
        let warnings = count(warnings, "warning", "warnings");
        say(format_args!("{warnings}: {consequence}"));
    }
    warnings > 0
}

fn width() -> usize {
    let stderr = io::stderr();
    if !stderr.is_terminal() {
        return DEFAULT_TERM_WIDTH;
    }
    terminal_size::terminal_size_of(stderr)
        .map_or(USUAL, |(width, _)| usize::from(width.0).max(NARROWEST))
}

/// A note: without its lines, because there may be many.
fn note(diagnostic: &Diagnostic, report: &Report, width: usize) -> String {
    let (name, line, column) = report.position(diagnostic.at.span);
    let name = plain(name);
    let policy = diagnostic
        .policy
        .as_ref()
        .map(|policy| format!("policy `{policy}`: "));
    let policy = policy.unwrap_or_default();
    let message = &diagnostic.message;
    let note = wrapped(&format!("{name}:{line}:{column}: {policy}{message}"), width);
    format!("note: {}", note.replace('\n', "\n      "))
}

/// What is wrong, with the lines it is about.
fn drawing(diagnostic: &Diagnostic, report: &Report, level: Level<'_>, width: usize) -> String {
    let title = wrapped(&diagnostic.message, width);
    let mut group = level
        .primary_title(&title)
        .elements(snippets(diagnostic, report));
    if let Some(context) = context(diagnostic) {
        group = group.element(Level::NOTE.no_name().message(wrapped(&context, width)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(wrapped(help, width)));
    }
    let groups: [Group<'_>; 1] = [group];
    Renderer::styled().term_width(width).render(&groups) + "\n"
}

/// The policy and the field.
fn context(diagnostic: &Diagnostic) -> Option<String> {
    let field = Some(&diagnostic.at.field).filter(|field| !field.is_empty());
    match (&diagnostic.policy, field) {
        (Some(policy), Some(field)) => Some(format!("policy `{policy}`, field `{field}`")),
        (Some(policy), None) => Some(format!("policy `{policy}`")),
        (None, Some(field)) => Some(format!("field `{field}`")),
        (None, None) => None,
    }
}

/// A place to point at, and what to say there; the primary one speaks for itself.
type DiagnosticMark<'r> = (Span, Option<&'r str>);

/// One snippet for each source: of each, only the lines from the first place to the last.
fn snippets<'r>(diagnostic: &'r Diagnostic, report: &'r Report) -> Vec<Element<'r>> {
    let primary = diagnostic.at.span;
    let related = diagnostic.related.iter();
    let mut marks: Vec<DiagnosticMark<'_>> = vec![(primary, None)];
    marks.extend(related.map(|(span, label)| (*span, Some(label.as_str()))));
    // The file of the primary place comes first, the others in their order.
    let mut files: BTreeMap<(bool, FileId), Vec<DiagnosticMark<'_>>> = BTreeMap::new();
    for mark in marks {
        let file = mark.0.file;
        files
            .entry((file != primary.file, file))
            .or_default()
            .push(mark);
    }
    let sources = files
        .iter()
        .filter_map(|((_, file), marks)| report.sources.get(file.0).map(|source| (source, marks)));
    sources
        .flat_map(|(source, marks)| match is_text(source.text()) {
            true => lines(source, marks),
            false => vec![origin(source, marks).into()],
        })
        .collect()
}

/// Whether text has nothing in it that no text has.
///
/// SECURITY: what was no manifest at all is not shown.
fn is_text(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control() && !"\t\r\n\u{85}".contains(letter))
}

/// The place: as it is in the source, which the lines may be a part of.
fn origin<'r>(source: &'r Source, marks: &[DiagnosticMark<'r>]) -> Origin<'r> {
    let start = marks.first().map_or(0, |(span, _)| span.start);
    let (line, column) = source.position(start);
    Origin::path(plain(source.name()))
        .line(line)
        .char_column(column)
}

fn lines<'r>(source: &'r Source, marks: &[DiagnosticMark<'r>]) -> Vec<Element<'r>> {
    let text = source.text();
    let first = marks.iter().map(|(span, _)| span.start).min().unwrap_or(0);
    let last = marks.iter().map(|(span, _)| span.start).max().unwrap_or(0);
    let start = text
        .get(..first)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = line_end(text, last);
    let places = marks.iter().map(|(span, _)| {
        let Range {
            start: from,
            end: to,
        } = first_line(text, *span);
        from.saturating_sub(start)..to.saturating_sub(start)
    });
    let places: Vec<Range<usize>> = places.collect();
    let text = text.get(start..end).unwrap_or_default();
    let excerpt = Excerpt::of(text, &places);
    let is_moved = column(&excerpt.text, excerpt.marks.first()) != column(text, places.first());
    let annotations = marks.iter().zip(excerpt.marks).map(|((_, label), place)| {
        let kind = match label {
            None => AnnotationKind::Primary,
            Some(_) => AnnotationKind::Context,
        };
        kind.span(place).label(label.map(tame))
    });
    let snippet = Snippet::source(excerpt.text)
        .line_start(source.position(start).0)
        .annotations(annotations);
    // A column is counted in what is shown, which may be another than in the source.
    match is_moved {
        true => vec![origin(source, marks).into(), snippet.into()],
        false => vec![snippet.path(plain(source.name())).into()],
    }
}

/// The column at which a mark begins, from 0.
fn column(text: &str, mark: Option<&Range<usize>>) -> usize {
    let before = mark.and_then(|mark| text.get(..mark.start));
    let line = before.and_then(|before| before.rsplit('\n').next());
    line.map_or(0, |line| line.chars().count())
}

/// The part of a span in its first line.
fn first_line(text: &str, span: Span) -> Range<usize> {
    let end = span.end.min(line_end(text, span.start));
    let part = text.get(span.start..end).unwrap_or_default();
    span.start..span.start + part.trim_end().len()
}

fn line_end(text: &str, from: usize) -> usize {
    text.get(from..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |at| from + at)
}

/// Breaks lines between words. SECURITY: what a manifest says may be in it, so
/// nothing of it may control the terminal.
fn wrapped(text: &str, width: usize) -> String {
    // What stands before the text, and no lines that are longer than one likes to read.
    let width = width.saturating_sub(16).min(90);
    let cut = text.char_indices().nth(LETTERS);
    let front = cut.and_then(|(at, _)| text.get(..at));
    let more = if front.is_some() { "…" } else { "" };
    let text = tame(front.unwrap_or(text)) + more;
    textwrap::fill(&text, wrapping(width).break_words(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::compile::{Source, compile};

    const POINT: &str = "\
apiVersion: accesspolicy/v1
kind: EnforcementPoint
gateway: {namespace: infra, name: prod}
";

    const POLICY: &str = "\
apiVersion: agentic.networking.x-k8s.io/v1alpha1
kind: XAccessPolicy
metadata: {name: \"größe\", annotations: {accesspolicy/mode: Audit}}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: prod}]\r
  action: Allow\t# tab
  rules:
    - name: a
      source: {type: SPIFFE}
      authorization: &a {type: Inline, mcp: {methods: []}}
    - {name: \"a\", name: 'b', authorization: *a, sorce: 1}
";

    fn rendered(policy: &[u8], width: usize) -> String {
        let sources = vec![Source::new("policy.yaml", policy)];
        let report = match compile(sources, Source::new("point.yaml", POINT)) {
            Ok(compiled) => compiled.report,
            Err(report) => report,
        };
        let texts = report.diagnostics.iter();
        texts
            .map(|diagnostic| text(diagnostic, &report, width))
            .collect()
    }

    #[test]
    fn whatever_is_cut_off_or_garbled_is_drawn() {
        let bytes = POLICY.as_bytes();
        for at in 0..bytes.len() {
            rendered(&bytes[..at], 60);
            for byte in *b"\n:\"\xff" {
                let mut garbled = bytes.to_vec();
                garbled[at] = byte;
                rendered(&garbled, 60);
            }
        }
    }

    #[test]
    fn a_manifest_cannot_control_the_terminal() {
        let policy = POLICY.replace("SPIFFE", "\"\\e[31m\u{202e}\\x07\"");
        let drawn = rendered(policy.as_bytes(), 80);
        let plain = anstream::adapter::strip_str(&drawn).to_string();
        assert!(plain.contains("unknown value"), "{plain}");
        assert!(!plain.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{plain}");
        assert!(!drawn.contains("\u{1b}[31m"), "{drawn}");
    }
}
