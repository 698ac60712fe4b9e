//! Policies of v0alpha0: each rule names a source and says which tools it may call.
//!
//! SPEC: what it takes to begin a session, to end it and to list tools is implied for
//! every source that a rule names; nothing else is.

use super::source::check_source;
use super::target::check_targets;
use super::{Checked, CheckedRule, Extensions, unenforced, unenforced_cel};
use crate::api::decode::{Located, Optional, Place, Problem};
use crate::api::v0alpha0::{AccessRule, Authorization, AuthorizationType, CelExpression, Spec};
use crate::policy::{BaseProtocol, Mcp, Method, MethodName, ObjectName};

/// What to do about a source without members.
const NOBODY: &str = "give `type` and `spiffe` or `serviceAccount`";

/// Checks what a policy says; `None` when problems were reported.
pub(in crate::compile) fn check(
    name: Located<ObjectName>,
    extensions: &Extensions,
    spec: &Spec,
    problems: &mut Vec<Problem>,
) -> Option<Checked> {
    let Spec { target_refs, rules } = spec;
    let namespace = &name.value.namespace;
    let targets = target_refs
        .as_ref()
        .and_then(|refs| check_targets(&refs.value, namespace, problems));
    let rules = rules.as_ref().and_then(|rules| {
        refuse_second_authorizer(&rules.value, problems);
        let rules: Vec<_> = rules
            .value
            .iter()
            .map(|rule| check_rule(rule, namespace, problems))
            .collect();
        rules.into_iter().collect::<Option<Vec<_>>>()
    });
    Some(Checked {
        action: extensions.action(),
        mode: extensions.mode(),
        targets: targets?,
        rules: Some(rules?),
        name,
    })
}

fn refuse_second_authorizer(rules: &[Located<AccessRule>], problems: &mut Vec<Problem>) {
    let kinds = rules
        .iter()
        .filter_map(|rule| rule.value.authorization.given())
        .filter_map(|authorization| authorization.value.kind.as_ref());
    let mut asking = kinds.filter(|kind| kind.value == AuthorizationType::ExternalAuth);
    if let Some(first) = asking.next() {
        problems.extend(asking.map(|other| {
            Problem::new(&other.at, "a second rule asks an external authorizer")
                .help("a policy has one such rule at most: write another policy")
                .related(first.at.span, "the first one")
        }));
    }
}

fn check_rule(
    rule: &Located<AccessRule>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<CheckedRule>> {
    let AccessRule {
        name,
        source,
        authorization,
    } = &rule.value;
    let source = source
        .as_ref()
        .and_then(|source| check_source(source, namespace, NOBODY, problems));
    let mcp = match authorization {
        Optional::Absent => Some(Located {
            value: calls_of(&[]),
            at: rule.at.clone(),
        }),
        Optional::Unreadable => None,
        Optional::Given(authorization) => check_authorization(authorization, problems),
    };
    Some(Located {
        value: CheckedRule {
            name: name.as_ref()?.value.clone(),
            source: Some(source?),
            http: None,
            mcp: Some(mcp?),
        },
        at: rule.at.clone(),
    })
}

fn check_authorization(
    authorization: &Located<Authorization>,
    problems: &mut Vec<Problem>,
) -> Option<Located<Mcp>> {
    let Located {
        value:
            Authorization {
                kind,
                tools,
                external_auth,
                cel,
            },
        at,
    } = authorization;
    let kind = kind.as_ref()?;
    let before = problems.len();
    Member::of(AuthorizationType::InlineTools, tools).check(kind.value, at, problems);
    Member::of(AuthorizationType::ExternalAuth, external_auth).check(kind.value, at, problems);
    Member::of(AuthorizationType::Cel, cel).check(kind.value, at, problems);
    match kind.value {
        AuthorizationType::InlineTools if problems.len() == before => {
            let tools = tools.given()?;
            Some(Located {
                value: calls_of(&tools.value),
                at: tools.at.clone(),
            })
        }
        AuthorizationType::InlineTools => None,
        AuthorizationType::ExternalAuth => {
            let help = "leave the whole rule out, or list the tools with `type: InlineTools`";
            problems.push(unenforced(&kind.at, "type: ExternalAuth", help));
            None
        }
        AuthorizationType::Cel => {
            if let Some(cel) = cel.given() {
                let CelExpression {
                    expression: _,
                    message: _,
                } = &cel.value;
            }
            let instead = "list the tools with `type: InlineTools`";
            problems.push(unenforced_cel(&kind.at, instead));
            None
        }
    }
}

/// A member of an authorization, and the type that it goes with.
struct Member<'a> {
    kind: AuthorizationType,
    name: &'static str,
    is_written: bool,
    at: Option<&'a Place>,
}

impl<'a> Member<'a> {
    fn of<T>(kind: AuthorizationType, member: &'a Optional<T>) -> Self {
        let name = match kind {
            AuthorizationType::InlineTools => "tools",
            AuthorizationType::ExternalAuth => "externalAuth",
            AuthorizationType::Cel => "cel",
        };
        Self {
            kind,
            name,
            is_written: member.is_written(),
            at: member.given().map(|given| &given.at),
        }
    }

    /// Refuses a member that is missing, or that goes with another type.
    fn check(&self, kind: AuthorizationType, at: &Place, problems: &mut Vec<Problem>) {
        let (name, is) = (self.name, kind.as_str());
        if self.kind == kind && !self.is_written {
            let message = format!("the type of `authorization` is `{is}`, and `{name}` is missing");
            let help = match kind {
                AuthorizationType::InlineTools => {
                    "add `tools: [...]`; an empty list lets no tool be called"
                }
                AuthorizationType::ExternalAuth => "add `externalAuth: {...}`",
                AuthorizationType::Cel => "add `cel: {expression: ...}`",
            };
            problems.push(Problem::new(at, message).help(help));
        }
        if self.kind != kind
            && let Some(at) = self.at
        {
            let message = format!("`{name}` is given, and the type is `{is}`");
            let help = "a rule has one of `tools`, `externalAuth` and `cel`: the one of its type";
            problems.push(Problem::new(at, message).help(help));
        }
    }
}

/// What is implied, and calls of some tools.
fn calls_of(tools: &[Located<String>]) -> Mcp {
    let calls = || Method {
        name: MethodName::ToolsCall,
        params: Some(tools.iter().map(|tool| tool.value.clone()).collect()),
    };
    Mcp {
        methods: (!tools.is_empty()).then(|| vec![calls()]),
        base_protocol: BaseProtocol::Session,
    }
}
