//! An image's reference, by digest: what runs is what was looked at.

use std::fmt;
use std::str::FromStr;

/// `registry/repository@sha256:…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    name: String,
    sha256: String,
}

/// A reference that names no digest. Its display is one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an image is named with its digest, as `accesspolicy push` writes it: \
     `registry.example/path@sha256:` and 64 hexadecimal digits"
)]
pub struct ImageReferenceError;

impl ImageReference {
    /// The digest, without its kind.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@sha256:{}", self.name, self.sha256)
    }
}

impl FromStr for ImageReference {
    type Err = ImageReferenceError;

    /// Takes `oci://` before it, and a tag, which says nothing beside a digest.
    fn from_str(text: &str) -> Result<Self, ImageReferenceError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (name, sha256) = text.split_once("@sha256:").ok_or(ImageReferenceError)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if sha256.len() != 64 || !sha256.bytes().all(is_hex) {
            return Err(ImageReferenceError);
        }
        let (path, last) = name.rsplit_once('/').ok_or(ImageReferenceError)?;
        let last = last.split_once(':').map_or(last, |(last, _tag)| last);
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
        let name = format!("{path}/{last}");
        if path.is_empty() || last.is_empty() || !name.chars().all(is_of_name) {
            return Err(ImageReferenceError);
        }
        Ok(Self {
            name,
            sha256: sha256.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_needed_and_a_tag_is_not() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [
            "r.example:5000/a/b",
            "oci://r.example:5000/a/b",
            "r.example:5000/a/b:v1",
        ] {
            let found: ImageReference = format!("{text}@{digest}").parse().unwrap();
            assert_eq!(found.to_string(), format!("r.example:5000/a/b@{digest}"));
        }
        for text in [
            "",
            "r/a",
            "r/a:v1",
            "r/a@sha256:00",
            &format!("a@{digest}"),
            &format!("r/a b@{digest}"),
        ] {
            assert_eq!(
                text.parse::<ImageReference>(),
                Err(ImageReferenceError),
                "{text}"
            );
        }
    }
}
