//! Who may do what: the effective policy, found out by asking the engine.
//!
//! The engine is asked about every caller, method and thing that the policies name, and
//! about those that they do not name, at every backend and listener. What the HTTP part
//! and the expressions of rules say depends on more than that. Such conditions are taken
//! for met and for not met, whichever is worse and whichever is better for the caller;
//! what is allowed in one case and refused in the other depends on them.
//!
//! INVARIANT: what is said to be refused is refused whatever the request; what is said to
//! be allowed is allowed whatever the request. What depends on conditions may in truth
//! be either, where conditions exclude each other.

mod ask;
mod bounds;
mod changes;
mod compare;
mod names;
mod probe;
mod universe;

pub use ask::{Effective, Grant, effective};
pub use changes::{Change, Changes, SettingChange, changes, may_grant};
pub use names::quoted;
pub use universe::{At, Destination, ObjectPattern, Query, QueryKind, Section, Universe};
