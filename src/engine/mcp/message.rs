//! A message that has been read and found to mean one thing.

use super::Method;

/// A JSON-RPC id: the very token that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id<'m>(pub(super) &'m [u8]);

impl<'m> Id<'m> {
    /// The token: a JSON string or integer.
    pub const fn token(self) -> &'m [u8] {
        self.0
    }
}

/// One JSON-RPC message from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'m> {
    /// Expects an answer.
    Request {
        /// Under which id.
        id: Id<'m>,
        /// What is called.
        call: Call<'m>,
    },
    /// Expects none.
    Notification {
        /// What is called.
        call: Call<'m>,
    },
    /// Answers a request of the server's; calls nothing.
    Response,
}

impl<'m> Message<'m> {
    /// What is called, unless it is a response.
    pub const fn call(self) -> Option<Call<'m>> {
        match self {
            Self::Request { call, .. } | Self::Notification { call } => Some(call),
            Self::Response => None,
        }
    }

    /// The id that an answer would carry.
    pub const fn id(self) -> Option<Id<'m>> {
        match self {
            Self::Request { id, .. } => Some(id),
            Self::Notification { .. } | Self::Response => None,
        }
    }
}

/// A method and what it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'m> {
    /// What the method means.
    pub method: Method,
    /// The method as it was called.
    pub name: &'m str,
    /// What it acts on.
    pub objects: Objects<'m>,
    /// What `params.name` calls the resource acted on, which servers do not look at;
    /// not empty, without control characters.
    pub resource_name: Option<&'m str>,
    /// Of a method that no version knows: whether it acts on something.
    pub unknown: Option<NamesObjects>,
}

/// Whether the `params` of a method that no version knows name anything, by any of the words
/// that servers have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesObjects {
    /// They do not.
    Nothing,
    /// They do.
    Something,
}

/// Something acted on: not empty, without control characters, compared byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'m> {
    /// A tool's name.
    Tool(&'m str),
    /// A prompt's name.
    Prompt(&'m str),
    /// A resource's uri.
    Resource(&'m str),
    /// A task's id.
    Task(&'m str),
}

impl<'m> Object<'m> {
    /// What kind of thing it is.
    pub const fn kind(self) -> ObjectKind {
        match self {
            Self::Tool(_) => ObjectKind::Tool,
            Self::Prompt(_) => ObjectKind::Prompt,
            Self::Resource(_) => ObjectKind::Resource,
            Self::Task(_) => ObjectKind::Task,
        }
    }

    /// The name, uri or id.
    pub const fn as_str(self) -> &'m str {
        match self {
            Self::Tool(name) | Self::Prompt(name) | Self::Resource(name) | Self::Task(name) => name,
        }
    }
}

/// What kind of thing is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource.
    Resource,
    /// A task.
    Task,
}

/// What a call acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects<'m> {
    /// Nothing that could be named.
    None,
    /// One thing.
    One(Object<'m>),
    /// What `subscriptions/listen` names; perhaps nothing.
    Subscriptions {
        /// Resource uris, each begun by a NUL, which no uri contains.
        uris: &'m str,
        /// Task ids, likewise.
        tasks: &'m str,
        /// Whether it is for anything else, such as changes of the list of tools.
        changes: bool,
    },
}

impl<'m> Objects<'m> {
    /// Each thing, in the order in which it was named.
    pub fn iter(self) -> impl Iterator<Item = Object<'m>> {
        let (one, uris, tasks) = match self {
            Self::None => (None, "", ""),
            Self::One(thing) => (Some(thing), "", ""),
            Self::Subscriptions { uris, tasks, .. } => (None, uris, tasks),
        };
        one.into_iter()
            .chain(uris.split('\0').skip(1).map(Object::Resource))
            .chain(tasks.split('\0').skip(1).map(Object::Task))
    }
}
