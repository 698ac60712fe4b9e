//! The answer: `envoy.service.auth.v3.CheckResponse`.
//!
//! Allows only what a whole message allows in so many words; whatever else an answer
//! wants that this enforcement point cannot do makes it a refusal. What Envoy ignores
//! is ignored too, where a refusal would stop authorizers that work behind it:
//! `dynamic_metadata`, which filters after ours would read and which nobody here could
//! write, and `keep_empty_value`.
//!
//! What is not said of a header is as in Envoy 1.40: it goes by `append` where there is
//! one; a request header that has neither that nor an action replaces those of its name,
//! and a response header comes beside them.

use crate::engine::external_auth::query::is_part;
use crate::engine::external_auth::{CalloutError, CalloutVerdict, Header, Reply, RequestedChanges};

use super::fields::{FieldError, FieldValue, WireFields, once};

/// What the bytes of an answer mean.
pub fn read_check_response(bytes: &[u8]) -> CalloutVerdict {
    match CheckResponse::read(bytes) {
        Ok(response) => response.verdict(),
        Err(FieldError) => CalloutVerdict::Error(CalloutError::Unreadable),
    }
}

#[derive(Debug, Default)]
struct CheckResponse {
    /// The code of `status`.
    code: Option<u64>,
    /// The one of the three kinds of answer there is.
    http: Option<HttpOutcome>,
    /// Whether there are fields that nobody here knows.
    is_strange: bool,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // there is one at a time, taken apart at once
enum HttpOutcome {
    Denied(Reply),
    /// `None` when something is wanted that cannot be done.
    Ok(Option<RequestedChanges>),
    /// The authorizer has failed, and says so with this HTTP status.
    Error(u16),
}

impl CheckResponse {
    fn read(bytes: &[u8]) -> Result<Self, FieldError> {
        let mut response = Self::default();
        for field in WireFields::new(bytes) {
            match field? {
                (1, status) => once(&mut response.code, status_code(status.message()?)?)?,
                (2, denied) => {
                    let reply = denied_response(denied.message()?)?;
                    once(&mut response.http, HttpOutcome::Denied(reply.to(FORBIDDEN)))?;
                }
                (3, ok) => once(
                    &mut response.http,
                    HttpOutcome::Ok(ok_response(ok.message()?)?),
                )?,
                (4, metadata) => drop(metadata.bytes()?),
                (5, error) => {
                    let reply = denied_response(error.message()?)?;
                    once(
                        &mut response.http,
                        HttpOutcome::Error(reply.to(FAILED).status),
                    )?;
                }
                _ => response.is_strange = true,
            }
        }
        Ok(response)
    }

    fn verdict(self) -> CalloutVerdict {
        // DEVIATION: Envoy goes by the status alone, and takes a missing one, that of an
        // empty message too, for OK. Here an answer that contradicts itself is none in
        // the request's favour, and neither is one that says nothing.
        match (self.code, self.http) {
            (_, Some(HttpOutcome::Denied(reply))) => CalloutVerdict::Deny(reply),
            (_, Some(HttpOutcome::Error(status))) => {
                CalloutVerdict::Error(CalloutError::ServerError(status))
            }
            (Some(0) | None, Some(HttpOutcome::Ok(Some(changes)))) if !self.is_strange => {
                CalloutVerdict::Allow(changes)
            }
            (Some(0), None) if !self.is_strange => {
                CalloutVerdict::Allow(RequestedChanges::default())
            }
            _ => CalloutVerdict::Deny(Denied::default().to(FORBIDDEN)),
        }
    }
}

const FORBIDDEN: u16 = 403;
const FAILED: u16 = 500;

/// `google.rpc.Status`.
fn status_code(status: WireFields<'_>) -> Result<u64, FieldError> {
    let mut code = None;
    for field in status {
        match field? {
            (1, value) => once(&mut code, value.number()?)?,
            (2, message) => drop(message.text()?),
            (3, detail) => drop(detail.bytes()?),
            // A status that says more than is known still is what its code says.
            _ => {}
        }
    }
    Ok(code.unwrap_or_default())
}

/// `DeniedHttpResponse`.
#[derive(Debug, Default)]
struct Denied {
    status: Option<u64>,
    headers: Vec<Header>,
    body: Vec<u8>,
}

impl Denied {
    /// As the client gets it: with the status `otherwise` where there is none that a
    /// response could have.
    fn to(self, otherwise: u16) -> Reply {
        let status = self.status.and_then(|status| u16::try_from(status).ok());
        Reply {
            status: status
                .filter(|status| (200..600).contains(status))
                .unwrap_or(otherwise),
            headers: self.headers,
            body: self.body,
        }
    }
}

/// What cannot be sent of a refusal is left out: it stays one.
fn denied_response(response: WireFields<'_>) -> Result<Denied, FieldError> {
    let mut denied = Denied::default();
    let mut body = None;
    for field in response {
        match field? {
            (1, status) => {
                let mut code = None;
                for field in status.message()? {
                    if let (1, value) = field? {
                        once(&mut code, value.number()?)?;
                    }
                }
                once(&mut denied.status, code.unwrap_or_default())?;
            }
            (2, header) => {
                let option = HeaderOption::read(header.message()?)?;
                denied.headers.extend(option.header);
            }
            (3, text) => once(&mut body, text.text()?)?,
            _ => {}
        }
    }
    denied.body = body.unwrap_or_default().as_bytes().to_vec();
    Ok(denied)
}

/// `OkHttpResponse`; `None` when it wants something that cannot be done.
fn ok_response(response: WireFields<'_>) -> Result<Option<RequestedChanges>, FieldError> {
    let mut changes = RequestedChanges::default();
    let mut all = true;
    for field in response {
        all &= match field? {
            (2, header) => {
                let option = HeaderOption::read(header.message()?)?;
                // SECURITY: without a word a header replaces what the client sent.
                let action = option.action(HeaderAction::Set);
                let to = action.map(|action| match action {
                    HeaderAction::Append => &mut changes.append,
                    HeaderAction::Set => &mut changes.set,
                    HeaderAction::AddIfAbsent => &mut changes.add_if_absent,
                    HeaderAction::SetIfThere => &mut changes.set_if_there,
                });
                put(option.header, to)
            }
            (3, metadata) => metadata.bytes().map(|_| true)?,
            (5, name) => match removable(name.text()?) {
                Ok(name) => {
                    changes.remove.extend(name);
                    true
                }
                Err(NoName) => false,
            },
            (6, header) => {
                let option = HeaderOption::read(header.message()?)?;
                let action = option.action(HeaderAction::Append);
                let to = action.map(|action| match action {
                    HeaderAction::Append => &mut changes.response_add,
                    HeaderAction::Set => &mut changes.response_set,
                    HeaderAction::AddIfAbsent => &mut changes.response_add_if_absent,
                    HeaderAction::SetIfThere => &mut changes.response_set_if_there,
                });
                put(option.header, to)
            }
            (7, parameter) => {
                let parameter = query_parameter(parameter.message()?)?;
                let is_known = parameter.is_some();
                changes.query_set.extend(parameter);
                is_known
            }
            (8, name) => {
                let name = name.text()?;
                changes.query_remove.push(name.to_owned());
                is_part(name)
            }
            _ => false,
        };
    }
    Ok((all && changes.count() <= CHANGES).then_some(changes))
}

/// Puts a header where it belongs; says whether there are both.
fn put(header: Option<Header>, to: Option<&mut Vec<Header>>) -> bool {
    let place = header.zip(to);
    place.map(|(header, to)| to.push(header)).is_some()
}

/// The most that an answer may want changed: each change takes time for which every other
/// request of the worker waits.
const CHANGES: usize = 256;

/// `envoy.config.core.v3.QueryParameter`; `None` when it is more than a key and a value.
fn query_parameter(parameter: WireFields<'_>) -> Result<Option<(String, String)>, FieldError> {
    let (mut key, mut value) = (None, None);
    let mut is_strange = false;
    for field in parameter {
        match field? {
            (1, text) => once(&mut key, text.text()?)?,
            (2, text) => once(&mut value, text.text()?)?,
            _ => is_strange = true,
        }
    }
    // SECURITY: what is more than one parameter would be another request.
    let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
    let is_one = !key.is_empty() && is_part(key) && is_part(value) && !is_strange;
    Ok(is_one.then(|| (key.to_owned(), value.to_owned())))
}

/// What a header does to those of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderAction {
    Append,
    Set,
    AddIfAbsent,
    SetIfThere,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Debug, Default)]
struct HeaderOption {
    /// The header, if it is one.
    header: Option<Header>,
    append: Option<bool>,
    append_action: u64,
    is_strange: bool,
}

impl HeaderOption {
    fn read(option: WireFields<'_>) -> Result<Self, FieldError> {
        let mut read = Self::default();
        let (mut header, mut append, mut action) = (None, None, None);
        for field in option {
            match field? {
                (1, value) => once(&mut header, header_value(value)?)?,
                (2, value) => once(&mut append, is_true(value)?)?,
                (3, value) => once(&mut action, value.number()?)?,
                (4, value) => drop(value.number()?),
                _ => read.is_strange = true,
            }
        }
        read.header = header.flatten();
        read.append = append;
        read.append_action = action.unwrap_or_default();
        Ok(read)
    }

    /// The action; `otherwise` is the one of a header that names none. None for unknown
    /// ones.
    fn action(&self, otherwise: HeaderAction) -> Option<HeaderAction> {
        match (self.append, self.append_action) {
            _ if self.is_strange => None,
            (Some(true), _) => Some(HeaderAction::Append),
            (Some(false), _) => Some(HeaderAction::Set),
            (None, 0) => Some(otherwise),
            (None, 1) => Some(HeaderAction::AddIfAbsent),
            (None, 2) => Some(HeaderAction::Set),
            (None, 3) => Some(HeaderAction::SetIfThere),
            (None, _) => None,
        }
    }
}

/// `google.protobuf.BoolValue`.
fn is_true(value: FieldValue<'_>) -> Result<bool, FieldError> {
    let mut is_true = None;
    for field in value.message()? {
        if let (1, value) = field? {
            once(&mut is_true, value.number()? != 0)?;
        }
    }
    Ok(is_true.unwrap_or_default())
}

/// `envoy.config.core.v3.HeaderValue`; `None` when no header can be like that.
///
/// SECURITY: one that splits a message or changes what has been judged (`:path`,
/// `host`) is none.
fn header_value(value: FieldValue<'_>) -> Result<Option<Header>, FieldError> {
    let (mut key, mut text, mut raw) = (None, None, None);
    let mut is_strange = false;
    for field in value.message()? {
        match field? {
            (1, value) => once(&mut key, value.text()?)?,
            (2, value) => once(&mut text, value.text()?.as_bytes())?,
            (3, value) => once(&mut raw, value.bytes()?)?,
            _ => is_strange = true,
        }
    }
    let key = key.unwrap_or_default().to_ascii_lowercase();
    let (text, raw) = (text.unwrap_or_default(), raw.unwrap_or_default());
    let value = if text.is_empty() { raw } else { text };
    let is_header = is_name(&key)
        && key != "host"
        && !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
        && (text.is_empty() || raw.is_empty())
        && !is_strange;
    Ok(is_header.then(|| (key.into_bytes(), value.to_vec())))
}

struct NoName;

/// The name of a header to remove; `None` for those that Envoy never removes.
fn removable(name: &str) -> Result<Option<Vec<u8>>, NoName> {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix(':') {
        Some(_) => Ok(None),
        None if name == "host" => Ok(None),
        None if is_name(&name) => Ok(Some(name.into_bytes())),
        None => Err(NoName),
    }
}

/// Whether this is a header's name.
///
/// SPEC: RFC 9110, section 5.6.2, token.
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
