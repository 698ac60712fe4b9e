//! What MCP messages are: methods and what they act on, the shape of a message,
//! the headers that repeat it.
//!
//! The body is the truth; headers are a claim about it. What passes here means
//! the same to every server, whatever its JSON library: see [`Envelope`].

mod contents;
mod envelope;
mod fault;
mod headers;
mod message;
mod method;
mod place;

pub use envelope::{Envelope, Located};
pub use fault::{Fault, ResponseCode};
pub use headers::{Claim, Claims, MediaFault, check_media};
pub use message::{Call, Id, Message, Names, Thing, ThingKind, Things};
pub use method::{BasePart, Method};
