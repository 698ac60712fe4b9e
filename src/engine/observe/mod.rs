//! Records of decisions, as one line of JSON each.
//!
//! Names follow OpenTelemetry's semantic conventions where those have one. A
//! record never holds arguments, tokens or bodies. Hostile names cannot break
//! out of a line: JSON strings escape what could.

mod metrics;
mod sample;

pub use metrics::{Determined, Metric, digest_value};
pub use sample::Sampler;

use std::borrow::Cow;

use serde::Serialize;

use crate::engine::decision::{Audit, Basis, Denial, DenialReason, Determining, LevelName, Permit};
use crate::engine::expr::Timestamp;
use crate::engine::mcp::ObjectKind;

/// One decision.
#[derive(Debug, Default, Serialize)]
pub struct Record<'r> {
    /// `allow`, `deny`, `reject`, or `none` of a request that ended before it was decided.
    pub decision: &'static str,
    /// When it was made, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The request's id, or one made for this decision.
    #[serde(rename = "decision.id")]
    pub id: &'r str,
    /// The caller's SPIFFE ID.
    #[serde(rename = "enduser.id", skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'r str>,
    /// The MCP method.
    #[serde(rename = "mcp.method.name", skip_serializing_if = "Option::is_none")]
    pub method: Option<&'r str>,
    /// The tool acted on.
    #[serde(rename = "gen_ai.tool.name", skip_serializing_if = "Option::is_none")]
    pub tool: Option<&'r str>,
    /// The prompt acted on.
    #[serde(rename = "gen_ai.prompt.name", skip_serializing_if = "Option::is_none")]
    pub prompt: Option<&'r str>,
    /// The resource acted on.
    #[serde(rename = "mcp.resource.uri", skip_serializing_if = "Option::is_none")]
    pub resource: Option<&'r str>,
    /// The task acted on.
    #[serde(rename = "mcp.task.id", skip_serializing_if = "Option::is_none")]
    pub task: Option<&'r str>,
    /// The kind of reason, one word.
    pub reason: &'r str,
    /// What decided.
    #[serde(flatten)]
    pub grounds: Grounds,
    /// What authorizers said, in the order in which they were asked.
    #[serde(rename = "external_auth", skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskRecord<'r>>,
    /// What policies in Audit mode would have made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRecord>,
}

/// What an authorizer said.
#[derive(Debug, Serialize)]
pub struct AskRecord<'r> {
    /// The policy that asked, `namespace/name`.
    pub policy: &'r str,
    /// `allow`, `deny` or `error`.
    pub answer: &'static str,
    /// The status by which it denied, or the kind of error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'r str>,
    /// How long that took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// What the decision would be if policies in Audit mode were enforced.
#[derive(Debug, Default, Serialize)]
pub struct AuditRecord {
    /// `allow`, `deny`, or `ask` where that is for an authorizer to say.
    pub decision: &'static str,
    /// What decided.
    #[serde(flatten)]
    pub grounds: Grounds,
}

/// What decided.
#[derive(Debug, Default, Serialize)]
pub struct Grounds {
    /// The reason in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'static, str>>,
    /// The level that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The policies that decided, `namespace/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// The rules that decided, `namespace/name#rule`.
    #[serde(rename = "security_rule.name", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

impl Grounds {
    fn of_denial(reason: &DenialReason<'_>) -> Self {
        let words = |detail| Self {
            detail: Some(Cow::Borrowed(detail)),
            ..Self::default()
        };
        match reason {
            DenialReason::Unprotected => words("no policy applies"),
            DenialReason::NoCluster => words("no route, or one to no known cluster"),
            DenialReason::Unlisted => words("the route goes to a cluster of no listed backend"),
            DenialReason::NoPort => words("the port it arrived on is not known"),
            DenialReason::DenyRule { level, by, .. } => Self {
                level: Some(level.as_str()),
                policies: vec![by.policy.to_string()],
                rules: vec![by.to_string()],
                ..words("a rule denies it")
            },
            DenialReason::NotAllowed { level, policy, .. } => Self {
                level: Some(level.as_str()),
                policies: policy.iter().map(ToString::to_string).collect(),
                ..words("no rule allows it")
            },
        }
    }

    fn of_ask(by: &Determining<'_>) -> Self {
        Self {
            detail: Some(Cow::Borrowed("an authorizer would be asked")),
            policies: vec![by.policy.to_string()],
            rules: vec![by.to_string()],
            ..Self::default()
        }
    }

    fn of_permit(basis: &Basis<'_>) -> Self {
        match basis {
            Basis::Unprotected => Self {
                detail: Some(Cow::Borrowed("no policy")),
                ..Self::default()
            },
            Basis::Policies { gateway, backend } => {
                let named: Vec<Determining<'_>> =
                    [gateway, backend].into_iter().copied().flatten().collect();
                Self {
                    policies: named.iter().map(|by| by.policy.to_string()).collect(),
                    rules: named.iter().map(ToString::to_string).collect(),
                    ..Self::default()
                }
            }
        }
    }
}

impl AuditRecord {
    fn new(audit: &Audit<'_>) -> Self {
        match audit {
            Audit::Allow(basis) => Self {
                decision: "allow",
                grounds: Grounds::of_permit(basis),
            },
            Audit::Deny(reason) => Self {
                decision: "deny",
                grounds: Grounds::of_denial(reason),
            },
            Audit::Ask(by) => Self {
                decision: "ask",
                grounds: Grounds::of_ask(by),
            },
        }
    }
}

impl<'r> Record<'r> {
    /// Fills in when it was made: nanoseconds since 1970.
    pub fn at(&mut self, nanos: u64) {
        self.timestamp = Timestamp::from_nanos(nanos).map(|time| time.to_string());
    }

    /// Fills in what was called, and what that acts on.
    pub fn called(&mut self, method: &'r str, thing: Option<(ObjectKind, &'r str)>) {
        self.method = Some(method);
        if let Some((kind, name)) = thing {
            let field = match kind {
                ObjectKind::Tool => &mut self.tool,
                ObjectKind::Prompt => &mut self.prompt,
                ObjectKind::Resource => &mut self.resource,
                ObjectKind::Task => &mut self.task,
            };
            *field = Some(name);
        }
    }
    /// Fills in what a denial says.
    pub fn deny(&mut self, denial: &Denial<'_>) {
        self.grounds = Grounds::of_denial(&denial.reason);
        self.audit = denial.audit.as_ref().map(AuditRecord::new);
    }

    /// Fills in whose authorizer did not let it go on.
    pub fn asked_by(&mut self, level: LevelName, by: &Determining<'_>) {
        self.grounds.level = Some(level.as_str());
        self.grounds.policies = vec![by.policy.to_string()];
        self.grounds.rules = vec![by.to_string()];
    }

    /// Fills in what a permit says.
    pub fn allow(&mut self, permit: &Permit<'_>) {
        self.grounds = Grounds::of_permit(&permit.basis());
        self.audit = permit.audit().as_ref().map(AuditRecord::new);
    }

    /// The record as one line.
    pub fn to_line(&self) -> String {
        // Strings and lists of strings always serialize; a record that did not
        // would rather be empty than take the stream with it.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_in_its_line() {
        let name = "\n\"}\u{1b}[2J\u{2028}";
        let mut record = Record::default();
        record.called("tools/call", Some((ObjectKind::Tool, name)));
        record.at(1_800_000_000_000_000_001);
        let line = record.to_line();
        assert!(!line.contains(['\n', '\u{1b}']));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["gen_ai.tool.name"], name);
        assert_eq!(read["timestamp"], "2027-01-15T08:00:00.000000001Z");
    }
}
