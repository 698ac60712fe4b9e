use super::*;
use crate::engine::json::RawValue;
use crate::engine::policy::CompiledPolicy;
use serde_json::{Value, json};

/// A document with every form there is.
fn everything() -> Value {
    let automaton = json!({"text": "a", "automaton": "AA=="});
    let rule = json!({
        "name": "r", "source": "spiffe://d/a",
        "http": {
            "methods": ["GET"],
            "paths": [{"Exact": "/a"}, {"PathPrefix": "/b"}, {"RegularExpression": automaton}],
            "headers": [
                {"name": "x", "value": {"Exact": "1"}},
                {"name": "y", "value": {"RegularExpression": automaton}},
            ],
            "hosts": ["h"], "ports": [80.0],
        },
        "mcp": {
            "methods": [{"name": "tools/call", "params": ["echo", "\u{e9}\n"]}, {"name": "resources"}],
            "baseProtocol": "Session",
        },
        "cel": {"text": "x", "nodes": ["string a b", "matches 0 0"], "patterns": [automaton]},
        "message": "m",
    });
    let policy = |action: &str, mode: &str, target: Value, auth: Option<Value>| {
        let mut policy = json!({
            "policy": {"namespace": "n", "name": "p"}, "action": action, "mode": mode,
            "targets": [target], "rules": [rule, {"name": "s"}],
        });
        if let Some(auth) = auth {
            policy["externalAuth"] = auth;
        }
        policy
    };
    let backend = json!({"namespace": "n", "name": "b"});
    let http = json!({"path": "/x", "allowedHeaders": ["a"], "allowedResponseHeaders": ["b"]});
    json!({
        "schemaVersion": 1, "digest": "d", "gateway": {"namespace": "n", "name": "g"},
        "settings": {
            "identity": {"Metadata": {"namespace": "n", "path": ["a", "b"], "trustDomain": "d"}},
            "allowPolicies": "Any", "unprotected": "Allow", "resourceParam": "Name",
            "requestHeaders": "Stream", "mcpPaths": ["/mcp"], "unknownMembers": "Pass",
            "denial": "Hide", "limits": {"bodyBytes": 1, "depth": 2},
            "externalAuth": {"timeout": 5, "onError": "Allow", "oversize": "Truncate"},
            "edge": true, "ports": [{"gateway": 443, "envoy": 10443}], "logAllowedPerMillion": 10,
        },
        "listeners": [{"name": "l", "port": 443}],
        "backends": [{"backend": backend, "clusters": ["c"]}],
        "policies": [
            policy("Allow", "Enforce", json!("Gateway"), None),
            policy("Deny", "Audit", json!({"Listener": "l"}), None),
            policy("ExternalAuth", "Enforce", json!({"Backend": backend}), Some(json!({
                "protocol": {"Http": http}, "cluster": "c", "authority": "a",
                "maxBody": 7, "order": 0,
            }))),
            policy("ExternalAuth", "Enforce", json!("Gateway"), Some(json!({
                "protocol": {"Grpc": {"allowedHeaders": ["a"]}}, "cluster": "c",
                "authority": "a", "order": 1,
            }))),
        ],
    })
}

/// Every place in a document.
fn places(value: &Value, place: &str, all: &mut Vec<String>) {
    all.push(place.to_owned());
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                places(value, &format!("{place}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                places(value, &format!("{place}/{number}"), all);
            }
        }
        _ => {}
    }
}

/// Whether both take it, to the same; what ours says where it does not.
fn compare(text: &str) -> Result<CompiledPolicy, String> {
    let ours = document::<CompiledPolicy>(text.as_bytes()).map_err(|error| error.to_string());
    match (&ours, serde_json::from_str::<CompiledPolicy>(text)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(*ours, theirs, "{text}"),
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{ours:?}, but serde {theirs:?}: {text}"),
    }
    ours
}

#[test]
fn what_is_written_is_read() {
    let text = everything().to_string();
    let read = compare(&text).unwrap();
    let again = serde_json::to_string(&read).unwrap();
    assert_eq!(compare(&again), Ok(read));
}

#[test]
fn every_member_lost_or_changed_means_what_serde_says() {
    let everything = everything();
    let mut all = Vec::new();
    places(&everything, "", &mut all);
    assert!(all.len() > 200);
    for place in &all {
        for other in [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(2e300),
            json!(""),
            json!("Deny"),
            json!([]),
            json!([""]),
            json!({}),
            json!({"Exact": ""}),
            json!({"Exact": "", "PathPrefix": ""}),
        ] {
            // serde takes an object for a word, and a list for an object: we take neither.
            let found = everything.pointer(place).unwrap();
            if found.is_object() && other.is_array() {
                continue;
            }
            let mut changed = everything.clone();
            *changed.pointer_mut(place).unwrap() = other;
            let _ = compare(&changed.to_string());
        }
        if let Some((parent, key)) = place.rsplit_once('/') {
            let mut less = everything.clone();
            let mut more = everything.clone();
            if let Value::Object(members) = less.pointer_mut(parent).unwrap() {
                members.remove(key);
                let _ = compare(&less.to_string());
            }
            if let Value::Object(members) = more.pointer_mut(parent).unwrap() {
                members.insert(format!("{key}_"), json!(1));
                assert!(compare(&more.to_string()).is_err(), "{place}");
            }
        }
    }
}

#[test]
fn every_truncation_and_every_member_twice_is_refused() {
    let text = everything().to_string();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(
            document::<CompiledPolicy>(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
    for (at, _) in text.match_indices("\":") {
        let key = text[..at].rfind('"').unwrap();
        let value = RawValue::new(&text.as_bytes()[at + 2..]).text().len();
        let member = &text[key..at + 2 + value];
        let twice = format!("{}{member},{}", &text[..key], &text[key..]);
        assert!(
            document::<CompiledPolicy>(twice.as_bytes()).is_err(),
            "{member}"
        );
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (place, value, said) in [
        (
            "/policies/1/rules/0/source",
            json!(1),
            "`policies[1].rules[0].source`: not a string",
        ),
        (
            "/policies/0/mode",
            json!("On"),
            "`policies[0].mode`: unknown word `On`",
        ),
        (
            "/settings/limits",
            json!({"depth": 1}),
            "`settings.limits`: no member `bodyBytes`",
        ),
        (
            "/gateway",
            json!({"kind": 1}),
            "`gateway.kind`: an unknown member",
        ),
        ("", json!([]), "not an object"),
    ] {
        let mut changed = everything();
        *changed.pointer_mut(place).unwrap() = value;
        let error = document::<CompiledPolicy>(changed.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}
