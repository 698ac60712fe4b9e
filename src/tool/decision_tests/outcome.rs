//! What became of a request, in the words of tests.

use serde_json::Value;

use super::Expect;
use crate::engine::decision::{Audit, Basis, DenialReason, Determining};
use crate::engine::enforcement::{Permitted, Reason, Step, Unauthorized};
use crate::engine::external_auth::Edit;
use crate::engine::request::Headers;

/// What became of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Who the filter took the caller for.
    pub caller: Option<String>,
    /// What became of it; absent where nothing did.
    pub expect: Option<Expect>,
    /// The rule that determined the Gateway level.
    pub gateway: Option<String>,
    /// The rule that determined the Backend level.
    pub backend: Option<String>,
    /// The level that refused.
    pub level: Option<String>,
    /// The policy that refused.
    pub policy: Option<String>,
    /// The rule that refused.
    pub rule: Option<String>,
    /// What policies in Audit mode would have made of it.
    pub audit: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What the error of the answer says.
    pub says: Option<String>,
    /// The policies that asked, in order.
    pub asks: Vec<String>,
    /// What is changed about the request.
    pub changes: Vec<String>,
}

impl Outcome {
    /// What a step of the filter means for a request with these headers; the caller and who
    /// asked are not part of it.
    pub fn of(step: &Step<'_>, headers: &Headers) -> Self {
        match step {
            Step::Continue(Permitted::Now(permit, obligations)) => Self {
                audit: audit(permit.audit()),
                changes: changes(&obligations.edits(headers)),
                ..Self::allowed(permit.basis())
            },
            Step::Block(refusal) => {
                let status = Some(refusal.answer.status);
                let denial = match refusal.reason {
                    Reason::Denied(denial) | Reason::DeniedByHeaders(denial) => denial,
                    Reason::DeniedByAuthorizer(Unauthorized { level, by, .. })
                    | Reason::Unanswered(Unauthorized { level, by, .. }) => {
                        let message = None;
                        return Self {
                            status,
                            says: said(&refusal.answer.body),
                            ..Self::denied(DenialReason::DenyRule { level, by, message })
                        };
                    }
                    Reason::Rerouted(_) => {
                        return Self {
                            expect: Some(Expect::Deny),
                            status,
                            says: said(&refusal.answer.body),
                            ..Self::default()
                        };
                    }
                    _ => {
                        return Self {
                            expect: Some(Expect::Reject),
                            status,
                            ..Self::default()
                        };
                    }
                };
                Self {
                    audit: audit(denial.audit),
                    status,
                    says: said(&refusal.answer.body),
                    ..Self::denied(denial.reason)
                }
            }
            Step::Wait | Step::PassHeaders | Step::Ask(_) | Step::Continue(Permitted::Before) => {
                Self::default()
            }
        }
    }

    fn allowed(basis: Basis<'_>) -> Self {
        let name = |by: Option<Determining<'_>>| by.map(|by| by.to_string());
        let (gateway, backend) = match basis {
            Basis::Unprotected => (None, None),
            Basis::Policies { gateway, backend } => (name(gateway), name(backend)),
        };
        Self {
            expect: Some(Expect::Allow),
            gateway,
            backend,
            ..Self::default()
        }
    }

    fn denied(reason: DenialReason<'_>) -> Self {
        let denied = Self {
            expect: Some(Expect::Deny),
            ..Self::default()
        };
        match reason {
            DenialReason::NotAllowed { level, policy, .. } => Self {
                level: Some(level.as_str().to_owned()),
                policy: policy.map(ToString::to_string),
                ..denied
            },
            DenialReason::DenyRule { level, by, .. } => Self {
                level: Some(level.as_str().to_owned()),
                policy: Some(by.policy.to_string()),
                rule: Some(by.to_string()),
                ..denied
            },
            DenialReason::Unprotected
            | DenialReason::NoCluster
            | DenialReason::Unlisted
            | DenialReason::NoPort => denied,
        }
    }
}

/// What is changed about a request.
fn changes(edits: &[Edit]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |(name, value): &(Vec<u8>, Vec<u8>)| format!("{}: {}", text(name), text(value));
    edits
        .iter()
        .map(|edit| match edit {
            Edit::Set(header) => format!("set {}", line(header)),
            Edit::Append(header) => format!("append {}", line(header)),
            Edit::Remove(name) => format!("remove {}", text(name)),
            Edit::AddIfAbsent(header) => format!("add if absent {}", line(header)),
            Edit::SetIfThere(header) => format!("set if there {}", line(header)),
        })
        .collect()
}

/// What the error of an answer says.
pub fn said(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer["error"]["message"].as_str().map(str::to_owned)
}

/// `allow`, or `deny` or `ask` and what determines it.
fn audit(audit: Option<Audit<'_>>) -> Option<String> {
    Some(match audit {
        None => "none".to_owned(),
        Some(Audit::Allow(_)) => "allow".to_owned(),
        Some(Audit::Ask(by)) => format!("ask {by}"),
        Some(Audit::Deny(reason)) => {
            let Outcome { policy, rule, .. } = Outcome::denied(reason);
            let by = rule.or(policy).map(|by| format!(" {by}"));
            format!("deny{}", by.unwrap_or_default())
        }
    })
}
