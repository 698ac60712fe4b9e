//! Policies of v0alpha0: each rule names a source and says which tools it may call.
//!
//! SPEC: what it takes to begin a session, to end it and to list tools is implied for
//! every source that a rule names; nothing else is. A rule that refuses, by an annotation
//! of ours, implies nothing.

use super::expression::check_expression;
use super::source::check_source;
use super::target::check_targets;
use super::{Checked, CheckedAuth, CheckedRule, Extensions, check_external_auth};
use crate::engine::expr::CelProgram;
use crate::engine::policy::{Action, BaseProtocol, Mcp, MethodMatch, MethodName, ObjectName};
use crate::tool::api::decode::{FieldPlace, Located, Optional, Problem};
use crate::tool::api::v0alpha0::{
    AccessRule, Authorization, AuthorizationType, CelExpression, Spec,
};

/// What to do about a source without members.
const NOBODY: &str = "give `type` and `spiffe` or `serviceAccount`";

/// Checks what a policy says; `None` when problems were reported.
pub(in crate::tool::compile) fn check(
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
            .map(|rule| check_rule(rule, namespace, extensions.action(), problems))
            .collect();
        rules.into_iter().collect::<Option<Vec<_>>>()
    });
    let (mut rules_of_policy, mut asking) = (Vec::new(), None);
    for CheckedRules { rules, asks } in rules? {
        rules_of_policy.extend(rules);
        asking = asking.or(asks);
    }
    if asking.is_none() {
        extensions.refuse_order(problems);
    }
    let checked = Checked {
        action: extensions.action(),
        mode: extensions.mode(),
        external_auth: None,
        order: None,
        beside: None,
        targets: targets?,
        rules: Some(rules_of_policy),
        name,
    };
    let beside = asking.map(|(auth, rule)| {
        Box::new(Checked {
            action: Action::ExternalAuth,
            external_auth: Some(auth),
            order: extensions.order.clone(),
            rules: Some(vec![rule]),
            ..checked.clone()
        })
    });
    Some(Checked { beside, ..checked })
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

/// What becomes of a rule.
struct CheckedRules {
    /// It, and one for what it implies where it does not say so itself.
    rules: Vec<Located<CheckedRule>>,
    /// Whom it asks, and about what.
    asks: Option<(CheckedAuth, Located<CheckedRule>)>,
}

fn check_rule(
    rule: &Located<AccessRule>,
    namespace: &str,
    action: Action,
    problems: &mut Vec<Problem>,
) -> Option<CheckedRules> {
    let AccessRule {
        name,
        source,
        authorization,
    } = &rule.value;
    let source = source
        .as_ref()
        .and_then(|source| check_source(source, namespace, NOBODY, problems));
    let allows = match authorization {
        Optional::Absent => calls_of(&[], rule.at.clone(), action, problems),
        Optional::Unreadable => None,
        Optional::Given(authorization) => {
            check_authorization(authorization, namespace, action, problems)
        }
    };
    let allowed = CheckedRule {
        name: name.as_ref()?.value.clone(),
        source: Some(source?),
        http: None,
        mcp: None,
        cel: None,
        message: None,
        is_implied: false,
    };
    let located = |value| Located {
        value,
        at: rule.at.clone(),
    };
    let mut asks = None;
    let rules = match allows? {
        Allows::Calls(mcp) => vec![CheckedRule {
            mcp: Some(mcp),
            ..allowed
        }],
        Allows::Asked(auth) => {
            let of = |mcp| CheckedRule {
                mcp: Some(Located {
                    value: mcp,
                    at: rule.at.clone(),
                }),
                ..allowed.clone()
            };
            asks = Some((auth, located(of(any_call(BaseProtocol::None)))));
            vec![of(any_call(BaseProtocol::Session))]
        }
        Allows::What { holds, message } => {
            let implied = (action == Action::Allow).then(|| CheckedRule {
                mcp: Some(Located {
                    value: session(),
                    at: rule.at.clone(),
                }),
                is_implied: true,
                ..allowed.clone()
            });
            let written = CheckedRule {
                cel: Some(holds),
                message,
                ..allowed
            };
            std::iter::once(written).chain(implied).collect()
        }
    };
    Some(CheckedRules {
        rules: rules.into_iter().map(located).collect(),
        asks,
    })
}

/// What a rule allows, or refuses.
enum Allows {
    /// Calls of tools.
    Calls(Located<Mcp>),
    /// Whatever an expression is true of.
    What {
        holds: Located<CelProgram>,
        message: Option<String>,
    },
    /// Calls of whatever tool an authorizer lets be called.
    Asked(CheckedAuth),
}

fn check_authorization(
    authorization: &Located<Authorization>,
    namespace: &str,
    action: Action,
    problems: &mut Vec<Problem>,
) -> Option<Allows> {
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
    ToolMember::of(AuthorizationType::InlineTools, tools).check(kind.value, at, problems);
    ToolMember::of(AuthorizationType::ExternalAuth, external_auth).check(kind.value, at, problems);
    ToolMember::of(AuthorizationType::Cel, cel).check(kind.value, at, problems);
    if problems.len() > before {
        return None;
    }
    match kind.value {
        AuthorizationType::InlineTools => {
            let tools = tools.given()?;
            calls_of(&tools.value, tools.at.clone(), action, problems)
        }
        AuthorizationType::ExternalAuth => {
            let Located {
                value: external_auth,
                at,
            } = external_auth.given()?;
            refuse_asking_to_refuse(action, kind, problems);
            let auth = check_external_auth(external_auth, at, namespace, problems);
            auth.map(Allows::Asked)
        }
        AuthorizationType::Cel => {
            let CelExpression {
                expression,
                message,
            } = &cel.given()?.value;
            let holds = check_expression(expression.as_ref()?, problems)?;
            let message = message.given().map(|message| message.value.clone());
            Some(Allows::What { holds, message })
        }
    }
}

/// A policy that refuses has nothing to ask.
fn refuse_asking_to_refuse(
    action: Action,
    kind: &Located<AuthorizationType>,
    problems: &mut Vec<Problem>,
) {
    if action == Action::Deny {
        let message = "a rule asks an authorizer, and the policy refuses what its rules match";
        let help = "write another policy for it, without `accesspolicy/action: Deny`";
        problems.push(Problem::new(&kind.at, message).help(help));
    }
}

/// A member of an authorization, and the type that it goes with.
struct ToolMember<'a> {
    kind: AuthorizationType,
    name: &'static str,
    is_written: bool,
    at: Option<&'a FieldPlace>,
}

impl<'a> ToolMember<'a> {
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
    fn check(&self, kind: AuthorizationType, at: &FieldPlace, problems: &mut Vec<Problem>) {
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

/// Calls of some tools, and where the rule allows, what is implied.
fn calls_of(
    tools: &[Located<String>],
    at: FieldPlace,
    action: Action,
    problems: &mut Vec<Problem>,
) -> Option<Allows> {
    if action == Action::Deny && tools.is_empty() {
        problems.push(
            Problem::new(&at, "the rule refuses nothing: it lists no tools").help(
                "list the tools to refuse, or use version `v1alpha1`, where a rule without \
                 `authorization` refuses everything",
            ),
        );
        return None;
    }
    let calls = || MethodMatch {
        name: MethodName::ToolsCall,
        params: Some(tools.iter().map(|tool| tool.value.clone()).collect()),
    };
    let value = Mcp {
        methods: (!tools.is_empty()).then(|| vec![calls()]),
        base_protocol: match action {
            Action::Allow => BaseProtocol::Session,
            Action::Deny | Action::ExternalAuth => BaseProtocol::None,
        },
    };
    Some(Allows::Calls(Located { value, at }))
}

/// Calls of every tool, and so much of the base protocol.
fn any_call(base_protocol: BaseProtocol) -> Mcp {
    let calls = MethodMatch {
        name: MethodName::ToolsCall,
        params: None,
    };
    Mcp {
        methods: Some(vec![calls]),
        base_protocol,
    }
}

/// What is implied.
const fn session() -> Mcp {
    Mcp {
        methods: None,
        base_protocol: BaseProtocol::Session,
    }
}
