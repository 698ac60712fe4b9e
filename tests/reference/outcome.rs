//! What becomes of a request, in a form that both evaluators can say.

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is refused before any policy is asked.
    Refused,
    /// Policy denies it whatever its body says, which is not read.
    DeniedByHeaders(Reason),
    /// Policy decides.
    Judged {
        verdict: Verdict,
        /// The verdict if policies in Audit mode were enforced, where there are any.
        audit: Option<Verdict>,
    },
}

/// A decision and why. Rules are `namespace/policy#rule`, or `namespace/policy` where a
/// policy has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No policy judged it, and `unprotected` lets it go on.
    Unprotected,
    /// It goes on, by these rules of the levels.
    Allow {
        gateway: Option<String>,
        backend: Option<String>,
    },
    /// It does not.
    Deny(Reason),
}

/// Why a request is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No policy judged it.
    Unprotected,
    /// Nobody knows at which listener it arrived.
    NoPort,
    /// Nobody knows for which backend it is.
    NoCluster,
    /// It is for no listed backend.
    Unlisted,
    /// By a rule of a Deny policy.
    Refused { level: Level, by: String },
    /// Not by any Allow policy, or not by this one, where each must.
    NotAllowed {
        level: Level,
        policy: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Gateway,
    Backend,
}

impl Outcome {
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Refused | Self::DeniedByHeaders(_) => None,
            Self::Judged { verdict, .. } => Some(verdict),
        }
    }

    pub fn is_allowed(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_allowed)
    }
}

impl Verdict {
    pub fn is_allowed(&self) -> bool {
        !matches!(self, Self::Deny(_))
    }

    /// The kind of verdict, to count it by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unprotected => "allow: unprotected",
            Self::Allow {
                gateway: None,
                backend: None,
            } => "allow: no Allow policy",
            Self::Allow { backend: None, .. } => "allow: Gateway",
            Self::Allow { gateway: None, .. } => "allow: Backend",
            Self::Allow { .. } => "allow: both levels",
            Self::Deny(Reason::Unprotected) => "deny: unprotected",
            Self::Deny(Reason::NoPort) => "deny: no port",
            Self::Deny(Reason::Unlisted) => "deny: unlisted",
            Self::Deny(Reason::NoCluster) => "deny: no cluster",
            Self::Deny(Reason::Refused { level, .. }) => match level {
                Level::Gateway => "deny: refused at the Gateway",
                Level::Backend => "deny: refused at the Backend",
            },
            Self::Deny(Reason::NotAllowed { level, .. }) => match level {
                Level::Gateway => "deny: not allowed at the Gateway",
                Level::Backend => "deny: not allowed at the Backend",
            },
        }
    }
}
