//! The official conformance suite, run against a real server directly and through Envoy
//! and the filter: no check that passes directly fails through it.
//!
//! It needs what `scripts/test` installs; where its variables are not set, a test says so
//! and does nothing.
#![cfg(not(target_arch = "wasm32"))]

#[path = "servers/outside.rs"]
mod outside;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use accesspolicy::tool::compile::{Source, compile};
use outside::{Outside, installed};
use serde_json::{Value, json};
use support::config::{Bootstrap, Cluster, Filter, Listener};
use support::envoy::Envoy;
use support::process::Process;

#[test]
fn sessions_of_2025_11_25() {
    // All that this version of the suite has: fewer would be a server that lacks something.
    assert_nothing_is_lost("2025-11-25", 84);
}

#[test]
fn messages_of_2026_07_28() {
    assert_nothing_is_lost("2026-07-28", 152);
}

/// How each check came out, `SUCCESS` and so on, and all that the suite says of it; by
/// scenario, id and name.
type Checks = BTreeMap<String, (String, Value)>;

fn assert_nothing_is_lost(version: &str, at_least: usize) {
    let (Some(suite), Some(python)) = (
        installed("ACCESSPOLICY_TEST_CONFORMANCE"),
        installed("ACCESSPOLICY_TEST_PYTHON"),
    ) else {
        return;
    };
    let mut server = Command::new(python);
    server.arg(support::root().join("tests/servers/everything"));
    let server = Outside::start(server);
    let folder = tempfile::tempdir().expect("a folder");
    let envoy = envoy(&server);
    let run = |name: &str, url: &str| {
        let mut command = Command::new(&suite);
        command.args(["server", "--suite", "all", "--spec-version", version]);
        command.args(["--url", url]);
        checks(command, &folder.path().join(name))
    };

    let direct = run("direct", &format!("http://{}/mcp", server.address));
    let failed: Vec<_> = direct.iter().filter(|(_, (s, _))| s == "FAILURE").collect();
    assert!(failed.is_empty(), "the server fails by itself: {failed:#?}");
    let passed: Vec<_> = direct.iter().filter(|(_, (s, _))| s == "SUCCESS").collect();
    assert!(passed.len() >= at_least, "{} checks passed", passed.len());

    for mode in MODES {
        let through = run(mode, &format!("http://{}/mcp", envoy.listener(mode)));
        let lost: Vec<_> = passed
            .iter()
            .filter(|(name, _)| through.get(*name).is_none_or(|(s, _)| s != "SUCCESS"))
            .map(|(name, (_, direct))| (name, direct, through.get(*name)))
            .collect();
        assert!(lost.is_empty(), "{mode}: {lost:#?}\n{}", envoy.log());
    }
    let judged = envoy.log().matches("\"decision\":\"allow\"").count();
    assert!(judged >= at_least, "{judged} requests were judged");
}

/// Runs the suite, which writes a folder for each scenario, and reads what it wrote.
fn checks(mut command: Command, folder: &Path) -> Checks {
    fs::create_dir(folder).expect("a folder");
    command.arg("--output-dir").arg(folder);
    let mut process = Process::start(&mut command, folder, "suite").expect("the suite starts");
    let ended = process.wait(Duration::from_secs(120));
    assert!(
        ended.is_some(),
        "the suite does not end: {}",
        process.output()
    );
    let mut checks = Checks::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(path.join("checks.json")) else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What follows the scenario's name is the time.
        let scenario = &name[..name.len().saturating_sub("-2026-01-31T12-00-00-000Z".len())];
        for check in serde_json::from_str::<Vec<Value>>(&text).expect("checks") {
            let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            let name = format!("{scenario} {} {}", text("id"), text("name"));
            // Some checks are made several times under one name.
            let mut count = 1;
            while checks.contains_key(&format!("{name} {count}")) {
                count += 1;
            }
            checks.insert(format!("{name} {count}"), (text("status"), check));
        }
    }
    assert!(!checks.is_empty(), "{}", process.errors());
    checks
}

const MODES: [&str; 2] = ["Hold", "Stream"];

/// Envoy with the filter, once for each way to treat request headers. The suite knows no
/// client certificates, so that a filter in front says who the caller is.
fn envoy(server: &Outside) -> Envoy {
    let caller = json!({
        "name": "caller",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
            "metadata": [{
                "metadata_namespace": "gateway",
                "value": {"caller": "spiffe://cluster.local/ns/agents/sa/suite"},
            }],
        },
    });
    let listeners = MODES.map(|mode| {
        let filter = Filter::new(&support::filter_module(), &policy(mode));
        let filter = match mode {
            "Hold" => filter,
            _ => filter.stream(),
        };
        let mut listener = Listener::plain(mode)
            .filter(filter)
            .route("/", "everything");
        listener.filters_before.push(caller.clone());
        listener
    });
    let bootstrap = Bootstrap {
        listeners: listeners.to_vec(),
        clusters: vec![Cluster::new("everything", server.address)],
    };
    Envoy::start(&bootstrap.json()).expect("Envoy serves")
}

/// `tests/conformance/policy.yaml`, compiled.
fn policy(mode: &str) -> String {
    let read = |name: &str| {
        let path = support::root().join("tests/conformance").join(name);
        let text = fs::read_to_string(path).expect("a manifest");
        let text = text.replace("requestHeaders: Hold", &format!("requestHeaders: {mode}"));
        Source::new(name, text.into_bytes())
    };
    let compiled = compile(vec![read("policy.yaml")], read("enforcement-point.yaml"));
    serde_json::to_string(&compiled.expect("it compiles").policy).expect("JSON")
}
