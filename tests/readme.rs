//! What the README points at is there, and what it shows is what happens.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let headings: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect();
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let links: Vec<&str> = links.filter(|link| !link.contains("://")).collect();
    assert!(links.len() > 20, "{links:?}");
    for link in links {
        match link.strip_prefix('#') {
            Some(heading) => assert!(headings.iter().any(|known| known == heading), "{link}"),
            None => assert!(root.join(link).exists(), "{link}"),
        }
    }
}

/// Every file of decision vectors is named, so that none is there for nobody.
#[test]
fn every_file_of_vectors_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    for entry in fs::read_dir(root.join("tests/decisions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("tests/decisions/{name}")), "{name}");
    }
}

/// What stands in a block with the tool's commands does what the block after it shows, for
/// whoever types it in as it stands.
#[test]
fn every_command_of_the_tool_does_what_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("target/release")).unwrap();
    symlink(root.join("policies"), folder.join("policies")).unwrap();
    let tool = folder.join("target/release/accesspolicy");
    symlink(env!("CARGO_BIN_EXE_accesspolicy"), tool).unwrap();
    let mut blocks = text.split("\n```").skip(1).step_by(2).peekable();
    let (mut count, mut compared) = (0, 0);
    while let Some(block) = blocks.next() {
        let Some(script) = block.strip_prefix("sh\n") else {
            continue;
        };
        let is_tool = |line: &str| line.starts_with("target/release/accesspolicy ");
        let joined = script.replace("\\\n", " ");
        let commands: Vec<&str> = joined.lines().filter(|line| is_tool(line)).collect();
        let mut said = String::new();
        for command in &commands {
            let mut shell = Command::new("sh");
            let output = shell.current_dir(&folder).args(["-c", command]).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{command}: {output:?}");
            said.push_str(&String::from_utf8(output.stdout).unwrap());
            count += 1;
        }
        let shown = blocks.peek().and_then(|block| block.strip_prefix("text\n"));
        if let Some(shown) = shown.filter(|_| !commands.is_empty()) {
            match shown.strip_suffix('…') {
                Some(front) => assert!(said.starts_with(front), "{commands:?}: {said}"),
                None => assert_eq!(said.trim_end(), shown, "{commands:?}"),
            }
            compared += 1;
        }
    }
    assert!(
        count >= 4 && compared >= 2,
        "{count} commands, {compared} compared"
    );
}

/// As renderers of Markdown make it of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
