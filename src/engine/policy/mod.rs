//! The compiled policy: what the compiler writes, what the engine reads.
//!
//! Two forms. [`CompiledPolicy`] is the JSON document, plain and reviewable.
//! [`Policies`] is what it becomes when it is loaded: names resolved to numbers
//! and rules indexed by what selects them, so that a request looks rules up
//! instead of walking through them.
//!
//! Knows nothing of requests, of the protocol or of the host.

mod attach;
mod authorizer;
#[cfg(not(target_os = "wasi"))]
mod digest;
#[cfg(not(target_os = "wasi"))]
mod document;
mod http;
mod identity;
mod incoming;
mod index;
mod list;
mod load;
mod model;
mod names;
mod needs;
mod numbers;
mod read;
mod room;
mod seal;
mod terms;
mod whole;

pub use crate::engine::expr::{Expression, Pattern};
pub use attach::Reach;
pub use authorizer::{
    AskSettings, CalloutHost, ExternalAuth, GrpcAuth, HttpAuth, OnError, Oversize, Protocol,
    Routing, Timeout,
};
#[cfg(not(target_os = "wasi"))]
pub use document::Document;
pub use http::{
    HeaderMatch, Http, HttpConditions, PathCondition, PathMatch, ValueCondition, ValueMatch,
};
pub use identity::{IdentitySource, MetadataText};
pub use index::{
    Asking, Attached, CallerId, CallerKey, Group, Level, Policies, PolicyId, RuleRef, SelectorId,
    View, selector,
};
pub use load::LoadError;
pub use model::{
    Action, AllowPolicies, Backend, BaseProtocol, Category, CompiledPolicy, DenialForm, Limits,
    Listener, Mcp, Method, MethodName, Mode, ObjectName, OnRevocation, Policy, PortAlias,
    RequestHeaders, ResourceParam, Rule, SCHEMA_VERSION, Settings, Target, UnknownMembers,
    Unlisted, Unprotected,
};
pub use needs::Needs;
pub use read::Malformed;
pub use room::memory_to_load;
pub use terms::Terms;
pub use whole::Whole;
