//! Rules and calls that are measured.

use serde_json::{Value, json};

/// The tool that everybody may call.
pub const OPEN: &str = "echo";
/// The tool that only [`CALLER`] may call.
pub const GUARDED: &str = "get-sum";
/// A tool that nobody may call.
pub const CLOSED: &str = "get-env";
/// Who calls over mutual TLS.
pub const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/caller";

/// The longest body that any chain takes, in bytes.
pub const LONGEST: u32 = 2 << 20;

/// Who may call what, of rule `number` among `rules`; `None` is everybody.
///
/// The rules that the requests meet stand in the middle: `rbac` looks at them in order.
pub fn rule(number: usize, rules: usize) -> (Option<String>, String) {
    match number.checked_sub(rules / 2) {
        Some(0) if rules == 1 => (None, OPEN.to_owned()),
        Some(0) => (Some(CALLER.to_owned()), GUARDED.to_owned()),
        Some(1) => (None, OPEN.to_owned()),
        _ => (
            Some(format!(
                "spiffe://cluster.local/ns/agents/sa/agent-{number}"
            )),
            format!("tool-{number}"),
        ),
    }
}

/// The same rules as compiled policies of ten rules each, any of which may allow.
pub fn policy(rules: usize) -> Value {
    let numbers: Vec<usize> = (0..rules).collect();
    let policies: Vec<_> = numbers
        .chunks(10)
        .map(|numbers| {
            let rules: Vec<_> = numbers
                .iter()
                .map(|number| {
                    let (source, tool) = rule(*number, rules);
                    let call = json!([{"name": "tools/call", "params": [tool]}]);
                    let mut rule = json!({
                        "name": format!("rule-{number:05}"),
                        "mcp": {"methods": call, "baseProtocol": "None"},
                    });
                    if let Some(source) = source {
                        rule["source"] = json!(source);
                    }
                    rule
                })
                .collect();
            let name = format!("policy-{:05}", numbers[0]);
            json!({
                "policy": {"namespace": "agents", "name": name},
                "action": "Allow", "mode": "Enforce", "targets": ["Gateway"], "rules": rules,
            })
        })
        .collect();
    json!({
        "schemaVersion": 1, "digest": "bench",
        "gateway": {"namespace": "infra", "name": "bench"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "Any", "unprotected": "Deny",
            "requestHeaders": "Hold", "denial": "Http403",
            "limits": {"bodyBytes": LONGEST, "depth": 64},
        },
        "listeners": [], "backends": [], "policies": policies,
    })
}

/// Rules of Deny policies, each of which asks for something of a head, and one that allows.
#[allow(dead_code, reason = "not every benchmark has them")]
pub fn policy_about_heads(rules: usize) -> Value {
    let rules = (0..rules).map(|number| {
        let http = match number % 4 {
            0 => json!({"paths": [{"Exact": format!("/admin/{number}")}]}),
            1 => json!({"paths": [{"PathPrefix": format!("/admin/{number}")}]}),
            2 => json!({"hosts": [format!("h{number}.example")]}),
            _ => json!({"methods": ["DELETE"]}),
        };
        json!({"name": format!("rule-{number:05}"), "http": http})
    });
    let mut policy = policy(1);
    let rules: Vec<Value> = rules.collect();
    let refusing = rules.chunks(10).enumerate().map(|(number, rules)| {
        json!({
            "policy": {"namespace": "agents", "name": format!("no-{number:05}")},
            "action": "Deny", "mode": "Enforce", "targets": ["Gateway"], "rules": rules,
        })
    });
    let policies = policy["policies"].as_array_mut().expect("policies");
    policies.extend(refusing);
    policy
}

/// A call of a tool whose one argument fills it up to `size` bytes.
pub fn body(tool: &str, size: usize, filling: Filling) -> String {
    let head = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"a":"#
    );
    let room = size.saturating_sub(head.len() + 3);
    let argument = match filling {
        Filling::Text => format!("{:?}", "all work and no play. ".repeat(room / 22)),
        Filling::Values => {
            let item =
                r#"{"id":12345,"name":"größe","tags":["a","b"],"on":true,"at":{"x":1.5,"y":-2}},"#;
            let items = item.repeat(room / item.len());
            format!("[{}]", items.trim_end_matches(','))
        }
    };
    format!("{head}{argument}}}}}}}")
}

/// What the argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filling {
    /// One long string.
    Text,
    /// A list of small objects.
    Values,
}
