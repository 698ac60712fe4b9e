//! Which members of a message matter, and where.

use crate::engine::json::has_letters_of;

/// A container that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
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
pub(super) enum Member {
    Field(Field),
    Id,
    Params,
    Result,
    Error,
    Meta,
    Ref,
    Notifications,
    Uris,
    Tasks,
    /// What else a subscription listens for.
    Changes,
    /// A name that is acted on elsewhere or later, and must not have a twin.
    Arguments,
    /// Another key under which servers look for what is acted on.
    OtherName(ListedKind),
    /// Another key under which servers look for the tool's arguments.
    OtherArguments,
    Unknown,
}

/// What is acted on, by the first letter of its kind: so a list says of what it has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListedKind {
    Tool,
    Prompt,
    Resource,
}

impl ListedKind {
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Tool => 't',
            Self::Prompt => 'p',
            Self::Resource => 'r',
        }
    }
}

/// A string that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
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

pub(super) const FIELDS: usize = Field::Version as usize + 1;

/// The member of params._meta that carries the protocol version in 2026-07-28.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// The letters of keys in `params` by which servers find the tool of a call before, or
/// instead of, `name`.
///
/// SECURITY: public servers look for `params.tool` before `params.name`, and likewise
/// for `toolName`, `tool_name` and `toolId`; translators to and from model APIs look for
/// a `function` or for `tool_calls`.
const TOOL_NAMES: &[&str] = &[
    "tool",
    "toolname",
    "toolid",
    "toolcall",
    "toolcalls",
    "function",
    "functionname",
    "functioncall",
    "func",
    "tooluse",
    "toolslug",
    "toolkey",
    "calltool",
    "action",
];

/// Likewise of prompts.
const PROMPT_NAMES: &[&str] = &["prompt", "promptname", "promptid", "id"];

/// Likewise of resources.
const RESOURCE_NAMES: &[&str] = &["url", "resource", "resourceuri", "resourceurl"];

/// The letters of keys in `params` by which servers find the arguments of a call before
/// `arguments`, or where these are empty.
///
/// SECURITY: public servers look for `params.args` before `params.arguments`, and
/// likewise for each of these: what is there would not be what expressions read.
const TOOL_ARGUMENTS: &[&str] = &[
    "args",
    "params",
    "parameters",
    "input",
    "payload",
    "toolargs",
    "toolarguments",
    "toolparams",
    "toolparameters",
    "toolinput",
    "actioninput",
    "kwargs",
];

impl Container {
    /// The keys that are acted on in this container.
    pub(super) const fn names(self) -> &'static [&'static str] {
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
    /// Rails and Plug keep a body under `_json` that is no object, Hanami under `_`, and
    /// servers take what is there for the message; Laravel finds the method of HTTP under
    /// `_method`.
    pub(super) const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Message => &["_json", "_", "_method"],
            Self::Params => &["meta", "task_id"],
            Self::Meta => &["protocolVersion", "protocol_version"],
            Self::Notifications => &["resource_subscriptions", "task_ids"],
            _ => &[],
        }
    }

    pub(super) fn member(self, key: &[u8]) -> Member {
        match (self, key) {
            (Self::Message, b"jsonrpc") => Member::Field(Field::JsonRpc),
            (Self::Message, b"method") => Member::Field(Field::Method),
            (Self::Message, b"id") => Member::Id,
            (Self::Message, b"params") => Member::Params,
            (Self::Message, b"result") => Member::Result,
            (Self::Message, b"error") => Member::Error,
            (Self::Params, b"name") => Member::Field(Field::Name),
            (Self::Params, b"uri") => Member::Field(Field::Uri),
            (Self::Params, b"taskId") => Member::Field(Field::TaskId),
            (Self::Params, b"arguments") => Member::Arguments,
            (Self::Params, b"_meta") => Member::Meta,
            (Self::Params, b"ref") => Member::Ref,
            (Self::Params, b"notifications") => Member::Notifications,
            (Self::Meta, key) if key == VERSION_KEY.as_bytes() => Member::Field(Field::Version),
            (Self::Ref, b"type") => Member::Field(Field::RefType),
            (Self::Ref, b"name") => Member::Field(Field::RefName),
            (Self::Ref, b"uri") => Member::Field(Field::RefUri),
            (Self::Notifications, b"resourceSubscriptions") => Member::Uris,
            (Self::Notifications, b"taskIds") => Member::Tasks,
            _ => Member::Unknown,
        }
    }

    /// What a key that is no member is to servers that also know members by other words.
    pub(super) fn other_word(self, key: &str) -> Member {
        match self {
            Self::Params if has_letters_of(key, TOOL_NAMES) => Member::OtherName(ListedKind::Tool),
            Self::Params if has_letters_of(key, PROMPT_NAMES) => {
                Member::OtherName(ListedKind::Prompt)
            }
            Self::Params if has_letters_of(key, RESOURCE_NAMES) => {
                Member::OtherName(ListedKind::Resource)
            }
            Self::Params if has_letters_of(key, TOOL_ARGUMENTS) => Member::OtherArguments,
            Self::Notifications => Member::Changes,
            _ => Member::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is a member is never asked for its twins.
    #[test]
    fn members_are_the_names() {
        use Container::*;
        let places = [
            Message,
            Params,
            Meta,
            Ref,
            Notifications,
            Uris,
            Tasks,
            Elsewhere,
        ];
        let all = places.iter().flat_map(|place| place.names());
        let keys: Vec<&str> = all.copied().collect();
        for (place, key) in places
            .iter()
            .flat_map(|place| keys.iter().map(move |k| (place, k)))
        {
            let is_member = place.member(key.as_bytes()) != Member::Unknown;
            assert_eq!(is_member, place.names().contains(key), "{place:?} {key}");
        }
    }
}
