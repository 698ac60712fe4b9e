//! Where the caller's identity comes from.

use serde::{Deserialize, Serialize};

use super::model::given;

/// Where the caller's identity comes from: exactly one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentitySource {
    /// The URI SANs of the verified client certificate.
    PeerCertificate,
    /// The last element of the header `x-forwarded-client-cert`.
    ///
    /// SECURITY: anybody who can send the header can be anybody. Only for a gateway
    /// behind a hop that sanitises it, and that nobody can walk around.
    ForwardedClientCert,
    /// A text in Envoy's dynamic metadata, such as a claim of a verified token.
    ///
    /// SECURITY: whoever writes to the namespace says who the caller is.
    Metadata(MetadataText),
}

/// A text in Envoy's dynamic metadata, and what it means.
///
/// INVARIANT: the host finds this place and no other: there is at least one key, none
/// is empty (the host drops an empty one at the end) and none has a NUL (which
/// separates them for the host).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MetadataForm", into = "MetadataForm")]
pub struct MetadataText {
    namespace: String,
    path: Vec<String>,
    trust_domain: Option<String>,
    property: String,
}

/// The form in the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetadataForm {
    namespace: String,
    path: Vec<String>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    trust_domain: Option<String>,
}

impl MetadataText {
    /// What a path in metadata must be.
    pub(super) const RULE: &str = "a path in metadata has keys, none empty and none with a NUL";

    /// The text under `path` in `namespace`. With a trust domain, the name of a
    /// Kubernetes service account in it stands for the account's SPIFFE ID.
    ///
    /// `None` where the host could not be asked for it.
    pub fn new(namespace: String, path: Vec<String>, trust_domain: Option<String>) -> Option<Self> {
        let keys = || std::iter::once(&namespace).chain(&path);
        if path.is_empty() || keys().any(|key| !is_key(key)) {
            return None;
        }
        let property = keys().fold("metadata\0filter_metadata".to_owned(), |mut path, key| {
            path.push('\0');
            path.push_str(key);
            path
        });
        Some(Self {
            namespace,
            path,
            trust_domain,
            property,
        })
    }

    /// The host's property that has the text: segments, separated by NUL.
    pub fn property(&self) -> &str {
        &self.property
    }

    /// The trust domain of the service accounts that the text may name.
    pub fn trust_domain(&self) -> Option<&str> {
        self.trust_domain.as_deref()
    }

    /// Whether the host can be asked for a key.
    pub fn is_key(key: &str) -> bool {
        is_key(key)
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains('\0')
}

impl TryFrom<MetadataForm> for MetadataText {
    type Error = &'static str;

    fn try_from(written: MetadataForm) -> Result<Self, Self::Error> {
        let MetadataForm {
            namespace,
            path,
            trust_domain,
        } = written;
        Self::new(namespace, path, trust_domain).ok_or(Self::RULE)
    }
}

impl From<MetadataText> for MetadataForm {
    fn from(text: MetadataText) -> Self {
        let MetadataText {
            namespace,
            path,
            trust_domain,
            property: _,
        } = text;
        Self {
            namespace,
            path,
            trust_domain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str =
        r#"{"Metadata":{"namespace":"envoy.filters.http.jwt_authn","path":["payload","sub"]}}"#;

    #[test]
    fn what_the_host_is_asked_for() {
        let source: IdentitySource = serde_json::from_str(JWT).unwrap();
        let IdentitySource::Metadata(text) = &source else {
            panic!("{source:?}")
        };
        assert_eq!(
            text.property(),
            "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload\0sub"
        );
        assert_eq!(text.trust_domain(), None);
        assert_eq!(serde_json::to_string(&source).unwrap(), JWT);
    }

    #[test]
    fn what_the_host_cannot_be_asked_for() {
        for metadata in [
            r#"{"namespace":"n","path":[]}"#,
            r#"{"namespace":"n","path":[""]}"#,
            r#"{"namespace":"n","path":["a",""]}"#,
            r#"{"namespace":"n","path":["a","","b"]}"#,
            r#"{"namespace":"","path":["a"]}"#,
            r#"{"namespace":"n\u0000m","path":["a"]}"#,
            r#"{"namespace":"n","path":["a\u0000b"]}"#,
            r#"{"namespace":"n","path":["a\u0000"]}"#,
            r#"{"namespace":"n","path":["a"],"trustDomain":null}"#,
            r#"{"namespace":"n","path":["a"],"other":1}"#,
            r#"{"namespace":"n","path":"a"}"#,
            r#"{"namespace":"n"}"#,
            r#""n""#,
        ] {
            let source = format!(r#"{{"Metadata":{metadata}}}"#);
            assert!(
                serde_json::from_str::<IdentitySource>(&source).is_err(),
                "{source}"
            );
        }
    }
}
