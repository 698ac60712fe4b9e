//! What vectors cannot say: where decisions are more than allow and deny.

use super::*;
use crate::engine::mcp::{Call, Message, Method, Object, Objects};
use crate::engine::request::{Caller, Headers, HttpRequest, Operation, SpiffeId};
use serde_json::{Value, json};

fn load(settings: &Value, policies: &Value) -> Policies {
    load_with(settings, &backend(), policies)
}

fn backend() -> Value {
    json!([{"backend": {"namespace": "n", "name": "b"}, "clusters": ["c"]}])
}

fn load_with(settings: &Value, backends: &Value, policies: &Value) -> Policies {
    let document = document(settings, backends, policies);
    Policies::from_json(document.to_string().as_bytes()).unwrap()
}

fn document(settings: &Value, backends: &Value, policies: &Value) -> Value {
    let mut document = json!({
        "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny", "unlisted": "Gateway",
            "requestHeaders": "Hold", "denial": "JsonRpc",
            "limits": {"bodyBytes": 1000, "depth": 64}
        },
        "listeners": [], "backends": backends,
        "policies": policies
    });
    for (name, value) in settings.as_object().unwrap() {
        document["settings"][name] = value.clone();
    }
    document
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
            objects: Objects::One(Object::Tool(tool)),
            resource_name: None,
            unknown: None,
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
            http: HttpRequest::new(&Headers::default(), None),
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
        &CompletedCalls::default(),
        &Allowance::default(),
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
        let things = Objects::Subscriptions {
            uris,
            tasks,
            changes: false,
        };
        let call = Call {
            method: Method::SubscriptionsListen,
            name: "subscriptions/listen",
            objects: things,
            resource_name: None,
            unknown: None,
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

/// A call with parameters, and the head that it comes with.
fn judge_params<'p>(
    policies: &'p Policies,
    body: &[u8],
    (progress, allowance): (&CompletedCalls, &Allowance),
    see: impl FnOnce(&Request<'_>, Decision<'p>),
) {
    let headers = Headers::from_lines([(":path", "/mcp"), (":method", "POST")]);
    let request = Request {
        caller: &Caller::default(),
        cluster: Some("c"),
        http: HttpRequest::new(&headers, None),
        operation: call("t"),
        body,
        size: None,
        address: None,
        scheme: None,
        destination: None,
        protocol: None,
        arrived: None,
        time: None,
    };
    see(&request, decide(policies, &request, progress, allowance));
}

/// Whether a list has a letter: each item costs steps.
fn has(letter: &str) -> Value {
    let list = ["fact request.mcp.params", "field 0 l"];
    let item = format!("string {letter}");
    json!({"text": letter, "patterns": [], "nodes":
        [list[0], list[1], "item 0", &item, "equal 2 3", "exists 1 4"]})
}

fn with_letters(count: usize) -> Vec<u8> {
    let letters = vec!["z"; count];
    json!({"method": "tools/call", "params": {"l": letters}})
        .to_string()
        .into_bytes()
}

fn deny(name: &str, target: Value, rules: usize) -> Value {
    let rules = (0..rules).map(|it| json!({"name": format!("r{it}"), "cel": has(&it.to_string())}));
    let mut policy = policy(name, target, rules.collect());
    policy["action"] = json!("Deny");
    policy
}

/// Every backend has its policies, and all of them take from one allowance.
#[test]
fn backends_share_what_a_request_may_take() {
    let backends: Vec<Value> = (0..50)
        .map(|it| json!({"backend": {"namespace": "n", "name": format!("b{it:02}")}, "clusters": [if it == 0 { "c".to_owned() } else { format!("c{it}") }]}))
        .collect();
    let targets = |it: usize| json!({"Backend": {"namespace": "n", "name": format!("b{it:02}")}});
    let of = |same: bool| {
        let mut policies: Vec<Value> =
            vec![policy("all", json!("Gateway"), json!([{"name": "r"}]))];
        if same {
            let mut one = deny("no", targets(0), 1);
            one["targets"] = (0..50).map(targets).collect();
            policies.push(one);
        } else {
            policies.extend((0..50).map(|it| deny(&format!("no{it:02}"), targets(it), 1)));
        }
        load_with(
            &json!({"unlisted": "Deny"}),
            &json!(backends),
            &json!(policies),
        )
    };
    for (same, letters, allowed) in [
        (false, 10, true),
        (false, 10_000, false),
        (true, 10_000, true),
    ] {
        let policies = of(same);
        let (progress, allowance) = (CompletedCalls::default(), Allowance::default());
        let body = with_letters(letters);
        judge_params(
            &policies,
            &body,
            (&progress, &allowance),
            |request, decision| {
                let Decision::Allow(permit) = decision else {
                    panic!("{decision:?}")
                };
                let found = allowed_everywhere(&policies, request, &progress, &permit, &allowance);
                assert_eq!(found.is_ok(), allowed, "{same} {letters}");
            },
        );
    }
}

/// What the engine had no steps left for is not told as if it had.
#[test]
fn a_trace_ends_where_the_steps_do() {
    for (rules, letters, allowed) in [(30, 10, true), (30, 15_000, false), (3, 15_000, true)] {
        let policies = json!([
            policy("all", json!("Gateway"), json!([{"name": "r"}])),
            deny("no", json!("Gateway"), rules),
            // In Audit mode all is judged a second time.
            {"policy": {"namespace": "n", "name": "p"}, "action": "Allow", "mode": "Audit", "targets": ["Gateway"]},
        ]);
        let text = document(&json!({}), &backend(), &policies).to_string();
        let (document, policies) =
            crate::engine::policy::NumberedPolicy::load(serde_json::from_str(&text).unwrap())
                .unwrap();
        let allowance = Allowance::default();
        let body = with_letters(letters);
        judge_params(
            &policies,
            &body,
            (&CompletedCalls::default(), &allowance),
            |request, decision| {
                assert_eq!(
                    matches!(decision, Decision::Allow(_)),
                    allowed,
                    "{rules} {letters}"
                );
                let trace = explain(&policies, &document, request, 0);
                assert!(
                    trace.contradiction().is_none(),
                    "{:?}",
                    trace.contradiction()
                );
                assert_eq!(matches!(trace.decision, Decision::Allow(_)), allowed);
            },
        );
    }
}
