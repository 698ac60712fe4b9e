//! The digest of a compiled policy's sources.
//!
//! Taken over what they mean, not over how they are written: the compiled policy
//! itself, without the digest. The same policies have the same digest whatever
//! their files are called and however they are laid out.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::policy::CompiledPolicy;

/// Enters the digest.
pub(super) fn sealed(policy: CompiledPolicy) -> CompiledPolicy {
    let unsealed = CompiledPolicy {
        digest: String::new(),
        ..policy
    };
    // INVARIANT: the model has nothing that JSON cannot hold, so there is no error
    // to lose here; the digest of nothing at all would not match any policy.
    let canonical = serde_json::to_vec(&unsealed).unwrap_or_default();
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(&canonical) {
        let _ = write!(digest, "{byte:02x}");
    }
    CompiledPolicy { digest, ..unsealed }
}
