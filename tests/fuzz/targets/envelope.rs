//! The message: what passes, serde_json reads as the same call.
#![no_main]

use accesspolicy::engine::mcp::{Claims, MessageReader};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let mut envelope = MessageReader::new(64);
    if envelope.push(body).is_err() {
        return;
    }
    let Ok(message) = envelope.message(&Claims::default()) else {
        return;
    };
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            assert!(
                error.to_string().starts_with("number out of range"),
                "{error}"
            );
            return;
        }
    };
    assert_eq!(value["jsonrpc"], "2.0");
    let Some(call) = message.call() else {
        assert!(value.get("method").is_none());
        return;
    };
    assert_eq!(value["method"], call.name);
    let objects: Vec<_> = call.objects.iter().map(|object| object.as_str()).collect();
    let params = &value["params"];
    match call.name {
        "tools/call" | "prompts/get" => assert_eq!(objects, [params["name"].as_str().unwrap()]),
        "resources/read" => assert_eq!(objects, [params["uri"].as_str().unwrap()]),
        _ => {}
    }
    if let Some(id) = message.id() {
        let id: Value = serde_json::from_slice(id.token()).unwrap();
        assert_eq!(value["id"], id);
    }
});
