//! What a change grants and takes away, as Markdown.

use super::super::terminal::plain;
use super::rows::rows;
use super::{caller_name, merged, place_name};
use crate::engine::policy::CompiledPolicy;
use crate::tool::effective::{Change, Changes, Grant};

/// A row of a table.
type TableRow = Vec<String>;

/// The whole page.
pub(super) fn text(old: &CompiledPolicy, new: &CompiledPolicy, changes: &Changes) -> String {
    let gateway = &new.gateway;
    let mut page = format!("## Access at Gateway {}\n\n", cell(&gateway.to_string()));
    if old.gateway != *gateway {
        let old = cell(&old.gateway.to_string());
        page.push_str(&format!(
            "The old policy is for another Gateway, {old}.\n\n"
        ));
    }
    if changes.is_empty() {
        page.push_str("Nothing changes: everybody may do what they could do before.\n");
        return page;
    }
    let granted = lines(new, changes, |change| match change {
        Change::Granted(grant) => Some(vec![how(grant)]),
        _ => None,
    });
    let taken = lines(new, changes, |change| match change {
        Change::Taken(Grant::Never) => Some(vec!["denied".to_owned()]),
        Change::Taken(grant) => Some(vec![how(grant)]),
        _ => None,
    });
    let conditions = lines(new, changes, |change| match change {
        Change::Conditions { before, now, .. } => Some(vec![how(before), how(now)]),
        _ => None,
    });
    let settings = changes.settings.iter().map(|setting| {
        let note = match setting.is_meaning {
            true => "changes what requests mean; see for yourself",
            false => "",
        };
        vec![
            cell(&setting.name),
            cell(&setting.before),
            cell(&setting.now),
            note.to_owned(),
        ]
    });
    let mut tables = vec![
        table("Granted", &["where", "who", "what", "now"], &granted),
        table("Taken away", &["where", "who", "what", "now"], &taken),
        table(
            "On other conditions",
            &["where", "who", "what", "before", "now"],
            &conditions,
        ),
        table(
            "Settings",
            &["setting", "before", "now", ""],
            &settings.collect::<Vec<_>>(),
        ),
    ];
    tables.retain(|table| !table.is_empty());
    page.push_str(&tables.join("\n"));
    page
}

/// The rows of one table: what `said` has something to say of.
fn lines(
    compiled: &CompiledPolicy,
    changes: &Changes,
    said: impl Fn(&Change) -> Option<TableRow>,
) -> Vec<TableRow> {
    let places = changes.universe.places.iter().zip(&changes.changes);
    let places = places.map(|(place, changes)| (place_name(compiled, place), changes));
    let mut lines = Vec::new();
    for (place, callers) in merged(places.collect()) {
        for (caller, changes_of) in changes.universe.callers.iter().zip(callers) {
            let caller = caller_name(caller.as_deref());
            let rows = rows(&changes.universe.asks, changes_of, |change| {
                said(change).is_some()
            });
            for row in rows {
                let mut line = vec![cell(&place), cell(caller), cell(&row.what)];
                line.extend(said(row.value).unwrap_or_default());
                lines.push(line);
            }
        }
    }
    lines
}

/// How something is allowed.
fn how(grant: &Grant) -> String {
    match grant {
        Grant::Never => "denied".to_owned(),
        Grant::Always { by } if by.is_empty() => "no Allow policy is for it".to_owned(),
        Grant::Always { by } => format!("by {}", cell(&by.join(", "))),
        Grant::Depends { by, on } => {
            let on: Vec<String> = on.iter().map(|on| cell(on)).collect();
            format!("by {}, depends on {}", cell(&by.join(", ")), on.join("; "))
        }
    }
}

fn table(title: &str, head: &[&str], lines: &[TableRow]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut table = format!("### {title}\n\n");
    let mut line = |cells: &[String]| {
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    };
    line(
        &head
            .iter()
            .map(|cell| (*cell).to_owned())
            .collect::<TableRow>(),
    );
    line(&head.iter().map(|_| "---".to_owned()).collect::<TableRow>());
    lines.iter().for_each(|cells| line(cells));
    table
}

/// Text as it may stand in a cell of a table, whatever it is: as code, where it could be
/// taken for markup.
fn cell(text: &str) -> String {
    let text = plain(text);
    let is_plain = |letter: char| {
        letter.is_alphanumeric() || matches!(letter, ' ' | '/' | '-' | '.' | ',' | ':' | '#')
    };
    if text.chars().all(is_plain) {
        return text;
    }
    let longest = text.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0) + 1);
    let blank = if text.contains('`') { " " } else { "" };
    let text = text.replace('|', "\\|");
    format!("{fence}{blank}{text}{blank}{fence}")
}
