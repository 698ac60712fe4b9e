//! What it takes of memory to load a policy, beside what the filter reckons with; and that one
//! which was changed is not loaded.
#![cfg(not(target_arch = "wasm32"))]

use std::cell::Cell;

use accesspolicy::engine::policy::{Policies, memory_to_load};
use accesspolicy::tool::compile::{Source, compile};
use allocation_counter::measure;
use serde_json::{Value, json};

/// A compiled policy of many listeners and backends.
fn document(targets: usize, policies: Vec<Value>) -> Value {
    let listeners =
        (0..targets).map(|number| json!({"name": format!("l{number}"), "port": 1 + number}));
    let backends = (0..targets).map(|number| {
        let name = format!("b{number}");
        json!({"backend": {"namespace": "i", "name": name}, "clusters": [name]})
    });
    json!({
        "schemaVersion": 1,
        "digest": "sha256:00",
        "gateway": {"namespace": "infra", "name": "prod"},
        "settings": {
            "identity": "PeerCertificate",
            "allowPolicies": "All",
            "unprotected": "Deny",
            "requestHeaders": "Hold",
            "denial": "JsonRpc",
            "limits": {"bodyBytes": 1048576, "depth": 64}
        },
        "listeners": listeners.collect::<Value>(),
        "backends": backends.collect::<Value>(),
        "policies": policies,
    })
}

fn policy(number: usize, action: &str, mode: &str, targets: Value, rules: Value) -> Value {
    json!({
        "policy": {"namespace": "i", "name": format!("p{number}")},
        "action": action, "mode": mode, "targets": targets, "rules": rules,
    })
}

/// Rules that list things, each of its own caller.
fn rules(rules: usize, method: &str, things: usize) -> Value {
    let rules = (0..rules).map(|rule| {
        // Some of these are filed under other spellings as well.
        let things = (0..things).map(|thing| format!("https://h:443/%7e/{rule}/./{thing}?a=b"));
        json!({
            "name": format!("r{rule}"),
            "source": format!("s{rule}"),
            "mcp": {
                "methods": [{"name": method, "params": things.collect::<Value>()}],
                "baseProtocol": "None",
            },
        })
    });
    rules.collect()
}

/// What takes much memory beside its text.
fn shapes() -> Vec<(&'static str, Value)> {
    let all = |policies: usize, one: &dyn Fn(usize) -> Value| -> Vec<Value> {
        (0..policies).map(one).collect()
    };
    let listener = |number: usize| json!([{"Listener": format!("l{number}")}]);
    let backend =
        |number: usize| json!({"Backend": {"namespace": "i", "name": format!("b{number}")}});
    let bare = || json!([{"name": "r"}]);
    let tools = |count| rules(10, "tools/call", count);
    let mut shared = all(64, &|it| {
        policy(it, "Allow", "Enforce", listener(it), bare())
    });
    shared.extend(all(100, &|it| {
        policy(100 + it, "Allow", "Enforce", json!(["Gateway"]), tools(10))
    }));
    let mut audited = shared.clone();
    for policy in audited.iter_mut().skip(32).step_by(2) {
        policy["mode"] = json!("Audit");
    }
    let ten = |first: usize| -> Value { (first..first + 10).map(backend).collect() };
    let anyone = |count: usize| -> Value {
        let rules = (0..count).map(|rule| json!({"name": format!("{rule}")}));
        rules.collect()
    };
    let alike = |count: usize| -> Value {
        let name = |rule: usize| json!({"name": format!("{rule}"), "source": "s"});
        (0..count).map(name).collect()
    };
    vec![
        ("listeners, and the Gateway's", document(64, shared)),
        ("likewise, some audited", document(64, audited)),
        (
            "ten backends each",
            document(
                110,
                all(100, &|it| {
                    policy(it, "Allow", "Enforce", ten(it), tools(10))
                }),
            ),
        ),
        (
            "ten backends, the same",
            document(
                10,
                all(100, &|it| policy(it, "Allow", "Enforce", ten(0), tools(10))),
            ),
        ),
        (
            "uris that are denied",
            document(
                0,
                all(10, &|it| {
                    policy(
                        it,
                        "Deny",
                        "Enforce",
                        json!(["Gateway"]),
                        rules(100, "resources/read", 10),
                    )
                }),
            ),
        ),
        (
            "listeners with next to nothing",
            document(
                5000,
                all(5000, &|it| {
                    policy(it, "Allow", "Audit", listener(it), bare())
                }),
            ),
        ),
        (
            "listeners, and everything audited",
            document(5000, {
                let mut policies = all(5000, &|it| {
                    policy(it, "Deny", "Enforce", listener(it), bare())
                });
                policies.push(policy(9000, "Allow", "Enforce", json!(["Gateway"]), bare()));
                policies.push(policy(9001, "Allow", "Audit", json!(["Gateway"]), bare()));
                policies.push(policy(9002, "Deny", "Audit", json!(["Gateway"]), bare()));
                policies
            }),
        ),
        (
            "rules for anyone",
            document(
                0,
                vec![policy(
                    0,
                    "Allow",
                    "Enforce",
                    json!(["Gateway"]),
                    anyone(50_000),
                )],
            ),
        ),
        (
            "rules that are alike",
            document(
                0,
                vec![policy(
                    0,
                    "Allow",
                    "Enforce",
                    json!(["Gateway"]),
                    alike(50_000),
                )],
            ),
        ),
        (
            "one tool for each rule",
            document(
                0,
                vec![policy(
                    0,
                    "Allow",
                    "Enforce",
                    json!(["Gateway"]),
                    rules(20_000, "tools/call", 1),
                )],
            ),
        ),
    ]
}

#[test]
fn it_takes_no_more_than_it_is_reckoned_to() {
    for (name, document) in shapes() {
        let text = document.to_string();
        let asked = Cell::new(0);
        let has_room = |size: usize| {
            asked.set(asked.get() + size);
            true
        };
        let mut kept = None;
        let loading =
            measure(|| kept = Some(Policies::from_json_within(&text, &has_room).unwrap()));
        let reckoned = memory_to_load(text.as_bytes());
        println!(
            "{name}: {} of text, {} at most, {} in the end; {reckoned} and {} reckoned",
            text.len(),
            loading.bytes_max,
            loading.bytes_current,
            asked.get(),
        );
        drop(kept);
        // Here, pointers and lengths are twice as long as in the filter.
        let most = u64::try_from(reckoned + asked.get()).unwrap();
        assert!(loading.bytes_max < most, "{name}");
    }
}

/// What is for the whole Gateway is filed once, however many listeners have policies.
#[test]
fn listeners_share_what_the_gateway_has() {
    let taken = |listeners: usize| {
        let bare = |number: usize| {
            let target = json!([{"Listener": format!("l{number}")}]);
            policy(number, "Allow", "Enforce", target, json!([{"name": "r"}]))
        };
        let mut policies: Vec<Value> = (0..listeners).map(bare).collect();
        let everywhere = |number: usize| {
            let rules = rules(10, "tools/call", 10);
            policy(1000 + number, "Allow", "Enforce", json!(["Gateway"]), rules)
        };
        policies.extend((0..100).map(everywhere));
        let text = document(listeners, policies).to_string();
        let mut kept = None;
        let loading = measure(|| kept = Some(Policies::from_json(&text).unwrap()));
        drop(kept);
        loading.bytes_current
    };
    let (none, many) = (taken(0), taken(64));
    assert!(many < 2 * none, "{none}, {many}");
}

/// The demo's policy, as `compile` writes it.
fn demo() -> Value {
    let read = |name: &str| {
        let path = format!("{}/policies/demo/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        Source::new(name, std::fs::read(path).unwrap())
    };
    let compiled = compile(vec![read("policy")], read("enforcement-point")).unwrap();
    serde_json::to_value(&compiled.policy).unwrap()
}

/// Every value below one, by its pointer.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, v)| (i.to_string(), v))
            .collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(at.clone());
        places(child, &at, all);
    }
}

fn take(document: &mut Value, at: &str) {
    let (parent, key) = at.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(&key)),
        Value::Array(items) => drop(items.remove(key.parse().unwrap())),
        _ => unreachable!(),
    }
}

/// A policy that has lost anything is no policy: what is left may be weaker.
#[test]
fn a_policy_that_was_changed_is_refused() {
    let sealed = demo();
    let loads = |document: &Value| Policies::from_json(document.to_string()).is_ok();
    assert!(loads(&sealed));
    // As it comes out of a protobuf `Struct`, numbers are doubles.
    let doubles = sealed.to_string().replace(":4194304,", ":4194304.0,");
    assert_ne!(doubles, sealed.to_string());
    assert!(Policies::from_json(doubles).is_ok());
    let mut all = Vec::new();
    places(&sealed, "", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    for at in all.iter().filter(|at| *at != "/seal") {
        let mut less = sealed.clone();
        take(&mut less, at);
        assert!(!loads(&less), "{at} is gone");
        let mut other = sealed.clone();
        let value = other.pointer_mut(at).unwrap();
        match value {
            Value::String(text) => text.push('x'),
            Value::Bool(flag) => *flag = !*flag,
            Value::Number(number) => *value = json!(number.as_u64().unwrap() + 1),
            Value::Array(items) if items.len() > 1 => items.swap(0, 1),
            _ => continue,
        }
        assert!(!loads(&other), "{at} is another");
    }
    // One that is written by hand has no seal.
    let mut unsealed = sealed;
    take(&mut unsealed, "/seal");
    assert!(loads(&unsealed));
}
