//! The digest of a compiled policy's sources.
//!
//! Taken over what they mean, not over how they are written: the compiled policy
//! itself, without the digest. The same policies have the same digest whatever
//! their files are called and however they are laid out.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::CompiledPolicy;

impl CompiledPolicy {
    /// The same, with the digest entered.
    pub fn sealed(self) -> Self {
        let digest = digest(&self);
        Self { digest, ..self }
    }

    /// Whether it is what was compiled, by its digest.
    pub fn is_sealed(&self) -> bool {
        self.digest == digest(self)
    }
}

fn digest(policy: &CompiledPolicy) -> String {
    let unsealed = CompiledPolicy {
        digest: String::new(),
        ..policy.clone()
    };
    // INVARIANT: the model has nothing that JSON cannot hold, so there is no error
    // to lose here; the digest of nothing at all would not match any policy.
    let canonical = serde_json::to_vec(&unsealed).unwrap_or_default();
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(&canonical) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
