use super::*;
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
        let level = level.level(crate::policy::View::Enforced);
        for selector in [echo, selector::BASE_PROTOCOL, selector::SOURCE] {
            let found = level.allow().rules(caller, selector);
            assert_eq!(found.len(), 1);
            assert_eq!(policies.rule_name(found[0]), Some("r"));
        }
        assert!(level.allow().rules(CallerKey::Anyone, echo).is_empty());
        assert!(level.allow().rules(caller, selector::ANYTHING).is_empty());
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
        let level = policies.gateway(None).level(crate::policy::View::Enforced);
        [
            selector::ANY_MCP,
            selector::SESSION,
            selector::BASE_PROTOCOL,
        ]
        .map(|selector| !level.allow().rules(caller, selector).is_empty())
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
fn an_unknown_member_is_refused() {
    let mut document = document();
    document["policies"][0]["rules"][0]["sources"] = json!("spiffe://d/b");
    assert!(load(&document).unwrap_err().to_string().contains("sources"));
}
