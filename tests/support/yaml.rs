//! Envoy configuration that is kept as a file.

use std::error::Error;
use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// Reads a YAML file with one document.
///
/// # Errors
/// When it cannot be read, is no YAML, or holds what JSON has no form for.
pub fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let documents = Yaml::load_from_str(&text)?;
    match documents.as_slice() {
        [document] => value(document),
        documents => Err(format!("{} documents, not one", documents.len()).into()),
    }
}

fn value(node: &Yaml<'_>) -> Result<Value, Box<dyn Error>> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(value)) => value.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(value).collect::<Result<_, _>>()?,
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (name, member) in members {
                let name = name.as_str().ok_or("a key that is no string")?;
                object.insert(name.to_owned(), value(member)?);
            }
            Value::Object(object)
        }
        other => return Err(format!("no form for {other:?} in JSON").into()),
    })
}
