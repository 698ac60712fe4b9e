//! What MCP messages are: methods and what they act on, the shape of a message,
//! the headers that repeat it.
//!
//! The body is the truth; headers are a claim about it. What passes here means
//! the same to every server, whatever its JSON library: see [`MessageReader`].

mod error;
mod fields;
mod headers;
mod members;
mod message;
mod message_reader;
mod method;

pub use error::{MessageError, ResponseCode};
pub use headers::{Claim, Claims, MediaFault, check_media};
pub use message::{Call, Id, Message, NamesObjects, Object, ObjectKind, Objects};
pub use message_reader::{LocatedError, MessageReader};
pub use method::{BasePart, Method};
