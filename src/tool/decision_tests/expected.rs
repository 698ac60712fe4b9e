//! What is to become of a request.

use super::Outcome;
use crate::tool::api::decode::{Choice, MappingDecoder};

/// What is to become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It goes on, byte for byte.
    Allow,
    /// Policies or an authorizer deny it.
    Deny,
    /// It is rejected before any policy is consulted.
    Reject,
}

impl Choice for Expect {
    const ALL: &'static [(&'static str, Self)] = &[
        ("allow", Self::Allow),
        ("deny", Self::Deny),
        ("reject", Self::Reject),
    ];
    const OLD: &'static [(&'static str, &'static str)] = &[("refuse", "reject")];
}

impl Expect {
    /// As it is spelt.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Reject => "reject",
        }
    }
}

/// What is to become of a request, and why; what is left out may be anything,
/// but for what authorizers have a part in.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What.
    pub expect: Expect,
    /// The rule that determines the Gateway level, `namespace/policy#rule`.
    pub gateway: Option<String>,
    /// The rule that determines the Backend level.
    pub backend: Option<String>,
    /// The level that denies.
    pub level: Option<String>,
    /// The policy that denies: where each must allow, or whose rule denies.
    pub policy: Option<String>,
    /// The rule that denies, `namespace/policy#rule`.
    pub rule: Option<String>,
    /// What policies in Audit mode would make of it; `none` when there are none.
    pub audit: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What the error of the answer says to a JSON-RPC request that policy denies.
    pub says: Option<String>,
    /// The policies that ask, in order; none where it is left out.
    pub asks: Vec<String>,
    /// What is changed about the request: `set name: value`, `append name: value`,
    /// `remove name`; nothing where it is left out.
    pub changes: Vec<String>,
}

impl Expected {
    pub(super) fn decode(object: &mut MappingDecoder<'_, '_>) -> Option<Self> {
        let expect = object.required("expect", "expect: allow", crate::tool::api::decode::choice);
        let mut text = |name| super::decode::string(object, name);
        let expected = Self {
            gateway: text("gateway"),
            backend: text("backend"),
            level: text("level"),
            policy: text("policy"),
            rule: text("rule"),
            audit: text("audit"),
            says: text("says"),
            status: super::decode::number(object, "status", 599),
            asks: super::decode::strings(object, "asks"),
            changes: super::decode::strings(object, "changes"),
            expect: expect?.value,
        };
        Some(expected)
    }

    /// What became of it otherwise than expected, each in a sentence.
    pub fn differences(&self, found: &Outcome) -> Vec<String> {
        let mut wrong = Vec::new();
        if found.expect != Some(self.expect) {
            let found = found.expect.map_or("nothing", Expect::as_str);
            wrong.push(format!("expected {}, got {found}", self.expect.as_str()));
        }
        for (what, expected, found) in [
            ("gateway", &self.gateway, &found.gateway),
            ("backend", &self.backend, &found.backend),
            ("level", &self.level, &found.level),
            ("policy", &self.policy, &found.policy),
            ("rule", &self.rule, &found.rule),
            ("audit", &self.audit, &found.audit),
            ("says", &self.says, &found.says),
        ] {
            if let Some(expected) = expected
                && Some(expected) != found.as_ref()
            {
                wrong.push(difference(what, expected, found.as_deref()));
            }
        }
        for (what, expected, found) in [
            ("asks", &self.asks, &found.asks),
            ("changes", &self.changes, &found.changes),
        ] {
            if expected != found {
                let (expected, found) = (several(expected), several(found));
                wrong.push(format!("expected {what} {expected}, got {found}"));
            }
        }
        if let Some(status) = self.status
            && found.status != Some(status)
        {
            let found = found.status.map(|status| status.to_string());
            wrong.push(difference("status", &status.to_string(), found.as_deref()));
        }
        wrong
    }
}

/// The items of a list.
fn several(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        items => format!("`{}`", items.join("`, `")),
    }
}

fn difference(what: &str, expected: &str, found: Option<&str>) -> String {
    match found {
        Some(found) => format!("expected {what} `{expected}`, got `{found}`"),
        None => format!("expected {what} `{expected}`, got none"),
    }
}
