//! What is sent to an authorizer, and what comes back, before anybody knows what it means.

use super::trace::context;
use super::{CalloutError, CalloutVerdict, Reply, RequestedChanges};
use super::{grpc, http};
use crate::engine::policy::{
    AskSettings, ExternalAuth, Oversize, Protocol, RequestHeaders, Timeout,
};
use crate::engine::request::{Headers, Operation, Request, RequestPath};

/// A call that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callout {
    /// The Envoy cluster that is called.
    pub cluster: String,
    /// How long an answer is waited for.
    pub timeout: Timeout,
    /// What is sent.
    pub call: CalloutRequest,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalloutRequest {
    /// An HTTP request.
    Http {
        /// Its headers, pseudo-headers included.
        headers: Vec<(String, String)>,
        /// Its body.
        body: Vec<u8>,
    },
    /// A call of [`grpc::METHOD`].
    Grpc {
        /// The headers that it carries.
        metadata: Vec<(String, String)>,
        /// The serialized question.
        message: Vec<u8>,
    },
}

/// What there is to show of a request.
#[derive(Debug, Clone, Copy)]
pub struct CalloutInput<'r> {
    /// The request.
    pub request: &'r Request<'r>,
    /// Its body.
    pub body: ForwardedBody<'r>,
    /// The span of the call: random, and another for each.
    pub span: [u8; 8],
    /// The prefixes of paths that carry MCP; `None` where all do.
    pub mcp_paths: Option<&'r [String]>,
}

/// A request's body, as far as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct ForwardedBody<'r> {
    /// The front of it.
    pub front: &'r [u8],
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// Why a request cannot be shown to an authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unshown {
    /// Its body is longer than what may be shown.
    TooLarge,
    /// A header that is to be shown is no text.
    ///
    /// SECURITY: an authorizer that is shown something else, or nothing, would decide
    /// about another request than the one that goes on.
    NotText,
    /// A header that is to be shown comes under another name as well, which some servers
    /// take for the same.
    ///
    /// SECURITY: the server would see a line that the authorizer did not.
    Alike,
    /// A header that is to be shown over HTTP has several lines.
    ///
    /// SECURITY: some take the first, some the last, and some all of them, so that the
    /// authorizer could decide about another value than the server reads.
    Repeated,
    /// A header that is to be shown has blanks around its value.
    ///
    /// SECURITY: some servers keep them, and read another value than the authorizer.
    Blanks,
    /// Servers read its path in different ways, and it is to be part of another path.
    AmbiguousPath,
    /// A header that is not to be shown names another method.
    HiddenMethod,
    /// A header that is not to be shown names another host.
    HiddenHost,
    /// What a message says is nested deeper than authorizers read.
    TooDeep,
    /// It has a number that the authorizer would see as another.
    Inexact,
}

impl Unshown {
    /// Why, in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is longer than what an authorizer can be shown",
            Self::NotText => "a header that an authorizer is to see is no text",
            Self::Alike => "a header that an authorizer is to see comes under two names",
            Self::Repeated => "a header that an authorizer is to see has several lines",
            Self::Blanks => "a header that an authorizer is to see has blanks around its value",
            Self::AmbiguousPath => "an authorizer could read another path than the server",
            Self::HiddenMethod => "a header that no authorizer is shown names another method",
            Self::HiddenHost => "a header that no authorizer is shown names another host",
            Self::TooDeep => "the arguments are nested deeper than authorizers read",
            Self::Inexact => "an authorizer would see another number",
        }
    }
}

/// What to ask about a request.
///
/// # Errors
/// When it cannot be shown as it is.
pub fn prepare(
    auth: &ExternalAuth,
    settings: &AskSettings,
    shown: &CalloutInput<'_>,
) -> Result<Callout, Unshown> {
    let (body, is_partial) = shown.body.for_policy(auth, settings.oversize)?;
    let headers = shown.request.http.headers();
    let context = context(headers, shown.span)?;
    // SECURITY: a server that minds it would run another handler than was asked about.
    let is_shown = |name: &[u8]| auth.shows(name);
    if shown.request.http.hides_method(is_shown) {
        return Err(Unshown::HiddenMethod);
    }
    if shown.request.http.hides_host(is_shown) {
        return Err(Unshown::HiddenHost);
    }
    let call = match &auth.protocol {
        Protocol::Http(http) => {
            // SECURITY: authorizers tidy paths up. One that servers read in several ways
            // would be judged in one and served in another, or be asked elsewhere than
            // under `http.path`.
            if is_ambiguous(shown.request) || is_mcp_to_some(shown) {
                return Err(Unshown::AmbiguousPath);
            }
            let host = (settings.host, auth.authority.as_str());
            http::question(http, host, headers, body, is_partial, context)?
        }
        Protocol::Grpc(grpc) => {
            let body = auth.max_body.map(|_| body);
            CalloutRequest::Grpc {
                metadata: context,
                message: grpc::question(grpc, shown.request, body, is_partial)?,
            }
        }
    };
    Ok(Callout {
        cluster: auth.cluster.clone(),
        timeout: settings.timeout,
        call,
    })
}

/// Whether the path is one that servers read in different ways.
fn is_ambiguous(request: &Request<'_>) -> bool {
    let target = request.http.only(":path").unwrap_or_default();
    let path = request.http.path();
    path.is_none_or(RequestPath::is_ambiguous) || target.contains(&b'#')
}

/// Whether only some servers take the path for one that carries MCP.
///
/// SECURITY: Express serves `/MCP` at `/mcp`, and an authorizer's location `/check/mcp` is
/// not where `/check/MCP` is asked about.
fn is_mcp_to_some(shown: &CalloutInput<'_>) -> bool {
    let is_surely_mcp = |prefixes: &[String]| {
        let path = shown.request.http.path();
        path.is_some_and(|path| path.is_surely_under_any(prefixes))
    };
    shown.request.operation != Operation::Http
        && shown
            .mcp_paths
            .is_some_and(|prefixes| !is_surely_mcp(prefixes))
}

impl Callout {
    /// About how many bytes it holds.
    pub fn size(&self) -> usize {
        let (lines, content) = match &self.call {
            CalloutRequest::Http { headers, body } => (headers, body),
            CalloutRequest::Grpc { metadata, message } => (metadata, message),
        };
        let lines = lines
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()));
        lines.fold(content.len(), usize::saturating_add)
    }
}

impl<'r> ForwardedBody<'r> {
    /// What of it a policy shows, and whether there is more.
    fn for_policy(
        self,
        auth: &ExternalAuth,
        oversize: Oversize,
    ) -> Result<(&'r [u8], bool), Unshown> {
        let Some(max) = auth.max_body else {
            return Ok((b"", false));
        };
        match (self.front.get(..max.size()), oversize) {
            (None, _) if self.is_whole => Ok((self.front, false)),
            (Some(front), _) if self.is_whole && front.len() == self.front.len() => {
                Ok((front, false))
            }
            (_, Oversize::Reject) => Err(Unshown::TooLarge),
            (front, Oversize::Truncate) => Ok((front.unwrap_or(self.front), true)),
        }
    }
}

/// The longest answer that is read, in bytes of its body.
pub const ANSWER_LIMIT: usize = 1 << 20;

/// The most bytes of names and values that an answer may want changed: what is changed about a
/// response is held until the server responds.
const CHANGED_LIMIT: usize = 64 << 10;

/// What came back.
#[derive(Debug, Clone, Copy)]
pub enum CalloutResponse<'a> {
    /// An HTTP response.
    Http {
        /// Its headers, pseudo-headers included.
        headers: &'a Headers,
        /// Its body.
        body: &'a [u8],
    },
    /// The message that a gRPC call returns.
    Message(&'a [u8]),
    /// Nothing that could be read.
    Failed(CalloutError),
}

/// What an answer means for a request whose headers are held, or have gone on.
pub fn interpret(
    auth: &ExternalAuth,
    request: RequestHeaders,
    response: &CalloutResponse<'_>,
) -> CalloutVerdict {
    let verdict = match (response, &auth.protocol) {
        (CalloutResponse::Failed(error), _) => CalloutVerdict::Error(*error),
        (CalloutResponse::Http { headers, body }, Protocol::Http(auth)) => {
            http::verdict(auth, headers, body)
        }
        (CalloutResponse::Message(message), Protocol::Grpc(_)) => {
            grpc::read_check_response(message)
        }
        (CalloutResponse::Http { .. }, Protocol::Grpc(_))
        | (CalloutResponse::Message(_), Protocol::Http(_)) => {
            CalloutVerdict::Error(CalloutError::Unreadable)
        }
    };
    match (verdict, request, &auth.protocol) {
        (CalloutVerdict::Allow(changes), ..) if changes.bytes() > CHANGED_LIMIT => {
            CalloutVerdict::Error(CalloutError::TooLarge)
        }
        // Headers that have gone on stay as they were. Every answer over HTTP has some.
        (CalloutVerdict::Allow(_), RequestHeaders::Stream, Protocol::Http(_)) => {
            CalloutVerdict::Allow(RequestedChanges::default())
        }
        // SECURITY: whoever asks for a change in so many words may rely on it.
        (CalloutVerdict::Allow(changes), RequestHeaders::Stream, Protocol::Grpc(_))
            if changes.is_of_request() =>
        {
            CalloutVerdict::Deny(Reply::forbidden())
        }
        (verdict, ..) => verdict,
    }
}

/// What becomes of a request that goes on where nobody answered.
pub fn unanswered(auth: &ExternalAuth) -> RequestedChanges {
    match &auth.protocol {
        Protocol::Http(auth) => http::unanswered(auth),
        Protocol::Grpc(_) => RequestedChanges::default(),
    }
}
