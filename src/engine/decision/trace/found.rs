//! What a request has, in words.

use crate::engine::expr::{Attribute, AttributeValue, Attributes, CelCondition};
use crate::engine::json::RawValue;
use crate::engine::mcp::{Message, Object};
use crate::engine::request::Operation;

use super::super::attributes::RequestAttributes;

/// What a request asks for: `tools/call echo`.
pub(super) fn asked(operation: Operation<'_>, thing: Option<Object<'_>>) -> String {
    let message = match operation {
        Operation::Http => return "a request that is not MCP".to_owned(),
        Operation::Get => return "GET, the server's events".to_owned(),
        Operation::Delete { session: true } => return "DELETE of a session".to_owned(),
        Operation::Delete { session: false } => return "DELETE without a session".to_owned(),
        Operation::Options => return "OPTIONS".to_owned(),
        Operation::Message(message) => message,
    };
    match (message, thing) {
        (Message::Response, _) => "a response to the server".to_owned(),
        (Message::Request { call, .. } | Message::Notification { call }, None) => {
            call.name.to_owned()
        }
        (Message::Request { call, .. } | Message::Notification { call }, Some(thing)) => {
            format!("{} {}", call.name, thing.as_str())
        }
    }
}

/// What an expression reads of a request, in the order of the facts.
pub(super) fn reads(
    condition: &CelCondition,
    answers: &RequestAttributes<'_, '_>,
) -> Vec<(String, Option<String>)> {
    let needs = condition.needs();
    let mut reads = Vec::new();
    for (name, fact) in Attribute::ALL {
        match fact {
            Attribute::Headers | Attribute::Params => {}
            _ if needs.has(fact) => {
                reads.push((name.to_owned(), answers.fact(fact).map(in_words)));
            }
            _ => {}
        }
    }
    for name in needs.headers() {
        let value = match answers.header(name) {
            Ok(value) => value.map(|value| String::from_utf8_lossy(&value).into_owned()),
            Err(_) => Some("several lines".to_owned()),
        };
        reads.push((format!("request.headers[\"{name}\"]"), value));
    }
    if needs.has(Attribute::Params) {
        let params = match answers.fact(Attribute::Params) {
            Some(AttributeValue::Json(text)) => Some(RawValue::new(text)),
            _ => None,
        };
        for path in condition.params() {
            let name: String = path.iter().map(|key| format!(".{key}")).collect();
            let value = params.and_then(|params| below(params, &path));
            let value = value.map(|value| String::from_utf8_lossy(value.text()).into_owned());
            let read = (format!("request.mcp.params{name}"), value);
            // An expression may read one thing several times.
            if !reads.contains(&read) {
                reads.push(read);
            }
        }
    }
    reads
}

/// What lies below a value, key by key.
fn below<'t>(value: RawValue<'t>, path: &[String]) -> Option<RawValue<'t>> {
    path.iter().try_fold(value, |value, key| {
        let mut members = value.members();
        let (_, found) = members.find(|(name, _)| name.string().as_deref() == Some(key))?;
        Some(found)
    })
}

fn in_words(given: AttributeValue<'_>) -> String {
    match given {
        AttributeValue::Text(text) => String::from_utf8_lossy(&text).into_owned(),
        AttributeValue::Int(number) => number.to_string(),
        AttributeValue::Bool(truth) => truth.to_string(),
        AttributeValue::Time(time) => time.to_string(),
        AttributeValue::Json(text) => String::from_utf8_lossy(text).into_owned(),
    }
}
