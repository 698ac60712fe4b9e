//! The picture of modules has the arrows that `tests/architecture.rs` allows.

use std::collections::BTreeSet;

use crate::support::readme::pages;

#[test]
fn the_picture_has_the_arrows_of_the_table() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "src/README.md");
    let pictures = page.expect("the page about the code").blocks("mermaid");
    let lines = pictures.iter().flat_map(|picture| picture.lines());
    let shown: BTreeSet<(String, String)> = lines.flat_map(arrows).collect();
    let allowed = allowed();
    assert!(allowed.len() > 20, "{allowed:?}");
    let missing: Vec<_> = allowed.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&allowed).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(unknown.is_empty(), "unknown: {unknown:?}");
}

/// `a --> b & c`, from each to each.
fn arrows(line: &str) -> Vec<(String, String)> {
    let Some((from, to)) = line.split_once("-->") else {
        return Vec::new();
    };
    let names = |text: &str| -> Vec<String> {
        let names = text.split('&').map(|name| name.trim().to_owned());
        names.collect()
    };
    let from = names(from).into_iter();
    from.flat_map(|from| names(to).into_iter().map(move |to| (from.clone(), to)))
        .collect()
}

/// The arrows of the table `KNOWS`.
fn allowed() -> BTreeSet<(String, String)> {
    let text = super::file("tests/architecture.rs");
    let (_, table) = text.split_once("const KNOWS").expect("the table");
    let (_, table) = table.split_once("= &[").expect("its start");
    let (table, _) = table.split_once("\n];").expect("its end");
    let mut arrows = BTreeSet::new();
    // A row's module stands right before the row's list.
    let befores = table.split("&[");
    for (before, list) in befores.clone().zip(befores.skip(1)) {
        let module = before.rsplit('"').nth(1).expect("a module");
        let (names, _) = list.split_once(']').expect("a list");
        let names = names.split('"').skip(1).step_by(2);
        arrows.extend(names.map(|name| (module.to_owned(), name.to_owned())));
    }
    arrows
}
