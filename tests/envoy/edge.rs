//! `edge: true`: address and scheme are those of the connection, whatever a client writes.

#![allow(unreachable_pub)] // modules of a test have no outside

use std::path::Path;

use accesspolicy::engine::policy::CompiledPolicy;
use accesspolicy::tool::render::{self, Edge};
use serde_json::{Value, json};

use crate::setup::{Mode, PROTOCOLS, Stage, call, compiled, is_denied, plain_listener, speaking};
use crate::support::certificates::{Authority, Identity};
use crate::support::client::Client;
use crate::support::config::Listener;
use crate::support::envoy::{Envoy, Options};
use crate::support::filter_module;
use crate::support::message::Request;
use crate::support::recorder::Recorder;

/// A tool for each answer to where a request comes from and how.
fn rules() -> Value {
    let rule = |tool: &str, expression: &str| {
        let methods = json!([{"name": "tools/call", "params": [tool]}]);
        json!({"name": tool, "authorization": {
            "type": "CEL", "mcp": {"methods": methods}, "cel": {"expression": expression},
        }})
    };
    json!([
        rule("near", "source.address.startsWith('127.0.0.1:')"),
        rule("far", "source.address.startsWith('10.0.0.1:')"),
        rule("secure", "request.scheme == 'https'"),
        rule("open", "request.scheme == 'http'"),
    ])
}

fn configuration(mode: Mode) -> String {
    compiled(&rules(), mode, &json!({"edge": true}))
}

/// What clients write to seem to come from elsewhere, or by another scheme.
fn lies(scheme: &str) -> Vec<(&'static str, Request)> {
    let request = || Request::mcp("").authority("tools.example");
    let whole = format!("{scheme}://tools.example/mcp");
    let all = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", scheme),
        ("x-forwarded-port", "443"),
        ("x-envoy-external-address", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1;proto=https"),
        ("true-client-ip", "10.0.0.1"),
    ];
    let told = all.iter().fold(request(), |request, (name, value)| {
        request.header(name, value)
    });
    vec![
        ("nothing", request()),
        ("headers", told.clone()),
        (
            "two addresses",
            request().header("x-forwarded-for", "10.0.0.1, 10.0.0.1"),
        ),
        ("a scheme", request().target(&whole)),
        ("everything", told.target(&whole)),
    ]
}

/// The tools that a client may call which lies so.
fn allowed(client: &Client, lie: &Request) -> Vec<&'static str> {
    let tools = ["near", "far", "secure", "open"].into_iter();
    tools
        .filter(|tool| {
            let answer = client
                .send(&lie.clone().body(call(tool)))
                .expect("an answer");
            // Over HTTP/1.1 Envoy itself answers 403 to a scheme that promises more than the connection.
            let is_known = answer.status == 200 || lie.target.contains("://");
            assert!(is_known, "{tool}: {answer:?}");
            answer.status == 200 && !is_denied(&answer, &json!(7))
        })
        .collect()
}

/// An authority, a server and a caller, in a folder.
pub fn authority(folder: &Path) -> (Authority, Identity, Identity) {
    let authority = Authority::new(folder, "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let caller = authority.client("caller", &["spiffe://d/a"]).expect("one");
    (authority, server, caller)
}

#[test]
fn what_a_client_writes_moves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, server, caller) = authority(folder.path());
    let ca = authority.certificate();
    let secure = |mode: Mode| {
        Listener::tls(&format!("tls-{}", mode.name()), &server, &ca, true)
            .filter(mode.filter(&configuration(mode)))
            .route("/", "everything")
    };
    let plain = |mode: Mode| plain_listener(mode, &configuration(mode));
    let listeners = Mode::BOTH
        .into_iter()
        .flat_map(|mode| [plain(mode), secure(mode)]);
    let stage = Stage::start(listeners.collect());
    for mode in Mode::BOTH {
        for (name, protocol) in PROTOCOLS {
            let client = speaking(&stage.client(mode.name()), protocol);
            for (lie, request) in lies("https") {
                let found = allowed(&client, &request);
                let expected = match name == "h1" && request.target.contains("://") {
                    true => &[][..],
                    false => &["near", "open"],
                };
                assert_eq!(found, expected, "{} {name} {lie}", mode.name());
            }
            let listener = stage.envoy.listener(&format!("tls-{}", mode.name()));
            let client = Client::tls(listener, &ca, Some(&caller)).expect("PEM files");
            for (lie, request) in lies("http") {
                let found = allowed(&speaking(&client, protocol), &request);
                assert_eq!(found, ["near", "secure"], "{} {name} {lie}", mode.name());
            }
        }
    }
}

/// Of such an Envoy `edge: true` must not be said: the address is what the client says.
#[test]
fn an_envoy_that_believes_clients() {
    let listener = plain_listener(Mode::Hold, &configuration(Mode::Hold));
    let stage = Stage::start_with(vec![listener], Options::default(), |manager| {
        manager["use_remote_address"] = json!(false);
    });
    let lie = Request::mcp("").header("x-forwarded-for", "10.0.0.1");
    assert_eq!(allowed(&stage.client("hold"), &lie), ["far", "open"]);
}

/// What `render` writes is an Envoy of which it may be said.
#[test]
fn a_rendered_envoy_is_the_edge() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, _, caller) = authority(folder.path());
    let recorder = Recorder::start();
    for mode in Mode::BOTH {
        let policy: CompiledPolicy = serde_json::from_str(&configuration(mode)).expect("a policy");
        let envoy = rendered(&policy, 0, folder.path(), &recorder);
        let ca = authority.certificate();
        let client = Client::tls(envoy.listener("mcp"), &ca, Some(&caller)).expect("PEM files");
        for (name, protocol) in PROTOCOLS {
            for (lie, request) in lies("http") {
                let found = allowed(&speaking(&client, protocol), &request);
                assert_eq!(found, ["near", "secure"], "{} {name} {lie}", mode.name());
            }
        }
        assert_eq!(envoy.vm_failures(), []);
    }
}

/// The whole Envoy that `render` writes, on a port, with certificates in a folder; whatever
/// is allowed goes to one server.
pub fn rendered(
    policy: &CompiledPolicy,
    port: u16,
    certificates: &Path,
    recorder: &Recorder,
) -> Envoy {
    let clusters = ["everything", "weather-1", "weather-2"];
    let address = |name: &&str| {
        let cluster = format!("{name}={}", recorder.address());
        cluster.parse().expect("a cluster")
    };
    let edge = Edge {
        listen: ([127, 0, 0, 1], port).into(),
        admin_port: None,
        upstream: recorder.address().into(),
        clusters: clusters.iter().map(address).collect(),
        routes: vec!["/=everything".parse().expect("a route")],
        certificates: certificates.to_str().expect("text").to_owned(),
        discovery: None,
    };
    let module = filter_module();
    let module = module.to_str().expect("text");
    let text = render::bootstrap(policy, module, &edge).expect("a configuration");
    let mut bootstrap: Value = serde_saphyr::from_str(&text).expect("YAML");
    let socket = json!({"address": "127.0.0.1", "port_value": 0});
    bootstrap["admin"] = json!({"address": {"socket_address": socket}});
    Envoy::start(&bootstrap).expect("Envoy serves")
}
