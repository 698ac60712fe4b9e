//! A compiled policy as it is written, beside the index made of it.
//!
//! The index has what decides, by number; the document has it in words. For
//! explanations: the filter keeps no document.

use super::load::key;
use super::{CompiledPolicy, LoadError, Policies, Policy, PolicyId, Rule, RuleRef};

/// A compiled policy whose policies and rules stand where [`Policies`] numbers them.
#[derive(Debug)]
pub struct NumberedPolicy(CompiledPolicy);

impl NumberedPolicy {
    /// A compiled policy, in words and indexed.
    ///
    /// # Errors
    /// As [`Policies::new`].
    pub fn load(mut policy: CompiledPolicy) -> Result<(Self, Policies), LoadError> {
        let policies = Policies::new(policy.clone())?;
        // INVARIANT: the orders in which policies and rules are numbered.
        policy.policies.sort_by(|a, b| key(a).cmp(&key(b)));
        for policy in &mut policy.policies {
            if let Some(rules) = &mut policy.rules {
                rules.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        Ok((Self(policy), policies))
    }

    /// The whole of it.
    pub const fn compiled(&self) -> &CompiledPolicy {
        &self.0
    }

    /// A policy.
    pub fn policy(&self, policy: PolicyId) -> Option<&Policy> {
        self.0.policies.get(policy.0 as usize)
    }

    /// Every policy, in order.
    pub fn ids(&self) -> impl Iterator<Item = PolicyId> + use<> {
        (0u32..).take(self.0.policies.len()).map(PolicyId)
    }

    /// A rule; `None` for a policy without rules.
    pub fn rule(&self, rule: RuleRef) -> Option<&Rule> {
        let rules = self.policy(rule.policy)?.rules.as_ref()?;
        rules.get(rule.rule? as usize)
    }

    /// The rules of a policy, in order: one that stands for all requests where it has none.
    pub fn rules(&self, policy: PolicyId) -> Vec<RuleRef> {
        let rules = self.policy(policy).and_then(|found| found.rules.as_ref());
        match rules {
            None => vec![RuleRef { policy, rule: None }],
            Some(rules) => (0u32..)
                .zip(rules)
                .map(|(number, _)| RuleRef {
                    policy,
                    rule: Some(number),
                })
                .collect(),
        }
    }

    /// Every policy, in order.
    pub fn policies(&self) -> impl Iterator<Item = PolicyId> {
        (0u32..)
            .zip(&self.0.policies)
            .map(|(number, _)| PolicyId(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_mean_the_same_in_both() {
        let policy = |name: &str, rules: &[&str]| {
            let rules: Vec<_> = rules.iter().map(|name| json!({"name": name})).collect();
            json!({
                "policy": {"namespace": "n", "name": name}, "action": "Allow",
                "mode": "Enforce", "targets": ["Gateway"], "rules": rules,
            })
        };
        let document = json!({
            "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
            "settings": {
                "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
                "requestHeaders": "Hold", "denial": "JsonRpc",
                "limits": {"bodyBytes": 1000, "depth": 64},
            },
            "listeners": [], "backends": [],
            "policies": [policy("b", &["z", "y", "z"]), policy("a", &["x", "w"])],
        });
        let document = serde_json::from_value(document).unwrap();
        let (document, policies) = NumberedPolicy::load(document).unwrap();
        let mut count = 0;
        for id in document.policies() {
            assert_eq!(
                policies.policy_name(id),
                document.policy(id).map(|p| &p.policy)
            );
            for rule in document.rules(id) {
                count += 1;
                let name = document.rule(rule).map(|rule| rule.name.as_str());
                assert!(name.is_some());
                assert_eq!(policies.rule_name(rule), name);
            }
        }
        assert_eq!(count, 5);
    }
}
