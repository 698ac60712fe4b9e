use super::*;
use crate::engine::policy::{CallerKey, selector};
use serde_json::{Value, json};

fn document() -> Value {
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
        "listeners": [], "backends": [{"backend": {"namespace": "infra", "name": "b"}, "clusters": ["b1", "b2"]}],
        "policies": [{
            "policy": {"namespace": "infra", "name": "p"},
            "action": "Allow", "mode": "Enforce",
            "targets": ["Gateway", {"Backend": {"namespace": "infra", "name": "b"}}],
            "rules": [{
                "name": "r",
                "source": "spiffe://d/a",
                "mcp": {"methods": [{"name": "tools/call", "params": ["echo"]}], "baseProtocol": "Full"}
            }]
        }]
    })
}

fn load(document: &Value) -> Result<Policies, LoadError> {
    Policies::from_json(document.to_string().as_bytes())
}

/// What loading says of the document with one member replaced.
fn refusal(pointer: &str, value: Value) -> String {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap() = value;
    load(&document).unwrap_err().to_string()
}

#[test]
fn a_rule_is_found_under_what_it_asks_for() {
    let policies = load(&document()).unwrap();
    let caller = CallerKey::Caller(policies.caller("spiffe://d/a").unwrap());
    let echo = policies
        .thing(super::super::MethodName::ToolsCall, "echo")
        .unwrap();
    for level in [
        policies.gateway(None),
        policies.backend("b1").unwrap(),
        policies.backend("b2").unwrap(),
    ] {
        let level = level.level(crate::engine::policy::Evaluation::Enforced);
        for selector in [echo, selector::BASE_PROTOCOL, selector::SOURCE] {
            let found: Vec<_> = level.allow().rules(caller, selector).flatten().collect();
            assert_eq!(found.len(), 1);
            assert_eq!(policies.rule_name(*found[0]), Some("r"));
        }
        let is_filed = |caller, selector| level.allow().rules(caller, selector).next().is_some();
        assert!(!is_filed(CallerKey::Anyone, echo));
        assert!(!is_filed(caller, selector::ANYTHING));
    }
    assert!(policies.backend("elsewhere").is_none());
}

#[test]
fn the_trip_through_a_struct_changes_nothing() {
    let text = document()
        .to_string()
        .replace("1048576", "1048576.0")
        .replace(":64", ":6.4e1");
    let policies = Policies::from_json(text.as_bytes()).unwrap();
    assert_eq!(policies.settings().limits.body_bytes.get(), 1_048_576);
    assert_eq!(policies.settings().limits.depth.get(), 64);
}

#[test]
fn empty_text_is_refused() {
    for text in ["", " \n"] {
        assert!(matches!(
            Policies::from_json(text.as_bytes()),
            Err(LoadError::Empty)
        ));
    }
}

#[test]
fn every_truncation_is_refused() {
    let text = document().to_string();
    for end in 0..text.len() {
        assert!(
            Policies::from_json(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
}

#[test]
fn another_schema_version_is_named_whatever_else_the_document_holds() {
    let text = r#"{"schemaVersion": 2.0, "somethingNew": []}"#;
    let error = Policies::from_json(text.as_bytes()).unwrap_err();
    assert!(
        matches!(error, LoadError::SchemaVersion { found: 2 }),
        "{error}"
    );
    assert!(refusal("/schemaVersion", json!(0)).contains("schema version 0"));
}

#[test]
fn null_is_not_absent() {
    for pointer in [
        "/policies/0/rules",
        "/policies/0/rules/0/source",
        "/policies/0/rules/0/mcp",
    ] {
        assert!(
            refusal(pointer, Value::Null).contains("not a compiled policy"),
            "{pointer}"
        );
    }
}

#[test]
fn how_much_of_the_base_protocol_matches_is_said_in_full() {
    for value in [json!(true), json!(null), json!("full"), json!("")] {
        let said = refusal("/policies/0/rules/0/mcp/baseProtocol", value.clone());
        assert!(said.contains("not a compiled policy"), "{value}");
    }
    let mut document = document();
    let mcp = document.pointer_mut("/policies/0/rules/0/mcp").unwrap();
    mcp.as_object_mut().unwrap().remove("baseProtocol");
    let said = load(&document).unwrap_err().to_string();
    assert!(said.contains("baseProtocol"), "{said}");
}

#[test]
fn a_rule_is_filed_under_its_part_of_the_base_protocol() {
    let found = |base: &str| {
        let mut document = document();
        document["policies"][0]["rules"][0]["mcp"] = json!({"baseProtocol": base});
        let policies = load(&document).unwrap();
        let caller = CallerKey::Caller(policies.caller("spiffe://d/a").unwrap());
        let level = policies
            .gateway(None)
            .level(crate::engine::policy::Evaluation::Enforced);
        [
            selector::ANY_MCP,
            selector::SESSION,
            selector::BASE_PROTOCOL,
        ]
        .map(|selector| level.allow().rules(caller, selector).next().is_some())
    };
    assert_eq!(found("None"), [true, false, false]);
    assert_eq!(found("Session"), [false, true, false]);
    assert_eq!(found("Full"), [false, false, true]);
}

#[test]
fn an_empty_list_is_refused() {
    for pointer in [
        "/policies/0/rules",
        "/policies/0/targets",
        "/policies/0/rules/0/mcp/methods",
        "/policies/0/rules/0/mcp/methods/0/params",
    ] {
        assert!(
            refusal(pointer, json!([])).contains("empty list"),
            "{pointer}"
        );
    }
}

#[test]
fn contradictions_are_refused() {
    let twice = document()["policies"][0].clone();
    assert!(refusal("/policies", json!([twice, twice])).contains("listed twice"));
    assert!(refusal("/backends", json!([])).contains("not listed"));
    let backend = document()["backends"][0].clone();
    assert!(refusal("/backends", json!([backend, backend])).contains("serves two backends"));
    assert!(
        refusal(
            "/policies/0/rules/0/mcp/methods/0/name",
            json!("tools/list")
        )
        .contains("acts on nothing")
    );
}

#[test]
fn what_is_wrong_first_is_told_whatever_the_order_of_the_text() {
    let mut document = document();
    let policy = |name: &str, params: Value| {
        let mut policy = document["policies"][0].clone();
        policy["policy"]["name"] = json!(name);
        policy["rules"][0]["mcp"]["methods"][0]["params"] = params;
        policy
    };
    let policies = json!([policy("b", json!([])), policy("a", json!([]))]);
    let malformed = json!([policy("a", json!([])), policy("b", json!(1))]);
    document["policies"] = policies;
    let said = load(&document).unwrap_err().to_string();
    assert!(said.contains("policy `infra/a`"), "{said}");
    document["policies"] = malformed;
    let said = load(&document).unwrap_err().to_string();
    assert!(said.contains("policies[1].rules[0].mcp"), "{said}");
}

#[test]
fn an_unknown_member_is_refused() {
    let mut document = document();
    document["policies"][0]["rules"][0]["sources"] = json!("spiffe://d/b");
    assert!(load(&document).unwrap_err().to_string().contains("sources"));
}

/// SECURITY: what a client could say is no fact, whatever the text of a policy says.
#[test]
fn facts_of_the_connection_take_an_edge() {
    let cel = |node: &str| json!({"text": "?", "nodes": [node], "patterns": []});
    for (fact, needs) in [
        ("has source.address", true),
        ("has request.scheme", true),
        ("has destination.port", false),
        ("has request.id", false),
    ] {
        let mut document = document();
        document["policies"][0]["rules"][0]["cel"] = cel(fact);
        for (edge, is_taken) in [(None, !needs), (Some(false), !needs), (Some(true), true)] {
            if let Some(edge) = edge {
                document["settings"]["edge"] = json!(edge);
            }
            let loaded = load(&document);
            assert_eq!(loaded.is_ok(), is_taken, "{fact} {edge:?}");
            if let Ok(policies) = loaded {
                let found = policies.needs();
                assert_eq!(found.address || found.scheme, needs, "{fact} {edge:?}");
            }
        }
    }
    let mut asking = asking(auth());
    asking["policies"][0]["externalAuth"]["protocol"] = json!({"Grpc": {}});
    for edge in [false, true] {
        asking["settings"]["edge"] = json!(edge);
        let policies = load(&asking).unwrap();
        let needs = policies.needs();
        assert_eq!((needs.address, needs.scheme), (edge, edge));
    }
    asking["settings"]["edge"] = json!("true");
    let said = load(&asking).unwrap_err().to_string();
    assert!(said.contains("settings.edge"), "{said}");
}

fn asking(auth: Value) -> Value {
    let mut document = document();
    let policy = &mut document["policies"][0];
    policy["action"] = json!("ExternalAuth");
    policy["externalAuth"] = auth;
    document
}

fn auth() -> Value {
    json!({"protocol": {"Http": {"path": "", "allowedHeaders": []}},
        "cluster": "c", "authority": "c:80", "order": 3.0})
}

#[test]
fn who_asks_says_whom_and_nobody_else_does() {
    assert!(load(&asking(auth())).is_ok());
    assert!(refusal("/policies/0/action", json!("ExternalAuth")).contains("whom it asks"));
    let mut document = asking(auth());
    document["policies"][0]["action"] = json!("Deny");
    let said = load(&document).unwrap_err().to_string();
    assert!(said.contains("whom it asks"), "{said}");
}

#[test]
fn what_an_authorizer_is_shown_is_said_in_full() {
    let with = |name: &str, value: Value| {
        let mut auth = auth();
        auth[name] = value;
        load(&asking(auth)).unwrap_err().to_string()
    };
    let http = |headers: Value| json!({"Http": {"path": "", "allowedHeaders": [], "allowedResponseHeaders": headers}});
    assert!(with("maxBody", json!(0)).contains("0 bytes"));
    assert!(with("maxBody", Value::Null).contains("not a compiled policy"));
    assert!(with("protocol", http(json!([]))).contains("empty list"));
    assert!(with("protocol", http(Value::Null)).contains("not a compiled policy"));
    assert!(with("protocol", json!({"Grpc": {"allowedHeaders": []}})).contains("empty list"));
    assert!(with("order", json!(-1)).contains("not a compiled policy"));
    assert!(with("other", json!(1)).contains("other"));
    let mut streamed = asking(auth());
    streamed["settings"]["requestHeaders"] = json!("Stream");
    assert!(load(&streamed).unwrap_err().to_string().contains("no path"));
    streamed["settings"]["mcpPaths"] = json!(["/mcp"]);
    assert!(load(&streamed).is_ok());
    streamed["policies"][0]["externalAuth"]["protocol"] = http(json!(["x-user"]));
    let said = load(&streamed).unwrap_err().to_string();
    assert!(said.contains("streamed"), "{said}");
}

#[test]
fn a_timeout_is_never_for_ever() {
    for (timeout, is_taken) in [(json!(1), true), (json!(0), false), (Value::Null, false)] {
        let mut document = document();
        document["settings"]["externalAuth"] =
            json!({"timeout": timeout, "onError": "Deny", "oversize": "Reject"});
        assert_eq!(load(&document).is_ok(), is_taken, "{timeout}");
    }
    let mut document = document();
    document["settings"]["externalAuth"] = Value::Null;
    assert!(load(&document).is_err());
}

#[test]
fn policies_ask_in_their_order_and_then_by_name() {
    let mut document = asking(auth());
    let mut policies = Vec::new();
    for (name, order) in [("a", 7), ("b", 1), ("c", 7), ("d", 0)] {
        let mut policy = document["policies"][0].clone();
        policy["policy"]["name"] = json!(name);
        policy["externalAuth"]["order"] = json!(order);
        policies.insert(0, policy);
    }
    document["policies"] = json!(policies);
    let loaded = load(&document).unwrap();
    let attached = loaded.backend("b1").unwrap();
    let level = attached.level(crate::engine::policy::Evaluation::Enforced);
    let names = level
        .asking()
        .policies()
        .map(|id| loaded.policy_name(id).unwrap().name.clone());
    assert_eq!(names.collect::<Vec<_>>(), ["d", "b", "a", "c"]);
}

#[test]
fn rules_that_are_alike_take_the_room_of_one() {
    let mut document = document();
    let rule = document["policies"][0]["rules"][0].clone();
    let rules = (0..1000).map(|number| {
        let mut rule = rule.clone();
        rule["name"] = json!(format!("r{number:04}"));
        rule
    });
    document["policies"][0]["rules"] = rules.collect();
    let policies = load(&document).unwrap();
    let allow = &policies.targets.gateway.enforced.allow;
    let capacity = allow.parts[0].rules.capacity();
    assert!(capacity < 16, "{capacity}");
    let caller = CallerKey::Caller(policies.caller("spiffe://d/a").unwrap());
    assert_eq!(
        allow.rules(caller, selector::SOURCE).flatten().count(),
        1000
    );
}

/// A document with policies without rules: the name, the action, the mode and the targets of
/// each.
fn attached(policies: &[(&str, &str, &str, Value)]) -> Policies {
    let mut document = document();
    document["listeners"] = json!([{"name": "l1", "port": 1}, {"name": "l2", "port": 2}]);
    let policies = policies.iter().map(|(name, action, mode, targets)| {
        json!({
            "policy": {"namespace": "infra", "name": name},
            "action": action, "mode": mode, "targets": targets,
        })
    });
    document["policies"] = policies.collect();
    load(&document).unwrap()
}

/// The names of the policies of a group, in order, of those that have a rule for anything
/// and everybody.
fn names(policies: &Policies, group: &crate::engine::policy::PolicyGroup) -> String {
    let name = |id| policies.policy_name(id).unwrap().name.clone();
    let all: Vec<String> = group.policies().map(name).collect();
    let filed = group.rules(CallerKey::Anyone, selector::ANYTHING);
    let filed: std::collections::BTreeSet<PolicyId> =
        filed.flatten().map(|rule| rule.policy).collect();
    assert!(group.policies().eq(filed));
    all.join("")
}

#[test]
fn a_listener_has_the_policies_of_the_gateway_in_their_order() {
    use crate::engine::policy::Evaluation::{Audited, Enforced};
    let (l1, l2) = (json!({"Listener": "l1"}), json!({"Listener": "l2"}));
    let backend = json!({"Backend": {"namespace": "infra", "name": "b"}});
    let policies = attached(&[
        ("a", "Allow", "Enforce", json!([l1])),
        ("b", "Allow", "Enforce", json!(["Gateway"])),
        ("c", "Allow", "Audit", json!([l1])),
        ("d", "Allow", "Audit", json!(["Gateway", l1])),
        ("e", "Allow", "Enforce", json!([l1, "Gateway", l1])),
        ("f", "Allow", "Enforce", json!([l1, l2, backend])),
        ("g", "Deny", "Enforce", json!([l2])),
        ("h", "Deny", "Audit", json!(["Gateway"])),
    ]);
    let allow = |port, view| names(&policies, policies.gateway(port).level(view).allow());
    let deny = |port, view| names(&policies, policies.gateway(port).level(view).deny());
    assert_eq!(allow(Some(1), Enforced), "abef");
    assert_eq!(allow(Some(1), Audited), "abcdef");
    assert_eq!(allow(Some(2), Enforced), "bef");
    assert_eq!(allow(Some(2), Audited), "bdef");
    for port in [None, Some(3)] {
        assert_eq!(allow(port, Enforced), "be");
        assert_eq!(allow(port, Audited), "bde");
    }
    assert_eq!(deny(Some(1), Enforced), "");
    assert_eq!(deny(Some(1), Audited), "h");
    assert_eq!(deny(Some(2), Audited), "gh");
    let backend = policies.backend("b1").unwrap();
    assert_eq!(names(&policies, backend.level(Enforced).allow()), "f");
    assert!(!backend.has_audited());
    assert!(policies.gateway(None).has_audited());
}

#[test]
fn what_several_targets_have_is_filed_once() {
    let (l1, l2) = (json!({"Listener": "l1"}), json!({"Listener": "l2"}));
    let policies = attached(&[
        ("a", "Allow", "Enforce", json!(["Gateway"])),
        ("b", "Allow", "Enforce", json!([l1, l2])),
        ("c", "Allow", "Audit", json!([l1])),
    ]);
    let parts = |port, view| {
        let level = policies.gateway(port).level(view);
        let parts = level.allow().parts.iter().map(Rc::as_ptr);
        parts.collect::<std::collections::BTreeSet<_>>()
    };
    use crate::engine::policy::Evaluation::{Audited, Enforced};
    assert_eq!(parts(Some(1), Enforced).len(), 2);
    assert_eq!(parts(Some(1), Enforced), parts(Some(2), Enforced));
    assert!(parts(Some(1), Audited).is_superset(&parts(Some(1), Enforced)));
    assert!(parts(Some(1), Enforced).is_superset(&parts(None, Enforced)));
}

#[test]
fn an_index_that_there_is_no_memory_for_is_not_made() {
    let text = document().to_string();
    let asked = std::cell::Cell::new(0);
    let load = |most: usize| {
        Policies::from_json_within(&text, &|size| {
            asked.set(asked.get() + size);
            asked.get() <= most
        })
    };
    assert!(load(usize::MAX).is_ok());
    let all = asked.take();
    assert!(load(all).is_ok());
    asked.set(0);
    let refusal = load(all - 1).unwrap_err();
    assert!(matches!(refusal, LoadError::Unaffordable));
}
