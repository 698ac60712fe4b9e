//! Whom a policy asks, and what is done where nobody answers.

use serde::{Deserialize, Serialize};

use super::SafeInteger;
use super::model::given;

/// Whom a policy asks, and what it shows them.
///
/// SPEC: Gateway API, `HTTPExternalAuthFilter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalAuth {
    /// How the authorizer is spoken to.
    pub protocol: Protocol,
    /// The Envoy cluster that it is reached by.
    pub cluster: String,
    /// Its host and port, for where the request has no authority to be shown.
    pub authority: String,
    /// How much of a body is shown, in bytes; absent means none of it. Never 0.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_body: Option<SafeInteger>,
    /// Its place among the policies of a level that ask; those of one place are asked in
    /// the order of their names.
    pub order: SafeInteger,
}

impl ExternalAuth {
    /// Whether the authorizer is shown a header of this name.
    pub fn shows(&self, name: &[u8]) -> bool {
        match &self.protocol {
            Protocol::Http(http) => is_one_of(name, &http.allowed_headers),
            Protocol::Grpc(grpc) => grpc.lists(name),
        }
    }
}

impl GrpcAuth {
    /// Whether a header of this name is among those that are sent.
    pub fn lists(&self, name: &[u8]) -> bool {
        let listed = self.allowed_headers.as_ref();
        listed.is_none_or(|listed| is_one_of(name, listed))
    }
}

fn is_one_of(name: &[u8], listed: &[String]) -> bool {
    let mut listed = listed.iter();
    listed.any(|listed| name.eq_ignore_ascii_case(listed.as_bytes()))
}

/// How an authorizer is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// By the request itself, without or with its body.
    Http(HttpAuth),
    /// By `envoy.service.auth.v3.Authorization/Check`.
    Grpc(GrpcAuth),
}

/// What is shown to an authorizer over HTTP, and taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpAuth {
    /// What is put before the path; perhaps nothing.
    pub path: String,
    /// The headers shown besides those that always are; in lower case.
    pub allowed_headers: Vec<String>,
    /// The headers of the answer that the server gets; in lower case. Absent means all
    /// but the authority. Never an empty list.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub allowed_response_headers: Option<Vec<String>>,
}

/// What is shown to an authorizer over gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcAuth {
    /// The headers shown, in lower case; absent means all. Never an empty list.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub allowed_headers: Option<Vec<String>>,
}

impl GrpcAuth {
    /// The longest name of a cluster that is called, in bytes: the host takes it in a
    /// message that has to be text, which a longer one would not be.
    pub const CLUSTER_LIMIT: usize = 125;
}

/// What an enforcement point says about authorizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskSettings {
    /// How long an answer is waited for.
    pub timeout: Timeout,
    /// What happens to a request where no answer came.
    pub on_error: OnError,
    /// What happens to a body that is longer than what a policy shows of one.
    pub oversize: Oversize,
    /// Whose host a call over HTTP names; absent means the client's.
    #[serde(default, skip_serializing_if = "CalloutHost::is_client")]
    pub host: CalloutHost,
    /// Whether what authorizers change may lead a request elsewhere; absent means that it
    /// may.
    #[serde(default, skip_serializing_if = "Routing::is_unknown")]
    pub routing: Routing,
}

/// Whether a route may be chosen by what authorizers set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// Nobody says: requests that authorizers change go on only where they would be allowed
    /// at every listed backend.
    #[default]
    Unknown,
    /// No route matches on a header or query parameter that authorizers set or remove.
    Fixed,
}

impl Routing {
    /// Whether it is the default.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Whose host a call of an authorizer over HTTP names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CalloutHost {
    /// The client's.
    ///
    /// SPEC: Gateway API, `HTTPAuthConfig`: Host is always sent.
    ///
    /// SECURITY: where several hosts are served at the authorizer's address, the client
    /// chooses which of them is asked.
    #[default]
    Client,
    /// The authorizer's own, by its service.
    Service,
}

impl CalloutHost {
    /// Whether it is the default.
    pub const fn is_client(&self) -> bool {
        matches!(self, Self::Client)
    }
}

/// A time in milliseconds, from 1 to [`Timeout::MAX`].
///
/// INVARIANT: never 0, which to the host means for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SafeInteger", into = "SafeInteger")]
pub struct Timeout(u32);

impl Timeout {
    /// A day.
    pub const MAX: u32 = 86_400_000;

    /// So many seconds.
    pub(super) const fn of_seconds<const SECONDS: u32>() -> Self {
        const { assert!(SECONDS > 0 && SECONDS <= Self::MAX / 1000) };
        Self(SECONDS.saturating_mul(1000))
    }

    /// `None` when it is out of bounds.
    pub fn new(milliseconds: u64) -> Option<Self> {
        let milliseconds = u32::try_from(milliseconds).ok()?;
        (1..=Self::MAX)
            .contains(&milliseconds)
            .then_some(Self(milliseconds))
    }

    /// The milliseconds.
    pub const fn milliseconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<SafeInteger> for Timeout {
    type Error = &'static str;

    fn try_from(milliseconds: SafeInteger) -> Result<Self, Self::Error> {
        Self::new(milliseconds.get()).ok_or("a timeout is from 1 ms to a day")
    }
}

impl From<Timeout> for SafeInteger {
    fn from(timeout: Timeout) -> Self {
        Self::from(timeout.0)
    }
}

/// What happens to a request where an authorizer did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnError {
    /// It is refused.
    Deny,
    /// It goes on as if the authorizer had allowed it.
    ///
    /// SECURITY: whoever can keep the authorizer from answering is not judged by it.
    Allow,
}

/// What happens to a body that is longer than what a policy shows of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oversize {
    /// The request is refused.
    Reject,
    /// The authorizer is shown the front of it, and told so.
    ///
    /// SECURITY: what it did not see goes on as well.
    Truncate,
}

impl Default for AskSettings {
    fn default() -> Self {
        Self {
            timeout: Timeout(1000),
            on_error: OnError::Deny,
            oversize: Oversize::Reject,
            host: CalloutHost::Client,
            routing: Routing::Unknown,
        }
    }
}

impl AskSettings {
    /// Whether it says what holds where nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        for (written, read) in [
            ("1", Some(1)),
            ("1000.0", Some(1000)),
            ("86400000", Some(Timeout::MAX)),
            ("0", None),
            ("0.0", None),
            ("-1", None),
            ("86400001", None),
            ("4294967297", None),
            ("null", None),
        ] {
            let timeout = serde_json::from_str::<Timeout>(written).ok();
            assert_eq!(timeout.map(Timeout::milliseconds), read, "{written}");
        }
    }
}
