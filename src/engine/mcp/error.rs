//! What can be wrong with a message that is well-formed JSON, or is not.

use crate::engine::json::JsonError;

/// A JSON-RPC error code.
///
/// SPEC: JSON-RPC 2.0, section 5.1; MCP 2026-07-28 for header mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseCode {
    /// -32700: not JSON.
    ParseError,
    /// -32600: JSON, but no single unambiguous message.
    InvalidRequest,
    /// -32602: the parameters do not fit the method.
    InvalidParams,
    /// -32020: a header says otherwise than the body.
    HeaderMismatch,
}

impl ResponseCode {
    /// The number.
    pub const fn number(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::InvalidParams => -32602,
            Self::HeaderMismatch => -32020,
        }
    }
}

/// Why a body is not one message that everybody reads the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum MessageError {
    /// The reader refused it.
    Json(JsonError),
    /// An array: batches are not taken, whatever the version.
    Batch,
    /// Neither object nor array.
    NotAnObject,
    /// A key that could be taken for one that matters.
    AmbiguousKey,
    /// A member of the message that JSON-RPC does not have.
    UnknownMember,
    /// `jsonrpc` is not the string `2.0`.
    JsonRpcVersion,
    /// `method` is no string.
    MethodType,
    /// `id` is neither a string nor an integer.
    IdType,
    /// `id` is longer than any honest client's.
    IdLength,
    /// `method` could be taken for another one.
    AmbiguousMethod,
    /// `params` is no object.
    ParamsType,
    /// `method` together with `result` or `error`.
    MethodAndResult,
    /// Neither a method nor a response.
    NoMessage,
    /// A method that expects an answer, without an id.
    IdMissing,
    /// A notification with an id.
    IdUnexpected,
    /// The method acts on something that the message does not name.
    ThingMissing,
    /// What the message names is empty or has control characters.
    ThingInvalid,
    /// The message names more things than are judged for one request.
    TooManyThings,
    /// A call names its tool under another key as well, and not alike.
    OtherTool,
    /// A call has arguments under another key than `arguments`.
    OtherArguments,
    /// A response is posted, and the version has none.
    ResponseUnexpected,
    /// A header names another method, thing or version, or names it twice.
    HeaderMismatch,
    /// 2026-07-28 requires a header that is not there.
    HeaderMissing,
    /// 2026-07-28 requires the version in `params._meta`, and it is not there.
    VersionMissing,
}

impl MessageError {
    /// The JSON-RPC error code for it.
    pub const fn code(self) -> ResponseCode {
        match self {
            Self::Json(JsonError::DuplicateKey | JsonError::Depth) => ResponseCode::InvalidRequest,
            Self::Json(_) => ResponseCode::ParseError,
            Self::ParamsType
            | Self::ThingMissing
            | Self::ThingInvalid
            | Self::TooManyThings
            | Self::OtherTool
            | Self::OtherArguments
            | Self::VersionMissing => ResponseCode::InvalidParams,
            Self::HeaderMismatch | Self::HeaderMissing => ResponseCode::HeaderMismatch,
            _ => ResponseCode::InvalidRequest,
        }
    }

    /// The kind in a few words, without anything of the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json(syntax) => syntax.as_str(),
            Self::Batch => "batch",
            Self::NotAnObject => "not an object",
            Self::AmbiguousKey => "ambiguous key",
            Self::UnknownMember => "member that JSON-RPC does not have",
            Self::JsonRpcVersion => "jsonrpc is not \"2.0\"",
            Self::MethodType => "method is not a string",
            Self::IdType => "id is neither a string nor an integer",
            Self::IdLength => "id is too long",
            Self::AmbiguousMethod => "ambiguous method",
            Self::ParamsType => "params is not an object",
            Self::MethodAndResult => "method together with result or error",
            Self::NoMessage => "neither a request, a notification nor a response",
            Self::IdMissing => "request without id",
            Self::IdUnexpected => "notification with id",
            Self::ThingMissing => "params do not name what the method acts on",
            Self::ThingInvalid => "params name something empty or with control characters",
            Self::TooManyThings => "params name more than 256 things",
            Self::OtherTool => "params name something else under another key",
            Self::OtherArguments => "params have arguments under another key",
            Self::ResponseUnexpected => "response where the version has none",
            Self::HeaderMismatch => "header and body disagree",
            Self::HeaderMissing => "required header is missing",
            Self::VersionMissing => "params._meta does not have the protocol version",
        }
    }
}
