//! Kubernetes' own part of every object.
//!
//! SPEC: Kubernetes API, `ObjectMeta`.

use super::decode::{
    FieldPlace, Located, MappingDecoder, Optional, Problem, Required, Undecoded, text,
};
use super::names;
use super::yaml::NodeKind;

/// The fields of an object's metadata that do not concern policies.
const IGNORED: [&str; 11] = [
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// What an object is called, and the notes attached to it.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Its name.
    pub name: Required<String>,
    /// Its namespace.
    pub namespace: Optional<String>,
    /// Its annotations.
    pub annotations: Optional<Vec<Annotation>>,
    /// Its labels, which have the form of annotations.
    pub labels: Optional<Vec<Annotation>>,
}

/// A note attached to an object.
#[derive(Debug, Clone)]
pub struct Annotation {
    /// The key, where it is written.
    pub key: Located<String>,
    /// The value.
    pub value: String,
}

impl Metadata {
    /// Reads an object's metadata.
    pub fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let metadata = Self {
            name: object.required("name", "name: tools", text(&names::OBJECT_NAME)),
            namespace: object.optional("namespace", text(&names::NAMESPACE)),
            annotations: object.optional("annotations", annotations),
            labels: object.optional("labels", annotations),
        };
        object.ignore(&IGNORED);
        object.finish();
        Some(metadata)
    }
}

fn annotations(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Annotation>> {
    let NodeKind::Mapping(entries) = &value.node.kind else {
        // An object that is no object: the same complaint as everywhere.
        MappingDecoder::open(value, problems)?;
        return None;
    };
    let decode = |entry: &super::yaml::Entry| {
        let field = format!("{}[{}]", value.at.field, entry.key);
        let at = FieldPlace {
            span: entry.value.span,
            field: field.clone(),
        };
        let text = text(&names::ANY)(
            Undecoded {
                node: &entry.value,
                at,
            },
            problems,
        )?;
        let at = FieldPlace {
            span: entry.key_span,
            field,
        };
        Some(Annotation {
            key: Located {
                value: entry.key.clone(),
                at,
            },
            value: text,
        })
    };
    Some(entries.iter().filter_map(decode).collect())
}
