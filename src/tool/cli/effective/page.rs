//! Who may do what, for people.

use std::borrow::Cow;

use super::super::terminal::{Tone, hang, plain};
use super::rows::rows;
use super::{caller_name, merged, place_name};
use crate::engine::policy::CompiledPolicy;
use crate::tool::effective::{Effective, Grant, ObjectPattern, QueryKind, quoted};

/// A column is no wider.
const WIDEST: usize = 34;

/// The whole page.
pub(super) fn text(compiled: &CompiledPolicy, effective: &Effective, width: usize) -> String {
    let places = effective.universe.places.iter().zip(&effective.grants);
    let places = places.map(|(place, grants)| (place_name(compiled, place), grants));
    let mut page = String::new();
    let mut notes = Notes::default();
    for (name, grants) in merged(places.collect()) {
        if !page.is_empty() {
            page.push('\n');
        }
        page.push_str(&Tone::Strong.paint(&hang("", &name, width)));
        for (caller, grants) in effective.universe.callers.iter().zip(grants) {
            page.push_str(&hang("  ", caller_name(caller.as_deref()), width));
            page.push_str(&of_caller(effective, grants, &mut notes, width));
        }
        page.push_str(&of_tools(effective, grants, width));
    }
    if !notes.0.is_empty() {
        page.push('\n');
    }
    for (number, note) in (1..).zip(&notes.0) {
        page.push_str(&hang(&format!("[{number}] "), note, width));
    }
    page
}

/// Conditions, each told once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// The mark of a condition: `[1]`.
    fn mark(&mut self, condition: &str) -> String {
        let known = self.0.iter().position(|note| note == condition);
        let place = known.unwrap_or_else(|| {
            self.0.push(condition.to_owned());
            self.0.len() - 1
        });
        format!("[{}]", place + 1)
    }
}

fn of_caller(effective: &Effective, grants: &[Grant], notes: &mut Notes, width: usize) -> String {
    let rows = rows(&effective.universe.asks, grants, |grant| {
        *grant != Grant::Never
    });
    let lines = rows.iter();
    let lines = lines.map(|row| (row.what.as_str().into(), said(row.value, notes)));
    let lines: Vec<(Cow<'_, str>, Vec<String>)> = lines.collect();
    match lines.as_slice() {
        [] => "    nothing\n".to_owned(),
        lines => columns(lines, width),
    }
}

/// What is said of a grant, line by line.
fn said(grant: &Grant, notes: &mut Notes) -> Vec<String> {
    let by = |by: &[String]| match by {
        [] => "no Allow policy is for it".to_owned(),
        by => format!("by {}", by.join(", ")),
    };
    match grant {
        Grant::Never => Vec::new(),
        Grant::Always { by: rules } => vec![by(rules)],
        Grant::Depends { by: rules, on } => {
            let marks: Vec<String> = on.iter().map(|on| notes.mark(on)).collect();
            vec![format!("{}, depends on {}", by(rules), marks.join(", "))]
        }
    }
}

/// For every tool its callers.
fn of_tools(effective: &Effective, grants: &[Vec<Grant>], width: usize) -> String {
    let mut lines: Vec<(Cow<'_, str>, Vec<String>)> = Vec::new();
    for (number, ask) in effective.universe.asks.iter().enumerate() {
        let tool = match &ask.acted {
            ObjectPattern::Named(QueryKind::Tool, tool) => quoted(tool),
            ObjectPattern::Other(QueryKind::Tool, _) => Cow::Borrowed("any other tool"),
            _ => continue,
        };
        let callers = effective.universe.callers.iter().zip(grants);
        let callers = callers.filter_map(|(caller, grants)| {
            let name = caller_name(caller.as_deref());
            match grants.get(number)? {
                Grant::Never => None,
                Grant::Always { .. } => Some(name.to_owned()),
                Grant::Depends { .. } => Some(format!("{name} (depends)")),
            }
        });
        let callers: Vec<String> = callers.collect();
        let callers = if callers.is_empty() {
            vec!["nobody".to_owned()]
        } else {
            callers
        };
        lines.push((tool, callers));
    }
    format!("  callers of each tool\n{}", columns(&lines, width))
}

/// Two columns: a name, and what is said of it.
fn columns(lines: &[(Cow<'_, str>, Vec<String>)], width: usize) -> String {
    let widths = lines.iter().map(|(name, _)| plain(name).chars().count());
    let column = widths.max().unwrap_or(0).min(WIDEST);
    let mut text = String::new();
    for (name, said) in lines {
        let name = plain(name);
        let mut front = format!("    {name:<column$}  ");
        // A long name has a line for itself.
        if name.chars().count() > column {
            text.push_str(&hang("    ", &name, width));
            front = " ".repeat(column + 6);
        }
        for line in said {
            text.push_str(&hang(&front, line, width));
            front = " ".repeat(column + 6);
        }
    }
    text
}
