//! The demo's policy: a copy for the reader to change, and the command that gives it to Envoy.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::folder;
use crate::support;

/// What is copied.
pub(crate) const ORIGINAL: &str = "policies/demo/policy.yaml";
const POINT: &str = "policies/demo/enforcement-point.yaml";

/// The copy, which may be changed.
pub(crate) fn copy() -> PathBuf {
    folder().join("policy.yaml")
}

/// The filter with its configuration, which Envoy reads again when it is replaced.
pub(crate) fn filter() -> PathBuf {
    folder().join("filter.yaml")
}

/// Copies the policy and writes the file of the filter.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder())?;
    fs::copy(support::root().join(ORIGINAL), copy())?;
    let words = render()?.concat();
    let status = Command::new(&words[0])
        .args(&words[1..])
        .current_dir(support::root())
        .status()
        .map_err(|error| format!("{}: {error}", words[0]))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", words.join(" ")).into())
    }
}

/// The command that writes the file of the filter, for the repository's root: lines of words.
pub(crate) fn render() -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let [tool, module] = [here(&tool()?), here(&support::filter_module())];
    let [copy, filter] = [here(&copy()), here(&filter())];
    let lines: [&[&str]; 4] = [
        &[&tool, "render", "--format", "envoy", "--form", "discovery"],
        &["--module", &module],
        &["--enforcement-point", POINT],
        &[&copy, "-o", &filter],
    ];
    let owned = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect();
    Ok(lines.map(owned).into())
}

/// A path as it is written in the repository's root.
pub(crate) fn here(path: &Path) -> String {
    let path = path.strip_prefix(support::root()).unwrap_or(path);
    path.display().to_string()
}

/// The command line tool: one folder above this program, which is an example.
fn tool() -> Result<PathBuf, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let built = this.ancestors().nth(2).ok_or("no folder of the build")?;
    Ok(built.join("accesspolicy"))
}
