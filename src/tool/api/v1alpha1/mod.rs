//! XAccessPolicy, version v1alpha1.
//!
//! SPEC: `xaccesspolicies.agentic.networking.x-k8s.io`, v1alpha1. Structs follow
//! the CRD field by field, and say what the API server checks in each; rules that
//! tie several fields together are the compiler's.

mod http;

pub use http::{HeaderMatch, HeaderMatchType, HttpMethod, PathMatch, PathMatchType};

use super::authorizer::HttpExternalAuthFilter;
use super::decode::{
    Choice, EmptyList, Located, MappingDecoder, Optional, Problem, Required, Undecoded, choice,
    list, refuse_duplicates, text,
};
use super::metadata::Metadata;
use super::names;
use super::source::PolicySource;
use super::target::TargetRef;

/// The version's name.
pub const VERSION: &str = "v1alpha1";

/// An access policy.
#[derive(Debug, Clone)]
pub struct XAccessPolicy {
    /// Its name.
    pub metadata: Required<Metadata>,
    /// What it says.
    pub spec: Required<Spec>,
}

/// `spec`
#[derive(Debug, Clone)]
pub struct Spec {
    /// What the policy is attached to.
    pub target_refs: Required<Vec<Located<TargetRef>>>,
    /// What a match means.
    pub action: Required<Action>,
    /// Whom to ask.
    pub external_auth: Optional<HttpExternalAuthFilter>,
    /// What matches.
    pub rules: Optional<Vec<Located<AccessRule>>>,
}

/// `spec.action`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A match allows.
    Allow,
    /// A match asks an external authorizer.
    ExternalAuth,
}

/// `spec.rules[]`
#[derive(Debug, Clone)]
pub struct AccessRule {
    /// The rule's name.
    pub name: Required<String>,
    /// Who.
    pub source: Optional<PolicySource>,
    /// What.
    pub authorization: Optional<Authorization>,
}

/// `spec.rules[].authorization`
#[derive(Debug, Clone)]
pub struct Authorization {
    /// How it is expressed.
    pub kind: Required<AuthorizationType>,
    /// HTTP methods.
    pub methods: Optional<Vec<Located<HttpMethod>>>,
    /// HTTP paths.
    pub paths: Optional<Vec<Located<PathMatch>>>,
    /// HTTP headers.
    pub headers: Optional<Vec<Located<HeaderMatch>>>,
    /// Host names.
    pub hosts: Optional<Vec<Located<String>>>,
    /// Ports.
    pub ports: Optional<Vec<Located<u64>>>,
    /// What of MCP.
    pub mcp: Optional<Mcp>,
    /// An expression.
    pub cel: Optional<Cel>,
}

/// `spec.rules[].authorization.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationType {
    /// Fields.
    Inline,
    /// An expression, and fields.
    Cel,
}

/// `spec.rules[].authorization.cel`
#[derive(Debug, Clone)]
pub struct Cel {
    /// The expression.
    pub expression: Required<String>,
}

/// `spec.rules[].authorization.mcp`
#[derive(Debug, Clone)]
pub struct Mcp {
    /// The methods that match.
    pub methods: Optional<Vec<Located<McpMethod>>>,
    /// Whether the base protocol matches as well.
    pub base_protocol: Optional<BaseProtocol>,
}

/// `spec.rules[].authorization.mcp.mcpBaseProtocolMethodsOption`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseProtocol {
    /// It does not match. The default.
    Skip,
    /// It matches.
    Match,
}

/// `spec.rules[].authorization.mcp.methods[]`
#[derive(Debug, Clone)]
pub struct McpMethod {
    /// The method or category.
    pub name: Required<McpMethodName>,
    /// What it may act on.
    pub params: Optional<Vec<Located<String>>>,
}

/// `spec.rules[].authorization.mcp.methods[].name`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the method it is spelt like
pub enum McpMethodName {
    Tools,
    Prompts,
    Resources,
    PromptsList,
    ToolsList,
    ResourcesList,
    ResourcesTemplatesList,
    PromptsGet,
    ToolsCall,
    ResourcesSubscribe,
    ResourcesUnsubscribe,
    ResourcesRead,
}

impl Choice for Action {
    const ALL: &'static [(&'static str, Self)] =
        &[("Allow", Self::Allow), ("ExternalAuth", Self::ExternalAuth)];
}

impl Choice for AuthorizationType {
    const ALL: &'static [(&'static str, Self)] = &[("Inline", Self::Inline), ("CEL", Self::Cel)];
}

impl Choice for BaseProtocol {
    const ALL: &'static [(&'static str, Self)] = &[
        ("SKIP_BASE_PROTOCOL_METHODS", Self::Skip),
        ("MATCH_BASE_PROTOCOL_METHODS", Self::Match),
    ];
}

impl Choice for McpMethodName {
    const ALL: &'static [(&'static str, Self)] = &[
        ("tools", Self::Tools),
        ("prompts", Self::Prompts),
        ("resources", Self::Resources),
        ("prompts/list", Self::PromptsList),
        ("tools/list", Self::ToolsList),
        ("resources/list", Self::ResourcesList),
        ("resources/templates/list", Self::ResourcesTemplatesList),
        ("prompts/get", Self::PromptsGet),
        ("tools/call", Self::ToolsCall),
        ("resources/subscribe", Self::ResourcesSubscribe),
        ("resources/unsubscribe", Self::ResourcesUnsubscribe),
        ("resources/read", Self::ResourcesRead),
    ];
}

impl McpMethodName {
    /// The name as the API spells it.
    pub fn as_str(self) -> &'static str {
        let spelt = Self::ALL.iter().find(|(_, name)| *name == self);
        spelt.map_or("", |(spelling, _)| spelling)
    }
}

impl XAccessPolicy {
    /// Reads a policy, whose `apiVersion` and `kind` have been read before.
    pub fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        object.ignore(&["apiVersion", "kind", "status"]);
        let policy = Self {
            metadata: object.required("metadata", "metadata: {name: tools}", Metadata::decode),
            spec: object.required(
                "spec",
                "spec: {action: Allow, targetRefs: [...]}",
                Spec::decode,
            ),
        };
        object.finish();
        Some(policy)
    }
}

impl Spec {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let targets = EmptyList::Refused("name what the policy is for");
        let spec = Self {
            target_refs: object.required(
                "targetRefs",
                "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: prod}]",
                list(10, targets, TargetRef::decode),
            ),
            action: object.required("action", "action: Allow", action),
            external_auth: object.optional("externalAuth", HttpExternalAuthFilter::decode),
            rules: object.optional("rules", rules),
        };
        object.finish();
        Some(spec)
    }
}

/// Upstream cannot refuse yet, and who writes `Deny` means that.
fn action(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Action> {
    let is_deny = value
        .node
        .text()
        .is_some_and(|text| text.eq_ignore_ascii_case("deny"));
    let action = choice(value, problems);
    if action.is_none()
        && is_deny
        && let Some(problem) = problems.last_mut()
    {
        let help = "write `action: Allow`, and what the rules match is refused with the \
                    annotation `accesspolicy/action: Deny`";
        problem.help = Some(help.into());
    }
    action
}

fn rules(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Located<AccessRule>>> {
    let empty = EmptyList::Refused("leave `rules` out to match every request, or list a rule");
    let rules = list(10, empty, AccessRule::decode)(value, problems)?;
    let names = rules.iter().filter_map(|rule| rule.value.name.as_ref());
    refuse_duplicates(
        "rule name",
        names.map(|name| (&name.value, &name.at)),
        problems,
    );
    Some(rules)
}

impl AccessRule {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let rule = Self {
            name: object.required("name", "name: readers", text(&names::RULE_NAME)),
            source: object.optional("source", PolicySource::decode),
            authorization: object.optional("authorization", Authorization::decode),
        };
        object.finish();
        Some(rule)
    }
}

impl Authorization {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let authorization = Self {
            kind: object.required("type", "type: Inline", choice),
            methods: object.optional("methods", http::methods),
            paths: object.optional("paths", http::paths),
            headers: object.optional("headers", http::headers),
            hosts: object.optional("hosts", http::hosts),
            ports: object.optional("ports", http::ports),
            mcp: object.optional("mcp", Mcp::decode),
            cel: object.optional("cel", Cel::decode),
        };
        object.finish();
        Some(authorization)
    }
}

impl Cel {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let cel = Self {
            expression: object.required(
                "expression",
                "expression: request.method == \"POST\"",
                text(&names::ANY),
            ),
        };
        object.finish();
        Some(cel)
    }
}

impl Mcp {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let mcp = Self {
            methods: object.optional("methods", mcp_methods),
            base_protocol: object.optional("mcpBaseProtocolMethodsOption", choice),
        };
        object.finish();
        Some(mcp)
    }
}

fn mcp_methods(
    value: Undecoded<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Located<McpMethod>>> {
    let empty = EmptyList::Refused("leave `methods` out to match every method, or list one");
    let methods = list(10, empty, McpMethod::decode)(value, problems)?;
    let names = methods
        .iter()
        .filter_map(|method| method.value.name.as_ref());
    refuse_duplicates(
        "method",
        names.map(|name| (name.value.as_str(), &name.at)),
        problems,
    );
    Some(methods)
}

impl McpMethod {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let method = Self {
            name: object.required("name", "name: tools/call", method_name),
            params: object.optional("params", params),
        };
        object.finish();
        Some(method)
    }
}

/// A name out of the list, to which those of the base protocol do not belong.
fn method_name(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<McpMethodName> {
    let written = value.node.text().map(str::to_owned);
    let name = choice(value, problems);
    let base = written.filter(|written| name.is_none() && is_of_base_protocol(written));
    if let (Some(base), Some(problem)) = (base, problems.last_mut()) {
        let help = format!(
            "`{base}` is of the base protocol: say `mcpBaseProtocolMethodsOption: \
             MATCH_BASE_PROTOCOL_METHODS` beside `methods`, which matches all of it"
        );
        problem.help = Some(help.into());
    }
    name
}

/// SPEC: `mcpBaseProtocolMethodsOption`; and `server/discover`, which is younger.
fn is_of_base_protocol(name: &str) -> bool {
    let category = name.split('/').next().unwrap_or_default();
    let categories = ["notifications", "logging", "completion"];
    matches!(name, "initialize" | "server/discover" | "ping") || categories.contains(&category)
}

/// The CRD's bound of 20 characters is a warning of the compiler: real names are longer.
fn params(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Located<String>>> {
    let empty = EmptyList::Refused("leave `params` out to match everything, or list a value");
    let params = list(10, empty, text(&names::ANY))(value, problems)?;
    refuse_duplicates(
        "value",
        params.iter().map(|param| (&param.value, &param.at)),
        problems,
    );
    Some(params)
}
