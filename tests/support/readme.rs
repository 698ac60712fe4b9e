//! The YAML that the README shows.

use serde_json::Value;

use super::{root, yaml};

/// Each block of YAML below a heading, as it is written and as it is read.
///
/// # Panics
/// When the README has no such heading, or one of the blocks is no YAML.
pub fn yaml_of(heading: &str) -> Vec<(String, Value)> {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, section) = readme
        .split_once(&format!("\n{heading}\n"))
        .expect("the heading");
    let section = section.split("\n##").next().unwrap_or_default();
    let blocks = section.split("\n```yaml\n").skip(1);
    let texts = blocks.map(|block| block.split("\n```").next().unwrap_or_default());
    texts
        .map(|text| (text.to_owned(), yaml::parse(text).expect("YAML")))
        .collect()
}
