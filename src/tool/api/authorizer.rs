//! Whom to ask, as every version has it.
//!
//! SPEC: Gateway API, `HTTPExternalAuthFilter`. Rules that tie several fields together
//! are the compiler's.

use super::decode::{
    Choice, EmptyList, Located, MappingDecoder, Optional, Problem, Required, Undecoded, choice,
    integer, list, refuse_duplicates, text,
};
use super::names;

/// `externalAuth`
#[derive(Debug, Clone)]
pub struct HttpExternalAuthFilter {
    /// How the authorizer is spoken to.
    pub protocol: Required<ExternalAuthProtocol>,
    /// Where it is.
    pub backend_ref: Required<BackendRef>,
    /// Whether it is shown bodies.
    pub forward_body: Optional<ForwardBody>,
    /// What protocol HTTP needs.
    pub http: Optional<HttpAuthConfig>,
    /// What protocol GRPC needs.
    pub grpc: Optional<GrpcAuthConfig>,
}

/// `externalAuth.protocol`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternalAuthProtocol {
    /// A request like the client's.
    Http,
    /// Envoy's own protocol.
    Grpc,
}

/// `externalAuth.backendRef`
#[derive(Debug, Clone)]
pub struct BackendRef {
    /// The API group; the core group when left out.
    pub group: Optional<String>,
    /// The kind; a Service when left out.
    pub kind: Optional<String>,
    /// The name.
    pub name: Required<String>,
    /// The namespace; the policy's when left out.
    pub namespace: Optional<String>,
    /// The service's port.
    pub port: Optional<u64>,
}

/// `externalAuth.forwardBody`
#[derive(Debug, Clone)]
pub struct ForwardBody {
    /// How much of a body, in bytes.
    pub max_size: Optional<u64>,
}

/// `externalAuth.http`
#[derive(Debug, Clone)]
pub struct HttpAuthConfig {
    /// What is put before the path.
    pub path: Optional<String>,
    /// What the authorizer is shown besides what it always is.
    pub allowed_headers: Optional<Vec<Located<String>>>,
    /// What the server gets of the answer.
    pub allowed_response_headers: Optional<Vec<Located<String>>>,
}

/// `externalAuth.grpc`
#[derive(Debug, Clone)]
pub struct GrpcAuthConfig {
    /// What the authorizer is shown.
    pub allowed_headers: Optional<Vec<Located<String>>>,
}

impl Choice for ExternalAuthProtocol {
    const ALL: &'static [(&'static str, Self)] = &[("HTTP", Self::Http), ("GRPC", Self::Grpc)];
}

/// The largest number that the compiled policy can hold.
const MAX_SIZE: i64 = 1 << 53;

impl HttpExternalAuthFilter {
    pub(super) fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let external_auth = Self {
            protocol: object.required("protocol", "protocol: HTTP", choice),
            backend_ref: object.required(
                "backendRef",
                "backendRef: {name: authorizer, port: 8080}",
                BackendRef::decode,
            ),
            forward_body: object.optional("forwardBody", ForwardBody::decode),
            http: object.optional("http", HttpAuthConfig::decode),
            grpc: object.optional("grpc", GrpcAuthConfig::decode),
        };
        object.finish();
        Some(external_auth)
    }
}

impl BackendRef {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let backend = Self {
            group: object.optional("group", text(&names::GROUP)),
            kind: object.optional("kind", text(&names::KIND)),
            name: object.required("name", "name: authorizer", text(&names::BACKEND_NAME)),
            namespace: object.optional("namespace", text(&names::NAMESPACE)),
            port: object.optional("port", integer(1, 65535)),
        };
        object.finish();
        Some(backend)
    }
}

impl ForwardBody {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let forward = Self {
            max_size: object.optional("maxSize", integer(0, MAX_SIZE)),
        };
        object.finish();
        Some(forward)
    }
}

impl HttpAuthConfig {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let http = Self {
            path: object.optional("path", text(&names::PATH_BEFORE)),
            allowed_headers: object.optional("allowedHeaders", header_names),
            allowed_response_headers: object.optional("allowedResponseHeaders", header_names),
        };
        object.finish();
        Some(http)
    }
}

impl GrpcAuthConfig {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let grpc = Self {
            allowed_headers: object.optional("allowedHeaders", header_names),
        };
        object.finish();
        Some(grpc)
    }
}

/// Here the API says what an empty list means, and that it is the same as none.
fn header_names(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Located<String>>> {
    let names = list(64, EmptyList::Meant, text(&names::HEADER_NAME))(value, problems)?;
    let keys = names
        .iter()
        .map(|name| (name.value.to_ascii_lowercase(), &name.at));
    refuse_duplicates("header", keys, problems);
    Some(names)
}
