//! What is the same for many methods and things, in few words.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::tool::effective::{ObjectPattern, Query, QueryKind, Section};

/// One row: what it is about, and what is to be said of it.
pub(super) struct Row<'v, T> {
    pub(super) what: String,
    pub(super) value: &'v T,
}

/// Rows that cover every ask whose value is shown, each as wide as it can be.
pub(super) fn rows<'v, T: PartialEq>(
    asks: &[Query],
    values: &'v [T],
    is_shown: impl Fn(&T) -> bool,
) -> Vec<Row<'v, T>> {
    let all: Vec<(usize, &Query, &'v T)> = asks
        .iter()
        .zip(values)
        .enumerate()
        .map(|(place, (ask, value))| (place, ask, value))
        .collect();
    let mut covered: BTreeSet<usize> = BTreeSet::new();
    let mut rows: Vec<(usize, Row<'v, T>)> = Vec::new();
    for (what, is_member) in wide(asks) {
        let members: Vec<_> = all.iter().filter(|(_, ask, _)| is_member(ask)).collect();
        let Some((first, _, value)) = members.first() else {
            continue;
        };
        let is_one = members.iter().all(|(_, _, other)| other == value);
        let is_new = members.iter().any(|(place, ..)| !covered.contains(place));
        if members.len() > 1 && is_one && is_new && is_shown(value) {
            covered.extend(members.iter().map(|(place, ..)| *place));
            rows.push((*first, Row { what, value }));
        }
    }
    for (place, ask, value) in &all {
        if covered.contains(place) || !is_shown(value) {
            continue;
        }
        let alike = all.iter().filter(|(place, other, known)| {
            other.name == ask.name && known == value && !covered.contains(place)
        });
        let alike: Vec<_> = alike.collect();
        let things: Vec<Cow<'_, str>> =
            alike.iter().filter_map(|(_, ask, _)| ask.thing()).collect();
        let places: Vec<usize> = alike.iter().map(|(place, ..)| *place).collect();
        covered.extend(places);
        let what = format!("{} {}", method(ask), things.join(", "));
        let what = what.trim_end().to_owned();
        rows.push((*place, Row { what, value }));
    }
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

type RowMember = Box<dyn Fn(&Query) -> bool>;

/// Names for many asks at once, the widest first.
fn wide(asks: &[Query]) -> Vec<(String, RowMember)> {
    let mut wide: Vec<(String, RowMember)> = vec![
        ("everything".to_owned(), Box::new(|_| true)),
        (
            "every MCP message".to_owned(),
            Box::new(|ask| ask.group != Section::Http),
        ),
        (
            "the base protocol".to_owned(),
            Box::new(|ask| {
                matches!(
                    ask.group,
                    Section::Session | Section::Base | Section::Completion
                )
            }),
        ),
        (
            "the base protocol but completion".to_owned(),
            Box::new(|ask| matches!(ask.group, Section::Session | Section::Base)),
        ),
        (
            "sessions and tools/list".to_owned(),
            Box::new(|ask| ask.group == Section::Session),
        ),
    ];
    for (kind, name, unknown) in [
        (QueryKind::Tool, "tools/*", "tools/other"),
        (QueryKind::Prompt, "prompts/*", "prompts/other"),
        (QueryKind::Resource, "resources/*", "resources/other"),
    ] {
        let is_known = move |ask: &Query| {
            let is_list = kind == QueryKind::Tool && ask.name == "tools/list";
            ask.group == Section::Things(kind) || is_list
        };
        let is_member = move |ask: &Query| is_known(ask) || ask.name == unknown;
        wide.push((name.to_owned(), Box::new(is_member)));
        wide.push((format!("known {name}"), Box::new(is_known)));
    }
    wide.push((
        "unknown methods".to_owned(),
        Box::new(|ask| ask.group == Section::Unknown),
    ));
    let mut seen = BTreeSet::new();
    for ask in asks {
        let name = ask.name;
        if ask.acted != ObjectPattern::Nothing && seen.insert(name) {
            let what = method(ask).to_owned();
            wide.push((what, Box::new(move |ask: &Query| ask.name == name)));
        }
    }
    wide
}

/// A method as it is shown: one that stands for others by their prefix.
fn method(ask: &Query) -> &'static str {
    match ask.name {
        "logging/setLevel" => "logging/*",
        "notifications/cancelled" => "notifications/*",
        "completion/other" => "unknown completion/*",
        "tools/other" => "unknown tools/*",
        "prompts/other" => "unknown prompts/*",
        "resources/other" => "unknown resources/*",
        "tasks/list" => "tasks/*",
        "other" => "other unknown methods",
        name => name,
    }
}
