//! Who asks.

use x509_cert::Certificate;
use x509_cert::der::{Decode, DecodePem};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A SPIFFE ID in the form that policies can name.
///
/// SPEC: XAccessPolicy v1alpha1, `source.spiffe`:
/// `^spiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)*$`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId(String);

impl SpiffeId {
    /// The ID, if it has the form.
    pub fn new(text: &str) -> Option<Self> {
        let mut segments = text.strip_prefix("spiffe://")?.split('/');
        let mark = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
        let is_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || mark(byte);
        let is_path = |byte: u8| byte.is_ascii_alphanumeric() || mark(byte);
        let domain = segments.next()?;
        let well_formed = !domain.is_empty()
            && domain.bytes().all(is_domain)
            && segments.all(|segment| !segment.is_empty() && segment.bytes().all(is_path));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks, as far as the one place that identities come from says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody who could be named: matches no rule that has a source.
    Anonymous,
    /// Somebody with a SPIFFE ID.
    Spiffe(SpiffeId),
}

impl Caller {
    /// The caller that a verified client certificate names, given as PEM.
    ///
    /// SPEC: SPIFFE X.509-SVID, section 2: exactly one SPIFFE ID, a URI among the
    /// subject alternative names. Several are no identity, nor is a malformed one:
    /// nobody may choose which of them counts.
    pub fn from_certificate(pem: &[u8]) -> Self {
        certificate_id(pem).map_or(Self::Anonymous, Self::Spiffe)
    }

    /// The caller's SPIFFE ID.
    pub fn spiffe_id(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Spiffe(id) => Some(id.as_str()),
        }
    }
}

fn certificate_id(pem: &[u8]) -> Option<SpiffeId> {
    let certificate = Certificate::from_pem(pem).ok()?;
    let extensions = certificate.tbs_certificate().extensions()?;
    let mut ids = Vec::new();
    for extension in extensions {
        if extension.extn_id != <SubjectAltName as x509_cert::der::oid::AssociatedOid>::OID {
            continue;
        }
        let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).ok()?;
        ids.extend(names.0.into_iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) if is_spiffe(uri.as_str()) => Some(uri),
            _ => None,
        }));
    }
    match ids.as_slice() {
        [id] => SpiffeId::new(id.as_str()),
        _ => None,
    }
}

/// Whether a URI claims to be a SPIFFE ID; schemes have no case.
fn is_spiffe(uri: &str) -> bool {
    uri.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for id in [
            "spiffe://d",
            "spiffe://cluster.local/ns/a/sa/b",
            "spiffe://a_b-c.1/X._-",
        ] {
            assert_eq!(SpiffeId::new(id).unwrap().as_str(), id);
        }
        for id in [
            "",
            "spiffe:",
            "spiffe://",
            "spiffe:///a",
            "SPIFFE://d",
            "spiffe://D",
            "spiffe://d/",
            "spiffe://d//a",
            "spiffe://d/a/",
            "spiffe://d:1/a",
            "spiffe://u@d",
            "spiffe://d/%61",
            "spiffe://d/a?b",
            "spiffe://d/a#b",
            "https://d/a",
            " spiffe://d",
            "spiffe://d/ä",
        ] {
            assert_eq!(SpiffeId::new(id), None, "{id}");
        }
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        for pem in [
            &b""[..],
            b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            b"\xff",
        ] {
            assert_eq!(Caller::from_certificate(pem), Caller::Anonymous);
        }
    }
}
