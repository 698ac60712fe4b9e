//! From the bytes of a body to one message, as they arrive.

use crate::engine::json::{Reader, Refused, Why};

use super::contents::{Contents, NO_KIND};
use super::headers::{Claims, REPEATING_VERSION};
use super::message::{Call, Id, Message, Names, Thing, Things};
use super::place::{Field, Kind as NamedKind};
use super::{Fault, Method, ResponseCode};
use crate::engine::json::is_twin;

/// Reads one body. Reused from body to body, it allocates nothing after a while.
#[derive(Debug)]
pub struct Envelope {
    reader: Reader,
    contents: Contents,
    /// The body so far, where it is kept.
    body: Option<Vec<u8>>,
}

/// A fault, and where in the body it was noticed: bytes before it, from 0.
/// `None` where it is the message as a whole.
pub type Located = (Fault, Option<usize>);

impl Envelope {
    /// An envelope for messages nested at most `depth_limit` containers deep.
    pub fn new(depth_limit: usize) -> Self {
        Self {
            reader: Reader::new(depth_limit),
            contents: Contents::default(),
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
        let Contents {
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
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Located> {
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
    pub fn message(&mut self, claims: &Claims<'_>) -> Result<Message<'_>, Located> {
        self.read(claims).map(|(message, _)| message)
    }

    /// The same, with the body as it came where it is [kept](Self::keep_body); else empty.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn read(&mut self, claims: &Claims<'_>) -> Result<(Message<'_>, &[u8]), Located> {
        self.reader.finish::<Contents>().map_err(locate)?;
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

impl Envelope {
    /// The id to answer a fault with.
    ///
    /// SPEC: JSON-RPC 2.0, section 5: null unless it could be told what the id is,
    /// which it could not where the message is none. A response's id is the server's:
    /// the client may wait for an answer of its own under the same one.
    pub fn id_for(&self, fault: Fault) -> Option<Id<'_>> {
        let is_known = matches!(
            fault.code(),
            ResponseCode::InvalidParams | ResponseCode::HeaderMismatch
        );
        let Contents { has_id, id, .. } = &self.contents;
        let is_request = *has_id && self.contents.get(Field::Method).is_some();
        (is_known && self.reader.is_done() && is_request && is_id(id)).then_some(Id(id))
    }
}

fn locate(refused: Refused<Fault>) -> Located {
    let fault = match refused.why {
        Why::Syntax(syntax) => Fault::Json(syntax),
        Why::Visitor(fault) => fault,
    };
    (fault, Some(refused.offset))
}

impl Contents {
    /// The message, once the document is known to be complete and unambiguous.
    fn message(&self) -> Result<Message<'_>, Fault> {
        if self.get(Field::JsonRpc) != Some("2.0") {
            return Err(Fault::JsonRpcVersion);
        }
        if self.has_id && !is_id(&self.id) {
            return Err(Fault::IdType);
        }
        if self.id.len() > ID_LIMIT {
            return Err(Fault::IdLength);
        }
        let Some(name) = self.get(Field::Method) else {
            // SECURITY: `params` would be there for whoever finds a method elsewhere.
            // SPEC: MCP 2025-11-25, JSONRPCErrorResponse: an error may have no id.
            let is_whole = self.has_id || self.is_error;
            return match (is_whole, self.results, self.has_params) {
                (true, 1, false) => Ok(Message::Response),
                _ => Err(Fault::NoMessage),
            };
        };
        if self.results > 0 {
            return Err(Fault::MethodAndResult);
        }
        if self.params_invalid {
            return Err(Fault::ParamsType);
        }
        let method = Method::new(name);
        if self.has_id && method.is_notification() {
            return Err(Fault::IdUnexpected);
        }
        // SECURITY: some dispatchers find handlers without case, or trim names.
        let is_ambiguous = || {
            name.len() > METHOD_LIMIT
                || name.contains(char::is_control)
                || is_twin(name, Method::NAMES, &[])
                || method.is_like_known(name)
        };
        if !method.has_one_name() && is_ambiguous() {
            return Err(Fault::AmbiguousMethod);
        }
        let things = self.things(method)?;
        if let Things::One(thing) = things {
            self.check_other_words(method, thing)?;
        }
        let call = Call {
            method,
            name,
            things,
            resource_name: self.resource_name(method),
            unknown: (!method.has_one_name() && !Method::NAMES.contains(&name))
                .then(|| self.names()),
        };
        match (self.has_id, method) {
            (true, _) => Ok(Message::Request {
                id: Id(&self.id),
                call,
            }),
            (false, method) if method.is_request() => Err(Fault::IdMissing),
            (false, _) => Ok(Message::Notification { call }),
        }
    }

    fn names(&self) -> Names {
        use Field::{Name, RefName, RefUri, TaskId, Uri};
        let mut fields = [Name, Uri, RefName, RefUri, TaskId].into_iter();
        let is_listed = || !self.uris.is_empty() || !self.tasks.is_empty();
        let is_other = || !self.others.is_empty() || self.ref_invalid || is_listed();
        match fields.any(|field| self.get(field).is_some()) || is_other() {
            true => Names::Something,
            false => Names::Nothing,
        }
    }

    fn things(&self, method: Method) -> Result<Things<'_>, Fault> {
        let thing = match method {
            Method::ToolsCall => self.get(Field::Name).map(Thing::Tool),
            Method::PromptsGet => self.get(Field::Name).map(Thing::Prompt),
            method if method.acts_on_resource() => match self.get(Field::Uri) {
                None if self.is_removed(method) => return Ok(Things::None),
                uri => uri.map(Thing::Resource),
            },
            Method::CompletionComplete => match self.get(Field::RefType) {
                Some("ref/prompt") => self.get(Field::RefName).map(Thing::Prompt),
                Some("ref/resource") => self.get(Field::RefUri).map(Thing::Resource),
                _ => None,
            },
            Method::Task => self.get(Field::TaskId).map(Thing::Task),
            Method::SubscriptionsListen => return self.subscriptions(),
            _ => return Ok(Things::None),
        };
        let thing = thing.ok_or(Fault::ThingMissing)?;
        if is_thing(thing.as_str()) {
            Ok(Things::One(thing))
        } else {
            Err(Fault::ThingInvalid)
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
    fn check_other_words(&self, method: Method, thing: Thing<'_>) -> Result<(), Fault> {
        let kind = match thing {
            Thing::Tool(_) => NamedKind::Tool,
            Thing::Prompt(_) => NamedKind::Prompt,
            Thing::Resource(_) => NamedKind::Resource,
            Thing::Task(_) => return Ok(()),
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
            return Err(Fault::OtherTool);
        }
        if self.other_arguments && method == Method::ToolsCall {
            return Err(Fault::OtherArguments);
        }
        Ok(())
    }

    fn resource_name(&self, method: Method) -> Option<&str> {
        let name = self.get(Field::Name).filter(|name| is_thing(name));
        name.filter(|_| method.acts_on_resource())
    }

    fn subscriptions(&self) -> Result<Things<'_>, Fault> {
        let things = Things::Subscriptions {
            uris: &self.uris,
            tasks: &self.tasks,
            changes: self.subscribes_to_changes,
        };
        let count = things.iter().take(THINGS_LIMIT.saturating_add(1)).count();
        if count > THINGS_LIMIT {
            return Err(Fault::TooManyThings);
        }
        if self.subscriptions_invalid || !things.iter().all(|thing| is_thing(thing.as_str())) {
            return Err(Fault::ThingInvalid);
        }
        Ok(things)
    }

    /// What an `Mcp-Name` header of this message may say.
    ///
    /// Clients set it to `params.name` or else `params.uri`, whatever the method.
    fn claimable<'m>(&'m self, message: &Message<'m>) -> Option<&'m str> {
        match message.call()?.things {
            Things::One(thing) => Some(thing.as_str()),
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
