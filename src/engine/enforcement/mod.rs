//! One stream's life: events in, steps out.
//!
//! A stream begins with its headers, perhaps has a body and trailers, perhaps waits for
//! the answers of authorizers, and is settled exactly once, by a permit of the engine or
//! by a refusal. Every order of events leads to one or the other; no error leads to a
//! permit, but where the enforcement point says so of authorizers that do not answer.
//!
//! Pure: the host's side of it is in `filter`.

mod attributes;
mod blocked;
mod buffered;
mod call_summary;
mod callout_record;
mod callouts;
#[cfg(not(target_os = "wasi"))]
mod explain;
mod generations;
mod judges;
mod local_reply;
mod open_bodies;
mod reader_pool;
mod step;
mod stream;

pub use attributes::StreamAttributes;
pub use blocked::{Blocked, Reason, Unauthorized};
pub use call_summary::CallSummary;
pub use callout_record::{CalloutRecord, CalloutResult};
pub use callouts::Clock;
#[cfg(not(target_os = "wasi"))]
pub use explain::{Explained, explain};
pub use generations::{Begun, Generation, Lineage};
pub use judges::Judges;
pub use local_reply::LocalReply;
pub use reader_pool::{ReaderPool, SharedStreams};
pub use step::{Permitted, Step};
pub use stream::{Abandoned, Settled, Stream};
