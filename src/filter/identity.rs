//! The caller of a request, and the id of a decision.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::policy::IdentitySource;
use crate::request::{Caller, Headers, certificate_ends};

use super::host;

/// Callers by the connection whose certificate named them, which it keeps for as long as it
/// lasts.
#[derive(Debug, Default)]
pub(super) struct Callers {
    by_connection: BTreeMap<u64, Caller>,
}

/// How many connections are remembered; then all are forgotten.
const REMEMBERED: usize = 4096;

impl Callers {
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
        let caller = match pem.is_empty() {
            true => Caller::Anonymous,
            false if is_verified(&pem) => Caller::from_certificate(&pem),
            // Another worker may verify it yet.
            false => return Caller::Anonymous,
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

/// Whether the host has verified a certificate, which is that of the connection at hand.
///
/// SECURITY: where it accepts untrusted ones (`ACCEPT_UNTRUSTED`), anybody can make one that
/// names anybody. Before Envoy 1.39 nobody can tell. Of a session that is resumed it says no
/// as well: that counts only where no worker has seen the certificate verified at the same
/// place, which may trust others than another one does, and while it is valid. Its key is
/// proved in each case.
fn is_verified(pem: &[u8]) -> bool {
    let verified = host::property("connection\0peer_certificate_valid");
    let Some(verified) = verified else {
        return true;
    };
    let mut entry = scope();
    entry.extend_from_slice(pem);
    let place = place_of(pem);
    let (known, version) = host::shared(&place).unwrap_or_default();
    let is_known = shared_certificates(&known).any(|known| known == entry);
    if verified.first().is_none_or(|byte| *byte == 0) {
        return is_known && !has_ended(pem);
    }
    if !is_known {
        let mut all = Vec::new();
        add_shared(&mut all, &entry);
        // The oldest stand last, and are left out; first of all those of this certificate, so
        // that who shows it under many server names takes the place of nobody else.
        let mut own = 1..SHARED_OF_ONE;
        let kept = shared_certificates(&known)
            .filter(|known| !known.ends_with(pem) || own.next().is_some());
        for known in kept.take(SHARED - 1) {
            add_shared(&mut all, known);
        }
        // Another worker may have been faster: then it is shared another time.
        host::share(&place, &all, version);
    }
    true
}

/// Where the connection at hand has come to: what is trusted there may differ.
fn scope() -> Vec<u8> {
    let mut scope = Vec::new();
    for path in [
        "destination\0address",
        "xds\0filter_chain_name",
        "connection\0requested_server_name",
    ] {
        scope.extend(host::property(path).unwrap_or_default());
        scope.push(0);
    }
    scope
}

fn has_ended(pem: &[u8]) -> bool {
    let now = host::now().map(|now| now / 1_000_000_000);
    !matches!((now, certificate_ends(pem)), (Some(now), Some(end)) if now <= end)
}

/// How much a place holds, of one certificate and of all; and how many places there are.
const SHARED_OF_ONE: usize = 4;
const SHARED: usize = 16;
const PLACES: u32 = 64;

/// Where a certificate is among those that all workers know.
fn place_of(pem: &[u8]) -> String {
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let place = pem.iter().fold(0x811c_9dc5, mix) % PLACES;
    format!("accesspolicy.verified.{place}")
}

/// What is shared at a place: certificates, each with where it was verified before it, behind
/// the length of both.
fn shared_certificates(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (entry, after) = after.split_at_checked(length)?;
        rest = after;
        Some(entry)
    })
}

fn add_shared(all: &mut Vec<u8>, entry: &[u8]) {
    if let Ok(length) = u32::try_from(entry.len()) {
        all.extend_from_slice(&length.to_le_bytes());
        all.extend_from_slice(entry);
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
