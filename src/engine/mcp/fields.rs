//! What is kept of a message while it is read.

use crate::engine::json::{TokenKind, Visitor, Want};

use super::MessageError;
use super::members::{Container, FIELDS, Field, Member};
use crate::engine::json::{is_other_case, is_twin};

/// Where the characters of the string that is being read go.
#[derive(Debug, Clone, Copy)]
enum Capture {
    Field(Field),
    Uris,
    Tasks,
    Others,
}

/// What has the place of the letter of a kind where there is none.
pub(super) const NO_KIND: char = '-';

/// What stands for what is no text, such as an object with a name in it: no thing is called so.
const UNKNOWN: char = '\u{1}';

/// How deep containers can matter: message, params, notifications, uris.
const LEVELS: usize = 4;

/// What is kept of a message while it is read.
#[derive(Debug)]
pub(super) struct Fields {
    /// The containers now open, outermost first.
    places: [Container; LEVELS],
    member: Member,
    capture: Option<Capture>,
    /// The kept strings, one after another, and where each lies.
    pub(super) text: String,
    fields: [Option<(usize, usize)>; FIELDS],
    pub(super) id: Vec<u8>,
    pub(super) uris: String,
    pub(super) tasks: String,
    /// What is named under other keys than `name` and `uri`, the letter of its kind in front.
    pub(super) others: String,
    /// Something is named so with a NUL in it.
    pub(super) others_invalid: bool,
    /// There are arguments under another key than `arguments`.
    pub(super) other_arguments: bool,
    /// Whether members pass that JSON-RPC does not have.
    pub(super) pass_unknown: bool,
    /// Whether resources are judged by their names.
    pub(super) names_resources: bool,
    pub(super) has_id: bool,
    pub(super) has_params: bool,
    /// The parameters are no object.
    pub(super) params_invalid: bool,
    pub(super) results: u8,
    /// One of them is an error.
    pub(super) is_error: bool,
    /// A subscription list that is no list of strings.
    pub(super) subscriptions_invalid: bool,
    /// A subscription is for more than such lists.
    pub(super) subscribes_to_changes: bool,
    /// A reference names something by what is no text.
    pub(super) ref_invalid: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            places: [Container::Elsewhere; LEVELS],
            member: Member::Unknown,
            capture: None,
            text: String::new(),
            fields: [None; FIELDS],
            id: Vec::new(),
            uris: String::new(),
            tasks: String::new(),
            others: String::new(),
            others_invalid: false,
            other_arguments: false,
            pass_unknown: false,
            names_resources: false,
            has_id: false,
            has_params: false,
            params_invalid: false,
            results: 0,
            is_error: false,
            subscriptions_invalid: false,
            subscribes_to_changes: false,
            ref_invalid: false,
        }
    }
}

impl Visitor for Fields {
    type Rejection = MessageError;

    fn key(&mut self, depth: usize, key: &[u8]) -> Result<(), MessageError> {
        let place = self.place(depth);
        self.member = Member::Unknown;
        if place != Container::Elsewhere {
            self.member = place.member(key);
            if self.member == Member::Unknown {
                // The reader has seen to it; were it otherwise, the key would be no name.
                let key = std::str::from_utf8(key).map_err(|_| MessageError::AmbiguousKey)?;
                let names = place.names();
                if is_twin(key, names, place.aliases()) || is_other_case(key, names) {
                    return Err(MessageError::AmbiguousKey);
                }
                if place == Container::Message && !self.pass_unknown {
                    return Err(MessageError::UnknownMember);
                }
                self.member = place.other_word(key);
            }
        }
        Ok(())
    }

    fn value(&mut self, depth: usize, kind: TokenKind) -> Result<Want, MessageError> {
        self.capture = None;
        if depth == 0 {
            self.enter(depth, Container::Message);
            return match kind {
                TokenKind::Object => Ok(Want::Nothing),
                TokenKind::Array => Err(MessageError::Batch),
                _ => Err(MessageError::NotAnObject),
            };
        }
        // Unless it turns out to matter, what is inside does not.
        self.enter(depth, Container::Elsewhere);
        let member = std::mem::replace(&mut self.member, Member::Unknown);
        match self.place(depth) {
            Container::Uris => Ok(self.list_item(kind, Capture::Uris)),
            Container::Tasks => Ok(self.list_item(kind, Capture::Tasks)),
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
            Some(Capture::Others) => {
                push_item(&mut self.others, fragment, &mut self.others_invalid)
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

impl Fields {
    /// Forgets the message, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.id.clear();
        self.uris.clear();
        self.tasks.clear();
        self.others.clear();
        *self = Self {
            text: std::mem::take(&mut self.text),
            id: std::mem::take(&mut self.id),
            uris: std::mem::take(&mut self.uris),
            tasks: std::mem::take(&mut self.tasks),
            others: std::mem::take(&mut self.others),
            pass_unknown: self.pass_unknown,
            names_resources: self.names_resources,
            ..Self::default()
        };
    }

    /// The container around something of this depth.
    fn place(&self, depth: usize) -> Container {
        let level = depth.checked_sub(1);
        level
            .and_then(|level| self.places.get(level))
            .copied()
            .unwrap_or(Container::Elsewhere)
    }

    /// What a value of this depth is, should it be a container.
    fn enter(&mut self, depth: usize, place: Container) {
        if let Some(slot) = self.places.get_mut(depth) {
            *slot = place;
        }
    }

    fn member_value(
        &mut self,
        depth: usize,
        member: Member,
        kind: TokenKind,
    ) -> Result<Want, MessageError> {
        match (member, kind) {
            (Member::Field(field), TokenKind::String) => {
                let start = self.text.len();
                if let Some(slot) = self.fields.get_mut(field as usize) {
                    *slot = Some((start, start));
                }
                self.capture = Some(Capture::Field(field));
                return Ok(Want::Text);
            }
            (Member::Field(Field::JsonRpc), _) => return Err(MessageError::JsonRpcVersion),
            (Member::Field(Field::Method), _) => return Err(MessageError::MethodType),
            (Member::Field(Field::Version), _) => return Err(MessageError::HeaderMismatch),
            (Member::Id, TokenKind::String | TokenKind::Number) => {
                self.has_id = true;
                self.id.clear();
                return Ok(Want::Raw);
            }
            (Member::Id, _) => return Err(MessageError::IdType),
            (Member::OtherName(named), TokenKind::String) => {
                let want = self.list_item(kind, Capture::Others);
                self.others.push(named.letter());
                return Ok(want);
            }
            (Member::OtherName(named), _) => self.unknown_name(named.letter()),
            (
                Member::Field(Field::Name | Field::Uri | Field::RefName | Field::RefUri),
                TokenKind::Null,
            ) => {}
            // A method that needs one says so.
            (Member::Field(Field::Name | Field::Uri), _) => self.unknown_name(NO_KIND),
            (Member::Field(Field::RefName | Field::RefUri), _) => self.ref_invalid = true,
            (Member::OtherArguments, _) => self.other_arguments = true,
            (Member::Changes, TokenKind::False | TokenKind::Null) => {}
            (Member::Changes, _) => self.subscribes_to_changes = true,
            (Member::Params, TokenKind::Object) => {
                self.has_params = true;
                self.enter(depth, Container::Params);
            }
            (Member::Params, _) => {
                self.has_params = true;
                self.params_invalid = true;
            }
            (Member::Result, _) => self.results = self.results.saturating_add(1),
            (Member::Error, _) => {
                self.results = self.results.saturating_add(1);
                self.is_error = true;
            }
            (Member::Meta, TokenKind::Object) => self.enter(depth, Container::Meta),
            (Member::Ref, TokenKind::Object) => self.enter(depth, Container::Ref),
            (Member::Notifications, TokenKind::Object) => {
                self.enter(depth, Container::Notifications)
            }
            (Member::Uris, TokenKind::Array) => self.enter(depth, Container::Uris),
            (Member::Tasks, TokenKind::Array) => self.enter(depth, Container::Tasks),
            (Member::Notifications | Member::Uris | Member::Tasks, _) => {
                self.subscriptions_invalid = true;
            }
            // Of another type they say nothing; a method that needs one says so.
            (Member::Field(_) | Member::Meta | Member::Ref, _) => {}
            (Member::Arguments | Member::Unknown, _) => {}
        }
        Ok(match self.places.get(depth) {
            Some(Container::Elsewhere) | None => Want::Skip,
            Some(_) => Want::Nothing,
        })
    }

    fn list_item(&mut self, kind: TokenKind, list: Capture) -> Want {
        let items = match list {
            Capture::Tasks => &mut self.tasks,
            Capture::Others => &mut self.others,
            Capture::Uris | Capture::Field(_) => &mut self.uris,
        };
        if kind == TokenKind::String {
            items.push('\0');
            self.capture = Some(list);
            Want::Text
        } else {
            self.subscriptions_invalid = true;
            Want::Skip
        }
    }

    /// Something is named by what is no text.
    fn unknown_name(&mut self, kind: char) {
        self.others.extend(['\0', kind, UNKNOWN]);
    }

    /// A string that was kept.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        let (start, end) = (*self.fields.get(field as usize)?)?;
        self.text.get(start..end)
    }
}
