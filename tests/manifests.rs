//! What the compiler makes of manifests, as data.
//!
//! - `accepted/NAME.yaml` compiles to `NAME.json`, with `NAME.stderr` for warnings
//!   and notes;
//! - `refused/NAME.yaml` is refused with `NAME.stderr`, and nothing is written;
//! - `enforcement-points/NAME.yaml` is an enforcement point with which
//!   `policy.yaml` compiles to `NAME.json`, or is refused with `NAME.stderr`.
//!
//! A case may be a folder of manifests as well. The enforcement point is
//! `enforcement-point.yaml`, or the case's own `NAME.point.yaml`.
//!
//! After a change that is meant: `BLESS=1 cargo test --test manifests`, and review
//! the difference.

#![cfg(not(target_arch = "wasm32"))]

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use accesspolicy::engine::policy::{CompiledPolicy, Policies};

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests");

#[test]
fn accepted_manifests_compile_to_what_is_written_beside_them() {
    for case in cases("accepted", true) {
        let output = case.compile();
        assert_eq!(output.status.code(), Some(0), "{}", case.shown(&output));
        case.expect("json", &output.stdout);
        case.expect("stderr", &output.stderr);
    }
}

#[test]
fn refused_manifests_are_refused_with_what_is_written_beside_them() {
    for case in cases("refused", true) {
        let output = case.compile();
        assert_eq!(output.status.code(), Some(1), "{}", case.shown(&output));
        assert!(output.stdout.is_empty(), "{}", case.shown(&output));
        case.expect("stderr", &output.stderr);
    }
}

#[test]
fn enforcement_points_are_taken_or_refused_as_written_beside_them() {
    for case in cases("enforcement-points", false) {
        let output = case.compile();
        let code = if output.stdout.is_empty() { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{}", case.shown(&output));
        case.expect("json", &output.stdout);
        case.expect("stderr", &output.stderr);
    }
}

#[test]
fn the_filter_loads_all_that_the_compiler_writes() {
    for folder in ["accepted", "enforcement-points"] {
        for path in files(folder) {
            if path.extension() == Some(OsStr::new("json")) {
                let text = fs::read(&path).unwrap();
                if let Err(error) = Policies::from_json(&text) {
                    panic!("{}: {error}", path.display());
                }
                let policy: CompiledPolicy = serde_json::from_slice(&text).unwrap();
                let again = serde_json::to_value(&policy).unwrap();
                let text: serde_json::Value = serde_json::from_slice(&text).unwrap();
                assert!(again == text, "{}", path.display());
            }
        }
    }
}

#[test]
fn no_expectation_is_left_without_its_case() {
    for folder in ["accepted", "refused", "enforcement-points"] {
        for path in files(folder) {
            let stem = path.file_name().unwrap().to_str().unwrap();
            let stem = stem.split('.').next().unwrap();
            let case = path.with_file_name(stem);
            let has_case = case.is_dir() || case.with_extension("yaml").is_file();
            assert!(
                has_case || case.with_extension("json").is_file(),
                "{}",
                path.display()
            );
        }
    }
}

/// A manifest and what is expected of it.
struct Case {
    folder: PathBuf,
    /// The file or folder, in the case's folder.
    file: String,
    /// Its name without extension.
    name: String,
    policies: String,
    point: String,
}

impl Case {
    fn compile(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
            .current_dir(&self.folder)
            .args([
                "compile",
                &self.policies,
                "--enforcement-point",
                &self.point,
            ])
            .output()
            .unwrap()
    }

    /// Compares with the expectation `NAME.extension`; no file expects nothing.
    fn expect(&self, extension: &str, found: &[u8]) {
        let path = self.folder.join(format!("{}.{extension}", self.name));
        if std::env::var_os("BLESS").is_some() {
            let blessed = match found {
                [] => fs::remove_file(&path).or_else(|error| match error.kind() {
                    ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                }),
                found => fs::write(&path, found),
            };
            return blessed.unwrap();
        }
        let expected = fs::read(&path).unwrap_or_default();
        let [expected, found] = [&expected[..], found].map(String::from_utf8_lossy);
        assert!(
            expected == found,
            "{}\n--- expected\n{expected}\n--- found\n{found}",
            path.display()
        );
    }

    fn shown(&self, output: &Output) -> String {
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s));
        format!(
            "{}/{}\n{stdout}\n{stderr}",
            self.folder.display(),
            self.file
        )
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(MANIFESTS).join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The cases of a folder: of policies, or of enforcement points.
fn cases(folder: &str, are_policies: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in files(folder) {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_manifest = path.is_dir() || file.ends_with(".yaml");
        if !is_manifest || file.ends_with(".point.yaml") {
            continue;
        }
        let name = file.split('.').next().unwrap().to_owned();
        let own = format!("{name}.point.yaml");
        let (policies, point) = if !are_policies {
            ("../policy.yaml".to_owned(), file.clone())
        } else if path.with_file_name(&own).is_file() {
            (file.clone(), own)
        } else {
            (file.clone(), "../enforcement-point.yaml".to_owned())
        };
        let folder = path.parent().unwrap().to_owned();
        cases.push(Case {
            folder,
            file,
            name,
            policies,
            point,
        });
    }
    assert!(!cases.is_empty(), "{folder} has no cases");
    cases
}
