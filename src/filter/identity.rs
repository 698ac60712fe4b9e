//! The caller of a request, and the id of a decision.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::engine::policy::IdentitySource;
use crate::engine::request::{Caller, Headers};

use super::host;

/// Callers by the connection whose certificate named them, which it keeps for as long as it
/// lasts.
#[derive(Debug, Default)]
pub(super) struct ConnectionCallers {
    by_connection: BTreeMap<u64, Caller>,
}

/// How many connections are remembered; then all are forgotten.
const REMEMBERED: usize = 4096;

impl ConnectionCallers {
    /// The caller of the request at hand. Only those of certificates are remembered: headers
    /// and metadata are each request's own.
    pub(super) fn caller(&mut self, source: &IdentitySource, headers: Option<&Headers>) -> Caller {
        match source {
            IdentitySource::PeerCertificate => self.of_connection(),
            IdentitySource::ForwardedClientCert => {
                headers.map_or(Caller::Anonymous, Caller::from_forwarded)
            }
            IdentitySource::Metadata(text) => match host::property(text.property()) {
                Some(value) => Caller::from_metadata(&value, text.trust_domain()),
                None => Caller::Anonymous,
            },
        }
    }

    fn of_connection(&mut self) -> Caller {
        let connection = host::connection();
        let known = connection.and_then(|connection| self.by_connection.get(&connection));
        if let Some(caller) = known {
            return caller.clone();
        }
        let pem = host::property("connection\0peer_certificate").unwrap_or_default();
        let caller = match !pem.is_empty() && is_verified() {
            true => Caller::from_certificate(&pem),
            false => Caller::Anonymous,
        };
        if let Some(connection) = connection {
            if self.by_connection.len() >= REMEMBERED {
                self.by_connection.clear();
            }
            self.by_connection.insert(connection, caller.clone());
        }
        caller
    }
}

/// Whether the host has verified the certificate of the connection at hand.
///
/// SECURITY: where it accepts untrusted ones (`ACCEPT_UNTRUSTED`), anybody can make one that
/// names anybody. Before Envoy 1.39 nobody can tell. Of a session that is resumed it says no
/// as well, and nothing tells the two apart: what was verified once may not be trusted now.
fn is_verified() -> bool {
    let verified = host::property("connection\0peer_certificate_valid");
    verified.is_none_or(|verified| verified.first().is_some_and(|byte| *byte != 0))
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
