//! XAccessPolicy, version v0alpha0.
//!
//! SPEC: `xaccesspolicies.agentic.networking.x-k8s.io`, v0alpha0. Structs follow
//! the CRD field by field, and say what the API server checks in each; rules that
//! tie several fields together are the compiler's.

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
pub const VERSION: &str = "v0alpha0";

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
    /// What is allowed.
    pub rules: Required<Vec<Located<AccessRule>>>,
}

/// `spec.rules[]`
#[derive(Debug, Clone)]
pub struct AccessRule {
    /// The rule's name.
    pub name: Required<String>,
    /// Who.
    pub source: Required<PolicySource>,
    /// What.
    pub authorization: Optional<Authorization>,
}

/// `spec.rules[].authorization`
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Which of the members is given.
    pub kind: Required<AuthorizationType>,
    /// Names of tools.
    pub tools: Optional<Vec<Located<String>>>,
    /// Whom to ask.
    pub external_auth: Optional<HttpExternalAuthFilter>,
    /// An expression.
    pub cel: Optional<CelExpression>,
}

/// `spec.rules[].authorization.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationType {
    /// `tools`
    InlineTools,
    /// `externalAuth`
    ExternalAuth,
    /// `cel`
    Cel,
}

/// `spec.rules[].authorization.cel`
#[derive(Debug, Clone)]
pub struct CelExpression {
    /// The expression.
    pub expression: Required<String>,
    /// What a caller is told when the expression is false.
    pub message: Optional<String>,
}

impl Choice for AuthorizationType {
    const ALL: &'static [(&'static str, Self)] = &[
        ("InlineTools", Self::InlineTools),
        ("ExternalAuth", Self::ExternalAuth),
        ("CEL", Self::Cel),
    ];
}

impl AuthorizationType {
    /// The type as the API spells it.
    pub fn as_str(self) -> &'static str {
        let spelt = Self::ALL.iter().find(|(_, kind)| *kind == self);
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
                "spec: {targetRefs: [...], rules: [...]}",
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
            rules: object.required("rules", "rules: [{name: readers, source: {...}}]", rules),
        };
        object.finish();
        Some(spec)
    }
}

fn rules(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Located<AccessRule>>> {
    let empty = EmptyList::Refused("list a rule for each source");
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
            source: object.required(
                "source",
                "source: {type: SPIFFE, spiffe: spiffe://...}",
                PolicySource::decode,
            ),
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
            kind: object.required("type", "type: InlineTools", choice),
            tools: object.optional("tools", tools),
            external_auth: object.optional("externalAuth", HttpExternalAuthFilter::decode),
            cel: object.optional("cel", CelExpression::decode),
        };
        object.finish();
        Some(authorization)
    }
}

/// SPEC: an empty list denies access to all tools.
fn tools(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Located<String>>> {
    let tools = list(usize::MAX, EmptyList::Meant, text(&names::ANY))(value, problems)?;
    refuse_duplicates(
        "tool",
        tools.iter().map(|tool| (&tool.value, &tool.at)),
        problems,
    );
    Some(tools)
}

impl CelExpression {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let cel = Self {
            expression: object.required("expression", "expression: ...", text(&names::ANY)),
            message: object.optional("message", text(&names::ANY)),
        };
        object.finish();
        Some(cel)
    }
}
