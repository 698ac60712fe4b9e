//! What the README points at is there, and what it shows is what happens.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use accesspolicy::compile::{Source, compile};
use serde_json::{Value, json};

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
        // Images need the filter and a registry: `tests/image.rs` has both.
        let is_tool = |line: &str| {
            let command = line.strip_prefix("target/release/accesspolicy ");
            command.is_some_and(|rest| !rest.starts_with("package") && !rest.starts_with("push"))
        };
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

/// The policies about authorizers, each with the piece of an enforcement point and the
/// clusters that follow it; that Envoy takes those too, `tests/envoy/load` shows.
#[test]
fn what_asks_authorizers_compiles() {
    let blocks = support::readme::yaml_of("### Asking an authorizer");
    let mut policies = 0;
    let mut rest = blocks.as_slice();
    while let [(text, policy), (_, point), (_, envoy), next @ ..] = rest {
        assert_eq!(policy["kind"], "XAccessPolicy", "{policy}");
        let mut whole = json!({
            "apiVersion": "accesspolicy/v1", "kind": "EnforcementPoint",
            "gateway": {"namespace": "infra", "name": "prod"},
        });
        for (name, value) in point.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let point = Source::new("point", whole.to_string());
        let compiled = compile(vec![Source::new("README.md", text.clone())], point);
        let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
        let compiled: Value = json!(compiled.policy);
        let asked = &compiled["policies"][0]["externalAuth"]["cluster"];
        assert_eq!(*asked, envoy["clusters"][0]["name"], "{envoy}");
        policies += 1;
        rest = next;
    }
    assert_eq!((policies, rest.len()), (2, 0), "{blocks:?}");
}

/// As renderers of Markdown make it of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
