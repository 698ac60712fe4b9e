//! A value as JSON has it.

use super::{NodeKind, PlainScalar, Style, YamlNode, plain};

impl YamlNode {
    /// The value as JSON text: members in the order written. What YAML has and JSON has
    /// not, such as infinite numbers, becomes a string.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) {
        match &self.kind {
            NodeKind::Scalar(scalar) => {
                let value = &scalar.text;
                match (scalar.style, plain(value)) {
                    (Style::Plain, PlainScalar::Null) => json.push_str("null"),
                    (Style::Plain, PlainScalar::Boolean) => {
                        json.push_str(&value.to_ascii_lowercase())
                    }
                    (Style::Plain, PlainScalar::Integer(number)) => {
                        json.push_str(&number.to_string())
                    }
                    (Style::Plain, PlainScalar::Number) if is_json_number(value) => {
                        json.push_str(value)
                    }
                    _ => string(value, json),
                }
            }
            NodeKind::Sequence(items) => {
                json.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        json.push(',');
                    }
                    item.write_json(json);
                }
                json.push(']');
            }
            NodeKind::Mapping(entries) => {
                json.push('{');
                for (number, entry) in entries.iter().enumerate() {
                    if number > 0 {
                        json.push(',');
                    }
                    string(&entry.key, json);
                    json.push(':');
                    entry.value.write_json(json);
                }
                json.push('}');
            }
        }
    }
}

fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use crate::tool::api::yaml::{FileId, load};

    #[test]
    fn values_keep_their_type_and_order() {
        for (yaml, json) in [
            ("{b: 1, a: -0.50, c: 1e3}", r#"{"b":1,"a":-0.50,"c":1e3}"#),
            (
                "[true, 'true', null, ~, '', no]",
                r#"[true,"true",null,null,"","no"]"#,
            ),
            (
                "{a: .inf, b: 0x1f, c: 12345678901234567890}",
                r#"{"a":".inf","b":"0x1f","c":12345678901234567890}"#,
            ),
            ("\"\\n\\\"\"", r#""\n\"""#),
            ("[[], {}, text]", r#"[[],{},"text"]"#),
        ] {
            let documents = load(FileId(0), yaml).documents;
            assert_eq!(documents[0].root.to_json(), json, "{yaml}");
        }
    }
}
