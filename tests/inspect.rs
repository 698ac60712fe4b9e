//! `accesspolicy check`: what it says of a running Envoy, as `render` writes it and with each
//! thing in it that takes the filter away.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::certificates::Authority;
use support::envoy::Envoy;
use support::{filter_module, root, yaml};
use tempfile::TempDir;

fn tool(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.args(arguments).current_dir(root());
    command.output().expect("it runs")
}

/// The demo's policy, compiled, and a whole Envoy with it.
fn demo(folder: &Path) -> (String, Value) {
    let of = |name: &str| format!("policies/demo/{name}.yaml");
    let (policy, point) = (of("policy"), of("enforcement-point"));
    let compiled = folder.join("policy.json").display().to_string();
    let done = tool(&[
        "compile",
        &policy,
        "--enforcement-point",
        &point,
        "-o",
        &compiled,
    ]);
    assert!(done.status.success(), "{done:?}");
    let authority = Authority::new(folder, "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    for (from, to) in [
        (authority.certificate(), "authority.pem"),
        (server.certificate.clone(), "server.pem"),
        (server.key.clone(), "server.key"),
    ] {
        if from != folder.join(to) {
            std::fs::copy(from, folder.join(to)).expect("a copy");
        }
    }
    let done = tool(&[
        "render",
        "--format",
        "envoy",
        "--form",
        "bootstrap",
        "--config",
        &compiled,
        "--module",
        filter_module().to_str().expect("a path"),
        "--listen",
        "127.0.0.1:0",
        "--admin-port",
        "1",
        "--cluster",
        "authorizer=127.0.0.1:9",
        "--certificates",
        folder.to_str().expect("a path"),
    ]);
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8(done.stdout).expect("text");
    let mut bootstrap = yaml::parse(&text).expect("YAML");
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    (compiled, bootstrap)
}

/// What is wrong with an Envoy, by what was looked at.
fn wrong(envoy: &Envoy, compiled: &str) -> (Vec<String>, Option<i32>) {
    let address = envoy.admin().to_string();
    let done = tool(&[
        "check", "--config", compiled, "--envoy", &address, "--output", "json",
    ]);
    let findings: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    let findings = findings["findings"].as_array().expect("findings").clone();
    let wrong = findings
        .iter()
        .filter(|finding| !finding["wrong"].is_null());
    let wrong = wrong.map(|finding| finding["check"].as_str().unwrap_or_default().to_owned());
    (wrong.collect(), done.status.code())
}

/// Something that takes the filter away, or what it relies on.
type Change = fn(manager: &mut Value, chain: &mut Value);

#[test]
fn what_takes_the_filter_away_is_found() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let changes: [(&[&str], Change); 10] = [
        (&[], |_, _| {}),
        (&["filter"], |manager, _| {
            manager["http_filters"].as_array_mut().unwrap().remove(0);
        }),
        (&["digest"], |manager, _| {
            let config = &mut manager["http_filters"][0]["typed_config"]["config"];
            let text = config["configuration"]["value"].as_str().unwrap();
            let mut policy: Value = serde_json::from_str(text).unwrap();
            policy["digest"] = json!("sha256:0");
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
    ];
    for (expected, change) in changes {
        let mut bootstrap = bootstrap.clone();
        let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
        let mut manager = chain["filters"][0]["typed_config"].take();
        change(&mut manager, chain);
        chain["filters"][0]["typed_config"] = manager;
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        let (wrong, code) = wrong(&envoy, &compiled);
        assert_eq!(wrong, expected);
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{expected:?}");
    }
}

/// As Envoy Gateway has it where a rule has several backendRefs: one cluster, a locality for each.
#[test]
fn several_backends_in_one_cluster_are_warned_of() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, mut bootstrap) = demo(folder.path());
    let policy = std::fs::read_to_string(&compiled).expect("the policy");
    let policy: Value = serde_json::from_str(&policy).expect("JSON");
    let listed = policy["backends"][0]["clusters"][0].clone();
    let warning = |bootstrap: &Value| {
        let envoy = Envoy::start(bootstrap).expect("Envoy serves");
        let address = envoy.admin().to_string();
        let done = tool(&["check", "--config", &compiled, "--envoy", &address]);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let said = String::from_utf8(done.stdout).expect("text");
        said.contains("warning: behind")
    };
    let clusters = bootstrap["static_resources"]["clusters"].as_array();
    let at = clusters.and_then(|all| all.iter().position(|found| found["name"] == listed));
    let at = at.expect("the cluster");
    let at = format!("/static_resources/clusters/{at}/load_assignment/endpoints");
    let place = bootstrap
        .pointer(&format!("{at}/0"))
        .expect("an endpoint")
        .clone();
    let mut with_backends = |count: usize| {
        let places = (0..count).map(|number| {
            let mut place = place.clone();
            place["locality"] = json!({"region": format!("httproute/a/b/rule/0/backend/{number}")});
            place["load_balancing_weight"] = json!(1);
            place
        });
        *bootstrap.pointer_mut(&at).expect("endpoints") = places.collect();
        warning(&bootstrap)
    };
    assert!(!with_backends(1));
    assert!(with_backends(2));
}

#[test]
fn what_is_no_dump_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, _) = demo(folder.path());
    let file = folder.path().join("dump.json");
    for (text, says) in [
        ("", "no JSON"),
        ("{}", "no configuration dump"),
        (r#"{"configs": []}"#, "no configuration dump"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let dump = file.to_str().expect("a path");
        let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // Of a dump without the filter, and without listeners.
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
    }]});
    std::fs::write(&file, dump.to_string()).expect("a file");
    let dump = file.to_str().expect("a path");
    let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("there is no chain of HTTP filters"), "{said}");
}
