//! From the bytes of a body to one message, as they arrive.

use crate::engine::json::{ReadError, Reader, Why};

use super::fields::{Fields, NO_KIND};
use super::headers::{Claims, REPEATING_VERSION};
use super::members::{Field, ListedKind as NamedKind};
use super::message::{Call, Id, Message, NamesObjects, Object, Objects};
use super::{MessageError, Method, ResponseCode};
use crate::engine::json::is_twin;

/// Reads one body. Reused from body to body, it allocates nothing after a while.
#[derive(Debug)]
pub struct MessageReader {
    reader: Reader,
    contents: Fields,
    /// The body so far, where it is kept.
    body: Option<Vec<u8>>,
}

/// A fault, and where in the body it was noticed: bytes before it, from 0.
/// `None` where it is the message as a whole.
pub type LocatedError = (MessageError, Option<usize>);

impl MessageReader {
    /// An envelope for messages nested at most `depth_limit` containers deep.
    pub fn new(depth_limit: usize) -> Self {
        Self {
            reader: Reader::new(depth_limit),
            contents: Fields::default(),
            body: None,
        }
    }

    /// Forgets the message, keeps the memory.
    pub fn reset(&mut self) {
        self.reader.reset();
        self.contents.clear();
        self.body.iter_mut().for_each(Vec::clear);
    }

    /// From the next body on, whether it is kept as it comes.
    pub fn keep_body(&mut self, keep: bool) {
        match (keep, &self.body) {
            (true, None) => self.body = Some(Vec::new()),
            (true, Some(_)) => {}
            (false, _) => self.body = None,
        }
    }

    /// From the next body on, whether members of the message pass that JSON-RPC does not
    /// have; at first they do not.
    pub const fn pass_unknown_members(&mut self, pass: bool) {
        self.contents.pass_unknown = pass;
    }

    /// From the next body on, whether resources are judged by `params.name`, which may then
    /// be something else than the uri; at first they are not.
    pub const fn name_resources(&mut self, named: bool) {
        self.contents.names_resources = named;
    }

    /// From the next body on, how many keys an object and those around it may have.
    pub const fn limit_keys(&mut self, limit: usize) {
        self.reader.limit_keys(limit);
    }

    /// How deep messages may be nested.
    pub const fn depth_limit(&self) -> usize {
        self.reader.depth_limit()
    }

    /// The memory it holds beside itself, in bytes.
    pub fn memory(&self) -> usize {
        let Fields {
            text,
            id,
            uris,
            tasks,
            others,
            ..
        } = &self.contents;
        [
            self.reader.memory(),
            text.capacity(),
            id.capacity(),
            uris.capacity(),
            tasks.capacity(),
            others.capacity(),
            self.body.as_ref().map_or(0, Vec::capacity),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Reads the next piece of the body.
    ///
    /// # Errors
    /// At the first fault. The envelope must then be [`reset`](Self::reset).
    pub fn push(&mut self, piece: &[u8]) -> Result<(), LocatedError> {
        self.reader
            .push(piece, &mut self.contents)
            .map_err(locate)?;
        self.body
            .iter_mut()
            .for_each(|body| body.extend_from_slice(piece));
        Ok(())
    }

    /// The body has ended: what does it say, and do the headers agree.
    ///
    /// # Errors
    /// When it is not one message that everybody reads the same way.
    pub fn message(&mut self, claims: &Claims<'_>) -> Result<Message<'_>, LocatedError> {
        self.read(claims).map(|(message, _)| message)
    }

    /// The same, with the body as it came where it is [kept](Self::keep_body); else empty.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn read(&mut self, claims: &Claims<'_>) -> Result<(Message<'_>, &[u8]), LocatedError> {
        self.reader.finish::<Fields>().map_err(locate)?;
        let whole = |fault| (fault, None);
        let message = self.contents.message().map_err(whole)?;
        claims
            .agree(
                &message,
                self.contents.claimable(&message),
                self.contents.get(Field::Version),
            )
            .map_err(whole)?;
        Ok((message, self.body.as_deref().unwrap_or_default()))
    }
}

impl MessageReader {
    /// The id to answer a fault with.
    ///
    /// SPEC: JSON-RPC 2.0, section 5: null unless it could be told what the id is,
    /// which it could not where the message is none. A response's id is the server's:
    /// the client may wait for an answer of its own under the same one.
    pub fn id_for(&self, fault: MessageError) -> Option<Id<'_>> {
        let is_known = matches!(
            fault.code(),
            ResponseCode::InvalidParams | ResponseCode::HeaderMismatch
        );
        let Fields { has_id, id, .. } = &self.contents;
        let is_request = *has_id && self.contents.get(Field::Method).is_some();
        (is_known && self.reader.is_done() && is_request && is_id(id)).then_some(Id(id))
    }
}

fn locate(refused: ReadError<MessageError>) -> LocatedError {
    let fault = match refused.why {
        Why::Syntax(syntax) => MessageError::Json(syntax),
        Why::Visitor(fault) => fault,
    };
    (fault, Some(refused.offset))
}

impl Fields {
    /// The message, once the document is known to be complete and unambiguous.
    fn message(&self) -> Result<Message<'_>, MessageError> {
        if self.get(Field::JsonRpc) != Some("2.0") {
            return Err(MessageError::JsonRpcVersion);
        }
        if self.has_id && !is_id(&self.id) {
            return Err(MessageError::IdType);
        }
        if self.id.len() > ID_LIMIT {
            return Err(MessageError::IdLength);
        }
        let Some(name) = self.get(Field::Method) else {
            // SECURITY: `params` would be there for whoever finds a method elsewhere.
            // SPEC: MCP 2025-11-25, JSONRPCErrorResponse: an error may have no id.
            let is_whole = self.has_id || self.is_error;
            return match (is_whole, self.results, self.has_params) {
                (true, 1, false) => Ok(Message::Response),
                _ => Err(MessageError::NoMessage),
            };
        };
        if self.results > 0 {
            return Err(MessageError::MethodAndResult);
        }
        if self.params_invalid {
            return Err(MessageError::ParamsType);
        }
        let method = Method::new(name);
        if self.has_id && method.is_notification() {
            return Err(MessageError::IdUnexpected);
        }
        // SECURITY: some dispatchers find handlers without case, or trim names.
        let is_ambiguous = || {
            name.len() > METHOD_LIMIT
                || name.contains(char::is_control)
                || is_twin(name, Method::NAMES, &[])
                || method.is_like_known(name)
        };
        if !method.has_one_name() && is_ambiguous() {
            return Err(MessageError::AmbiguousMethod);
        }
        let things = self.things(method)?;
        if let Objects::One(thing) = things {
            self.check_other_words(method, thing)?;
        }
        let call = Call {
            method,
            name,
            objects: things,
            resource_name: self.resource_name(method),
            unknown: (!method.has_one_name() && !Method::NAMES.contains(&name))
                .then(|| self.names()),
        };
        match (self.has_id, method) {
            (true, _) => Ok(Message::Request {
                id: Id(&self.id),
                call,
            }),
            (false, method) if method.is_request() => Err(MessageError::IdMissing),
            (false, _) => Ok(Message::Notification { call }),
        }
    }

    fn names(&self) -> NamesObjects {
        use Field::{Name, RefName, RefUri, TaskId, Uri};
        let mut fields = [Name, Uri, RefName, RefUri, TaskId].into_iter();
        let is_listed = || !self.uris.is_empty() || !self.tasks.is_empty();
        let is_other = || !self.others.is_empty() || self.ref_invalid || is_listed();
        match fields.any(|field| self.get(field).is_some()) || is_other() {
            true => NamesObjects::Something,
            false => NamesObjects::Nothing,
        }
    }

    fn things(&self, method: Method) -> Result<Objects<'_>, MessageError> {
        let thing = match method {
            Method::ToolsCall => self.get(Field::Name).map(Object::Tool),
            Method::PromptsGet => self.get(Field::Name).map(Object::Prompt),
            method if method.acts_on_resource() => match self.get(Field::Uri) {
                None if self.is_removed(method) => return Ok(Objects::None),
                uri => uri.map(Object::Resource),
            },
            Method::CompletionComplete => match self.get(Field::RefType) {
                Some("ref/prompt") => self.get(Field::RefName).map(Object::Prompt),
                Some("ref/resource") => self.get(Field::RefUri).map(Object::Resource),
                _ => None,
            },
            Method::Task => self.get(Field::TaskId).map(Object::Task),
            Method::SubscriptionsListen => return self.subscriptions(),
            _ => return Ok(Objects::None),
        };
        let thing = thing.ok_or(MessageError::ThingMissing)?;
        if is_thing(thing.as_str()) {
            Ok(Objects::One(thing))
        } else {
            Err(MessageError::ThingInvalid)
        }
    }

    /// Whether a message names nothing, and its version does not have the method: its server
    /// says so.
    ///
    /// SPEC: MCP 2026-07-28, changelog: subscriptions/listen replaces both.
    fn is_removed(&self, method: Method) -> bool {
        matches!(
            method,
            Method::ResourcesSubscribe | Method::ResourcesUnsubscribe
        ) && self.get(Field::Version) == Some(REPEATING_VERSION)
            && self.get(Field::Name).is_none()
            && self.others.is_empty()
            && !self.others_invalid
    }

    /// What a message says of what it acts on under other keys than those that MCP has.
    ///
    /// SECURITY: servers that prefer them would act on another tool, prompt or resource than
    /// the one judged, or with other arguments.
    fn check_other_words(&self, method: Method, thing: Object<'_>) -> Result<(), MessageError> {
        let kind = match thing {
            Object::Tool(_) => NamedKind::Tool,
            Object::Prompt(_) => NamedKind::Prompt,
            Object::Resource(_) => NamedKind::Resource,
            Object::Task(_) => return Ok(()),
        };
        let others = self.others.split('\0').skip(1);
        let mut others = others.filter_map(|other| other.strip_prefix(kind.letter()));
        let is_other = |field| self.get(field).is_some_and(|other| other != thing.as_str());
        let names_other = match method {
            // A reference is to one of both.
            Method::CompletionComplete => {
                self.ref_invalid || is_other(Field::RefName) || is_other(Field::RefUri)
            }
            method if method.acts_on_resource() && !self.names_resources => {
                let mut others = self.others.split('\0').skip(1);
                is_other(Field::Name) || others.any(|other| other.starts_with(NO_KIND))
            }
            _ => false,
        };
        if names_other || self.others_invalid || others.any(|other| other != thing.as_str()) {
            return Err(MessageError::OtherTool);
        }
        if self.other_arguments && method == Method::ToolsCall {
            return Err(MessageError::OtherArguments);
        }
        Ok(())
    }

    fn resource_name(&self, method: Method) -> Option<&str> {
        let name = self.get(Field::Name).filter(|name| is_thing(name));
        name.filter(|_| method.acts_on_resource())
    }

    fn subscriptions(&self) -> Result<Objects<'_>, MessageError> {
        let things = Objects::Subscriptions {
            uris: &self.uris,
            tasks: &self.tasks,
            changes: self.subscribes_to_changes,
        };
        let count = things.iter().take(THINGS_LIMIT.saturating_add(1)).count();
        if count > THINGS_LIMIT {
            return Err(MessageError::TooManyThings);
        }
        if self.subscriptions_invalid || !things.iter().all(|thing| is_thing(thing.as_str())) {
            return Err(MessageError::ThingInvalid);
        }
        Ok(things)
    }

    /// What an `Mcp-Name` header of this message may say.
    ///
    /// Clients set it to `params.name` or else `params.uri`, whatever the method.
    fn claimable<'m>(&'m self, message: &Message<'m>) -> Option<&'m str> {
        match message.call()?.objects {
            Objects::One(thing) => Some(thing.as_str()),
            _ => self.get(Field::Name).or_else(|| self.get(Field::Uri)),
        }
    }
}

/// The longest id, in bytes of its token.
///
/// SECURITY: integers of more than 308 digits are infinity to some readers, those of
/// more than 4300 an error to others, and an id is repeated in every answer.
const ID_LIMIT: usize = 256;

/// The most uris and tasks that one subscription names.
///
/// SECURITY: each is judged by every rule that could match.
const THINGS_LIMIT: usize = 256;

/// The longest method, in bytes. The longest that any version knows has 32.
const METHOD_LIMIT: usize = 256;

/// Whether an id's token is a string or an integer.
fn is_id(token: &[u8]) -> bool {
    match token {
        [b'"', ..] => true,
        // Minus zero is not the same number to everybody.
        [b'-', b'0'] => false,
        digits => digits
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'-'),
    }
}

/// Whether something can be acted on: not empty, no control characters.
fn is_thing(thing: &str) -> bool {
    !thing.is_empty() && !thing.chars().any(char::is_control)
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
