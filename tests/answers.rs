//! What the answering commands say, as data: `answers/NAME.txt` is a command, and all that
//! it says, with its exit code. Names in capitals are policies, compiled.
//!
//! After a change that is meant: `BLESS=1 cargo test --test answers`, and review the
//! difference.

#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_command_says_what_is_written() {
    let mut count = 0;
    for file in files() {
        let written = fs::read_to_string(&file).unwrap();
        let command = written.lines().next().unwrap();
        let said = format!("{command}\n{}", said(command));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap();
        assert!(
            expected == said,
            "{}\n--- expected\n{expected}\n--- found\n{said}",
            file.display()
        );
        count += 1;
    }
    assert!(count >= 20, "{count} commands");
}

#[test]
fn text_fits_80_columns() {
    for file in files() {
        let written = fs::read_to_string(&file).unwrap();
        let is_text = !written.contains("--output json") && !written.contains("--diff");
        // The command may be longer; and what is wrong with a file is drawn.
        let mut lines = written
            .lines()
            .skip(1)
            .take_while(|line| !line.starts_with("! "));
        let long = lines.find(|line| is_text && line.chars().count() > 80);
        assert_eq!(long, None, "{}", file.display());
    }
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join("tests/answers")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files
}

/// Runs `$ accesspolicy ...`; lines of standard error begin with `! `.
fn said(command: &str) -> String {
    let words = words(command.strip_prefix("$ accesspolicy ").unwrap());
    let words = words.into_iter().map(|word| match word.as_str() {
        "OLD" => compiled("rich.yaml", "point.yaml"),
        "NEW" => compiled("changed.yaml", "changed-point.yaml"),
        "ASKING" => compiled("asking.yaml", "asking-point.yaml"),
        "ASKING-LESS" => compiled("asking-less.yaml", "asking-point.yaml"),
        "ASKING-ANOTHER" => compiled("asking.yaml", "asking-other-point.yaml"),
        _ => word,
    });
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .current_dir(ROOT)
        .args(words)
        .output()
        .unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        said.push_str(format!("! {line}").trim_end());
        said.push('\n');
    }
    said + &format!("exit {}\n", output.status.code().unwrap())
}

/// Where a policy is, compiled for an enforcement point.
fn compiled(policy: &str, point: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{policy}-{point}.json"));
    let target = target.to_str().unwrap().to_owned();
    let [policy, point] = [policy, point].map(|name| format!("tests/answers/{name}"));
    let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .current_dir(ROOT)
        .args([
            "compile",
            &policy,
            "--enforcement-point",
            &point,
            "-o",
            &target,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    target
}

/// Words between blanks; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars() {
        match (letter, quote) {
            (' ', None) => words.push(std::mem::take(&mut word)),
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (letter, _) => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
