//! The arrows between modules point one way, the pure ones touch nothing outside,
//! and only the filter names its host.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module knows; it also knows what those know.
const KNOWS: &[(&str, &[&str])] = &[
    ("policy", &["expr", "uri"]),
    ("json", &[]),
    ("uri", &[]),
    ("mcp", &["json"]),
    ("request", &["json", "mcp", "uri"]),
    ("expr", &["json", "uri"]),
    ("decision", &["policy", "request", "expr"]),
    ("external_auth", &["policy", "request"]),
    ("enforcement", &["decision", "external_auth", "request"]),
    ("observe", &["decision"]),
    ("filter", &["enforcement", "observe"]),
    ("api", &[]),
    ("compile", &["api", "policy", "expr"]),
    ("decision_tests", &["compile", "enforcement"]),
    ("effective", &["decision"]),
    ("image", &[]),
    ("render", &["policy"]),
    ("inspect", &["policy"]),
    (
        "cli",
        &[
            "decision_tests",
            "compile",
            "render",
            "effective",
            "image",
            "inspect",
        ],
    ),
];

/// How Rust reaches files, sockets, clocks, random numbers and other processes.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::io",
    "std::time",
    "std::env",
    "std::thread",
    "std::process",
    "std::random",
    "getrandom",
    "rand",
    "RandomState",
    "HashMap::new",
    "HashSet::new",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "env!",
    "include_str!",
    "include_bytes!",
    "extern \"C\"",
];

/// One source file, comments and test code left out.
struct Source {
    path: String,
    /// The module of the crate that it belongs to.
    module: String,
    code: String,
}

#[test]
fn only_the_filter_names_its_host() {
    assert_none(
        sources().iter().filter(|source| source.module != "filter"),
        |source| names(&source.code, "proxy_wasm").then(|| "names proxy_wasm".to_owned()),
    );
}

#[test]
fn the_engine_touches_nothing_outside() {
    let is_pure = |source: &&Source| source.path.starts_with("engine/");
    assert_none(sources().iter().filter(is_pure), impurity);
}

#[test]
fn modules_know_only_what_they_may() {
    let sources = sources();
    // `main` and the front files may know everything.
    let inner = sources
        .iter()
        .filter(|source| knows(&source.module).is_some());
    assert_none(inner, unknown_arrow);
    let listed: BTreeSet<&str> = KNOWS.iter().map(|(module, _)| *module).collect();
    let found: BTreeSet<&str> = sources
        .iter()
        .map(|source| source.module.as_str())
        .collect();
    let outer = BTreeSet::from(["lib", "main", "engine", "tool"]);
    assert_eq!(
        &found - &outer,
        listed,
        "a module that the table does not have"
    );
}

/// A scanner that never finds anything would pass as well.
#[test]
fn violations_are_noticed() {
    let of = |module: &str, text: &str| Source {
        path: String::new(),
        module: module.to_owned(),
        code: code(text),
    };
    for text in [
        "use std::fs;",
        "use std::{collections::BTreeMap, fs};",
        "use std::{\n    fmt,\n    time::{Duration, Instant},\n};",
        "let now = std::time::Instant::now();",
        "fn f() { println!(\"x\"); }",
        "getrandom::fill(&mut bytes)",
        "let s: std::collections::hash_map::RandomState;",
        "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n\nuse std::fs;",
    ] {
        assert!(impurity(&of("decision", text)).is_some(), "{text}");
    }
    for text in [
        "// use std::fs;",
        "/// std::io",
        "use std::fmt;",
        "use std::{fmt, str};",
        "let operand = strands;",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
        "write!(f, \"{x}\")",
    ] {
        assert_eq!(impurity(&of("decision", text)), None, "{text}");
    }
    for (module, text) in [
        ("policy", "use crate::engine::request::Request;"),
        ("expr", "use crate::engine::request::Request;"),
        ("json", "use crate::engine::{mcp, json};"),
        ("json", "use crate::{engine::mcp};"),
        ("decision", "use crate::filter::root;"),
        ("policy", "use crate::tool::compile;"),
        ("request", "fn f(p: &crate::engine::policy::Policies) {}"),
        ("observe", "use crate::engine::enforcement::Refusal;"),
        ("mcp", "use super::super::decision;"),
        (
            "decision",
            "use crate::engine::{\n    policy::Policies,\n    enforcement::{Step, Stream},\n};",
        ),
    ] {
        assert!(
            unknown_arrow(&of(module, text)).is_some(),
            "{module}: {text}"
        );
    }
    for (module, text) in [
        ("enforcement", "use crate::engine::policy::Policies;"),
        (
            "request",
            "use crate::engine::{json, mcp::{Method, Message}};",
        ),
        ("policy", "use crate::engine::policy::model;"),
        ("policy", "// as crate::filter does"),
    ] {
        assert_eq!(unknown_arrow(&of(module, text)), None, "{module}: {text}");
    }
    assert!(names("use proxy_wasm::types::Action;", "proxy_wasm"));
    assert!(!names("use my_proxy_wasm_like;", "proxy_wasm"));
}

fn assert_none<'s>(
    sources: impl Iterator<Item = &'s Source>,
    wrong: impl Fn(&Source) -> Option<String>,
) {
    let mut count = 0;
    let wrong: Vec<String> = sources
        .inspect(|_| count += 1)
        .filter_map(|source| Some(format!("{}: {}", source.path, wrong(source)?)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 0, "nothing was looked at");
}

/// What of the outside a source names.
fn impurity(source: &Source) -> Option<String> {
    let paths = paths(&source.code, "std");
    let is_std = |what: &&&str| {
        let what = what.strip_prefix("std::");
        what.is_some_and(|what| paths.contains(what))
    };
    let found = IMPURE
        .iter()
        .find(|what| names(&source.code, what) || is_std(what))?;
    Some(format!("names {found}"))
}

/// A module that a source names and may not know.
fn unknown_arrow(source: &Source) -> Option<String> {
    let mut may = knows(&source.module)?;
    may.insert(source.module.clone());
    let modules: BTreeSet<&str> = KNOWS.iter().map(|(module, _)| *module).collect();
    if source.code.contains("crate::{") {
        return Some(
            "groups what it names of the whole crate, which this test does not read".to_owned(),
        );
    }
    let roots = ["crate", "crate::engine", "crate::tool", "super"];
    let named = roots.map(|root| paths(&source.code, root));
    let unknown = named
        .into_iter()
        .flatten()
        .find(|named| modules.contains(named.as_str()) && !may.contains(named))?;
    Some(format!("knows {unknown}"))
}

/// What a module knows, and what those know.
fn knows(module: &str) -> Option<BTreeSet<String>> {
    let table: BTreeMap<&str, &[&str]> = KNOWS.iter().copied().collect();
    let mut known = BTreeSet::new();
    let mut open: Vec<&str> = table.get(module)?.to_vec();
    while let Some(next) = open.pop() {
        if known.insert(next.to_owned()) {
            open.extend_from_slice(table.get(next).copied().unwrap_or_default());
        }
    }
    Some(known)
}

/// The first segments after `root::`, those of `root::{a, b::c}` included.
fn paths(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let start = format!("{root}::");
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(group) => {
                let mut depth = 1;
                let mut item = String::new();
                for letter in group.chars() {
                    match letter {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 || (depth == 1 && letter == ',') {
                        found.extend(first_word(item.trim()));
                        item.clear();
                    } else {
                        item.push(letter);
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let word = text.split(|letter| !is_word(letter)).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Whether the code has `what` as words of its own.
fn names(code: &str, what: &str) -> bool {
    code.match_indices(what).any(|(at, _)| {
        let after = &code[at + what.len()..];
        let goes_on = what.ends_with(is_word) && after.starts_with(is_word);
        !goes_on && !code[..at].ends_with(is_word)
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The module of a file in `src`: below a wing, the folder there.
fn module(path: &str) -> &str {
    let inner = path.strip_prefix("engine/").or(path.strip_prefix("tool/"));
    let first = match inner {
        Some("mod.rs") | None => path,
        Some(inner) => inner,
    };
    let name = first.split('/').next().unwrap_or(first);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// Every source file of the crate but those that hold only tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".rs")
                && !path.to_string_lossy().ends_with("tests.rs")
            {
                let inner = path.strip_prefix(&root).expect("a file in it");
                let inner = inner.to_str().expect("UTF-8").to_owned();
                sources.push(Source {
                    module: module(&inner).to_owned(),
                    path: inner,
                    code: code(&fs::read_to_string(&path).expect("text")),
                });
            }
        }
    }
    sources
}

/// Without comments, and without the tests at the end.
fn code(text: &str) -> String {
    let text = match text.split_once("#[cfg(test)]") {
        Some((code, rest)) if is_tests(rest) => code,
        _ => text,
    };
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether this is one module of tests, and nothing after it that could hide there.
fn is_tests(rest: &str) -> bool {
    let mut outer = rest.lines().filter(|line| line.starts_with(is_outer));
    let is_attribute = |line: &&str| line.starts_with("#[");
    let module = outer.by_ref().find(|line| !is_attribute(line));
    let ends = outer.all(|line| line == "}");
    matches!(module, Some("mod tests {" | "mod tests;")) && ends
}

fn is_outer(letter: char) -> bool {
    !letter.is_whitespace()
}
