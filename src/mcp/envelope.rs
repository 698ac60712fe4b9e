//! From the bytes of a body to one message, as they arrive.

use crate::json::{Kind, Reader, Refused, Visitor, Want, Why};

use super::headers::Claims;
use super::message::{Call, Id, Message, Thing, Things};
use super::twin;
use super::{Fault, Method, ResponseCode};

/// Reads one body. Reused from body to body, it allocates nothing after a while.
#[derive(Debug)]
pub struct Envelope {
    reader: Reader,
    contents: Contents,
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
        }
    }

    /// Forgets the message, keeps the memory.
    pub fn reset(&mut self) {
        self.reader.reset();
        self.contents.clear();
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
            ..
        } = &self.contents;
        [
            self.reader.memory(),
            text.capacity(),
            id.capacity(),
            uris.capacity(),
            tasks.capacity(),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Reads the next piece of the body.
    ///
    /// # Errors
    /// At the first fault. The envelope must then be [`reset`](Self::reset).
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Located> {
        self.reader.push(piece, &mut self.contents).map_err(locate)
    }

    /// The body has ended: what does it say, and do the headers agree.
    ///
    /// # Errors
    /// When it is not one message that everybody reads the same way.
    pub fn message(&mut self, claims: &Claims<'_>) -> Result<Message<'_>, Located> {
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
        Ok(message)
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

/// A container that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Message,
    Params,
    Meta,
    Ref,
    Notifications,
    Uris,
    Tasks,
    Elsewhere,
}

/// A member that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Field(Field),
    Id,
    Params,
    Result,
    Meta,
    Ref,
    Notifications,
    Uris,
    Tasks,
    /// A name that is acted on elsewhere or later, and must not have a twin.
    Arguments,
    Unknown,
}

/// A string that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    JsonRpc,
    Method,
    Name,
    Uri,
    TaskId,
    RefType,
    RefName,
    RefUri,
    Version,
}

const FIELDS: usize = Field::Version as usize + 1;

/// The member of params._meta that carries the protocol version in 2026-07-28.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

impl Place {
    /// The keys that are acted on in this container.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Message => &["jsonrpc", "id", "method", "params", "result", "error"],
            Self::Params => &[
                "name",
                "uri",
                "arguments",
                "_meta",
                "ref",
                "taskId",
                "notifications",
            ],
            Self::Meta => &[VERSION_KEY],
            Self::Ref => &["type", "name", "uri"],
            Self::Notifications => &["resourceSubscriptions", "taskIds"],
            Self::Uris | Self::Tasks | Self::Elsewhere => &[],
        }
    }

    /// Other keys under which some server finds them.
    ///
    /// SECURITY: models of the Python SDK (`populate_by_name`) also take the names
    /// of their attributes, which are in snake case and without underscore in front.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Params => &["meta", "task_id"],
            Self::Meta => &["protocolVersion", "protocol_version"],
            Self::Notifications => &["resource_subscriptions", "task_ids"],
            _ => &[],
        }
    }

    fn member(self, key: &str) -> Member {
        match (self, key) {
            (Self::Message, "jsonrpc") => Member::Field(Field::JsonRpc),
            (Self::Message, "method") => Member::Field(Field::Method),
            (Self::Message, "id") => Member::Id,
            (Self::Message, "params") => Member::Params,
            (Self::Message, "result" | "error") => Member::Result,
            (Self::Params, "name") => Member::Field(Field::Name),
            (Self::Params, "uri") => Member::Field(Field::Uri),
            (Self::Params, "taskId") => Member::Field(Field::TaskId),
            (Self::Params, "arguments") => Member::Arguments,
            (Self::Params, "_meta") => Member::Meta,
            (Self::Params, "ref") => Member::Ref,
            (Self::Params, "notifications") => Member::Notifications,
            (Self::Meta, VERSION_KEY) => Member::Field(Field::Version),
            (Self::Ref, "type") => Member::Field(Field::RefType),
            (Self::Ref, "name") => Member::Field(Field::RefName),
            (Self::Ref, "uri") => Member::Field(Field::RefUri),
            (Self::Notifications, "resourceSubscriptions") => Member::Uris,
            (Self::Notifications, "taskIds") => Member::Tasks,
            _ => Member::Unknown,
        }
    }
}

/// Where the characters of the string that is being read go.
#[derive(Debug, Clone, Copy)]
enum Capture {
    Field(Field),
    Uris,
    Tasks,
}

/// How deep containers can matter: message, params, notifications, uris.
const LEVELS: usize = 4;

/// What is kept of a message while it is read.
#[derive(Debug)]
struct Contents {
    /// The containers now open, outermost first.
    places: [Place; LEVELS],
    member: Member,
    capture: Option<Capture>,
    /// The kept strings, one after another, and where each lies.
    text: String,
    fields: [Option<(usize, usize)>; FIELDS],
    id: Vec<u8>,
    uris: String,
    tasks: String,
    has_id: bool,
    results: u8,
    /// A subscription list that is no list of strings.
    subscriptions_invalid: bool,
}

impl Default for Contents {
    fn default() -> Self {
        Self {
            places: [Place::Elsewhere; LEVELS],
            member: Member::Unknown,
            capture: None,
            text: String::new(),
            fields: [None; FIELDS],
            id: Vec::new(),
            uris: String::new(),
            tasks: String::new(),
            has_id: false,
            results: 0,
            subscriptions_invalid: false,
        }
    }
}

impl Visitor for Contents {
    type Refusal = Fault;

    fn key(&mut self, depth: usize, key: &[u8]) -> Result<(), Fault> {
        let place = self.place(depth);
        self.member = Member::Unknown;
        if place != Place::Elsewhere {
            // The reader has seen to it; were it otherwise, the key would be no name.
            let key = std::str::from_utf8(key).map_err(|_| Fault::AmbiguousKey)?;
            if twin::is_twin(key, place.names(), place.aliases()) {
                return Err(Fault::AmbiguousKey);
            }
            self.member = place.member(key);
        }
        Ok(())
    }

    fn value(&mut self, depth: usize, kind: Kind) -> Result<Want, Fault> {
        self.capture = None;
        if depth == 0 {
            self.enter(depth, Place::Message);
            return match kind {
                Kind::Object => Ok(Want::Nothing),
                Kind::Array => Err(Fault::Batch),
                _ => Err(Fault::NotAnObject),
            };
        }
        // Unless it turns out to matter, what is inside does not.
        self.enter(depth, Place::Elsewhere);
        let member = std::mem::replace(&mut self.member, Member::Unknown);
        match self.place(depth) {
            Place::Uris => Ok(self.list_item(kind, Capture::Uris)),
            Place::Tasks => Ok(self.list_item(kind, Capture::Tasks)),
            _ => self.member_value(depth, member, kind),
        }
    }

    fn text(&mut self, fragment: &str) {
        match self.capture {
            Some(Capture::Field(field)) => {
                self.text.push_str(fragment);
                let end = self.text.len();
                if let Some(Some(span)) = self.fields.get_mut(field as usize) {
                    span.1 = end;
                }
            }
            Some(Capture::Uris) => {
                push_item(&mut self.uris, fragment, &mut self.subscriptions_invalid)
            }
            Some(Capture::Tasks) => {
                push_item(&mut self.tasks, fragment, &mut self.subscriptions_invalid);
            }
            None => {}
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.id.extend_from_slice(bytes);
    }
}

/// Adds to a list whose items a NUL begins: an item with one in it would be two.
fn push_item(list: &mut String, fragment: &str, invalid: &mut bool) {
    *invalid |= fragment.contains('\0');
    list.push_str(fragment);
}

impl Contents {
    fn clear(&mut self) {
        self.text.clear();
        self.id.clear();
        self.uris.clear();
        self.tasks.clear();
        *self = Self {
            text: std::mem::take(&mut self.text),
            id: std::mem::take(&mut self.id),
            uris: std::mem::take(&mut self.uris),
            tasks: std::mem::take(&mut self.tasks),
            ..Self::default()
        };
    }

    /// The container around something of this depth.
    fn place(&self, depth: usize) -> Place {
        let level = depth.checked_sub(1);
        level
            .and_then(|level| self.places.get(level))
            .copied()
            .unwrap_or(Place::Elsewhere)
    }

    /// What a value of this depth is, should it be a container.
    fn enter(&mut self, depth: usize, place: Place) {
        if let Some(slot) = self.places.get_mut(depth) {
            *slot = place;
        }
    }

    fn member_value(&mut self, depth: usize, member: Member, kind: Kind) -> Result<Want, Fault> {
        match (member, kind) {
            (Member::Field(field), Kind::String) => {
                let start = self.text.len();
                if let Some(slot) = self.fields.get_mut(field as usize) {
                    *slot = Some((start, start));
                }
                self.capture = Some(Capture::Field(field));
                return Ok(Want::Text);
            }
            (Member::Field(Field::JsonRpc), _) => return Err(Fault::JsonRpcVersion),
            (Member::Field(Field::Method), _) => return Err(Fault::MethodType),
            (Member::Field(Field::Version), _) => return Err(Fault::HeaderMismatch),
            (Member::Id, Kind::String | Kind::Number) => {
                self.has_id = true;
                self.id.clear();
                return Ok(Want::Raw);
            }
            (Member::Id, _) => return Err(Fault::IdType),
            (Member::Params, Kind::Object) => self.enter(depth, Place::Params),
            (Member::Params, _) => return Err(Fault::ParamsType),
            (Member::Result, _) => self.results = self.results.saturating_add(1),
            (Member::Meta, Kind::Object) => self.enter(depth, Place::Meta),
            (Member::Ref, Kind::Object) => self.enter(depth, Place::Ref),
            (Member::Notifications, Kind::Object) => self.enter(depth, Place::Notifications),
            (Member::Uris, Kind::Array) => self.enter(depth, Place::Uris),
            (Member::Tasks, Kind::Array) => self.enter(depth, Place::Tasks),
            (Member::Notifications | Member::Uris | Member::Tasks, _) => {
                self.subscriptions_invalid = true;
            }
            // Names of another type name nothing; a method that needs one says so.
            (Member::Field(_) | Member::Meta | Member::Ref, _) => {}
            (Member::Arguments | Member::Unknown, _) => {}
        }
        Ok(Want::Nothing)
    }

    fn list_item(&mut self, kind: Kind, list: Capture) -> Want {
        let items = match list {
            Capture::Tasks => &mut self.tasks,
            _ => &mut self.uris,
        };
        if kind == Kind::String {
            items.push('\0');
            self.capture = Some(list);
            Want::Text
        } else {
            self.subscriptions_invalid = true;
            Want::Nothing
        }
    }

    fn get(&self, field: Field) -> Option<&str> {
        let (start, end) = (*self.fields.get(field as usize)?)?;
        self.text.get(start..end)
    }

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
            return match (self.has_id, self.results) {
                (true, 1) => Ok(Message::Response),
                _ => Err(Fault::NoMessage),
            };
        };
        if self.results > 0 {
            return Err(Fault::MethodAndResult);
        }
        // SECURITY: some dispatchers find handlers without case, or trim names.
        if name.len() > METHOD_LIMIT
            || name.contains(char::is_control)
            || twin::is_twin(name, Method::NAMES, &[])
        {
            return Err(Fault::AmbiguousMethod);
        }
        let method = Method::new(name);
        let call = Call {
            method,
            name,
            things: self.things(method)?,
            resource_name: self.resource_name(method),
        };
        match (self.has_id, method) {
            (true, Method::Notification) => Err(Fault::IdUnexpected),
            (true, _) => Ok(Message::Request {
                id: Id(&self.id),
                call,
            }),
            (false, method) if method.is_request() => Err(Fault::IdMissing),
            (false, _) => Ok(Message::Notification { call }),
        }
    }

    fn things(&self, method: Method) -> Result<Things<'_>, Fault> {
        let thing = match method {
            Method::ToolsCall => self.get(Field::Name).map(Thing::Tool),
            Method::PromptsGet => self.get(Field::Name).map(Thing::Prompt),
            method if method.acts_on_resource() => self.get(Field::Uri).map(Thing::Resource),
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

    fn resource_name(&self, method: Method) -> Option<&str> {
        let name = self.get(Field::Name).filter(|name| is_thing(name));
        name.filter(|_| method.acts_on_resource())
    }

    fn subscriptions(&self) -> Result<Things<'_>, Fault> {
        let things = Things::Subscriptions {
            uris: &self.uris,
            tasks: &self.tasks,
        };
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
