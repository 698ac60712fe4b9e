//! What the README points at is there, and what it shows is what happens.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use accesspolicy::tool::compile::{Source, compile};
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
/// whoever types it in as it stands; what it writes over the examples is the examples.
#[test]
fn every_command_of_the_tool_does_what_is_shown() {
    let place = Place::new("readme");
    let (count, compared) = place.follow("README.md");
    assert!(count >= 9, "{count} commands");
    assert!(compared >= 2, "{compared} compared");
    place.is_unchanged();
}

/// The same of the page beside the examples.
#[test]
fn every_command_beside_the_examples_writes_them() {
    let place = Place::new("envoy-config");
    let examples = [
        "demo.yaml",
        "xds/envoy.yaml",
        "xds/filter.yaml",
        "istio/hold/envoy-filter.yaml",
        "istio/stream/wasm-plugin.yaml",
        "envoy-gateway/extension-policy.yaml",
    ];
    for example in examples {
        fs::remove_file(place.folder.join(EXAMPLES).join(example)).unwrap();
    }
    let (count, _) = place.follow("envoy-config/README.md");
    // And one that writes no example.
    assert_eq!(count, examples.len() + 1);
    place.is_unchanged();
}

/// The line of the log has the numbers of the demo.
#[test]
fn the_line_of_the_log_is_of_the_demo() {
    let text = fs::read_to_string(support::root().join("README.md")).unwrap();
    let read = |name: &str| {
        let name = format!("policies/demo/{name}.yaml");
        Source::new(&name, fs::read(support::root().join(&name)).unwrap())
    };
    let compiled = compile(vec![read("policy")], read("enforcement-point"));
    let policy = compiled.expect("the demo compiles").policy;
    let rules = policy
        .policies
        .iter()
        .filter_map(|found| found.rules.as_ref());
    let rules: usize = rules.map(Vec::len).sum();
    let (digest, _) = policy.digest.split_at("sha256:".len() + 4);
    let line = format!(
        "enforcing {} policies with {rules} rules, digest {digest}…",
        policy.policies.len()
    );
    assert!(text.contains(&line), "{line}");
}

/// A folder with what the commands of a page need, and the tool on the path.
struct Place {
    folder: PathBuf,
}

/// The examples, of which commands write some.
const EXAMPLES: &str = "envoy-config";

/// A digest, where a page has `…`.
const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

impl Place {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("pages")
            .join(name);
        let _ = fs::remove_dir_all(&folder);
        let programs = folder.join("target/release");
        fs::create_dir_all(&programs).unwrap();
        symlink(support::root().join("policies"), folder.join("policies")).unwrap();
        let tool = programs.join("accesspolicy");
        symlink(env!("CARGO_BIN_EXE_accesspolicy"), tool).unwrap();
        // Instead of a cluster: it is content with a manifest.
        let kubectl = programs.join("kubectl");
        fs::write(&kubectl, "#!/bin/sh\nexec grep '^kind: '\n").unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        copy(&support::root().join(EXAMPLES), &folder.join(EXAMPLES));
        Self { folder }
    }

    /// Runs the commands of a page, and compares what is shown after them: how many were
    /// run, and of how many blocks.
    fn follow(&self, page: &str) -> (usize, usize) {
        let text = fs::read_to_string(support::root().join(page)).unwrap();
        let mut blocks = text.split("\n```").skip(1).step_by(2).peekable();
        let (mut count, mut compared) = (0, 0);
        while let Some(block) = blocks.next() {
            let Some(script) = block.strip_prefix("sh\n") else {
                continue;
            };
            // Images need the filter and a registry: `tests/image.rs` has both.
            let is_tool = |line: &str| {
                let command = line.strip_prefix("accesspolicy ");
                command
                    .is_some_and(|rest| !rest.starts_with("package") && !rest.starts_with("push"))
            };
            let joined = script.replace("\\\n", " ").replace("|\n", "| ");
            let commands: Vec<&str> = joined.lines().filter(|line| is_tool(line)).collect();
            let mut said = String::new();
            for command in &commands {
                said.push_str(&self.run(&command.replace("@sha256:…", DIGEST)));
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
        (count, compared)
    }

    fn run(&self, command: &str) -> String {
        let programs = format!("export PATH=\"$PWD/target/release:$PATH\"; {command}");
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &programs]);
        let output = shell.current_dir(&self.folder).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_unchanged(&self) {
        let kept = support::root().join(EXAMPLES);
        let mut folders = vec![(kept, self.folder.join(EXAMPLES))];
        while let Some((kept, written)) = folders.pop() {
            for entry in fs::read_dir(&kept).unwrap() {
                let name = entry.unwrap().file_name();
                let (kept, written) = (kept.join(&name), written.join(&name));
                if kept.is_dir() {
                    folders.push((kept, written));
                } else {
                    let read = |path: &Path| fs::read(path).unwrap_or_default();
                    assert!(read(&kept) == read(&written), "{}", kept.display());
                }
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
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
