//! The filter in every Envoy that it is for, headers held and streamed.
//!
//! `$ACCESSPOLICY_TEST_ENVOYS` names them, one path after the other with `:` between;
//! `scripts/test` sets it. Without it, the one Envoy of the other tests is taken.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use accesspolicy::engine::policy::CompiledPolicy;
use accesspolicy::tool::compile::{Source, compile};
use accesspolicy::tool::render::{self, Edge};
use serde_json::{Value, json};
use support::certificates::Authority;
use support::client::Client;
use support::config::{Bootstrap, Cluster, Listener};
use support::envoy::{self, Envoy, Options};
use support::filter_module;
use support::message::Request;
use support::recorder::Recorder;
use tempfile::TempDir;

const MODES: [&str; 2] = ["Hold", "Stream"];

/// A file of `policies/demo`.
fn read(name: &str) -> String {
    fs::read_to_string(support::root().join("policies/demo").join(name)).unwrap()
}

/// `policies/demo`, with `over` in its enforcement point.
fn demo(over: &str) -> CompiledPolicy {
    compiled(read("policy.yaml"), read("enforcement-point.yaml") + over)
}

fn compiled(policy: String, point: String) -> CompiledPolicy {
    let compiled = compile(
        vec![Source::new("policy", policy)],
        Source::new("point", point),
    );
    compiled
        .unwrap_or_else(|report| panic!("{:?}", report.diagnostics))
        .policy
}

/// What `render --format envoy` writes, with callers that say who they are.
fn filter(mode: &str) -> Value {
    let over = format!("requestHeaders: {mode}\nidentity: {{from: ForwardedClientCert}}\n");
    // With streamed headers an authorizer's cannot go to the server.
    let policy = read("policy.yaml");
    let plain = policy.replace("allowedResponseHeaders: [x-approved-by]", "path: /check");
    assert_ne!(plain, policy);
    let policy = compiled(plain, read("enforcement-point.yaml") + &over);
    let rendered = render::filter(&policy, filter_module().to_str().unwrap());
    serde_saphyr::from_str::<Value>(&rendered).unwrap()[0].clone()
}

/// What `render --form bootstrap` writes serves, with the policy in it and in a file.
#[test]
fn the_whole_envoy_serves() {
    for is_discovered in [false, true] {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new(folder.path(), "authority").unwrap();
        authority.server("server").unwrap();
        let reader = "spiffe://cluster.local/ns/agents/sa/reader";
        let reader = authority.client("reader", &[reader]).unwrap();
        let recorder = Recorder::start();
        let module = filter_module();
        let module = module.to_str().unwrap();
        let file = folder.path().join("filter.yaml");
        fs::write(&file, render::discovery(&demo(""), module)).unwrap();
        let edge = Edge {
            listen: ([127, 0, 0, 1], 0).into(),
            admin_port: Some(9901),
            upstream: recorder.address().into(),
            clusters: vec!["authorizer=127.0.0.1:9".parse().unwrap()],
            routes: Vec::new(),
            certificates: folder.path().display().to_string(),
            discovery: is_discovered.then(|| file.display().to_string()),
        };
        let text = render::bootstrap(&demo(""), module, &edge).unwrap();
        let mut bootstrap: Value = serde_saphyr::from_str(&text).unwrap();
        bootstrap["admin"]["address"]["socket_address"]["port_value"] = json!(0);
        let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
        let address = envoy.listener("mcp");
        let client = Client::tls(address, &authority.certificate(), Some(&reader)).unwrap();
        let call = |tool: &str| {
            let body = json!({
                "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool},
            });
            let request = Request::mcp(body.to_string()).target("/mcp");
            client.send(&request).expect("an answer").json()
        };
        assert!(call("echo").get("result").is_some());
        assert_eq!(call("get-sum")["error"]["code"], 403);
        assert_eq!(recorder.requests_when_quiet().len(), 1);
        // What is no MCP is judged as well, and goes nowhere unless a policy lets it.
        let health = Request::new("GET", "/healthz");
        assert_eq!(client.send(&health).expect("an answer").status, 403);
        // Metrics have the labels of the README.
        let metrics = envoy.ask("/stats/prometheus").expect("metrics");
        let counted = r#"accesspolicy_requests_total{decision="deny",reason="policy"} 2"#;
        assert!(metrics.contains(counted), "{metrics}");
        assert_eq!(envoy.vm_failures(), []);
    }
}

/// And with several MCP servers, each at a path, an authorizer that speaks gRPC, and no admin
/// interface to ask: `--mode validate` takes it.
#[test]
fn the_whole_envoy_takes_several_servers_and_grpc() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new(folder.path(), "authority").unwrap();
    authority.server("server").unwrap();
    let policy = read("policy.yaml");
    let (front, rest) = policy.split_once("protocol: HTTP").unwrap();
    let (_, rules) = rest.split_once("  rules:").unwrap();
    let asks = "backendRef: {name: authorizer, port: 9000}\n    grpc: {}";
    let point = read("enforcement-point.yaml").replace("[everything]", "[everything, other]");
    let policy = compiled(
        format!("{front}protocol: GRPC\n    {asks}\n  rules:{rules}"),
        point,
    );
    let clusters = [
        "everything=127.0.0.1:8000",
        "other=localhost:8001",
        "authorizer=localhost:9000",
    ];
    let edge = Edge {
        listen: ([127, 0, 0, 1], 0).into(),
        admin_port: None,
        upstream: "127.0.0.1:1".parse().unwrap(),
        clusters: clusters.map(|cluster| cluster.parse().unwrap()).into(),
        routes: ["/=everything", "/other=other"]
            .map(|route| route.parse().unwrap())
            .into(),
        certificates: folder.path().display().to_string(),
        discovery: None,
    };
    let text = render::bootstrap(&policy, filter_module().to_str().unwrap(), &edge).unwrap();
    let whole: Value = serde_saphyr::from_str(&text).unwrap();
    let clusters = whole["static_resources"]["clusters"].as_array().unwrap();
    let is_http2 = clusters.iter().map(|cluster| {
        let options = &cluster["typed_extension_protocol_options"];
        (cluster["name"].as_str().unwrap(), options.is_object())
    });
    let expected = [
        ("everything", false),
        ("other", false),
        ("authorizer", true),
    ];
    assert!(is_http2.eq(expected), "{text}");
    let file = folder.path().join("envoy.yaml");
    fs::write(&file, text).unwrap();
    let mut program = Command::new(envoy::binary());
    program.args(["--mode", "validate", "--config-path"]);
    let output = program.arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn every_envoy_runs_the_filter() {
    let named = std::env::var_os("ACCESSPOLICY_TEST_ENVOYS").filter(|named| !named.is_empty());
    let envoys: Vec<PathBuf> = match &named {
        Some(named) => std::env::split_paths(named).collect(),
        None => vec![envoy::binary().to_owned()],
    };
    for binary in envoys {
        let start = Instant::now();
        runs(Box::leak(binary.clone().into_boxed_path()));
        println!("{} ({:.1?})", binary.display(), start.elapsed());
    }
}

fn runs(binary: &'static Path) {
    let recorder = Recorder::start();
    let bootstrap = Bootstrap {
        listeners: MODES
            .map(|mode| Listener::plain(mode).route("/", "everything"))
            .to_vec(),
        clusters: vec![Cluster::new("everything", recorder.address())],
    };
    let mut bootstrap = bootstrap.json();
    for (number, mode) in MODES.iter().enumerate() {
        let manager = &mut bootstrap["static_resources"]["listeners"][number]["filter_chains"][0]["filters"]
            [0]["typed_config"];
        manager["http_filters"]
            .as_array_mut()
            .unwrap()
            .insert(0, filter(mode));
        // The caller is whom the test says it is.
        manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
    }
    let options = Options {
        binary: Some(binary),
        ..Options::default()
    };
    let envoy = Envoy::start_with(&bootstrap, options).expect("Envoy serves");
    let what = binary.display();
    for mode in MODES {
        for http2 in [false, true] {
            let client = Client::plain(envoy.listener(mode));
            let client = if http2 { client.http2() } else { client };
            let call = |tool: &str| {
                recorder.clear();
                let body = json!({
                    "jsonrpc": "2.0", "id": 7, "method": "tools/call",
                    "params": {"name": tool},
                });
                let caller = "URI=spiffe://cluster.local/ns/agents/sa/reader";
                let request = Request::mcp(body.to_string())
                    .target("/mcp")
                    .header("x-forwarded-client-cert", caller);
                let answer = client.send(&request).expect("an answer");
                assert_eq!(
                    (answer.status, answer.complete),
                    (200, true),
                    "{what} {mode}"
                );
                (answer.json(), body.to_string())
            };
            let (answer, body) = call("echo");
            assert!(answer.get("result").is_some(), "{what} {mode}: {answer}");
            let seen = recorder.requests_when_quiet();
            assert_eq!(seen.len(), 1, "{what} {mode}");
            assert_eq!(seen[0].body, body.as_bytes(), "{what} {mode}");
            let (answer, _) = call("get-sum");
            assert_eq!(answer["error"]["code"], 403, "{what} {mode}: {answer}");
            let seen = recorder.requests_when_quiet();
            // Held, the server has seen nothing; streamed, not a byte of the body.
            assert!(
                mode == "Stream" || seen.is_empty(),
                "{what} {mode}: {seen:?}"
            );
            assert!(
                seen.iter()
                    .all(|seen| seen.body.is_empty() && !seen.complete),
                "{seen:?}"
            );
        }
    }
    assert_eq!(envoy.vm_failures(), [], "{what}");
    let taken = |line: &str| line.contains("policy schema 1)") && line.contains("commit ");
    assert!(envoy.log_line(taken).is_some(), "{what}:\n{}", envoy.log());
}
