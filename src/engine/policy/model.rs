//! The compiled policy as a document.
//!
//! INVARIANT: the meaning of the document depends neither on the order of keys
//! nor on numbers beyond 2^53, because it may travel through a protobuf
//! `Struct`. An optional member that is absent widens a rule, so `null` is never
//! taken for absent: it is an error, like every unknown member.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::authorizer::{AskSettings, ExternalAuth, Timeout};
use super::{HttpMatch, IdentitySource, SafeInteger};
use crate::engine::expr::CelProgram;

/// The version of the document's form. A filter takes exactly its own.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole compiled policy: everything one filter instance needs. Its policies are a list,
/// or what somebody makes of them who takes them one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompiledPolicy<Policies = Vec<Policy>> {
    /// [`SCHEMA_VERSION`].
    pub schema_version: SafeInteger,
    /// `sha256:` and the hexadecimal digest of the sources this was compiled from.
    pub digest: String,
    /// A check sum of everything else here, by which an edit is noticed; documents that are
    /// written by hand have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// The Gateway that the filter instance stands for.
    pub gateway: ObjectName,
    /// What the enforcement point decided where the API leaves a choice.
    pub settings: Settings,
    /// The Gateway's listeners that policies can name.
    pub listeners: Vec<Listener>,
    /// XBackends behind this gateway, by the Envoy clusters that serve them.
    pub backends: Vec<Backend>,
    /// The policies that apply to this gateway or to a backend behind it.
    pub policies: Policies,
}

impl<Policies> CompiledPolicy<Policies> {
    /// The same, with something else made of its policies.
    pub(super) fn map<Others>(
        self,
        make: impl FnOnce(Policies) -> Others,
    ) -> CompiledPolicy<Others> {
        CompiledPolicy {
            schema_version: self.schema_version,
            digest: self.digest,
            seal: self.seal,
            gateway: self.gateway,
            settings: self.settings,
            listeners: self.listeners,
            backends: self.backends,
            policies: make(self.policies),
        }
    }
}

/// A Kubernetes object's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A listener of the Gateway: requests arrive at it on a port of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// Its name, `sectionName` in policies.
    pub name: String,
    /// Its port.
    pub port: SafeInteger,
}

/// An XBackend and the Envoy clusters that serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backend {
    /// The XBackend.
    pub backend: ObjectName,
    /// Envoy cluster names; a cluster serves one XBackend at most.
    pub clusters: Vec<String>,
}

/// The settings of an enforcement point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Where the caller's identity comes from.
    pub identity: IdentitySource,
    /// How several Allow policies of one level combine.
    pub allow_policies: AllowPolicies,
    /// What happens when there is no policy at all.
    pub unprotected: Unprotected,
    /// What happens to requests for clusters of no listed backend; absent means that they
    /// are denied.
    #[serde(default, skip_serializing_if = "Unlisted::is_deny")]
    pub unlisted: Unlisted,
    /// What becomes of what was allowed before, when policies change; absent means that it
    /// is kept.
    #[serde(default, skip_serializing_if = "OnRevocation::is_keep")]
    pub on_revocation: OnRevocation,
    /// By what resources are judged; absent means by their uri.
    #[serde(default, skip_serializing_if = "ResourceParam::is_uri")]
    pub resource_param: ResourceParam,
    /// Whether request headers wait for the verdict.
    pub request_headers: RequestHeaders,
    /// Path prefixes (whole segments) that carry MCP; absent means every path.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub mcp_paths: Option<Vec<String>>,
    /// What becomes of members of a message that JSON-RPC does not have; absent means that
    /// they are refused.
    #[serde(default, skip_serializing_if = "UnknownMembers::is_reject")]
    pub unknown_members: UnknownMembers,
    /// The form of a denial that answers a JSON-RPC request.
    pub denial: DenialForm,
    /// Bounds on what is read.
    pub limits: Limits,
    /// How authorizers are asked; absent means the default.
    #[serde(default, skip_serializing_if = "AskSettings::is_default")]
    pub external_auth: AskSettings,
    /// Whether this Envoy takes address and scheme from the connection; absent means that
    /// it may take them from what clients send.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edge: bool,
    /// Ports of the Gateway that Envoy takes on others; absent means none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortAlias>,
    /// How many of a million allowed requests are logged; absent means none.
    #[serde(default, skip_serializing_if = "SafeInteger::is_zero")]
    pub log_allowed_per_million: SafeInteger,
}

/// A port of the Gateway, which policies name, and the port that Envoy takes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortAlias {
    /// The port of the Gateway.
    pub gateway: SafeInteger,
    /// The port that Envoy listens on for it.
    pub envoy: SafeInteger,
}

impl Settings {
    /// The port of the Gateway for a port of Envoy's.
    pub fn gateway_port(&self, envoy: u64) -> u64 {
        let mut ports = self.ports.iter();
        let found = ports.find(|alias| alias.envoy.get() == envoy);
        found.map_or(envoy, |alias| alias.gateway.get())
    }

    /// Whether what an authorizer changes may lead a request elsewhere.
    pub(super) fn may_be_rerouted(&self) -> bool {
        self.external_auth.routing.is_unknown() && self.request_headers == RequestHeaders::Hold
    }
}

/// How several Allow policies of one level combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllowPolicies {
    /// Every one of them must allow.
    All,
    /// One of them must allow.
    Any,
}

/// What happens to requests when there is no policy at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unprotected {
    /// Everything is refused.
    Deny,
    /// Everything that is well-formed goes on.
    Allow,
}

/// What happens to requests for clusters of no backend, where any backend is listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unlisted {
    /// They are denied.
    ///
    /// SECURITY: a cluster that is renamed in Envoy would else leave its backend's
    /// policies behind.
    #[default]
    Deny,
    /// The Gateway's policies decide alone.
    Gateway,
}

impl Unlisted {
    /// Whether it is the default.
    pub const fn is_deny(&self) -> bool {
        matches!(self, Self::Deny)
    }
}

/// What becomes of requests that were allowed, and are still answered, when policies change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnRevocation {
    /// They go on to their end.
    #[default]
    Keep,
    /// They are cut, whatever has changed, and may come again.
    Close,
}

impl OnRevocation {
    /// Whether it is the default.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// By which member of `params` resources are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceParam {
    /// `uri`, which servers act on.
    #[default]
    Uri,
    /// `name`, as the API's text says.
    ///
    /// SECURITY: servers do not look at it, so a caller may give any uri under the
    /// name of another.
    Name,
}

impl ResourceParam {
    /// Whether it is the default.
    pub const fn is_uri(&self) -> bool {
        matches!(self, Self::Uri)
    }
}

/// What becomes of members of a message that JSON-RPC does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownMembers {
    /// The message is refused.
    #[default]
    Reject,
    /// They pass, unless servers may take them for the message.
    ///
    /// SECURITY: a server may look there for what no policy judged.
    Pass,
}

impl UnknownMembers {
    /// Whether it is the default.
    pub const fn is_reject(&self) -> bool {
        matches!(self, Self::Reject)
    }
}

/// Whether request headers wait for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestHeaders {
    /// Headers are held until the body has been judged.
    Hold,
    /// Headers go on at once, the body waits.
    Stream,
}

/// The form of a denial that answers a JSON-RPC request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DenialForm {
    /// HTTP 200 and a JSON-RPC error.
    JsonRpc,
    /// HTTP 403 and the same body.
    Http403,
    /// What a server says of a thing that does not exist.
    Hide,
}

/// Bounds on what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The longest MCP body, in bytes.
    pub body_bytes: SafeInteger,
    /// The deepest nesting of objects and arrays in an MCP body.
    pub depth: SafeInteger,
    /// The most keys of one object in an MCP body; absent means [`Limits::KEYS`].
    #[serde(
        default = "Limits::usual_keys",
        skip_serializing_if = "Limits::are_usual"
    )]
    pub keys: SafeInteger,
    /// How long a body that is awaited may take; absent means [`Limits::BODY_TIMEOUT`].
    #[serde(
        default = "Limits::body_timeout",
        skip_serializing_if = "Limits::is_usual"
    )]
    pub body_timeout: Timeout,
}

impl Limits {
    /// More than any honest message has.
    pub const KEYS: u32 = 10_000;
    /// 30 seconds.
    pub const BODY_TIMEOUT: Timeout = Timeout::of_seconds::<30>();

    pub(super) fn usual_keys() -> SafeInteger {
        SafeInteger::from(Self::KEYS)
    }

    fn are_usual(keys: &SafeInteger) -> bool {
        *keys == Self::usual_keys()
    }

    const fn body_timeout() -> Timeout {
        Self::BODY_TIMEOUT
    }

    fn is_usual(timeout: &Timeout) -> bool {
        *timeout == Self::BODY_TIMEOUT
    }
}

/// One XAccessPolicy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// The policy's namespace and name.
    pub policy: ObjectName,
    /// What a match means.
    pub action: Action,
    /// Whether it is enforced.
    pub mode: Mode,
    /// Whom it asks: given exactly where `action` is [`Action::ExternalAuth`].
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub external_auth: Option<ExternalAuth>,
    /// What it is attached to, out of this gateway and its backends; never empty.
    pub targets: Vec<Target>,
    /// Its rules; absent means that every request matches. Never an empty list.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub rules: Option<Vec<Rule>>,
}

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A request that matches a rule is allowed by this policy.
    Allow,
    /// A request that matches a rule is refused, whatever allows it.
    Deny,
    /// About a request that matches a rule an authorizer is asked, whose refusal is final.
    ExternalAuth,
}

/// Whether a policy is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It is.
    Enforce,
    /// What it would do is reported, and it changes nothing.
    Audit,
}

/// What a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The gateway, every listener of it.
    Gateway,
    /// One of [`CompiledPolicy::listeners`], by name.
    Listener(String),
    /// One of [`CompiledPolicy::backends`].
    Backend(ObjectName),
}

/// One rule: every part given must match. Most have no HTTP part and no expression, which
/// are large, so that these are boxed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The rule's name. Rules of one name are one rule as written, which matches when
    /// any of them does.
    pub name: String,
    /// The caller's SPIFFE ID, exactly; absent means everybody, the anonymous included.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub source: Option<String>,
    /// What of HTTP; absent means no condition.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub http: Option<Box<HttpMatch>>,
    /// What of MCP; absent means no condition, requests that are not MCP included.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub mcp: Option<Mcp>,
    /// What is to be true; absent means no condition.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub cel: Option<Box<CelProgram>>,
    /// What a caller is told whom this rule would have allowed, had its expression been
    /// true; or whom it refuses. Absent where there is no expression.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub message: Option<String>,
}

/// The MCP part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mcp {
    /// The methods that match; absent means every MCP request, or where some of the
    /// base protocol matches only that. Never an empty list.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub methods: Option<Vec<MethodMatch>>,
    /// How much of the base protocol matches as well.
    pub base_protocol: BaseProtocol,
}

/// How much of the base protocol a rule matches, in order: each matches all that the
/// one before it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BaseProtocol {
    /// Nothing.
    None,
    /// What it takes to begin a session, to end it and to list tools: what v0alpha0
    /// implies.
    Session,
    /// Everything: what v1alpha1 asks for by `MATCH_BASE_PROTOCOL_METHODS`.
    Full,
}

/// A method of an MCP part, and the things acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MethodMatch {
    /// The method or category.
    pub name: MethodName,
    /// Tool names, prompt names or uris, byte for byte; absent means all. Never an empty list.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub params: Option<Vec<String>>,
}

/// The methods and categories that a rule can name.
///
/// SPEC: XAccessPolicy v1alpha1, `spec.rules[].authorization.mcp.methods[].name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // each is the method it is spelt like
pub enum MethodName {
    #[serde(rename = "tools")]
    Tools,
    #[serde(rename = "prompts")]
    Prompts,
    #[serde(rename = "resources")]
    Resources,
    #[serde(rename = "prompts/list")]
    PromptsList,
    #[serde(rename = "tools/list")]
    ToolsList,
    #[serde(rename = "resources/list")]
    ResourcesList,
    #[serde(rename = "resources/templates/list")]
    ResourcesTemplatesList,
    #[serde(rename = "prompts/get")]
    PromptsGet,
    #[serde(rename = "tools/call")]
    ToolsCall,
    #[serde(rename = "resources/subscribe")]
    ResourcesSubscribe,
    #[serde(rename = "resources/unsubscribe")]
    ResourcesUnsubscribe,
    #[serde(rename = "resources/read")]
    ResourcesRead,
}

/// A category: every method under its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// `tools/…`
    Tools,
    /// `prompts/…`
    Prompts,
    /// `resources/…`
    Resources,
}

impl MethodName {
    /// Every name, in the API's order.
    pub const ALL: [Self; 12] = [
        Self::Tools,
        Self::Prompts,
        Self::Resources,
        Self::PromptsList,
        Self::ToolsList,
        Self::ResourcesList,
        Self::ResourcesTemplatesList,
        Self::PromptsGet,
        Self::ToolsCall,
        Self::ResourcesSubscribe,
        Self::ResourcesUnsubscribe,
        Self::ResourcesRead,
    ];

    /// The name as the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::PromptsList => "prompts/list",
            Self::ToolsList => "tools/list",
            Self::ResourcesList => "resources/list",
            Self::ResourcesTemplatesList => "resources/templates/list",
            Self::PromptsGet => "prompts/get",
            Self::ToolsCall => "tools/call",
            Self::ResourcesSubscribe => "resources/subscribe",
            Self::ResourcesUnsubscribe => "resources/unsubscribe",
            Self::ResourcesRead => "resources/read",
        }
    }

    /// The category, where the name is one.
    pub const fn category(self) -> Option<Category> {
        match self {
            Self::Tools => Some(Category::Tools),
            Self::Prompts => Some(Category::Prompts),
            Self::Resources => Some(Category::Resources),
            _ => None,
        }
    }

    /// Whether the method acts on a resource, by its uri.
    pub const fn acts_on_resources(self) -> bool {
        matches!(
            self,
            Self::ResourcesSubscribe | Self::ResourcesUnsubscribe | Self::ResourcesRead
        )
    }

    /// Whether the method acts on a thing, so that `params` can be given.
    pub const fn takes_params(self) -> bool {
        matches!(
            self,
            Self::PromptsGet
                | Self::ToolsCall
                | Self::ResourcesSubscribe
                | Self::ResourcesUnsubscribe
                | Self::ResourcesRead
        )
    }
}

/// Reads an optional member that, when it is there, must not be `null`.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
