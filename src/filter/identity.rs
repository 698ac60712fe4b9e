//! The caller of a request, and the id of a decision.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::policy::IdentitySource;
use crate::request::{Caller, Headers};

use super::host;

/// Callers by the certificate that named them.
///
/// A certificate always names the same caller, so reading it once is enough. Found
/// by all of its bytes, so that no other certificate can be taken for it.
#[derive(Debug, Default)]
pub(super) struct Callers {
    by_certificate: BTreeMap<Vec<u8>, Caller>,
}

/// How many certificates are remembered; then all are forgotten.
const REMEMBERED: usize = 1024;

impl Callers {
    /// The caller of the request at hand. Only certificates are remembered: headers
    /// and metadata are each request's own.
    pub(super) fn caller(&mut self, source: &IdentitySource, headers: Option<&Headers>) -> Caller {
        match source {
            IdentitySource::PeerCertificate => {
                match host::property("connection\0peer_certificate") {
                    Some(pem) if !pem.is_empty() => self.of_certificate(pem),
                    _ => Caller::Anonymous,
                }
            }
            IdentitySource::ForwardedClientCert => {
                headers.map_or(Caller::Anonymous, Caller::from_forwarded)
            }
            IdentitySource::Metadata(text) => match host::property(text.property()) {
                Some(value) => Caller::from_metadata(&value, text.trust_domain()),
                None => Caller::Anonymous,
            },
        }
    }

    fn of_certificate(&mut self, pem: Vec<u8>) -> Caller {
        if let Some(caller) = self.by_certificate.get(&pem) {
            return caller.clone();
        }
        let caller = Caller::from_certificate(&pem);
        if self.by_certificate.len() >= REMEMBERED {
            self.by_certificate.clear();
        }
        self.by_certificate.insert(pem, caller.clone());
        caller
    }
}

/// The request's id, or a fresh one that nobody can guess.
pub(super) fn decision_id(headers: Option<&Headers>) -> String {
    let is_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let given = headers.and_then(|headers| headers.only("x-request-id"));
    let given = given.filter(|id| (1..=64).contains(&id.len()) && id.iter().all(is_id));
    if let Some(id) = given.and_then(|id| std::str::from_utf8(id).ok()) {
        return id.to_owned();
    }
    let mut random = [0; 16];
    // Without randomness an id is only less useful: it proves nothing to anybody.
    let _ = getrandom::fill(&mut random);
    random
        .iter()
        .fold(String::with_capacity(32), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
}
