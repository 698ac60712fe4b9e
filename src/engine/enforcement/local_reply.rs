//! What a refused client is told.
//!
//! SECURITY: an answer never says which policies exist nor whether the thing
//! asked for does, never quotes the body but its id, and is never a 401 or a 404, unless
//! an authorizer says so.

use crate::engine::external_auth::{Header, Reply, Unshown, may_be_answered};
use crate::engine::mcp::{Id, Message, MessageError, Object, Objects, ResponseCode};
use crate::engine::policy::DenialForm;
use crate::engine::request::HeadError;

use super::stream::brief;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Headers of an authorizer's.
    pub passed_on: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the client of a request reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipient<'m> {
    /// Text.
    Http,
    /// A JSON-RPC error, with the id where the whole message was read and has one.
    ///
    /// SPEC: JSON-RPC 2.0, section 5: null where the id could not be told. Clients that get
    /// something else than JSON-RPC report an error without its reason.
    Mcp(Option<Id<'m>>),
}

impl Recipient<'_> {
    /// The client of a message that was not read, or not to its end.
    pub(super) const UNREAD: Self = Self::Mcp(None);
}

impl<'m> From<Option<&Message<'m>>> for Recipient<'m> {
    fn from(message: Option<&Message<'m>>) -> Self {
        message.map_or(Self::Http, |message| Self::Mcp(message.id()))
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

/// SPEC: the upstream conformance suite compares code and message.
const FORBIDDEN: (i32, &str) = (403, "Access to this tool is forbidden.");

/// The code of a request that may be tried again.
///
/// SPEC: JSON-RPC 2.0, section 5.1: -32000 to -32099 are for implementations.
const UNAVAILABLE: i32 = -32000;

impl LocalReply {
    fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: vec![TEXT],
            passed_on: Vec::new(),
            body: format!("{text}\n").into_bytes(),
        }
    }

    /// A JSON-RPC error response with the id's very token.
    fn error(status: u16, id: Option<Id<'_>>, (code, message): (i32, &str)) -> Self {
        Self::error_with(status, id, (code, message), "")
    }

    /// The same with further members, each after a comma.
    fn error_with(
        status: u16,
        id: Option<Id<'_>>,
        (code, message): (i32, &str),
        further: &str,
    ) -> Self {
        // A string always serializes.
        let message = serde_json::to_string(message).unwrap_or_default();
        let error = format!(r#"{{"code":{code},"message":{message}{further}}}"#);
        let mut body = br#"{"jsonrpc":"2.0","id":"#.to_vec();
        body.extend_from_slice(id.map_or(b"null", Id::token));
        body.extend_from_slice(br#","error":"#);
        body.extend_from_slice(error.as_bytes());
        body.push(b'}');
        Self {
            status,
            headers: vec![JSON],
            passed_on: Vec::new(),
            body,
        }
    }

    /// A rejection, in the form that the client of the request reads.
    fn rejected(to: Recipient<'_>, status: u16, why: &str) -> Self {
        let (kind, code) = match status {
            408 | 503 => ("Try again", UNAVAILABLE),
            _ => ("Invalid request", ResponseCode::InvalidRequest.number()),
        };
        match to {
            Recipient::Http => Self::text(status, &format!("{kind}: {why}.")),
            Recipient::Mcp(id) => Self::error(status, id, (code, &format!("{kind}: {why}"))),
        }
    }

    /// The answer to a request that is refused by its headers.
    pub(super) fn to_head(fault: HeadError) -> Self {
        let (status, to) = match fault {
            HeadError::Method => {
                return Self {
                    headers: vec![TEXT, ("allow", "GET, POST, DELETE, OPTIONS")],
                    ..Self::text(405, "This method is not allowed here.")
                };
            }
            HeadError::Incomplete | HeadError::Upgrade => (400, Recipient::Http),
            HeadError::Body | HeadError::Query | HeadError::Override | HeadError::Route => {
                (400, Recipient::UNREAD)
            }
            HeadError::TooLarge => (413, Recipient::UNREAD),
            HeadError::Media(_) => (415, Recipient::UNREAD),
        };
        Self::rejected(to, status, fault.as_str())
    }

    /// The answer to a body longer than the limit.
    pub(super) fn too_large(to: Recipient<'_>) -> Self {
        Self::rejected(to, 413, "body is too large")
    }

    /// The answer to a body that did not come in time.
    pub(super) fn timed_out(to: Recipient<'_>) -> Self {
        Self::rejected(to, 408, "the body did not come in time")
    }

    /// The answer when all requests being read hold too much together.
    pub(super) fn overloaded(to: Recipient<'_>) -> Self {
        Self::rejected(to, 503, "too many requests are being read")
    }

    /// The answer to a request that newer policies cannot judge as it was read.
    pub(super) fn superseded(to: Recipient<'_>) -> Self {
        Self::rejected(to, 503, "the policies have changed meanwhile")
    }

    /// The answer when a caller has as many calls of authorizers open as it may.
    pub(super) fn crowded(to: Recipient<'_>) -> Self {
        Self::rejected(to, 503, "too many requests are waiting for an authorizer")
    }

    /// The answer to a body that is no single message.
    pub(super) fn to_malformed(
        fault: MessageError,
        offset: Option<usize>,
        id: Option<Id<'_>>,
    ) -> Self {
        let kind = match fault.code() {
            ResponseCode::ParseError => "Parse error",
            ResponseCode::InvalidRequest => "Invalid request",
            ResponseCode::InvalidParams => "Invalid params",
            ResponseCode::HeaderMismatch => "Header mismatch",
        };
        let message = match offset {
            Some(offset) => format!("{kind}: {fault} (at byte {offset})"),
            None => format!("{kind}: {fault}"),
        };
        Self::error(400, id, (fault.code().number(), &message))
    }

    /// The answer to a request that is no JSON-RPC request, denied by policy.
    pub(super) fn forbidden() -> Self {
        Self::text(403, "Access is forbidden.")
    }

    /// The answer to a message that is denied before it has been read: its id is not known.
    pub(super) fn to_unread() -> Self {
        Self::error(403, None, FORBIDDEN)
    }

    /// The answer to a message that is denied by policy.
    ///
    /// `said` is what a rule has to say, which takes the place of the usual words.
    pub(super) fn to_denied(form: DenialForm, message: &Message<'_>, said: Option<&str>) -> Self {
        let Message::Request { id, call } = message else {
            return Self::forbidden();
        };
        let (code, usual) = FORBIDDEN;
        let error = (code, said.unwrap_or(usual));
        match form {
            DenialForm::JsonRpc => Self::error(200, Some(*id), error),
            DenialForm::Http403 => Self::error(403, Some(*id), error),
            DenialForm::Hide => Self::hide(*id, call.objects),
        }
    }

    /// The answer to what an authorizer refuses: its own, unless a JSON-RPC request has to
    /// get an error of JSON-RPC.
    ///
    /// SPEC: MCP, Authorization: clients act on a 401 that says how to authenticate.
    pub(super) fn to_unauthorized(
        form: DenialForm,
        message: Option<&Message<'_>>,
        reply: Reply,
    ) -> Self {
        let mut headers = reply.headers.iter();
        let says_how = headers.any(|(name, _)| name.eq_ignore_ascii_case(b"www-authenticate"));
        let status = match form {
            _ if reply.status == 401 && says_how => return Self::pass_on(reply),
            DenialForm::JsonRpc | DenialForm::Hide => 200,
            DenialForm::Http403 => 403,
        };
        match (form, message) {
            (_, None | Some(Message::Notification { .. } | Message::Response)) => {
                Self::pass_on(reply)
            }
            (DenialForm::Hide, Some(Message::Request { id, call })) => {
                Self::hide(*id, call.objects)
            }
            (_, Some(Message::Request { id, .. })) => {
                let further = format!(r#","data":{{"status":{}}}"#, reply.status);
                Self::error_with(status, Some(*id), FORBIDDEN, &further)
            }
        }
    }

    fn pass_on(reply: Reply) -> Self {
        let Reply {
            status,
            mut headers,
            mut body,
        } = reply;
        headers.retain(|(name, _)| may_be_answered(name));
        // SPEC: RFC 9110, 15.3.5 and 15.4.5: these have no content.
        if matches!(status, 204 | 205 | 304) {
            body.clear();
        }
        Self {
            status,
            headers: Vec::new(),
            passed_on: headers,
            body,
        }
    }

    /// The answer where an authorizer did not answer.
    pub(super) fn to_unanswered(form: DenialForm, message: Option<&Message<'_>>) -> Self {
        let form = match form {
            DenialForm::JsonRpc | DenialForm::Http403 => DenialForm::Http403,
            DenialForm::Hide => DenialForm::Hide,
        };
        match message {
            Some(message) => Self::to_denied(form, message, None),
            None => Self::forbidden(),
        }
    }

    /// The answer to a request that an authorizer cannot be shown as it is.
    pub(super) fn to_unshown(unshown: Unshown, to: Recipient<'_>) -> Self {
        match unshown {
            Unshown::TooLarge => Self::too_large(to),
            other => Self::rejected(to, 400, other.as_str()),
        }
    }

    /// What a server says of a thing or method that it does not have.
    fn hide(id: Id<'_>, things: Objects<'_>) -> Self {
        let invalid = ResponseCode::InvalidParams.number();
        let (code, message) = match things {
            Objects::One(Object::Tool(name)) => (invalid, format!("Unknown tool: {}", brief(name))),
            Objects::One(Object::Prompt(name)) => {
                (invalid, format!("Unknown prompt: {}", brief(name)))
            }
            Objects::One(Object::Resource(uri)) => {
                (invalid, format!("Unknown resource: {}", brief(uri)))
            }
            Objects::One(Object::Task(id)) => (invalid, format!("Unknown task: {}", brief(id))),
            Objects::None | Objects::Subscriptions { .. } => {
                (-32601, "Method not found".to_owned())
            }
        };
        Self::error(200, Some(id), (code, &message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_a_rejection_in_the_form_that_it_reads() {
        for (to, status, expected) in [
            (Recipient::Http, 413, "Invalid request: why.\n"),
            (Recipient::Http, 503, "Try again: why.\n"),
            (
                Recipient::UNREAD,
                415,
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request: why"}}"#,
            ),
            (
                Recipient::UNREAD,
                503,
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Try again: why"}}"#,
            ),
        ] {
            let answer = LocalReply::rejected(to, status, "why");
            assert_eq!(std::str::from_utf8(&answer.body), Ok(expected));
            assert_eq!(answer.status, status);
        }
    }
}
