//! The Kubernetes types.
