//! What is asked: who asks, over which HTTP request, with which MCP message.
//!
//! Each part is parsed once, into types that cannot be wrong. Headers are bytes:
//! nothing here assumes that they are text.

mod caller;
mod certificate;
mod classify;
mod derived;
mod forwarded;
mod headers;
mod http;
mod keys;
mod path;
mod query;
mod trailers;

pub use caller::{Caller, SpiffeId};
pub use classify::{Head, HeadError};
pub use derived::{Derived, DerivedPath};
pub use headers::{Headers, begins_alike, is_alike, is_plain_name};
pub use http::{HostName, HttpRequest};
pub use keys::{QueryKey, is_any_of, is_end, key_of};
pub use path::{RequestPath, is_script};
pub use query::{awaits_event, readings as query_readings};
pub use trailers::may_trail;

use crate::engine::mcp::Message;

/// A request that is ready to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Who asks.
    pub caller: &'r Caller,
    /// The Envoy cluster that the route chose, if it chose one.
    pub cluster: Option<&'r str>,
    /// The HTTP request that asks.
    pub http: HttpRequest<'r>,
    /// What is asked.
    pub operation: Operation<'r>,
    /// The MCP message as it came, where rules read its parameters; else empty.
    pub body: &'r [u8],
    /// The length of its body in bytes, where it is known.
    pub size: Option<u64>,
    /// Where the connection comes from, address and port, where rules ask for it.
    pub address: Option<&'r str>,
    /// The scheme of the connection, likewise.
    pub scheme: Option<Scheme>,
    /// Where the connection goes to, likewise, where an authorizer is told.
    pub destination: Option<&'r str>,
    /// The protocol, `HTTP/1.1` or `HTTP/2`, where an authorizer is told.
    pub protocol: Option<&'r str>,
    /// When it arrived, in nanoseconds since 1970, where an authorizer is told.
    pub arrived: Option<u64>,
    /// When it is judged, likewise, where rules ask for it.
    pub time: Option<u64>,
}

/// The scheme of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// There is no TLS.
    Http,
    /// There is.
    Https,
}

impl Scheme {
    /// As URIs have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'r> {
    /// An HTTP request that is not MCP.
    Http,
    /// An MCP message, posted.
    Message(Message<'r>),
    /// HTTP GET on an MCP path: the server's event stream.
    Get,
    /// HTTP DELETE on an MCP path: the end of a session.
    Delete {
        /// Whether it names the session.
        session: bool,
    },
    /// HTTP OPTIONS on an MCP path.
    Options,
}

impl<'r> Operation<'r> {
    /// What the headers of it say: of a message, nothing but that it is MCP.
    pub(crate) const fn of_headers(self) -> Self {
        match self {
            Self::Message(_) => Self::Options,
            other => other,
        }
    }

    /// The message, where one is posted.
    pub const fn message(self) -> Option<Message<'r>> {
        match self {
            Self::Message(message) => Some(message),
            Self::Http | Self::Get | Self::Delete { .. } | Self::Options => None,
        }
    }
}
