//! Configuration that the filter takes, and that it refuses before Envoy serves.

use serde_json::{Map, Value, json};

use crate::decisions;
use crate::setup::{Mode, anybody_may_call, compiled, managers};
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::validate;

fn text() -> String {
    compiled(&anybody_may_call(&["echo"]), Mode::Hold, &Value::Null)
}

/// An Envoy configuration that gives `text` to the filter.
fn with(text: &str) -> Value {
    let cluster = Cluster::new("everything", ([127, 0, 0, 1], 9).into());
    let listener = Listener::plain("plain").filter(Mode::Hold.filter(text));
    Bootstrap::simple(listener, cluster).json()
}

/// The filter says once per attempt why, and in one line.
fn assert_refused(what: &str, configuration: &Value, says: &str) {
    let refused = validate(configuration).expect_err(what);
    let lines: Vec<_> = refused
        .log
        .lines()
        .filter_map(|line| line.split_once("accesspolicy: configuration rejected: "))
        .map(|(_, reason)| reason)
        .collect();
    assert_eq!(lines.len(), 1, "{what}: {refused}");
    assert!(lines[0].contains(says), "{what}: {lines:?}");
}

#[test]
fn what_is_no_compiled_policy() {
    let text = text();
    let unknown = text.replace(r#""schemaVersion":1"#, r#""schemaVersion":2"#);
    assert_ne!(unknown, text);
    for (what, configuration, says) in [
        ("empty", "", "empty"),
        ("truncated", &text[..text.len() / 2], "compiled policy"),
        ("an empty object", "{}", "schemaVersion"),
        ("no JSON", "policies: []", "compiled policy"),
        ("an unknown version", &unknown, "schema version 2"),
    ] {
        assert_refused(what, &with(configuration), says);
    }
    assert!(validate(&with(&text)).is_ok());
}

/// Envoy gives the filter the bytes of a Struct, not its JSON.
#[test]
fn an_object_where_a_text_belongs() {
    let mut configuration = with("");
    for manager in managers(&mut configuration) {
        manager["http_filters"][0]["typed_config"]["config"]["configuration"] = json!({
            "@type": "type.googleapis.com/google.protobuf.Struct",
            "value": serde_json::from_str::<Value>(&text()).expect("JSON"),
        });
    }
    assert_refused("a Struct", &configuration, "compiled policy");
}

/// The order of keys is lost in a protobuf Struct, and every number is a double.
#[test]
fn text_that_was_a_struct_decides_the_same() {
    let as_struct = |text: String| {
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let retold = backwards(&told);
        assert_ne!(retold, text);
        let same: Value = serde_json::from_str(&retold).expect("JSON");
        assert_eq!(doubles(&same), doubles(&told));
        retold
    };
    decisions::assert_same(&["levels-all", "base-protocol"], as_struct);
}

/// The same JSON, keys in the opposite order and numbers with exponents.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members: Vec<String> = members
                .map(|(key, value)| format!("{}: {}", json!(key), backwards(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(backwards).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Number(number) => format!("{:e}", number.as_f64().expect("a double")),
        other => other.to_string(),
    }
}

/// The same value with every number a double.
fn doubles(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.clone(), doubles(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(doubles).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}
