//! Policies that change while requests come: by a file that Envoy reads anew.

#![cfg(not(target_arch = "wasm32"))]

mod cut;
mod frames;
mod large;
mod names;
mod open;
mod resets;
mod revoked;
#[path = "../support/mod.rs"]
mod support;
mod window;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use accesspolicy::tool::compile::{Source, compile};
use accesspolicy::tool::render;
use serde_json::{Value, json};
use support::client::{Client, Connection, Protocol};
use support::config::{Bootstrap, Cluster, Filter, Listener};
use support::envoy::{Envoy, Options};
use support::filter_module;
use support::message::Request;
use support::recorder::Recorder;
use tempfile::TempDir;

/// How often the policy changes; one change in five is no policy.
const UPDATES: usize = 200;
const BAD: usize = 5;

/// The counter of configurations that were taken.
const UPDATED: &str = "accesspolicy.update_success";

/// Which tool a policy of this number allows.
fn tool(number: usize) -> &'static str {
    ["even", "odd"][number % 2]
}

/// Two policies, of Gateway and backend, with the same number: both are to allow. As text,
/// and as a file from which Envoy takes the filter.
fn policies(number: usize) -> (String, String) {
    let policy = |name: &str, target: Value| {
        let mcp = json!({"methods": [{"name": "tools/call", "params": [tool(number)]}]});
        let rule = json!({
            "name": format!("r{number}"),
            "authorization": {"type": "Inline", "mcp": mcp},
        });
        let spec = json!({"targetRefs": [target], "action": "Allow", "rules": [rule]});
        let policy = json!({
            "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
            "kind": "XAccessPolicy",
            "metadata": {"namespace": "infra", "name": name},
            "spec": spec,
        });
        Source::new(name, policy.to_string())
    };
    let gateway = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"});
    let backend =
        json!({"group": "agentic.networking.x-k8s.io", "kind": "XBackend", "name": "everything"});
    let point = json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "EnforcementPoint",
        "gateway": {"namespace": "infra", "name": "prod"},
        "backends": [{"namespace": "infra", "name": "everything", "clusters": ["everything"]}],
        "trustDomain": "cluster.local",
    });
    let compiled = compile(
        vec![policy("gateway", gateway), policy("backend", backend)],
        Source::new("point", point.to_string()),
    );
    let compiled = compiled.unwrap_or_else(|report| panic!("{:?}", report.diagnostics));
    let module = filter_module();
    let discovery = render::discovery(&compiled.policy, module.to_str().unwrap());
    (serde_json::to_string(&compiled.policy).unwrap(), discovery)
}

fn discovery(number: usize) -> String {
    policies(number).1
}

/// What is no policy, in turn: of another schema, cut short, empty.
fn bad(number: usize) -> String {
    let good = discovery(number);
    let bad = match number / BAD % 3 {
        0 => good.replace("\"schemaVersion\": 1", "\"schemaVersion\": 2"),
        1 => good.split_inclusive('\n').take(40).collect(),
        _ => good.split("            {\n").next().unwrap().to_owned(),
    };
    assert_ne!(bad, good);
    bad
}

/// Puts a new file in the place of the old.
fn place(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, file).unwrap();
}

/// What came of the requests of one connection.
#[derive(Default)]
struct Sent {
    allowed: usize,
    denied: usize,
    broken: Vec<String>,
}

/// The call of a number, with an id that has it.
fn request(caller: &str, number: usize) -> Request {
    let call = json!({
        "jsonrpc": "2.0", "id": number, "method": "tools/call",
        "params": {"name": tool(number)},
    });
    Request::mcp(call.to_string()).header("x-request-id", format!("{caller}-{number}"))
}

/// Calls both tools in turn over one connection, which is to live as long as that.
fn call(caller: usize, mut connection: Connection, stop: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match connection.send(&request(&caller.to_string(), number)) {
            Ok(answer) if answer.status == 200 && answer.complete => {
                let body = answer.json();
                assert_eq!(body["id"], json!(number));
                match body["error"]["code"].as_i64() {
                    None => sent.allowed += 1,
                    Some(403) => sent.denied += 1,
                    Some(_) => sent.broken.push(body.to_string()),
                }
            }
            Ok(answer) => sent
                .broken
                .push(format!("{}: {}", answer.status, answer.text())),
            Err(failure) => {
                sent.broken.push(format!("{failure:?}"));
                break;
            }
        }
    }
    sent
}

/// Envoy's memory in KiB, as the system counts it.
fn memory(envoy: &Envoy) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", envoy.id())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// An Envoy that takes its filter from a file.
fn discovering(file: &Path, server: SocketAddr) -> Envoy {
    let listener = Listener::plain("mcp");
    let cluster = Cluster::new("everything", server);
    let mut bootstrap = Bootstrap::simple(listener, cluster).json();
    bootstrap["node"] = json!({"id": "mcp", "cluster": "mcp"});
    let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [0]["typed_config"];
    let wasm = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    let discovered = json!({
        "name": "accesspolicy",
        "config_discovery": {
            "config_source": {"path_config_source": {"path": file}},
            "type_urls": [wasm],
        },
    });
    manager["preserve_external_request_id"] = json!(true);
    manager["http_filters"]
        .as_array_mut()
        .unwrap()
        .insert(0, discovered);
    let options = Options {
        concurrency: 2,
        ..Options::default()
    };
    Envoy::start_with(&bootstrap, options).expect("Envoy serves")
}

/// What Envoy's counters that end in `what` come to.
fn count(envoy: &Envoy, what: &str) -> usize {
    let stats = envoy.ask("/stats").unwrap();
    let lines = stats.lines().filter_map(|line| line.rsplit_once(": "));
    let found = lines.filter(|(name, _)| name.ends_with(what));
    found
        .filter_map(|(_, value)| value.parse::<usize>().ok())
        .sum()
}

/// Waits until they come to as much.
fn wait(envoy: &Envoy, what: &str, wanted: usize) {
    let start = Instant::now();
    while count(envoy, what) < wanted {
        let late = start.elapsed() > Duration::from_secs(30);
        assert!(
            !late,
            "{what} is {}, not {wanted}:\n{}",
            count(envoy, what),
            envoy.log()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn policies_change_under_load() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    place(&file, &discovery(0));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    let client = Client::plain(envoy.listener("mcp"));
    let taken = count(&envoy, UPDATED);
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    let mut level = 0;
    let sent: Vec<Sent> = std::thread::scope(|scope| {
        let mut caller = 0;
        let protocols = [
            Protocol::Http1,
            Protocol::Http2,
            Protocol::Http1,
            Protocol::Http2,
        ];
        let callers = protocols.map(|protocol| {
            let client = match protocol {
                Protocol::Http1 => client.clone(),
                Protocol::Http2 => client.clone().http2(),
            };
            let stop = &stop;
            caller += 1;
            scope.spawn(move || call(caller, client.connect().expect("a connection"), stop))
        });
        let (mut good, mut refused) = (0, 0);
        for number in 1..=UPDATES {
            if number % BAD == 0 {
                place(&file, &bad(number));
                refused += 1;
                wait(&envoy, "accesspolicy.update_rejected", refused);
            } else {
                place(&file, &discovery(number));
                good += 1;
                wait(&envoy, UPDATED, taken + good);
            }
            if number == UPDATES / 4 {
                level = memory(&envoy);
            }
        }
        // The last was refused; the one before it still decides.
        std::thread::sleep(Duration::from_millis(200));
        let last = (0..=UPDATES).rev().find(|number| number % BAD != 0);
        let allowed = [0, 1].map(|number| {
            let answer = client.send(&request("last", number)).expect("an answer");
            answer.json().get("result").is_some()
        });
        assert_eq!(last.map(tool), Some("odd"));
        assert_eq!(allowed, [false, true]);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(count(&envoy, UPDATED), taken + good);
        callers
            .map(|caller| caller.join().expect("a caller"))
            .into()
    });
    let seconds = started.elapsed().as_secs_f64();
    let last = memory(&envoy);

    let broken: Vec<&String> = sent.iter().flat_map(|sent| &sent.broken).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let allowed: usize = sent.iter().map(|sent| sent.allowed).sum();
    let denied: usize = sent.iter().map(|sent| sent.denied).sum();
    println!("{allowed} allowed, {denied} denied in {seconds:.1} s; {level} KiB, then {last} KiB");
    assert!(
        allowed > 1000 && denied > 1000,
        "{allowed} allowed, {denied} denied"
    );
    assert_eq!(recorder.requests().len(), allowed + 1);

    // By which policies each was judged is in its record.
    // Two were sent at the end.
    let wanted = allowed + denied + 2;
    let start = Instant::now();
    let records = loop {
        let records = records(&envoy.log());
        if records.len() >= wanted || start.elapsed() > Duration::from_secs(10) {
            break records;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(records.len(), wanted);
    let mut numbers = std::collections::BTreeSet::new();
    for record in &records {
        match record["decision"].as_str() {
            Some("allow") => {
                let rules = record["security_rule.name"].as_array().unwrap();
                let number = |rule: &Value| {
                    let (_, number) = rule.as_str().unwrap().split_once("#r").unwrap();
                    number.parse::<usize>().unwrap()
                };
                assert_eq!(rules.len(), 2, "{record}");
                assert_eq!(number(&rules[0]), number(&rules[1]), "a mix: {record}");
                let (_, asked) = record["decision.id"]
                    .as_str()
                    .unwrap()
                    .split_once('-')
                    .unwrap();
                let asked: usize = asked.parse().unwrap();
                assert_eq!(tool(asked), tool(number(&rules[0])), "{record}");
                assert_ne!(
                    number(&rules[0]) % BAD == 0,
                    number(&rules[0]) != 0,
                    "{record}"
                );
                numbers.insert(number(&rules[0]));
            }
            // A Gateway that allows before a backend that refuses would be two policies.
            _ => assert_eq!(record["level"], "Gateway", "a mix: {record}"),
        }
    }
    assert!(
        numbers.len() > UPDATES / 4,
        "only {} were ever seen",
        numbers.len()
    );
    assert_eq!(envoy.vm_failures(), []);
    // What memory there was after a quarter of the changes is what there is at the end.
    assert!(last < level + level / 10, "{level} KiB, then {last} KiB");
}

/// The records of decisions in a log; a line may still be half written.
fn records(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| Some(&line[line.find(r#"{"decision":"#)?..]));
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
