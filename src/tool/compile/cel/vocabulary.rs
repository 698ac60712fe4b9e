//! The names that expressions know.

use super::types::Type;
use crate::engine::expr::{Attribute, TypeName};
use crate::tool::api::decode::closest;

/// What a dotted name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The first so many segments are a fact; what follows is selected of it.
    Attribute(Attribute, usize),
    /// A type.
    Type(TypeName),
    /// A set of fields, but no value.
    Fields,
    /// Nothing: the first segment that is not known.
    Unknown(usize),
}

/// Types that expressions can name.
const TYPES: [(&str, TypeName); 12] = [
    ("bool", TypeName::Bool),
    ("bytes", TypeName::Bytes),
    ("double", TypeName::Double),
    ("google.protobuf.Duration", TypeName::Duration),
    ("google.protobuf.Timestamp", TypeName::Timestamp),
    ("int", TypeName::Int),
    ("list", TypeName::List),
    ("map", TypeName::Map),
    ("null_type", TypeName::Null),
    ("string", TypeName::String),
    ("type", TypeName::Type),
    ("uint", TypeName::Uint),
];

/// Says what a name is.
pub(super) fn meaning(segments: &[&str]) -> Meaning {
    let whole = segments.join(".");
    if let Some((_, name)) = TYPES.iter().find(|(known, _)| *known == whole) {
        return Meaning::Type(*name);
    }
    for count in 1..=segments.len() {
        let name = segments[..count].join(".");
        if let Some((_, fact)) = Attribute::ALL.iter().find(|(known, _)| *known == name) {
            return Meaning::Attribute(*fact, count);
        }
        let below = format!("{name}.");
        if !Attribute::ALL
            .iter()
            .any(|(known, _)| known.starts_with(&below))
        {
            return Meaning::Unknown(count - 1);
        }
    }
    Meaning::Fields
}

/// The names that may follow a dotted name, each once; all roots where that is empty.
pub(super) fn names_below(segments: &[&str]) -> Vec<&'static str> {
    let above = segments.iter().map(|segment| format!("{segment}."));
    let above: String = above.collect();
    let mut names: Vec<&str> = Vec::new();
    for (known, _) in Attribute::ALL {
        let next = known
            .strip_prefix(&above)
            .and_then(|rest| rest.split('.').next());
        names.extend(next.filter(|next| !names.contains(next)));
    }
    names
}

/// The help for a name that is not known.
pub(super) fn help(word: &str, known: &[&str], are: &str) -> String {
    match closest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("{are} {}", names.join(", "))
        }
    }
}

/// The type of a fact.
pub(super) fn type_of(fact: Attribute) -> Type {
    match fact {
        Attribute::Headers => Type::Map(Box::new(Type::String), Box::new(Type::String)),
        Attribute::Time => Type::Timestamp,
        Attribute::Size | Attribute::DestinationPort => Type::Int,
        Attribute::Authenticated => Type::Bool,
        Attribute::Params | Attribute::McpId => Type::Dyn,
        Attribute::Method
        | Attribute::Path
        | Attribute::UrlPath
        | Attribute::Host
        | Attribute::Hostname
        | Attribute::Scheme
        | Attribute::Query
        | Attribute::Id
        | Attribute::McpMethod
        | Attribute::ToolName
        | Attribute::PromptName
        | Attribute::ResourceUri
        | Attribute::SessionId
        | Attribute::SpiffeId
        | Attribute::TrustDomain
        | Attribute::Namespace
        | Attribute::ServiceAccount
        | Attribute::SourceAddress => Type::String,
    }
}
