//! The other readers, and how each of them finds the call in a body.

use jiter::{JsonValue, PartialMode};
use serde_json::Value;
use simd_json::prelude::{ValueAsScalar, ValueObjectAccess};

/// What a message calls, as far as an authorizer cares.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: Option<String>,
    pub(crate) things: Vec<String>,
    /// The id's token, in the reader's own spelling of it.
    pub(crate) id: Option<String>,
}

type Read = fn(&[u8]) -> Result<Call, String>;

/// The readers by name. jiter is what pydantic, and so the Python SDK, reads with.
pub(crate) const OTHERS: &[(&str, Read)] = &[
    ("serde_json", serde_json),
    ("simd-json", simd_json),
    ("jiter", jiter),
];

/// A document as some reader sees it.
trait Document: Sized {
    fn get(&self, key: &str) -> Option<&Self>;
    fn items(&self) -> Vec<&Self>;
    fn text(&self) -> Option<String>;
}

fn call<D: Document>(document: &D, body: &[u8]) -> Call {
    let Some(method) = document.get("method").and_then(D::text) else {
        return Call::default();
    };
    let params = document.get("params");
    let param = |name: &str| params.and_then(|params| params.get(name));
    let text = |name: &str| param(name).and_then(D::text);
    let list = |name: &str| {
        let list = param("notifications").and_then(|notifications| notifications.get(name));
        list.map(D::items)
            .unwrap_or_default()
            .into_iter()
            .filter_map(D::text)
            .collect::<Vec<_>>()
    };
    let reference = |name: &str| param("ref").and_then(|r| r.get(name)).and_then(D::text);
    let things = match method.as_str() {
        "tools/call" | "prompts/get" => text("name").into_iter().collect(),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            text("uri").into_iter().collect()
        }
        "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => {
            text("taskId").into_iter().collect()
        }
        "completion/complete" => match reference("type").as_deref() {
            Some("ref/prompt") => reference("name").into_iter().collect(),
            _ => reference("uri").into_iter().collect(),
        },
        "subscriptions/listen" => [list("resourceSubscriptions"), list("taskIds")].concat(),
        _ => Vec::new(),
    };
    let id = document.get("id").map(|_| id_token(body));
    Call {
        method: Some(method),
        things,
        id,
    }
}

/// The id's token, found by yet another reader that keeps tokens.
fn id_token(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Id<'b> {
        #[serde(borrow)]
        id: &'b serde_json::value::RawValue,
    }
    serde_json::from_slice::<Id<'_>>(body)
        .map_or_else(|e| e.to_string(), |id| id.id.get().to_owned())
}

impl Document for Value {
    fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }
    fn items(&self) -> Vec<&Self> {
        self.as_array()
            .map(|items| items.iter().collect())
            .unwrap_or_default()
    }
    fn text(&self) -> Option<String> {
        self.as_str().map(ToOwned::to_owned)
    }
}

fn serde_json(body: &[u8]) -> Result<Call, String> {
    let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(call(&document, body))
}

impl Document for simd_json::OwnedValue {
    fn get(&self, key: &str) -> Option<&Self> {
        ValueObjectAccess::get(self, key)
    }
    fn items(&self) -> Vec<&Self> {
        match self {
            Self::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
    fn text(&self) -> Option<String> {
        self.as_str().map(ToOwned::to_owned)
    }
}

fn simd_json(body: &[u8]) -> Result<Call, String> {
    let mut copy = body.to_vec();
    let document = simd_json::to_owned_value(&mut copy).map_err(|error| error.to_string())?;
    Ok(call(&document, body))
}

impl Document for JsonValue<'_> {
    fn get(&self, key: &str) -> Option<&Self> {
        match self {
            // The last of several, as its Python side has it.
            Self::Object(members) => members
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }
    fn items(&self) -> Vec<&Self> {
        match self {
            Self::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
    fn text(&self) -> Option<String> {
        match self {
            Self::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }
}

fn jiter(body: &[u8]) -> Result<Call, String> {
    let document = JsonValue::parse_with_config(body, false, PartialMode::Off)
        .map_err(|error| error.to_string())?;
    Ok(call(&document, body))
}

/// Whether a strict reader refuses the body as JSON. Numbers that are merely too
/// large for a double are well-formed.
pub(crate) fn is_strictly_refused(body: &[u8]) -> bool {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => false,
        Err(error) => !error.to_string().starts_with("number out of range"),
    }
}

/// A body with every member of every object, in order, repeated ones included.
struct Members(Vec<(String, Members)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Members, A::Error> {
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Members(Vec::new()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_str<E>(self, _: &str) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_unit<E>(self) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Asserts that a reader which takes the first of two equal keys, or the last, or
/// compares without case, or trims, finds the same members as any other.
pub(crate) fn assert_unambiguous(body: &[u8]) {
    let document: Members = serde_json::from_slice(body).expect("what passed is JSON");
    let names = ["jsonrpc", "id", "method", "params", "result", "error"];
    assert_single(&document, &names, body);
    let params = document.0.iter().find(|(name, _)| name == "params");
    if let Some((_, params)) = params {
        assert_single(
            params,
            &["name", "uri", "taskid", "ref", "arguments", "_meta"],
            body,
        );
    }
}

fn assert_single(object: &Members, names: &[&str], body: &[u8]) {
    for name in names {
        let matching = object.0.iter().filter(|(key, _)| {
            let key = key.split('\0').next().unwrap_or_default();
            key.trim().to_lowercase() == *name
        });
        assert!(
            matching.count() <= 1,
            "{name}: {}",
            String::from_utf8_lossy(body)
        );
    }
}
