//! A policy as its manifest has it, whichever version that is.

use super::check::{self, Checked, Extensions};
use super::documents::Version;
use super::lint;
use super::lint::unsatisfiable::unmatchable;
use super::lint::v0alpha0::implied;
use crate::engine::policy::ObjectName;
use crate::tool::api::decode::{FieldPlace, Located, Problem, Required, Undecoded};
use crate::tool::api::metadata::Metadata;
use crate::tool::api::{v0alpha0, v1alpha1};

/// A policy as written.
pub(super) struct ParsedPolicy {
    pub(super) metadata: Required<Metadata>,
    pub(super) spec: Option<WrittenSpec>,
}

/// What it says, in the words of its version.
pub(super) enum WrittenSpec {
    V1alpha1(Box<Located<v1alpha1::Spec>>),
    V0alpha0(Located<v0alpha0::Spec>),
}

impl ParsedPolicy {
    /// Reads a policy of a version.
    pub(super) fn decode(
        version: Version,
        value: Undecoded<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        Some(match version {
            Version::V1alpha1 => {
                let v1alpha1::XAccessPolicy { metadata, spec } =
                    v1alpha1::XAccessPolicy::decode(value, problems)?;
                Self {
                    metadata,
                    spec: spec.map(|spec| WrittenSpec::V1alpha1(Box::new(spec))),
                }
            }
            Version::V0alpha0 => {
                let v0alpha0::XAccessPolicy { metadata, spec } =
                    v0alpha0::XAccessPolicy::decode(value, problems)?;
                Self {
                    metadata,
                    spec: spec.map(WrittenSpec::V0alpha0),
                }
            }
        })
    }
}

impl WrittenSpec {
    /// Where it is.
    pub(super) fn at(&self) -> &FieldPlace {
        match self {
            Self::V1alpha1(spec) => &spec.at,
            Self::V0alpha0(spec) => &spec.at,
        }
    }

    /// Checks it; `None` when problems were reported.
    pub(super) fn check(
        &self,
        name: Located<ObjectName>,
        extensions: &Extensions,
        problems: &mut Vec<Problem>,
    ) -> Option<Checked> {
        match self {
            Self::V1alpha1(spec) => check::check(name, extensions, &spec.value, problems),
            Self::V0alpha0(spec) => check::v0alpha0::check(name, extensions, &spec.value, problems),
        }
    }

    /// The warnings about it, valid or not.
    pub(super) fn warnings(&self) -> Vec<Problem> {
        match self {
            Self::V1alpha1(spec) => lint::rule::long_params(&spec.value),
            Self::V0alpha0(_) => Vec::new(),
        }
    }

    /// The warnings that only make sense of what is valid.
    pub(super) fn warnings_of_valid(&self, extensions: &Extensions) -> Vec<Problem> {
        match self {
            Self::V1alpha1(spec) => unmatchable(&spec.value),
            Self::V0alpha0(spec) => implied(&spec.value, extensions.action()),
        }
    }
}
