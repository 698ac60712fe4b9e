//! Changes of a compiled policy, each by a number that says which of many.

use accesspolicy::engine::policy::{
    Action, CompiledPolicy, HttpMatch, Mode, ObjectName, Policy, Rule, Target, Unprotected,
};
use serde_json::Value;

/// Numbers that follow from a first one.
pub struct Numbers(u64);

impl Numbers {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).expect("below a size")
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }

    fn shuffle_given<T>(&mut self, items: &mut Option<Vec<T>>) {
        self.shuffle(items.as_deref_mut().unwrap_or_default());
    }
}

/// Every list in another order.
pub fn shuffle(document: &mut CompiledPolicy, numbers: &mut Numbers) {
    let CompiledPolicy {
        schema_version: _,
        digest: _,
        seal: _,
        gateway: _,
        settings,
        listeners,
        backends,
        policies,
    } = document;
    numbers.shuffle_given(&mut settings.mcp_paths);
    numbers.shuffle(listeners);
    numbers.shuffle(backends);
    for backend in backends {
        numbers.shuffle(&mut backend.clusters);
    }
    numbers.shuffle(policies);
    for policy in policies {
        numbers.shuffle(&mut policy.targets);
        numbers.shuffle_given(&mut policy.rules);
        for rule in policy.rules.iter_mut().flatten() {
            if let Some(http) = &mut rule.http {
                shuffle_http(http, numbers);
            }
            if let Some(mcp) = &mut rule.mcp {
                numbers.shuffle_given(&mut mcp.methods);
                for method in mcp.methods.iter_mut().flatten() {
                    numbers.shuffle_given(&mut method.params);
                }
            }
        }
    }
}

fn shuffle_http(http: &mut HttpMatch, numbers: &mut Numbers) {
    let HttpMatch {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = http;
    numbers.shuffle_given(methods);
    numbers.shuffle_given(paths);
    numbers.shuffle_given(headers);
    numbers.shuffle_given(hosts);
    numbers.shuffle_given(ports);
}

/// One policy more, by a name before or after all others.
pub fn add(document: &mut CompiledPolicy, policy: Policy, numbers: &mut Numbers) {
    let namespace = ["a", "z"][numbers.below(2)].to_owned();
    let policy = Policy {
        policy: ObjectName {
            namespace,
            name: "new".to_owned(),
        },
        ..policy
    };
    let at = numbers.below(document.policies.len() + 1);
    document.policies.insert(at, policy);
}

/// The targets of one enforced Allow policy, if there is any.
pub fn allowing_targets(document: &CompiledPolicy, numbers: &mut Numbers) -> Option<Vec<Target>> {
    let allowing: Vec<&Policy> = enforced(document, Action::Allow).collect();
    let chosen = allowing.get(numbers.below(allowing.len()))?;
    Some(chosen.targets.clone())
}

/// Takes one enforced Deny policy away, if there is any.
pub fn remove_denying(document: &mut CompiledPolicy, numbers: &mut Numbers) -> Option<()> {
    let denying: Vec<ObjectName> = enforced(document, Action::Deny)
        .map(|policy| policy.policy.clone())
        .collect();
    let chosen = denying.get(numbers.below(denying.len()))?;
    document.policies.retain(|policy| policy.policy != *chosen);
    Some(())
}

fn enforced(document: &CompiledPolicy, action: Action) -> impl Iterator<Item = &Policy> {
    let policies = document.policies.iter();
    policies.filter(move |policy| policy.mode == Mode::Enforce && policy.action == action)
}

/// Whether anything is enforced, or nothing need be for requests to go on.
pub fn is_settled(document: &CompiledPolicy) -> bool {
    let is_enforced = |policy: &Policy| policy.mode == Mode::Enforce;
    document.settings.unprotected == Unprotected::Allow || document.policies.iter().any(is_enforced)
}

/// Takes one condition other than the source from one rule of an enforced Allow policy.
pub fn drop_condition(document: &mut CompiledPolicy, numbers: &mut Numbers) -> Option<()> {
    let rule = rule_of(document, Action::Allow, numbers)?;
    let drop_member = |http: &mut HttpMatch, number| match number {
        0 => http.methods.take().map(drop),
        1 => http.paths.take().map(drop),
        2 => http.hosts.take().map(drop),
        3 => http.ports.take().map(drop),
        _ => {
            let headers = http.headers.take()?;
            let fewer: Vec<_> = headers.into_iter().skip(1).collect();
            http.headers = (!fewer.is_empty()).then_some(fewer);
            Some(())
        }
    };
    match numbers.below(4) {
        0 => rule.http.take().map(drop),
        1 => rule.mcp.take().map(drop),
        2 => {
            let mut methods = rule.mcp.as_mut()?.methods.iter_mut().flatten();
            methods.find_map(|method| method.params.take()).map(drop)
        }
        _ => {
            let http = rule.http.as_mut()?;
            drop_member(http, numbers.below(5))?;
            if **http == HttpMatch::default() {
                rule.http = None;
            }
            Some(())
        }
    }
}

/// Takes the source from one rule of an enforced Allow policy. Says which rule it was.
pub fn drop_source(document: &mut CompiledPolicy, numbers: &mut Numbers) -> Option<Rule> {
    let rule = rule_of(document, Action::Allow, numbers)?;
    rule.source.take()?;
    Some(rule.clone())
}

/// Takes one list of things from one rule of an enforced Deny policy.
pub fn drop_denied_list(document: &mut CompiledPolicy, numbers: &mut Numbers) -> Option<()> {
    let rule = rule_of(document, Action::Deny, numbers)?;
    let mut methods = rule.mcp.as_mut()?.methods.iter_mut().flatten();
    methods.find_map(|method| method.params.take()).map(drop)
}

/// One rule of the enforced policies of an action.
fn rule_of<'d>(
    document: &'d mut CompiledPolicy,
    action: Action,
    numbers: &mut Numbers,
) -> Option<&'d mut Rule> {
    let policies = document.policies.iter_mut();
    let those = policies.filter(|policy| policy.mode == Mode::Enforce && policy.action == action);
    let mut rules: Vec<&mut Rule> = those
        .flat_map(|policy| policy.rules.iter_mut().flatten())
        .collect();
    let chosen = numbers.below(rules.len());
    (chosen < rules.len()).then(|| rules.swap_remove(chosen))
}

/// JSON as it comes out of a protobuf `Struct`: members in any order, and every number
/// a double.
pub fn through_struct(value: &Value, numbers: &mut Numbers) -> String {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().expect("a number");
            if numbers.below(2) == 0 {
                format!("{number:e}")
            } else {
                format!("{number:.1}")
            }
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| through_struct(item, numbers));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(name, value)| {
                    format!(
                        "{}: {}",
                        Value::from(name.as_str()),
                        through_struct(value, numbers)
                    )
                })
                .collect();
            numbers.shuffle(&mut members);
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}
