//! Ports of the Gateway where Envoy listens on another.

use accesspolicy::engine::policy::CompiledPolicy;
use accesspolicy::tool::compile::{Source, compile};
use accesspolicy::tool::render::{Platform, placed};
use serde_json::{Value, json};

use crate::edge::{authority, rendered};
use crate::setup::{Mode, PROTOCOLS, at, call, is_denied, speaking};
use crate::support::client::Client;
use crate::support::message::Request;
use crate::support::port::Port;
use crate::support::recorder::Recorder;
use crate::vectors;

/// Deny policies that know the port in each way there is, and what may pass.
fn policies() -> Vec<Source> {
    let rule = |tool: &str, more: &Value| {
        let mut authorization = json!({
            "type": "Inline", "mcp": {"methods": [{"name": "tools/call", "params": [tool]}]},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            authorization[key] = value.clone();
        }
        json!([{"name": "r", "authorization": authorization}])
    };
    let policy = |name: &str, section: Option<&str>, action: &str, rules: Option<Value>| {
        let mut target =
            json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"});
        if let Some(section) = section {
            target["sectionName"] = json!(section);
        }
        let mut spec = json!({"action": "Allow", "targetRefs": [target]});
        if let Some(rules) = rules {
            spec["rules"] = rules;
        }
        let annotations = match action {
            "Deny" => json!({"accesspolicy/action": "Deny"}),
            _ => json!({}),
        };
        let policy = json!({
            "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
            "kind": "XAccessPolicy",
            "metadata": {"namespace": "infra", "name": name, "annotations": annotations},
            "spec": spec,
        });
        Source::new(name, policy.to_string())
    };
    let cel = json!({"type": "CEL", "cel": {"expression": "destination.port == 443"}});
    vec![
        policy("all", None, "Allow", None),
        policy(
            "listener",
            Some("https"),
            "Deny",
            Some(rule("listener", &json!({}))),
        ),
        policy(
            "ports",
            None,
            "Deny",
            Some(rule("ports", &json!({"ports": [443]}))),
        ),
        policy("expression", None, "Deny", Some(rule("expression", &cel))),
    ]
}

fn compiled(mode: Mode) -> CompiledPolicy {
    let listeners = json!({"listeners": [{"name": "https", "port": 443}]});
    let point = vectors::point(&at(&listeners, mode)).to_string();
    let compiled = compile(policies(), Source::new("point", point));
    compiled
        .unwrap_or_else(|report| panic!("{:?}", report.diagnostics))
        .policy
}

#[test]
fn a_port_of_the_gateway_is_known_on_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, _, caller) = authority(folder.path());
    let recorder = Recorder::start();
    for mode in Mode::BOTH {
        let port = Port::new().expect("a port");
        let listen = ([127, 0, 0, 1], port.number).into();
        let written = compiled(mode);
        let placed = placed(&written, Platform::Bootstrap(listen), &[])
            .expect("a place")
            .policy;
        // Policies for a port that is not there are dead, which `render` is not to write.
        for (policy, tools) in [
            (&written, &["safe", "listener", "ports", "expression"][..]),
            (&placed, &["safe"]),
        ] {
            let envoy = rendered(policy, port.number, folder.path(), &recorder);
            let ca = authority.certificate();
            let client = Client::tls(envoy.listener("mcp"), &ca, Some(&caller)).expect("PEM");
            for (name, protocol) in PROTOCOLS {
                let client = speaking(&client, protocol);
                let all = ["safe", "listener", "ports", "expression"].into_iter();
                let allowed = all.filter(|tool| {
                    let answer = client.send(&Request::mcp(call(tool))).expect("an answer");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    !is_denied(&answer, &json!(7))
                });
                assert_eq!(allowed.collect::<Vec<_>>(), tools, "{} {name}", mode.name());
            }
            assert_eq!(envoy.vm_failures(), []);
        }
    }
}
