//! The compiled policy: what the compiler writes, what the engine reads.
//!
//! Two forms. [`CompiledPolicy`] is the JSON document, plain and reviewable.
//! [`Policies`] is what it becomes when it is loaded: names resolved to numbers
//! and rules indexed by what selects them, so that a request looks rules up
//! instead of walking through them.
//!
//! Knows nothing of requests, of the protocol or of the host.

mod authorizer;
mod builder;
#[cfg(not(target_os = "wasi"))]
mod digest;
#[cfg(not(target_os = "wasi"))]
mod document;
mod http;
mod id_hash;
mod identity;
mod index;
mod interner;
mod load;
mod model;
mod one_or_many;
mod read;
mod requirements;
mod room;
mod safe_integer;
mod seal;
mod targets;
mod terms;

pub use crate::engine::expr::{CompiledRegex, Pattern};
pub use authorizer::{
    AskSettings, CalloutHost, ExternalAuth, GrpcAuth, HttpAuth, OnError, Oversize, Protocol,
    Routing, Timeout,
};
#[cfg(not(target_os = "wasi"))]
pub use document::NumberedPolicy;
pub use http::{
    HeaderMatch, HttpConditions, HttpMatch, PathCondition, PathMatch, ValueCondition, ValueMatch,
};
pub use identity::{IdentitySource, MetadataText};
pub use index::{
    Attached, CallerId, CallerKey, Evaluation, ExternalAuthPolicies, Policies, PolicyGroup,
    PolicyId, PolicyLevel, RuleRef, SelectorId, selector,
};
pub use load::LoadError;
pub use model::{
    Action, AllowPolicies, Backend, BaseProtocol, Category, CompiledPolicy, DenialForm, Limits,
    Listener, Mcp, MethodMatch, MethodName, Mode, ObjectName, OnRevocation, Policy, PortAlias,
    RequestHeaders, ResourceParam, Rule, SCHEMA_VERSION, Settings, Target, UnknownMembers,
    Unlisted, Unprotected,
};
pub use read::FormError;
pub use requirements::Requirements;
pub use room::memory_to_load;
pub use safe_integer::SafeInteger;
pub use targets::Reach;
pub use terms::Terms;
