//! What expressions can ask about a request, and who answers.

use std::borrow::Cow;

use super::{EvalError, Timestamp};

/// Something that expressions can ask about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The HTTP method.
    Method,
    /// The path with its query.
    Path,
    /// The path without query.
    UrlPath,
    /// The authority, where it is just the host name.
    Host,
    /// The host name: in lower case, without port.
    Hostname,
    /// The scheme of the connection.
    Scheme,
    /// What follows `?`, which it is without.
    Query,
    /// The headers: always there, and not asked for by [`Attributes::fact`].
    Headers,
    /// When the request arrived.
    Time,
    /// The request id, which the client may have chosen.
    Id,
    /// The bytes of its body.
    Size,
    /// The method of the MCP message.
    McpMethod,
    /// The tool called.
    ToolName,
    /// The prompt asked for.
    PromptName,
    /// The resource acted on.
    ResourceUri,
    /// The parameters of the MCP message.
    Params,
    /// The id of the MCP message.
    McpId,
    /// The MCP session.
    SessionId,
    /// The caller's SPIFFE ID.
    SpiffeId,
    /// The trust domain of it.
    TrustDomain,
    /// The namespace in it, where it is one of a service account.
    Namespace,
    /// The service account's name in it, where it is one of a service account.
    ServiceAccount,
    /// Whether the caller has an identity. Always there.
    Authenticated,
    /// Where the connection comes from: address and port.
    SourceAddress,
    /// The port that the request arrived on.
    DestinationPort,
}

impl Attribute {
    /// Every fact, with its name in expressions.
    pub const ALL: [(&'static str, Self); 25] = [
        ("request.method", Self::Method),
        ("request.path", Self::Path),
        ("request.url_path", Self::UrlPath),
        ("request.host", Self::Host),
        ("request.hostname", Self::Hostname),
        ("request.scheme", Self::Scheme),
        ("request.query", Self::Query),
        ("request.headers", Self::Headers),
        ("request.time", Self::Time),
        ("request.id", Self::Id),
        ("request.size", Self::Size),
        ("request.mcp.method", Self::McpMethod),
        ("request.mcp.tool_name", Self::ToolName),
        ("request.mcp.prompt_name", Self::PromptName),
        ("request.mcp.resource_uri", Self::ResourceUri),
        ("request.mcp.params", Self::Params),
        ("request.mcp.id", Self::McpId),
        ("request.mcp.session_id", Self::SessionId),
        ("identity.spiffe_id", Self::SpiffeId),
        ("identity.trust_domain", Self::TrustDomain),
        ("identity.namespace", Self::Namespace),
        ("identity.service_account", Self::ServiceAccount),
        ("identity.authenticated", Self::Authenticated),
        ("source.address", Self::SourceAddress),
        ("destination.port", Self::DestinationPort),
    ];

    /// Its name in expressions.
    pub fn as_str(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, fact)| *fact == self);
        named.map_or("", |(name, _)| name)
    }

    /// Whether Envoy takes it from what the client sends, unless it is told otherwise.
    ///
    /// SECURITY: `x-forwarded-for` moves `source.address`, and a client of HTTP/2 writes
    /// `:scheme` itself, as `x-forwarded-proto` does over HTTP/1.1.
    pub const fn needs_edge(self) -> bool {
        matches!(self, Self::SourceAddress | Self::Scheme)
    }

    /// Whether every request has it.
    pub const fn is_always_there(self) -> bool {
        matches!(self, Self::Headers | Self::Authenticated)
    }

    /// Whether it is there for requests that carry an MCP message only.
    pub const fn is_of_mcp(self) -> bool {
        matches!(
            self,
            Self::McpMethod
                | Self::ToolName
                | Self::PromptName
                | Self::ResourceUri
                | Self::Params
                | Self::McpId
        )
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub enum AttributeValue<'r> {
    /// Text; what is not UTF-8 is an error of the expression that asks.
    Text(Cow<'r, [u8]>),
    /// A number.
    Int(i64),
    /// A truth.
    Bool(bool),
    /// A point in time.
    Time(Timestamp),
    /// JSON that the strict reader took.
    Json(&'r [u8]),
}

/// Another text that servers may read where a request has a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The text.
    pub text: String,
    /// What it is beside the fact.
    pub kind: ReadingKind,
}

/// What another text is beside a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingKind {
    /// Another spelling of it.
    Spelling,
    /// Another spelling in lower case, as is everything that it is compared with.
    LowerCase,
    /// The form that a uri has in all spellings (see [`crate::engine::uri`]), as has every uri
    /// that it is compared with.
    Uri,
    /// The form of a uri that may name any host: nobody can say what is true of it, but
    /// that it is none of another scheme.
    AnyHost,
    /// The form of a uri with `..` in it: nobody can say either, not even what is true of it
    /// as it is spelt.
    AnyUri,
    /// Something else, which takes its place.
    Instead,
}

/// Answers for a request.
pub trait Attributes {
    /// The fact, as [`AttributeValue`] by its kind; `None` when the request does not have it.
    /// Never asked for [`Attribute::Headers`].
    fn fact(&self, fact: Attribute) -> Option<AttributeValue<'_>>;

    /// Whether the request has a fact.
    ///
    /// # Errors
    /// When nobody can say: it has it, but servers differ in what it is.
    fn is_there(&self, fact: Attribute) -> Result<bool, EvalError> {
        Ok(self.fact(fact).is_some())
    }

    /// What else servers may read in the place of a fact. Most requests have
    /// none.
    ///
    /// # Errors
    /// When there are too many to look at.
    fn readings(&self, fact: Attribute) -> Result<&[Reading], EvalError> {
        let _ = fact;
        Ok(&[])
    }

    /// Among how many lines a header is looked for: an expression pays for that each time.
    fn header_lines(&self) -> usize {
        0
    }

    /// A header's value by its name in lower case.
    ///
    /// # Errors
    /// When there are several lines, of which nobody can say which counts.
    fn header(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError>;

    /// The names of all headers but the pseudo-headers: in lower case, each once. Only
    /// asked for when [`AttributeNeeds::all_headers`](super::AttributeNeeds) is.
    ///
    /// # Errors
    /// When some servers know a header by another name.
    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError>;
}
