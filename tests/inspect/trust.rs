//! Whom and what it trusts.

use serde_json::{Value, json};

use crate::setup::{Case, follow, of_type};

#[test]
fn whom_it_trusts_is_found() {
    let cases: [Case; 8] = [
        (
            "a secret",
            |it| {
                let secret = it.secret(|_| {});
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &[],
            &[],
        ),
        (
            "a secret that accepts all",
            |it| {
                let secret = it.secret(|context| {
                    context["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
                });
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "a secret without an authority",
            |it| {
                let secret = it.secret(|context| *context = json!({"max_verify_depth": 1}));
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "half of it a secret",
            |it| {
                let secret = it.secret(|_| {});
                it.context()["combined_validation_context"] = json!({
                    "default_validation_context": {"max_verify_depth": 1},
                    "validation_context_sds_secret_config": secret,
                });
            },
            &[],
            &[],
        ),
        (
            "the half that is a secret accepts all",
            |it| {
                let secret = it.secret(|context| {
                    context["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
                });
                it.context()["combined_validation_context"] = json!({
                    "default_validation_context": {},
                    "validation_context_sds_secret_config": secret,
                });
            },
            &["certificates"],
            &[],
        ),
        (
            "a secret of the bootstrap",
            |it| {
                let _ = it.secret(|_| {});
                let text = std::fs::read_to_string(it.folder.join("ca.json"));
                let file: Value = serde_json::from_str(&text.expect("a file")).expect("JSON");
                let mut secret = file["resources"][0].clone();
                secret.as_object_mut().unwrap().remove("@type");
                it.bootstrap["static_resources"]["secrets"] = json!([secret]);
                it.context()["validation_context_sds_secret_config"] = json!({"name": "ca"});
            },
            &[],
            &[],
        ),
        (
            "a secret that does not come",
            |it| {
                let mut secret = it.secret(|_| {});
                secret["name"] = json!("other");
                secret["sds_config"]["initial_fetch_timeout"] = json!("0.1s");
                it.context()["validation_context_sds_secret_config"] = secret;
            },
            &["certificates"],
            &[],
        ),
        (
            "Envoy's validator of SPIFFE IDs",
            |it| {
                let kind = "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";
                let authority = it.context()["validation_context"]["trusted_ca"].clone();
                let domains = json!([{"name": "cluster.local", "trust_bundle": authority}]);
                it.context()["validation_context"] = json!({"custom_validator_config": {
                    "name": "envoy.tls.cert_validator.spiffe",
                    "typed_config": of_type(kind, json!({"trust_domains": domains})),
                }});
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}

#[test]
fn addresses_that_are_told_are_found() {
    let cases: [Case; 5] = [
        ("the connection's", |_| {}, &[], &[]),
        (
            "a hop's",
            |it| it.manager()["xff_num_trusted_hops"] = json!(1),
            &["edge"],
            &[],
        ),
        (
            "an extension's",
            |it| {
                let kind = "envoy.extensions.http.original_ip_detection.custom_header.v3.\
                            CustomHeaderConfig";
                let config = of_type(kind, json!({"header_name": "x-real-ip"}));
                let manager = it.manager();
                manager["original_ip_detection_extensions"] =
                    json!([{"name": "x", "typed_config": config}]);
                // Envoy takes one of them only.
                manager["use_remote_address"] = json!(false);
            },
            &["edge"],
            &[],
        ),
        (
            "the listener's",
            |it| {
                let kind = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
                it.listener()["listener_filters"] =
                    json!([{"name": "x", "typed_config": of_type(kind, json!({}))}]);
            },
            &["edge"],
            &[],
        ),
        (
            "another filter of the listener's",
            |it| {
                let kind = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
                it.listener()["listener_filters"] =
                    json!([{"name": "x", "typed_config": of_type(kind, json!({}))}]);
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({"edge": true}));
}
