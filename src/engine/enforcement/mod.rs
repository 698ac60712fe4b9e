//! One stream's life: events in, steps out.
//!
//! A stream begins with its headers, perhaps has a body and trailers, perhaps waits for
//! the answers of authorizers, and is settled exactly once, by a permit of the engine or
//! by a refusal. Every order of events leads to one or the other; no error leads to a
//! permit, but where the enforcement point says so of authorizers that do not answer.
//!
//! Pure: the host's side of it is in `filter`.

mod answer;
mod called;
mod callouts;
mod envelopes;
#[cfg(not(target_os = "wasi"))]
mod explain;
mod facts;
mod generations;
mod held;
mod judges;
mod readers;
mod refusal;
mod said;
mod step;
mod stream;

pub use answer::Answer;
pub use called::Called;
pub use callouts::Clock;
pub use envelopes::{Envelopes, Host};
#[cfg(not(target_os = "wasi"))]
pub use explain::{Explained, explain};
pub use facts::Facts;
pub use generations::{Begun, Generation, Lineage};
pub use judges::Judges;
pub use refusal::{Reason, Refusal, Unauthorized};
pub use said::{Answered, Said};
pub use step::{Permitted, Step};
pub use stream::{Abandoned, Settled, Stream};
