//! What `effective --diff OLD NEW --deny-new-grants` exits with, for pairs that differ in
//! little: `grants/` has the policies and the enforcement points.

#![cfg(not(target_arch = "wasm32"))]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Policies, and an enforcement point.
type Configuration = (&'static str, &'static str);

/// The old one, the new one, and whether the new one may allow what the old one does not.
const PAIRS: [(Configuration, Configuration, bool); 21] = [
    (("each", "all"), ("each", "any"), true),
    (("each", "any"), ("each", "all"), false),
    (("each", "all"), ("each", "all"), false),
    (("denied", "open"), ("not-denied", "open"), true),
    (("not-denied", "open"), ("denied", "open"), false),
    (("not-denied", "all"), ("not-denied", "open"), false),
    (("at-backend", "unlisted"), ("at-gateway", "unlisted"), true),
    (
        ("at-gateway", "unlisted"),
        ("at-backend", "unlisted"),
        false,
    ),
    (("exactly", "all"), ("pattern", "all"), true),
    (("pattern", "all"), ("pattern", "all"), false),
    (("fewer", "all"), ("more", "all"), true),
    (("more", "all"), ("fewer", "all"), false),
    (("not-denied", "all"), ("not-denied", "unlisted"), false),
    (("exactly", "all"), ("fewer", "all"), true),
    (("tools-called", "all"), ("tools-all", "all"), true),
    (("nothing-read", "all"), ("all-read", "all"), true),
    // The names that stand for all others are listed.
    (("one-of-each", "all"), ("all-tools-but-names", "all"), true),
    (
        ("one-of-each", "all"),
        ("all-prompts-but-names", "all"),
        true,
    ),
    (
        ("one-of-each", "all"),
        ("all-resources-but-names", "all"),
        true,
    ),
    (
        ("all-tools-but-names", "all"),
        ("one-of-each", "all"),
        false,
    ),
    // Whatever a Deny lists, it denies the methods that no version knows.
    (("base-digest", "all"), ("base-none", "all"), false),
];

#[test]
fn new_grants_are_found() {
    let folder = TempDir::new().expect("a folder");
    for (old, new, may_grant) in PAIRS {
        let [before, now] = [old, new].map(|named| compiled(folder.path(), named));
        let done = run(&["effective", "--diff", &before, &now, "--deny-new-grants"]);
        let code = done.status.code();
        assert_eq!(code, Some(i32::from(may_grant)), "{old:?} {new:?} {done:?}");
    }
}

fn compiled(folder: &Path, (policies, point): Configuration) -> String {
    let written = folder.join(format!("{policies}-{point}.json"));
    let written = written.to_str().expect("text").to_owned();
    let policies = format!("tests/grants/{policies}.yaml");
    let point = format!("tests/grants/{point}-point.yaml");
    let arguments = ["compile", &policies, "--enforcement-point", &point];
    let done = run(&[&arguments[..], &["-o", &written]].concat());
    assert!(done.status.success(), "{done:?}");
    written
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the tool runs")
}
