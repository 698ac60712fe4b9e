//! What a policy is attached to, as every version has it.

use super::decode::{MappingDecoder, Optional, Problem, Required, Undecoded, text};
use super::names;

/// `spec.targetRefs[]`
#[derive(Debug, Clone)]
pub struct TargetRef {
    /// The target's API group.
    pub group: Required<String>,
    /// The target's kind.
    pub kind: Required<String>,
    /// The target's name.
    pub name: Required<String>,
    /// A part of the target: a listener of a Gateway.
    pub section_name: Optional<String>,
}

/// A kind whose group is easily taken for that of a Gateway.
const BACKEND: &str = "XBackend";

impl TargetRef {
    pub(super) fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let kind = object.required("kind", "kind: Gateway", text(&names::KIND));
        let is_backend = kind.as_ref().is_some_and(|kind| kind.value == BACKEND);
        let group = match is_backend {
            true => "group: agentic.networking.x-k8s.io",
            false => "group: gateway.networking.k8s.io",
        };
        let target = Self {
            group: object.required("group", group, text(&names::GROUP)),
            kind,
            name: object.required("name", "name: prod", text(&names::TARGET_NAME)),
            section_name: object.optional("sectionName", text(&names::SECTION_NAME)),
        };
        object.finish();
        Some(target)
    }
}
