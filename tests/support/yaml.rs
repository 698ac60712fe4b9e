//! YAML that is kept as a file: Envoy configuration, vectors.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Reads a YAML file with one document.
///
/// # Errors
/// When it cannot be read, is no YAML, or holds what JSON has no form for.
pub fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    Ok(parse(&text).map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Reads the text of one document.
///
/// # Errors
/// When it is no YAML, or holds what JSON has no form for.
pub fn parse(text: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_saphyr::from_str(text)?)
}
