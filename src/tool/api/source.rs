//! Who a rule is about, as every version has it.

use super::decode::{Choice, MappingDecoder, Optional, Problem, Required, Undecoded, choice, text};
use super::names;

/// `spec.rules[].source`
///
/// v0alpha0 asks for a `type`, v1alpha1 does not; whether it and the members fit is the
/// compiler's to check in both.
#[derive(Debug, Clone)]
pub struct PolicySource {
    /// Which of the members is given.
    pub kind: Optional<SourceType>,
    /// A SPIFFE ID.
    pub spiffe: Optional<String>,
    /// A service account of this trust domain.
    pub service_account: Optional<ServiceAccount>,
}

/// `spec.rules[].source.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// `serviceAccount`
    ServiceAccount,
    /// `spiffe`
    Spiffe,
}

/// `spec.rules[].source.serviceAccount`
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its name.
    pub name: Required<String>,
    /// Its namespace, if it is not the policy's.
    pub namespace: Optional<String>,
}

impl Choice for SourceType {
    const ALL: &'static [(&'static str, Self)] = &[
        ("ServiceAccount", Self::ServiceAccount),
        ("SPIFFE", Self::Spiffe),
    ];
}

impl PolicySource {
    pub(super) fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let source = Self {
            kind: object.optional("type", choice),
            spiffe: object.optional("spiffe", text(&names::SPIFFE)),
            service_account: object.optional("serviceAccount", ServiceAccount::decode),
        };
        object.finish();
        Some(source)
    }
}

impl ServiceAccount {
    /// DEVIATION: the CRD takes any string. What is no Kubernetes name can be no
    /// service account, and would make another SPIFFE ID than the one meant.
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let account = Self {
            name: object.required("name", "name: reader", text(&names::OBJECT_NAME)),
            namespace: object.optional("namespace", text(&names::NAMESPACE)),
        };
        object.finish();
        Some(account)
    }
}
