//! The names of the filter's metrics.
//!
//! The host's metrics have no labels, so a name carries them, each as `;label=value`.
//! The `stats_tags` in `envoy-config/metrics.yaml` turn these into labels again. No name
//! of Kubernetes has a `;` or `=`, and nothing that a client sends is ever part of one.

use std::fmt;

use crate::engine::decision::{DenialReason, Determining, LevelName};
use crate::engine::policy::ObjectName;

/// A metric, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric<'m> {
    /// Requests, by what became of them: a counter.
    Requests {
        /// `allow`, `deny`, or `none` of a request that ended before it was decided.
        decision: &'static str,
        /// The kind of reason: one word.
        reason: &'static str,
    },
    /// What determined decisions by policy: a counter.
    Decisions(Determined<'m>),
    /// What policies in Audit mode would have refused: a counter.
    Audit(Determined<'m>),
    /// Calls of authorizers, by what came back: a counter.
    AuthorizerCalls {
        /// The policy that asks, `namespace/name`; absent where there are too many to name.
        policy: Option<&'m str>,
        /// `allow`, `refuse` or `error`.
        outcome: &'static str,
        /// The kind of error, where it is one: one word.
        reason: Option<&'static str>,
    },
    /// How long authorizers took to answer, in milliseconds: a histogram.
    AuthorizerDuration {
        /// As above.
        policy: Option<&'m str>,
    },
    /// Lengths of MCP bodies in bytes: a histogram.
    BodyBytes,
    /// Configurations, by whether they were taken: a counter.
    ConfigLoads {
        /// `loaded`, `rejected`, or `out_of_memory` where there was no memory for it.
        outcome: &'static str,
    },
    /// The first 48 bits of the digest of the configuration in force: a gauge. As a
    /// number, because every new name would stay in the host for ever.
    ConfigDigest,
    /// The memory of a VM in bytes, of the one that took more last: a gauge.
    Memory,
}

/// The value of [`Metric::ConfigDigest`]; 0 when the digest is none.
pub fn digest_value(digest: &str) -> u64 {
    let digits = digest
        .strip_prefix("sha256:")
        .and_then(|digits| digits.get(..12));
    digits.map_or(0, |digits| u64::from_str_radix(digits, 16).unwrap_or(0))
}

/// What determines a decision at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Determined<'m> {
    /// A rule allows.
    Allowed(LevelName, Determining<'m>),
    /// A rule of a Deny policy refuses.
    Denied(LevelName, Determining<'m>),
    /// A policy does not allow, or where one would do, none does.
    NotAllowed(LevelName, Option<&'m ObjectName>),
    /// Not worth a name of its own: there are too many.
    Other,
}

impl<'m> Determined<'m> {
    /// What a denial rests on, where that is a policy.
    pub const fn by(reason: &DenialReason<'m>) -> Option<Self> {
        match *reason {
            DenialReason::DenyRule { level, by, .. } => Some(Self::Denied(level, by)),
            DenialReason::NotAllowed { level, policy, .. } => Some(Self::NotAllowed(level, policy)),
            DenialReason::Unprotected
            | DenialReason::NoCluster
            | DenialReason::Unlisted
            | DenialReason::NoPort => None,
        }
    }
}

impl fmt::Display for Metric<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests { decision, reason } => write!(
                f,
                "accesspolicy_requests_total;decision={decision};reason={reason}"
            ),
            Self::Decisions(by) => write!(f, "accesspolicy_decisions_total{by}"),
            Self::Audit(by) => write!(f, "accesspolicy_audit_total{by}"),
            Self::AuthorizerCalls {
                policy,
                outcome,
                reason,
            } => {
                write!(f, "accesspolicy_authorizer_calls_total;outcome={outcome}")?;
                if let Some(reason) = reason {
                    write!(f, ";reason={reason}")?;
                }
                of_policy(*policy, f)
            }
            Self::AuthorizerDuration { policy } => {
                f.write_str("accesspolicy_authorizer_duration_ms")?;
                of_policy(*policy, f)
            }
            Self::BodyBytes => f.write_str("accesspolicy_body_bytes"),
            Self::ConfigLoads { outcome } => {
                write!(f, "accesspolicy_config_loads_total;outcome={outcome}")
            }
            Self::ConfigDigest => f.write_str("accesspolicy_config_digest"),
            Self::Memory => f.write_str("accesspolicy_memory_bytes"),
        }
    }
}

fn of_policy(policy: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    policy.map_or(Ok(()), |policy| write!(f, ";policy={policy}"))
}

impl fmt::Display for Determined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (decision, level, policy, rule) = match self {
            Self::Allowed(level, by) => ("allow", level, Some(by.policy), by.rule),
            Self::Denied(level, by) => ("deny", level, Some(by.policy), by.rule),
            Self::NotAllowed(level, policy) => ("deny", level, *policy, None),
            Self::Other => return f.write_str(";decision=other"),
        };
        write!(f, ";decision={decision};level={}", level.as_str())?;
        if let Some(policy) = policy {
            write!(f, ";policy={policy}")?;
        }
        if let Some(rule) = rule {
            write!(f, ";rule={rule}")?;
        }
        Ok(())
    }
}
