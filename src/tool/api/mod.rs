//! The Kubernetes types, as their CRDs have them.
//!
//! Reads manifests into typed objects and refuses what an API server would
//! refuse by structure: unknown and duplicate fields, wrong types, `null`,
//! bounds, patterns and enumerations. Every problem is collected, with its
//! position; reading never stops at the first. What fields mean together, and
//! which of them are enforced, is not decided here.
//!
//! One door per version: [`v0alpha0`] and [`v1alpha1`]; what they share is beside them.

pub mod authorizer;
pub mod decode;
pub mod metadata;
pub mod names;
pub mod source;
pub mod target;
pub mod v0alpha0;
pub mod v1alpha1;
pub mod yaml;

/// The API group of XAccessPolicy and XBackend.
pub const GROUP: &str = "agentic.networking.x-k8s.io";
/// The kind of an access policy.
pub const KIND: &str = "XAccessPolicy";
/// The kind of a typed list of access policies.
pub const LIST_KIND: &str = "XAccessPolicyList";
