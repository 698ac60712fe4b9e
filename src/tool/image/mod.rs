//! The filter as an OCI image: built, kept in a folder, pushed to a registry.
//!
//! An [`Image`] is the same bytes for the same module, whoever builds it and when. Its form
//! is the one that the Wasm fetchers of Istio and Envoy Gateway take: a manifest, no index,
//! whose only layer is a compressed archive with the module as `plugin.wasm`.

mod build;
mod layout;
mod provenance;
mod registry;
mod replace;

pub use build::{Blob, Image};
pub use layout::LayoutError;
pub use provenance::{FilterFileError, Provenance};
pub use registry::{Push, PushError, PushProgress};
