//! What vectors cannot say: where decisions are more than allow and deny.

use super::*;
use crate::mcp::{Call, Message, Method, Thing, Things};
use crate::request::{Caller, Headers, HttpTarget, Operation, SpiffeId};
use serde_json::{Value, json};

fn load(settings: &Value, policies: &Value) -> Policies {
    let mut document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny", "unlisted": "Gateway",
            "requestHeaders": "Hold", "denial": "JsonRpc",
            "limits": {"bodyBytes": 1000, "depth": 64}
        },
        "listeners": [], "backends": [{"backend": {"namespace": "n", "name": "b"}, "clusters": ["c"]}],
        "policies": policies
    });
    for (name, value) in settings.as_object().unwrap() {
        document["settings"][name] = value.clone();
    }
    Policies::from_json(document.to_string().as_bytes()).unwrap()
}

fn policy(name: &str, target: Value, rules: Value) -> Value {
    let mut policy = json!({
        "policy": {"namespace": "n", "name": name}, "action": "Allow", "mode": "Enforce", "targets": [target]
    });
    if !rules.is_null() {
        policy["rules"] = rules;
    }
    policy
}

fn call(tool: &str) -> Operation<'_> {
    Operation::Message(Message::Notification {
        call: Call {
            method: Method::ToolsCall,
            name: "tools/call",
            things: Things::One(Thing::Tool(tool)),
            resource_name: None,
            named: None,
        },
    })
}

fn judge<'p>(
    policies: &'p Policies,
    cluster: Option<&str>,
    operation: Operation<'_>,
) -> Decision<'p> {
    let caller = Caller::Spiffe(SpiffeId::new("spiffe://d/a").unwrap());
    decide(
        policies,
        &Request {
            caller: &caller,
            cluster,
            http: HttpTarget::new(&Headers::default(), None),
            operation,
            body: b"",
            size: None,
            address: None,
            scheme: None,
            destination: None,
            protocol: None,
            arrived: None,
            time: None,
        },
        &Progress::default(),
    )
}

fn rule(name: &str, tools: &[&str]) -> Value {
    json!({"name": name, "source": "spiffe://d/a", "mcp": {
        "methods": [{"name": "tools/call", "params": tools}], "baseProtocol": "None"
    }})
}

#[test]
fn the_determining_rule_does_not_depend_on_order() {
    let rules = |first: &str, second: &str| json!([rule(first, &["t"]), rule(second, &["t"])]);
    for (first, second) in [("r1", "r2"), ("r2", "r1")] {
        for (p1, p2) in [("p1", "p2"), ("p2", "p1")] {
            for allow in ["All", "Any"] {
                let policies = load(
                    &json!({"allowPolicies": allow}),
                    &json!([
                        policy(p1, json!("Gateway"), rules(first, second)),
                        policy(p2, json!("Gateway"), rules(second, first)),
                    ]),
                );
                let Decision::Allow(permit) = judge(&policies, None, call("t")) else {
                    panic!()
                };
                let Basis::Policies {
                    gateway: Some(gateway),
                    backend: None,
                } = permit.basis()
                else {
                    panic!("{permit:?}")
                };
                assert_eq!(gateway.to_string(), "n/p1#r1");
            }
        }
    }
}

#[test]
fn a_denial_names_the_first_policy_that_does_not_allow() {
    let policies = load(
        &json!({}),
        &json!([
            policy("p1", json!("Gateway"), json!([rule("r", &["t", "u"])])),
            policy("p2", json!("Gateway"), json!([rule("r", &["t"])])),
            policy("p3", json!("Gateway"), json!([rule("r", &["v"])])),
        ]),
    );
    let denied_by = |tool| match judge(&policies, None, call(tool)) {
        Decision::Deny(Denial {
            reason:
                DenialReason::NotAllowed {
                    policy: Some(policy),
                    ..
                },
            ..
        }) => policy.name.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [denied_by("t"), denied_by("u"), denied_by("v")],
        ["p3", "p2", "p1"]
    );
}

#[test]
fn both_levels_determine() {
    let policies = load(
        &json!({}),
        &json!([
            policy("whole", json!("Gateway"), Value::Null),
            policy(
                "tools",
                json!({"Backend": {"namespace": "n", "name": "b"}}),
                json!([rule("r", &["t"])])
            ),
        ]),
    );
    let Decision::Allow(permit) = judge(&policies, Some("c"), call("t")) else {
        panic!()
    };
    let Basis::Policies {
        gateway: Some(gateway),
        backend: Some(backend),
    } = permit.basis()
    else {
        panic!("{permit:?}")
    };
    assert_eq!(
        [gateway.to_string(), backend.to_string()],
        ["n/whole", "n/tools#r"]
    );
    assert!(matches!(
        judge(&policies, Some("elsewhere"), call("u")),
        Decision::Allow(_)
    ));
    let Decision::Deny(denial) = judge(&policies, Some("c"), call("u")) else {
        panic!()
    };
    assert!(matches!(
        denial.reason,
        DenialReason::NotAllowed {
            level: LevelName::Backend,
            ..
        }
    ));
}

#[test]
fn a_cluster_that_is_not_known_is_refused_where_backends_are_protected() {
    let backend = json!({"Backend": {"namespace": "n", "name": "b"}});
    let protected = load(&json!({}), &json!([policy("p", backend, Value::Null)]));
    let Decision::Deny(denial) = judge(&protected, None, call("t")) else {
        panic!()
    };
    assert_eq!(denial.reason, DenialReason::NoCluster);
    let open = load(
        &json!({}),
        &json!([policy("p", json!("Gateway"), Value::Null)]),
    );
    assert!(matches!(judge(&open, None, call("t")), Decision::Allow(_)));
}

#[test]
fn a_cluster_that_no_backend_has_is_not_open_because_another_is_protected() {
    let backend = json!({"Backend": {"namespace": "n", "name": "b"}});
    let policies = json!([policy("p", backend, Value::Null)]);
    let deny = load(&json!({}), &policies);
    let Decision::Deny(denial) = judge(&deny, Some("misspelt"), call("t")) else {
        panic!()
    };
    assert_eq!(denial.reason, DenialReason::Unprotected);
    let allow = load(&json!({"unprotected": "Allow"}), &policies);
    assert!(matches!(
        judge(&allow, Some("misspelt"), call("t")),
        Decision::Allow(_)
    ));
}

#[test]
fn without_policies_the_enforcement_point_decides() {
    let deny = load(&json!({"unprotected": "Deny"}), &json!([]));
    let Decision::Deny(denial) = judge(&deny, None, call("t")) else {
        panic!()
    };
    assert_eq!(denial.reason, DenialReason::Unprotected);
    let allow = load(&json!({"unprotected": "Allow"}), &json!([]));
    let Decision::Allow(permit) = judge(&allow, None, call("t")) else {
        panic!()
    };
    assert_eq!(permit.basis(), Basis::Unprotected);
}

#[test]
fn a_subscription_is_judged_on_everything_it_names() {
    let policies = load(
        &json!({}),
        &json!([policy(
            "p",
            json!("Gateway"),
            json!([{
                "name": "r", "mcp": {"methods": [{"name": "resources/subscribe", "params": ["a", "b"]}], "baseProtocol": "Full"}
            }])
        )]),
    );
    let listen = |uris, tasks| {
        let things = Things::Subscriptions { uris, tasks };
        let call = Call {
            method: Method::SubscriptionsListen,
            name: "subscriptions/listen",
            things,
            resource_name: None,
            named: None,
        };
        judge(
            &policies,
            None,
            Operation::Message(Message::Notification { call }),
        )
    };
    assert!(matches!(listen("", ""), Decision::Allow(_)));
    assert!(matches!(listen("\0a\0b", ""), Decision::Allow(_)));
    assert!(matches!(listen("\0a\0c", ""), Decision::Deny(_)));
    assert!(matches!(listen("\0c\0a", ""), Decision::Deny(_)));
    assert!(matches!(listen("\0a", "\0t"), Decision::Deny(_)));
}
