//! What MCP messages are: methods and what they act on, the shape of a message,
//! the headers that repeat it.
//!
//! The body is the truth; headers are a claim about it. What passes here means
//! the same to every server, whatever its JSON library: see [`Envelope`].

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

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
