//! JSON Web Tokens signed on the spot.

use base64ct::{Base64UrlUnpadded, Encoding};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use serde_json::{Value, json};

/// Who signs tokens, with a key of its own.
#[derive(Debug)]
pub struct Issuer {
    key: KeyPair,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            key: KeyPair::generate_for(&PKCS_ED25519).expect("a key"),
        }
    }
}

impl Issuer {
    /// The name that its tokens have.
    pub const NAME: &str = "https://issuer.example";

    /// Its key set, as verifiers read it.
    pub fn keys(&self) -> String {
        let x = encode(self.key.der_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x}]}).to_string()
    }

    /// A token with these claims, and its name as the issuer's.
    pub fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        claims["iss"] = json!(Self::NAME);
        let header = encode(br#"{"alg":"EdDSA","typ":"JWT"}"#);
        let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
        let signature = self.key.sign(signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", encode(&signature))
    }
}

/// As the parts of tokens are written.
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
