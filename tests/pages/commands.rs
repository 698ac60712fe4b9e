//! Commands of the tool do what the pages show, for a reader who types them in.
//!
//! - The lines of a `sh` block that begin with `accesspolicy ` run in a copy of the
//!   repository's root, where `policy.json` is the compiled demo.
//! - A `text` block after it shows what they print, or with `…` at its end the front of it.
//! - A command with the comment `# exits 1` fails, and shows its standard error, too.
//! - A `yaml` block whose first line is a comment with a path is written to that path first.
//! - What a page writes over a file of the repository is that file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support;
use crate::support::readme::{Page, Piece, pages};

/// What commands may read, and have to leave as it is.
const FOLDERS: [&str; 2] = ["policies", "envoy-config"];

/// What pages have to write, to the byte: configuration that is generated.
const EXAMPLES: [&str; 6] = [
    "envoy-config/demo.yaml",
    "envoy-config/xds/envoy.yaml",
    "envoy-config/xds/filter.yaml",
    "envoy-config/istio/hold/envoy-filter.yaml",
    "envoy-config/istio/stream/wasm-plugin.yaml",
    "envoy-config/envoy-gateway/extension-policy.yaml",
];

/// Commands that need a registry or a running Envoy; tests of their own have these.
const ELSEWHERE: [&str; 3] = ["package", "push", "check"];

/// A digest, where a page has `…`.
const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What policy.json is made by, on pages that take it for granted.
const COMPILE: &str = "accesspolicy compile policies/demo \
                       --enforcement-point policies/demo/enforcement-point.yaml -o policy.json";

#[test]
fn every_command_of_the_tool_does_what_is_shown() {
    let mut written = BTreeSet::new();
    let (mut count, mut compared) = (0, 0);
    for page in pages() {
        let place = Place::new(&page.path);
        place.run(COMPILE);
        let followed = place.follow(&page);
        count += followed.0;
        compared += followed.1;
        written.extend(place.written());
    }
    assert!(count >= 12, "{count} commands");
    assert!(compared >= 2, "{compared} compared");
    let missing: Vec<_> = EXAMPLES
        .iter()
        .filter(|name| !written.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no page writes {missing:?}");
}

#[test]
fn what_is_shown_wrongly_is_noticed() {
    let follow = |name: &str, text: &str| {
        let name = format!("fixture-{name}");
        let page = Page::new(&name, text);
        std::panic::catch_unwind(|| Place::new(&name).follow(&page))
    };
    let policy = "```yaml\n# broken.yaml\napiVersion: agentic.networking.x-k8s.io/v1alpha1\n\
                  kind: XAccessPolicy\n```\n";
    let fails = "```sh\naccesspolicy validate broken.yaml   # exits 1\n```\n";
    let shows = |text: &str| format!("{policy}{fails}```text\n{text}\n```\n");
    assert_eq!(follow("shown", &shows("…")).unwrap(), (1, 1));
    assert_eq!(
        follow("alone", &format!("{policy}{fails}")).unwrap(),
        (1, 0)
    );
    assert_eq!(
        follow("bash", "```bash\naccesspolicy nothing\n```").unwrap(),
        (0, 0)
    );
    assert!(follow("other", &shows("fine")).is_err());
    assert!(follow("unwritten", "```sh\naccesspolicy validate broken.yaml\n```").is_err());
    assert!(
        follow(
            "succeeds",
            "```sh\naccesspolicy schema tests # exits 1\n```"
        )
        .is_err()
    );
    assert!(follow("outside", &policy.replace("broken.yaml", "../broken.yaml")).is_err());
}

/// A folder with what commands need, and the tool on the path.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = folder.join("pages").join(name.replace('/', "-"));
        let _ = fs::remove_dir_all(&folder);
        let programs = folder.join("target/release");
        fs::create_dir_all(&programs).unwrap();
        for path in files(support::root(), &FOLDERS) {
            let copy = folder.join(&path);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            if !EXAMPLES.contains(&path.as_str()) {
                fs::copy(support::root().join(&path), copy).unwrap();
            }
        }
        symlink(support::root().join("tests"), folder.join("tests")).unwrap();
        let tool = programs.join("accesspolicy");
        symlink(env!("CARGO_BIN_EXE_accesspolicy"), tool).unwrap();
        // Instead of a cluster: it is content with a manifest.
        let kubectl = programs.join("kubectl");
        fs::write(&kubectl, "#!/bin/sh\nexec grep '^kind: '\n").unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// Runs the commands of a page: how many there were, and of how many blocks the output
    /// was compared.
    fn follow(&self, page: &Page) -> (usize, usize) {
        let blocks = page.pieces.iter().filter_map(|piece| match piece {
            Piece::Block { language, text } => Some((language.as_str(), text.as_str())),
            _ => None,
        });
        let mut blocks = blocks.peekable();
        let (mut count, mut compared) = (0, 0);
        while let Some((language, text)) = blocks.next() {
            if language == "yaml" {
                self.save(text);
            }
            let commands = match language {
                "sh" => commands(text),
                _ => continue,
            };
            let said = commands.iter().map(|command| self.run(command));
            let said: String = said.collect();
            count += commands.len();
            let shown = blocks.next_if(|(language, _)| *language == "text");
            if let Some((_, shown)) = shown.filter(|_| !commands.is_empty()) {
                let is_shown = match shown.strip_suffix('…') {
                    Some(front) => said.starts_with(front),
                    None => said.trim_end() == shown,
                };
                assert!(is_shown, "{}: {commands:?} prints\n{said}", page.path);
                compared += 1;
            }
        }
        (count, compared)
    }

    /// Writes a block that names its file.
    fn save(&self, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let named = first.strip_prefix("# ").filter(|name| {
            let is_path = !name.contains(' ') && name.ends_with(".yaml");
            assert!(!is_path || !name.contains(".."), "{name}");
            is_path
        });
        if let Some(name) = named {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
    }

    fn run(&self, command: &str) -> String {
        let command = command.replace("@sha256:…", DIGEST);
        let script = format!("export PATH=\"$PWD/target/release:$PATH\"; {command}");
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &script]);
        let output = shell.current_dir(&self.folder).output().unwrap();
        let fails = command.ends_with("# exits 1");
        let code = output.status.code();
        assert_eq!(code, Some(i32::from(fails)), "{command}: {output:?}");
        let mut said = output.stdout;
        if fails {
            said.extend(output.stderr);
        }
        String::from_utf8(said).unwrap()
    }

    /// The examples that were written; all that is there is as it is in the repository.
    fn written(&self) -> Vec<&'static str> {
        for path in files(&self.folder, &FOLDERS) {
            let kept = fs::read(support::root().join(&path)).unwrap_or_default();
            let found = fs::read(self.folder.join(&path)).unwrap();
            assert!(kept == found, "{path} is not what a page writes");
        }
        let is_written = |name: &&str| self.folder.join(name).exists();
        EXAMPLES.into_iter().filter(is_written).collect()
    }
}

/// The commands of a block that are run.
fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ").replace("|\n", "| ");
    let is_run = |line: &&str| {
        let rest = line.strip_prefix("accesspolicy ");
        let command = rest.and_then(|rest| rest.split_whitespace().next());
        command.is_some_and(|command| !ELSEWHERE.contains(&command))
    };
    let commands = joined.lines().filter(is_run);
    commands.map(|line| line.trim_end().to_owned()).collect()
}

/// The files in folders of a folder, by their paths from there.
fn files(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut open: Vec<String> = folders.iter().map(|name| (*name).to_owned()).collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            match entry.path().is_dir() {
                true => open.push(path),
                false => files.push(path),
            }
        }
    }
    files
}
