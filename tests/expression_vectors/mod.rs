//! Vectors of expressions: what each comes to, as data.
//!
//! An expression is compiled and evaluated as the filter does. Where an error is expected
//! it may come from either: what is known to fail is refused.

// Each test takes the part it needs.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use accesspolicy::engine::expr::{
    Attribute, AttributeValue, Attributes, CelCondition, EvalError, Timestamp,
};
use accesspolicy::tool::compile;
use serde::Deserialize;

/// A file of vectors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub sections: Vec<Section>,
}

/// Vectors of one subject, about one request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Section {
    pub name: String,
    #[serde(default)]
    pub request: Request,
    pub tests: Vec<Test>,
}

/// One expression.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    pub name: Option<String>,
    pub expression: String,
    /// What it is to come to, as an expression of its own.
    pub value: Option<String>,
    /// Whether it is to have no value.
    #[serde(default)]
    pub error: bool,
    /// Why it comes to something else.
    pub left_out: Option<String>,
}

/// A request.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Facts by name: JSON, or text that stands for itself.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Attributes for Request {
    fn fact(&self, fact: Attribute) -> Option<AttributeValue<'_>> {
        if fact == Attribute::Authenticated {
            return Some(AttributeValue::Bool(
                self.facts.contains_key("identity.spiffe_id"),
            ));
        }
        let text = self.facts.get(fact.as_str())?;
        Some(match fact {
            Attribute::Params | Attribute::McpId => AttributeValue::Json(text.as_bytes()),
            Attribute::Size | Attribute::DestinationPort => {
                AttributeValue::Int(text.parse().unwrap())
            }
            Attribute::Time => AttributeValue::Time(Timestamp::parse(text).unwrap()),
            _ => AttributeValue::Text(Cow::Borrowed(text.as_bytes())),
        })
    }

    fn header(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError> {
        let value = self.headers.get(name);
        Ok(value.map(|value| Cow::Borrowed(value.as_bytes())))
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError> {
        let names = self.headers.keys();
        Ok(names.map(|name| Cow::Borrowed(name.as_bytes())).collect())
    }
}

/// What an expression comes to; why not, in words.
pub fn evaluate(expression: &str, request: &Request) -> Result<bool, String> {
    let program = compile::expression(expression).map_err(|faults| {
        let messages: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        format!("refused: {}", messages.join("; "))
    })?;
    // As the filter has it: through JSON.
    let text = serde_json::to_string(&program).unwrap();
    let condition = CelCondition::new(serde_json::from_str(&text).unwrap()).unwrap();
    condition
        .evaluate(request)
        .map_err(|error| error.to_string())
}

impl File {
    pub fn read(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// Where what is found is not what is written.
    pub fn differences(&self, file: &str) -> Vec<String> {
        let sections = self.sections.iter();
        let tests = sections.flat_map(|section| section.tests.iter().map(move |t| (section, t)));
        let differences = tests.filter_map(|(section, test)| {
            let difference = test.difference(&section.request)?;
            let name = test.name.as_deref().unwrap_or(&test.expression);
            Some(format!("{file}/{}/{name}: {difference}", section.name))
        });
        differences.collect()
    }

    pub fn len(&self) -> usize {
        self.sections
            .iter()
            .map(|section| section.tests.len())
            .sum()
    }
}

impl Test {
    fn difference(&self, request: &Request) -> Option<String> {
        let Self {
            name: _,
            expression,
            value,
            error,
            left_out,
        } = self;
        let found = match value {
            // With its type, for `1 == 1u` is true.
            Some(value) => {
                let same = format!(
                    "type({expression}) == type({value}) && dyn({expression}) == dyn({value})"
                );
                evaluate(&same, request)
            }
            None => evaluate(&format!("type({expression}) == int"), request),
        };
        let is_right = match (value, &found) {
            (Some(_), Ok(is_same)) => *is_same && !error,
            (None, Err(_)) => *error,
            _ => false,
        };
        match (is_right, left_out) {
            (true, None) | (false, Some(_)) => None,
            (false, None) => Some(format!("`{expression}`: {found:?}")),
            (true, Some(_)) => Some("it is as expected: leave `leftOut` out".to_owned()),
        }
    }
}

/// Every file of vectors, by name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Every file of vectors: name and text.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../cel/", $name, ".yaml")))),*];
    };
}

files![
    "basic",
    "comparisons",
    "conversions",
    "fields",
    "fp-math",
    "integer-math",
    "lists",
    "logic",
    "macros",
    "parse",
    "string",
    "string-ext",
    "timestamps",
    "requests",
];
