//! The forms of a decision. A verdict is a type, never a bool.

use std::fmt;

use crate::engine::policy::{ObjectName, Policies, RuleRef};

use super::authorizer_call::AuthorizerCall;

/// Whether a request goes on, and why.
#[derive(Debug)]
pub enum Decision<'p> {
    /// It does.
    Allow(Permit<'p>),
    /// It does not.
    Deny(Denial<'p>),
    /// That is for an authorizer to say first.
    Ask(AuthorizerCall<'p>),
}

/// The proof that the engine let a request go on.
///
/// INVARIANT: only the engine can make one, and nothing goes on without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit<'p> {
    basis: Basis<'p>,
    audit: Option<Audit<'p>>,
}

impl<'p> Permit<'p> {
    pub(super) const fn new(basis: Basis<'p>, audit: Option<Audit<'p>>) -> Self {
        Self { basis, audit }
    }

    /// What the permit rests on.
    pub const fn basis(&self) -> Basis<'p> {
        self.basis
    }

    /// What policies in Audit mode would have made of it, where there are any.
    pub const fn audit(&self) -> Option<Audit<'p>> {
        self.audit
    }
}

/// What the decision would be if policies in Audit mode were enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit<'p> {
    /// The request would go on.
    Allow(Basis<'p>),
    /// It would not.
    Deny(DenialReason<'p>),
    /// An authorizer would be asked, by this policy first. Nobody asks it: that costs, and
    /// may have effects.
    Ask(Determining<'p>),
}

/// What a permit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis<'p> {
    /// There is no policy, and the enforcement point says `unprotected: Allow`.
    Unprotected,
    /// The rule that determined each level, the first by name; `None` where no Allow
    /// policy is attached. Of a rule that a response meets, methods and expression do not
    /// count.
    Policies {
        /// At the Gateway.
        gateway: Option<Determining<'p>>,
        /// At the Backend.
        backend: Option<Determining<'p>>,
    },
}

/// A policy and the rule of it that determined something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Determining<'p> {
    /// The policy.
    pub policy: &'p ObjectName,
    /// The rule; `None` for a policy without rules.
    pub rule: Option<&'p str>,
}

impl<'p> Determining<'p> {
    pub(super) fn new(policies: &'p Policies, rule: RuleRef) -> Option<Self> {
        let policy = policies.policy_name(rule.policy)?;
        Some(Self {
            policy,
            rule: policies.rule_name(rule),
        })
    }
}

impl fmt::Display for Determining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "{}#{rule}", self.policy),
            None => write!(f, "{}", self.policy),
        }
    }
}

/// A refusal by policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial<'p> {
    /// Why.
    pub reason: DenialReason<'p>,
    /// What policies in Audit mode would have made of it, where there are any.
    pub audit: Option<Audit<'p>>,
}

/// Why a request is refused by policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason<'p> {
    /// There is no policy, or none that could judge a cluster that no backend has or a
    /// port that no listener has; and the enforcement point says `unprotected: Deny`.
    Unprotected,
    /// The port that the request arrived on is not known, and listeners are protected.
    NoPort,
    /// The route chose no cluster that is known, and backends are protected.
    NoCluster,
    /// The route chose a cluster of no listed backend, and `unlisted: Deny`.
    Unlisted,
    /// A rule of a Deny policy matches.
    DenyRule {
        /// The level.
        level: LevelName,
        /// The rule.
        by: Determining<'p>,
        /// What the rule has to say to the caller.
        message: Option<&'p str>,
    },
    /// The level's Allow policies do not allow it.
    NotAllowed {
        /// The level.
        level: LevelName,
        /// The first policy that does not, where each must; `None` where one
        /// would do and none does.
        policy: Option<&'p ObjectName>,
        /// What the first rule has to say to the caller whose expression alone was not true.
        message: Option<&'p str>,
    },
}

impl<'p> DenialReason<'p> {
    /// What a rule has to say to the caller.
    pub const fn message(&self) -> Option<&'p str> {
        match self {
            Self::DenyRule { message, .. } | Self::NotAllowed { message, .. } => *message,
            Self::Unprotected | Self::NoCluster | Self::Unlisted | Self::NoPort => None,
        }
    }
}

/// A level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LevelName {
    /// Policies that target the Gateway.
    Gateway,
    /// Policies that target the backend.
    Backend,
}

impl LevelName {
    /// The level's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::Backend => "Backend",
        }
    }
}
