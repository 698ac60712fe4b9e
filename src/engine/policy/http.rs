//! The HTTP part of a rule, as a document and as the engine reads it.

use serde::{Deserialize, Serialize};

use super::model::given;
use super::{CompiledRegex, Pattern, SafeInteger};

/// The HTTP part of a rule: every member given must match, by any of its items
/// (`headers`: by all). Never an empty list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpMatch {
    /// HTTP methods, as they are spelt.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub methods: Option<Vec<String>>,
    /// Paths, without query.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub paths: Option<Vec<PathMatch>>,
    /// Headers.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub headers: Option<Vec<HeaderMatch>>,
    /// Host names in lower case, or `*.` and a name that they end in.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub hosts: Option<Vec<String>>,
    /// Ports that the request arrived on.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub ports: Option<Vec<SafeInteger>>,
}

/// What a path must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathMatch {
    /// Exactly this.
    Exact(String),
    /// This or below it, by whole segments; without a trailing slash.
    PathPrefix(String),
    /// What a regular expression matches from end to end.
    RegularExpression(CompiledRegex),
}

/// What a header must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderMatch {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: ValueMatch,
}

/// What a header's value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueMatch {
    /// Exactly this.
    Exact(String),
    /// What a regular expression matches from end to end.
    RegularExpression(CompiledRegex),
}

/// The HTTP part of a rule, ready to match.
#[derive(Debug, Default)]
pub struct HttpConditions {
    /// HTTP methods.
    pub methods: Option<Vec<String>>,
    /// Paths.
    pub paths: Option<Vec<PathCondition>>,
    /// Headers: name and value.
    pub headers: Option<Vec<(String, ValueCondition)>>,
    /// Host names.
    pub hosts: Option<Vec<String>>,
    /// Ports.
    pub ports: Option<Vec<u64>>,
}

/// What a path must be.
#[derive(Debug)]
pub enum PathCondition {
    /// Exactly this.
    Exact(String),
    /// This or below it.
    Prefix(String),
    /// What a pattern matches.
    Pattern(Pattern),
}

/// What a value must be.
#[derive(Debug)]
pub enum ValueCondition {
    /// Exactly this.
    Exact(String),
    /// What a pattern matches.
    Pattern(Pattern),
}

impl HttpConditions {
    /// Makes an HTTP part ready.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(super) fn new(http: HttpMatch) -> Result<Self, &'static str> {
        let HttpMatch {
            methods,
            paths,
            headers,
            hosts,
            ports,
        } = http;
        let paths = paths.map(|paths| paths.into_iter().map(PathCondition::new).collect());
        let headers = headers.map(|headers| headers.into_iter().map(value_condition).collect());
        let conditions = Self {
            methods,
            paths: paths.transpose()?,
            headers: headers.transpose()?,
            hosts,
            ports: ports.map(|ports| ports.into_iter().map(SafeInteger::get).collect()),
        };
        let Self {
            methods,
            paths,
            headers,
            hosts,
            ports,
        } = &conditions;
        let is_empty = methods.as_ref().is_some_and(Vec::is_empty)
            || paths.as_ref().is_some_and(Vec::is_empty)
            || headers.as_ref().is_some_and(Vec::is_empty)
            || hosts.as_ref().is_some_and(Vec::is_empty)
            || ports.as_ref().is_some_and(Vec::is_empty);
        if is_empty {
            Err("an empty list in the HTTP part")
        } else {
            Ok(conditions)
        }
    }
}

/// What is said of an automaton that is none.
const NO_AUTOMATON: &str = "a regular expression whose automaton cannot be read";

impl PathCondition {
    fn new(path: PathMatch) -> Result<Self, &'static str> {
        Ok(match path {
            PathMatch::Exact(path) => Self::Exact(path),
            PathMatch::PathPrefix(path) => Self::Prefix(path),
            PathMatch::RegularExpression(expression) => {
                Self::Pattern(Pattern::new(&expression).ok_or(NO_AUTOMATON)?)
            }
        })
    }
}

fn value_condition(header: HeaderMatch) -> Result<(String, ValueCondition), &'static str> {
    let value = match header.value {
        ValueMatch::Exact(value) => ValueCondition::Exact(value),
        ValueMatch::RegularExpression(expression) => {
            ValueCondition::Pattern(Pattern::new(&expression).ok_or(NO_AUTOMATON)?)
        }
    };
    Ok((header.name, value))
}
