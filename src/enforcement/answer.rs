//! What a refused client is told.
//!
//! SECURITY: an answer never says which policies exist nor whether the thing
//! asked for does, never quotes the body but its id, and is never a 401 or a 404, unless
//! an authorizer says so.

use crate::external_auth::{Header, Reply, Unshown, may_be_answered};
use crate::mcp::{Fault, Id, Message, ResponseCode, Thing, Things};
use crate::policy::DenialForm;
use crate::request::HeadFault;

use super::stream::brief;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Headers of an authorizer's.
    pub passed_on: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

/// SPEC: the upstream conformance suite compares code and message.
const FORBIDDEN: (i32, &str) = (403, "Access to this tool is forbidden.");

impl Answer {
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

    /// The answer to a request that is refused by its headers.
    pub(super) fn to_head(fault: HeadFault) -> Self {
        match fault {
            HeadFault::Method => Self {
                headers: vec![TEXT, ("allow", "GET, POST, DELETE, OPTIONS")],
                ..Self::text(405, "This method is not allowed here.")
            },
            HeadFault::TooLarge => Self::too_large(),
            HeadFault::Media(media) => Self::text(415, &format!("Refused: {}.", media.as_str())),
            HeadFault::Incomplete => Self::text(400, "Refused: no single method and path."),
            HeadFault::Body => Self::text(400, "Refused: this method has no body."),
            HeadFault::Query => {
                Self::text(400, "Refused: the query names a member of the message.")
            }
            HeadFault::Override => {
                Self::text(400, "Refused: a header or the query names another method.")
            }
            HeadFault::Upgrade => Self::text(400, "Refused: no other protocol is spoken here."),
        }
    }

    /// The answer to a body longer than the limit.
    pub(super) fn too_large() -> Self {
        Self::text(413, "Refused: the body is too large.")
    }

    /// The answer to a body that did not come in time.
    pub(super) fn timed_out() -> Self {
        Self::text(408, "Refused: the body did not come in time.")
    }

    /// The answer when all requests being read hold too much together.
    pub(super) fn overloaded() -> Self {
        Self::text(503, "Too many requests are being read; try again.")
    }

    /// The answer to a request that newer policies cannot judge as it was read.
    pub(super) fn superseded() -> Self {
        Self::text(503, "The policies have changed meanwhile; try again.")
    }

    /// The answer when a caller has as many calls of authorizers open as it may.
    pub(super) fn crowded() -> Self {
        Self::text(
            503,
            "Too many requests are waiting for an authorizer; try again.",
        )
    }

    /// The answer to a body that is no single message.
    pub(super) fn to_malformed(fault: Fault, offset: Option<usize>, id: Option<Id<'_>>) -> Self {
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
            DenialForm::Hide => Self::hide(*id, call.things),
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
            (DenialForm::Hide, Some(Message::Request { id, call })) => Self::hide(*id, call.things),
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
    pub(super) fn to_unshown(unshown: Unshown) -> Self {
        match unshown {
            Unshown::TooLarge => Self::too_large(),
            other => Self::text(400, &format!("Refused: {}.", other.as_str())),
        }
    }

    /// What a server says of a thing or method that it does not have.
    fn hide(id: Id<'_>, things: Things<'_>) -> Self {
        let invalid = ResponseCode::InvalidParams.number();
        let (code, message) = match things {
            Things::One(Thing::Tool(name)) => (invalid, format!("Unknown tool: {}", brief(name))),
            Things::One(Thing::Prompt(name)) => {
                (invalid, format!("Unknown prompt: {}", brief(name)))
            }
            Things::One(Thing::Resource(uri)) => {
                (invalid, format!("Unknown resource: {}", brief(uri)))
            }
            Things::One(Thing::Task(id)) => (invalid, format!("Unknown task: {}", brief(id))),
            Things::None | Things::Subscriptions { .. } => (-32601, "Method not found".to_owned()),
        };
        Self::error(200, Some(id), (code, &message))
    }
}
