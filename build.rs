//! Tells the filter which commit it is built from.
//!
//! Only the filter: the tool and the tests are not to be built again with every commit.

use std::env;
use std::path::Path;
use std::process::Command;

/// What the filter is made of; a change in it that is not committed makes it `-dirty`.
const SOURCES: [&str; 7] = [
    "src",
    "build.rs",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "scripts/link",
    "scripts/rustc",
];

#[allow(clippy::print_stdout)] // it is how Cargo is told
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("wasi") {
        return;
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let unknown = || ("unknown".to_owned(), "unknown".to_owned());
    let (commit, time) = commit().unwrap_or_else(unknown);
    println!("cargo::rustc-env=ACCESSPOLICY_COMMIT={commit}");
    println!("cargo::rustc-env=ACCESSPOLICY_COMMIT_TIME={time}");
}

/// The commit that is checked out, and its time in UTC; `None` outside a repository.
#[allow(clippy::print_stdout)] // it is how Cargo is told
fn commit() -> Option<(String, String)> {
    // Not the repository of a folder above.
    if !Path::new(".git").exists() {
        return None;
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let file = git(&["rev-parse", "--git-path", name])?;
        // Cargo takes a file that is not there for one that always changes.
        if Path::new(&file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let mut commit = git(&["rev-parse", "HEAD"])?;
    let format = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
    let time = git(&["show", "--no-patch", "--format=%cd", format, "HEAD"])?;
    let status = ["status", "--porcelain", "--"];
    if !git(&[&status[..], &SOURCES].concat())?.is_empty() {
        commit.push_str("-dirty");
    }
    Some((commit, time))
}

/// What git says; `None` where it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .env("TZ", "UTC0")
        .args(arguments)
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
