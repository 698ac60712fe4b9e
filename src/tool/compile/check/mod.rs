//! From a policy as written to one that is valid and enforced in full.
//!
//! The rules here tie several fields together, or refuse what the API has and
//! the engine does not enforce yet. SECURITY: that refusal is what keeps a field
//! from being ignored; each place that reads an object takes all its fields apart,
//! so that a new one breaks the build.
//!
//! Policies of v1alpha1 are checked here, and those of v0alpha0, of which little is
//! alike, in `v0alpha0`; both become [`Checked`].

mod authorization;
mod expression;
mod extensions;
mod external_auth;
mod http;
mod source;
mod target;
pub(super) mod v0alpha0;

use authorization::{CheckedAuthorization, check_authorization};
pub(super) use expression::problem;
pub(super) use extensions::{Extensions, check_extensions, unread};
use external_auth::check_external_auth;
pub(super) use external_auth::{CheckedAuth, ServicePort};
pub(super) use http::NOT_IN_PATHS;
pub(super) use source::SourceCaller;
use source::check_source;
pub(super) use target::Attachment;
use target::check_targets;

use crate::engine::expr::CelProgram;
use crate::engine::policy::{self, Mode, ObjectName};
use crate::tool::api::authorizer::HttpExternalAuthFilter;
use crate::tool::api::decode::{FieldPlace, Located, Optional, Problem};
use crate::tool::api::metadata::Metadata;
use crate::tool::api::v1alpha1::{AccessRule, Action, Spec};

/// What to do about a source without members, where one may be left out.
const NOBODY: &str =
    "leave `source` out to match everybody, or give `type` and `spiffe` or `serviceAccount`";

/// A valid policy.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    /// Its name, and where that is written.
    pub(super) name: Located<ObjectName>,
    /// What a match means.
    pub(super) action: policy::Action,
    /// Whether it is enforced.
    pub(super) mode: Mode,
    /// Whom it asks: given exactly where its action is to ask.
    pub(super) external_auth: Option<CheckedAuth>,
    /// Its place among policies that ask, where it says one.
    pub(super) order: Option<Located<u32>>,
    /// The policy of the same name that asks, for a rule of v0alpha0 that does.
    pub(super) beside: Option<Box<Checked>>,
    /// What it is attached to.
    pub(super) targets: Vec<Located<Attachment>>,
    /// Its rules; `None` matches every request.
    pub(super) rules: Option<Vec<Located<CheckedRule>>>,
}

/// A valid rule.
#[derive(Debug, Clone)]
pub(super) struct CheckedRule {
    pub(super) name: String,
    pub(super) source: Option<Located<SourceCaller>>,
    pub(super) http: Option<policy::HttpMatch>,
    pub(super) mcp: Option<Located<policy::Mcp>>,
    pub(super) cel: Option<Located<CelProgram>>,
    /// What a caller is told where the expression is what decides.
    pub(super) message: Option<String>,
    /// Whether it is not written but follows from one that is, whose name it has.
    pub(super) is_implied: bool,
}

/// A policy's name; without a namespace it is in `default`.
pub(super) fn policy_name(metadata: &Metadata) -> Option<Located<ObjectName>> {
    let name = metadata.name.clone()?;
    let namespace = metadata.namespace.clone().or("default".to_owned())?;
    Some(Located {
        value: ObjectName {
            namespace,
            name: name.value,
        },
        at: name.at,
    })
}

/// Checks what a policy says; `None` when problems were reported.
///
/// The name is only carried along: without one there is still all else to check.
pub(super) fn check(
    name: Located<ObjectName>,
    extensions: &Extensions,
    spec: &Spec,
    problems: &mut Vec<Problem>,
) -> Option<Checked> {
    let Spec {
        target_refs,
        action,
        external_auth,
        rules,
    } = spec;
    let namespace = &name.value.namespace;
    let external_auth = match action.as_ref().map(|action| (action.value, action)) {
        Some((Action::ExternalAuth, action)) => {
            problems.extend(extensions.action.as_ref().map(deny_asks_nobody));
            check_asked(external_auth, &action.at, namespace, problems).map(Some)
        }
        Some((Action::Allow, _)) => {
            extensions.refuse_order(problems);
            problems.extend(external_auth.given().map(|given| {
                let message = "`externalAuth` is given, and `action` is `Allow`";
                Problem::new(&given.at, message).help("leave it out")
            }));
            Some(None)
        }
        None => None,
    };
    let targets = target_refs
        .as_ref()
        .and_then(|refs| check_targets(&refs.value, namespace, problems));
    let rules = match rules {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(rules) => check_rules(&rules.value, namespace, problems).map(Some),
    };
    let external_auth = external_auth?;
    Some(Checked {
        action: match external_auth {
            Some(_) => policy::Action::ExternalAuth,
            None => extensions.action(),
        },
        mode: extensions.mode(),
        external_auth,
        order: extensions.order.clone(),
        beside: None,
        targets: targets?,
        rules: rules?,
        name,
    })
}

/// Whom a policy asks that is to ask somebody.
fn check_asked(
    external_auth: &Optional<HttpExternalAuthFilter>,
    action: &FieldPlace,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<CheckedAuth> {
    match external_auth {
        Optional::Given(Located { value, at }) => {
            check_external_auth(value, at, namespace, problems)
        }
        Optional::Unreadable => None,
        Optional::Absent => {
            let message = "the action is `ExternalAuth`, and `externalAuth` is missing";
            problems.push(Problem::new(action, message).help("add `externalAuth: {...}`"));
            None
        }
    }
}

fn deny_asks_nobody(action: &Located<policy::Action>) -> Problem {
    Problem::new(
        &action.at,
        "`accesspolicy/action: Deny` is given, and `spec.action` is `ExternalAuth`",
    )
    .help("a policy that refuses has `action: Allow` beside the annotation")
}

fn check_rules(
    rules: &[Located<AccessRule>],
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Located<CheckedRule>>> {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            let value = check_rule(&rule.value, namespace, problems)?;
            Some(Located {
                value,
                at: rule.at.clone(),
            })
        })
        .collect();
    rules.into_iter().collect()
}

fn check_rule(
    rule: &AccessRule,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<CheckedRule> {
    let AccessRule {
        name,
        source,
        authorization,
    } = rule;
    let source = match source {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(source) => check_source(source, namespace, NOBODY, problems).map(Some),
    };
    let authorization = match authorization {
        Optional::Absent => Some(CheckedAuthorization::default()),
        Optional::Unreadable => None,
        Optional::Given(authorization) => check_authorization(&authorization.value, problems),
    };
    let CheckedAuthorization { http, mcp, cel } = authorization?;
    Some(CheckedRule {
        name: name.as_ref()?.value.clone(),
        source: source?,
        http,
        mcp,
        cel,
        message: None,
        is_implied: false,
    })
}
