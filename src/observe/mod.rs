//! Records of decisions, as one line of JSON each.
//!
//! Names follow OpenTelemetry's semantic conventions where those have one. A
//! record never holds arguments, tokens or bodies. Hostile names cannot break
//! out of a line: JSON strings escape what could.

use serde::Serialize;

use crate::decision::{Basis, Denial, DenialReason, Determining, Permit};

/// One decision.
#[derive(Debug, Default, Serialize)]
pub struct Record<'r> {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// The request's id, or one made for this decision.
    #[serde(rename = "decision.id")]
    pub id: &'r str,
    /// The caller's SPIFFE ID.
    #[serde(rename = "enduser.id", skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'r str>,
    /// The MCP method.
    #[serde(rename = "mcp.method.name", skip_serializing_if = "Option::is_none")]
    pub method: Option<&'r str>,
    /// The tool, prompt, resource or task acted on.
    #[serde(rename = "mcp.thing", skip_serializing_if = "Option::is_none")]
    pub thing: Option<&'r str>,
    /// The kind of reason, one word.
    pub reason: &'r str,
    /// The reason in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The level that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The policies that decided, `namespace/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// The rules that allowed, `namespace/name#rule`.
    #[serde(rename = "security_rule.name", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

impl Record<'_> {
    /// Fills in what a denial says.
    pub fn deny(&mut self, denial: &Denial<'_>) {
        match denial.reason {
            DenialReason::Unprotected => self.detail = Some("no policy applies".to_owned()),
            DenialReason::NoCluster => {
                self.detail = Some("no route, or one to no known cluster".to_owned())
            }
            DenialReason::NotAllowed { level, policy } => {
                self.level = Some(level.as_str());
                self.detail = Some("no rule allows it".to_owned());
                self.policies = policy.into_iter().map(ToString::to_string).collect();
            }
        }
    }

    /// Fills in what a permit says.
    pub fn allow(&mut self, permit: &Permit<'_>) {
        match permit.basis() {
            Basis::Unprotected => self.detail = Some("no policy".to_owned()),
            Basis::Policies { gateway, backend } => {
                let named: Vec<Determining<'_>> =
                    [gateway, backend].into_iter().flatten().collect();
                self.policies = named.iter().map(|by| by.policy.to_string()).collect();
                self.rules = named.iter().map(ToString::to_string).collect();
            }
        }
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
        let record = Record {
            thing: Some("\n\"}\u{1b}[2J\u{2028}"),
            ..Record::default()
        };
        let line = record.to_line();
        assert!(!line.contains(['\n', '\u{1b}']));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["mcp.thing"], "\n\"}\u{1b}[2J\u{2028}");
    }
}
