//! What takes the filter away from a chain, or what it relies on.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{demo, found};
use crate::support::envoy::Envoy;

/// Something that takes the filter away, or what it relies on.
type Change = fn(manager: &mut Value, chain: &mut Value);

#[test]
fn what_takes_the_filter_away_is_found() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let changes: [(&[&str], Change); 12] = [
        (&[], |_, _| {}),
        (&["filter"], |manager, _| {
            manager["http_filters"].as_array_mut().unwrap().remove(0);
        }),
        (&["digest"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            let text = config["configuration"]["value"].as_str().unwrap();
            let mut policy: Value = serde_json::from_str(text).unwrap();
            policy.as_object_mut().unwrap().remove("seal");
            policy["digest"] = json!("sha256:0");
            config["configuration"]["value"] = json!(policy.to_string());
        }),
        (&["digest"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            let text = config["configuration"]["value"].as_str().unwrap();
            let mut policy: Value = serde_json::from_str(text).unwrap();
            policy.as_object_mut().unwrap().remove("seal");
            policy["settings"]["unprotected"] = json!("Allow");
            config["configuration"]["value"] = json!(policy.to_string());
        }),
        (&["enabled"], |manager, _| {
            manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = json!({
                "accesspolicy": {
                    "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                    "disabled": true,
                    "config": {"@type": "type.googleapis.com/google.protobuf.Empty"},
                },
            });
        }),
        (&["last"], |manager, _| {
            let buffer = json!({"name": "buffer", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 1000,
            }});
            manager["http_filters"]
                .as_array_mut()
                .unwrap()
                .insert(1, buffer);
        }),
        (&["failure"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            config["failure_policy"] = json!("FAIL_OPEN");
        }),
        (&["headers"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            config
                .as_object_mut()
                .unwrap()
                .remove("allow_on_headers_stop_iteration");
        }),
        (&["upgrades"], |manager, _| {
            let router = manager["http_filters"].as_array().unwrap().last().unwrap();
            manager["upgrade_configs"] =
                json!([{"upgrade_type": "websocket", "filters": [router.clone()]}]);
        }),
        (&["paths"], |manager, _| {
            manager["normalize_path"] = json!(false)
        }),
        (&["certificates"], |_, chain| {
            let tls = &mut chain["transport_socket"]["typed_config"]["common_tls_context"];
            tls["validation_context"]["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
        }),
        (&["certificates"], |_, chain| {
            let tls = &mut chain["transport_socket"]["typed_config"];
            tls["disable_stateful_session_resumption"] = json!(false);
        }),
    ];
    for (expected, change) in changes {
        let mut bootstrap = bootstrap.clone();
        let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
        let mut manager = chain["filters"][0]["typed_config"].take();
        change(&mut manager, chain);
        chain["filters"][0]["typed_config"] = manager;
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        let (wrong, warned, code) = found(&envoy, &compiled);
        assert_eq!(wrong, expected);
        assert!(warned.is_empty(), "{expected:?}: {warned:?}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{expected:?}");
    }
}
