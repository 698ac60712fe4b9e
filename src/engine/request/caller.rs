//! Who asks.

use std::sync::Arc;

use super::Headers;
use super::certificate;
use super::forwarded;

/// A SPIFFE ID in the form that policies can name.
///
/// SPEC: XAccessPolicy v1alpha1, `source.spiffe`:
/// `^spiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)*$`
///
/// Shared, because a connection's is that of each of its requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId(Arc<str>);

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
        well_formed.then(|| Self(text.into()))
    }

    /// The ID of the service account that Kubernetes calls
    /// `system:serviceaccount:<namespace>:<name>`, as `source.serviceAccount` has it.
    ///
    /// SPEC: Kubernetes, subject of service account tokens; a namespace is a DNS label,
    /// a service account's name a DNS subdomain.
    fn of_service_account(name: &str, trust_domain: &str) -> Option<Self> {
        let name = name.strip_prefix("system:serviceaccount:")?;
        let (namespace, name) = name.split_once(':')?;
        let is_well_formed = is_label(namespace) && name.split('.').all(is_label);
        let id = || format!("spiffe://{trust_domain}/ns/{namespace}/sa/{name}");
        is_well_formed.then(id).and_then(|id| Self::new(&id))
    }

    /// The ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks, as far as the one place that identities come from says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Caller {
    /// Nobody who could be named: matches no rule that has a source.
    #[default]
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
        let uris = certificate::uris(pem).unwrap_or_default();
        only_id(uris.iter().map(String::as_str)).map_or(Self::Anonymous, Self::Spiffe)
    }

    /// The caller that the last element of `x-forwarded-client-cert` names, by the
    /// same rule.
    ///
    /// SECURITY: for gateways behind a hop that sanitises the header; anybody else's
    /// is the client's own word.
    pub fn from_forwarded(headers: &Headers) -> Self {
        let lines: Vec<&[u8]> = headers.all("x-forwarded-client-cert").collect();
        let header = lines.join(&b',');
        let header = std::str::from_utf8(&header).ok();
        let uris = header.and_then(forwarded::last_uris);
        uris.and_then(only_id).map_or(Self::Anonymous, Self::Spiffe)
    }

    /// The caller that a text in Envoy's metadata names: by SPIFFE ID or, with the
    /// `trust_domain` of the cluster, as a Kubernetes service account.
    ///
    /// SECURITY: the host gives any value as bytes. What is no text is no name: a
    /// number has 8 bytes, of which no name has so few; an object or list begins with
    /// the 32 bits of its length, which would be billions if they were the letters
    /// that a name begins with.
    pub fn from_metadata(value: &[u8], trust_domain: Option<&str>) -> Self {
        let name = std::str::from_utf8(value).ok();
        let id = name.and_then(|name| {
            SpiffeId::new(name).or_else(|| SpiffeId::of_service_account(name, trust_domain?))
        });
        id.map_or(Self::Anonymous, Self::Spiffe)
    }

    /// The caller's SPIFFE ID.
    pub fn spiffe_id(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Spiffe(id) => Some(id.as_str()),
        }
    }
}

/// The one SPIFFE ID among some URIs.
fn only_id<'u>(uris: impl IntoIterator<Item = &'u str>) -> Option<SpiffeId> {
    let mut ids = uris.into_iter().filter(|uri| is_spiffe(uri));
    let id = ids.next()?;
    match ids.next() {
        None => SpiffeId::new(id),
        Some(_) => None,
    }
}

/// A DNS label in lower case.
fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
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

    #[test]
    fn names_in_metadata() {
        let domain = Some("cluster.local");
        let account = "spiffe://cluster.local/ns/agents/sa/reader";
        for (name, domain, id) in [
            ("spiffe://d/a", None, Some("spiffe://d/a")),
            ("spiffe://d/a", domain, Some("spiffe://d/a")),
            ("system:serviceaccount:agents:reader", domain, Some(account)),
            (
                "system:serviceaccount:a-1:b.c-2",
                domain,
                Some("spiffe://cluster.local/ns/a-1/sa/b.c-2"),
            ),
            ("system:serviceaccount:agents:reader", None, None),
            ("", domain, None),
            ("reader", domain, None),
            ("agents:reader", domain, None),
            (" spiffe://d/a", domain, None),
            ("spiffe://d/a\0", domain, None),
            ("system:serviceaccount:agents", domain, None),
            ("system:serviceaccount:agents:", domain, None),
            ("system:serviceaccount::reader", domain, None),
            ("system:serviceaccount:agents:reader:x", domain, None),
            ("system:serviceaccount:agents/sa/admin:x", domain, None),
            ("system:serviceaccount:agents:reader/x", domain, None),
            ("system:serviceaccount:a.b:reader", domain, None),
            ("system:serviceaccount:agents:..", domain, None),
            ("system:serviceaccount:agents:-reader", domain, None),
            ("system:serviceaccount:Agents:reader", domain, None),
            ("System:serviceaccount:agents:reader", domain, None),
            ("system:serviceaccounts:agents:reader", domain, None),
        ] {
            let caller = Caller::from_metadata(name.as_bytes(), domain);
            assert_eq!(caller.spiffe_id(), id, "{name}");
        }
    }

    /// As Envoy gives them: a number, an object or list, whatever is in it.
    #[test]
    fn what_is_no_text_names_nobody() {
        let mut object = vec![1, 0, 0, 0, 3, 0, 0, 0, 12, 0, 0, 0];
        object.extend_from_slice(b"sub\0spiffe://d/a\0");
        for value in [
            &b"spiffe:/"[..],
            &1e300_f64.to_le_bytes(),
            &[1],
            &[0, 0, 0, 0],
            &object,
            b"\xffspiffe://d/a",
        ] {
            assert_eq!(
                Caller::from_metadata(value, Some("d")),
                Caller::Anonymous,
                "{value:?}"
            );
        }
    }

    #[test]
    fn names_in_forwarded_certificates() {
        for (lines, id) in [
            (&["URI=spiffe://d/a"][..], Some("spiffe://d/a")),
            (
                &["Hash=0;URI=spiffe://d/b,Hash=1;URI=spiffe://d/a"],
                Some("spiffe://d/a"),
            ),
            (
                &["URI=spiffe://d/b", "URI=spiffe://d/a"],
                Some("spiffe://d/a"),
            ),
            (&["URI=https://d/x;URI=spiffe://d/a"], Some("spiffe://d/a")),
            (&["URI=spiffe://d/a;URI=spiffe://d/b"], None),
            (&["URI=spiffe://d/a;uri=spiffe://d/a"], None),
            (&["URI=spiffe://d/a;URI=SPIFFE://d/b"], None),
            (&["URI=SPIFFE://d/a"], None),
            (&["URI=spiffe://d/a/"], None),
            (&["URI="], None),
            (&["By=spiffe://d/a"], None),
            (&["DNS=spiffe://d/a"], None),
            (&["URI=spiffe://d/a,Hash=0"], None),
            (&["URI=spiffe://d/a,"], None),
            (&[",URI=spiffe://d/a"], None),
            (&[], None),
        ] {
            let name = "X-Forwarded-Client-Cert";
            let headers = Headers::from_lines(lines.iter().map(|line| (name, line)));
            let caller = Caller::from_forwarded(&headers);
            assert_eq!(caller.spiffe_id(), id, "{lines:?}");
        }
        let other = Headers::from_lines([("x_forwarded_client_cert", "URI=spiffe://d/a")]);
        assert_eq!(Caller::from_forwarded(&other), Caller::Anonymous);
    }
}
