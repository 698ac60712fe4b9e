//! The digest of a compiled policy's sources.
//!
//! Taken over what they mean, not over how they are written: the compiled policy
//! itself, without the digest. The same policies have the same digest whatever
//! their files are called and however they are laid out, and wherever they run.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::CompiledPolicy;
use super::seal::Seal;

impl CompiledPolicy {
    /// The same, with digest and seal entered.
    pub fn digested(self) -> Self {
        let unsealed = Self {
            digest: String::new(),
            seal: None,
            ..self
        };
        let digest = digest(&unsealed);
        Self { digest, ..unsealed }.sealed()
    }

    /// The same, with the seal entered.
    pub fn sealed(self) -> Self {
        let seal = Some(self.seal_now());
        Self { seal, ..self }
    }

    /// Whether it is what was compiled, by its seal.
    pub fn is_sealed(&self) -> bool {
        self.seal.as_ref() == Some(&self.seal_now())
    }

    fn seal_now(&self) -> String {
        let seal = Seal::of(&text(self));
        seal.map(|seal| seal.expected).unwrap_or_default()
    }
}

/// INVARIANT: the model has nothing that JSON cannot hold, so there is no error to lose here;
/// the digest of nothing at all would not match any policy.
fn text(policy: &CompiledPolicy) -> Vec<u8> {
    serde_json::to_vec(policy).unwrap_or_default()
}

fn digest(unsealed: &CompiledPolicy) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text(unsealed)) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
