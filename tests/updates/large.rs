//! Policies that are large in memory, or too large for it.

use super::*;

const UNAFFORDABLE: &str = "wasmcustom.accesspolicy_config_loads_total;outcome=out_of_memory";

/// The first policies, changed, as a short file from which Envoy takes the filter.
pub(super) fn changed(digest: usize, change: impl FnOnce(&mut Value)) -> String {
    let (policy, _) = policies(0);
    let mut policy: Value = serde_json::from_str(&policy).unwrap();
    policy.as_object_mut().unwrap().remove("seal");
    policy["digest"] = json!(format!("sha256:{digest:064x}"));
    policy["settings"]["allowPolicies"] = json!("Any");
    change(&mut policy);
    let filter = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "accesspolicy",
            "root_id": "accesspolicy",
            "failure_policy": "FAIL_RELOAD",
            "allow_on_headers_stop_iteration": true,
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": filter_module()}},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": policy.to_string(),
            },
        },
    });
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "accesspolicy",
        "typed_config": filter,
    });
    json!({"resources": [resource]}).to_string()
}

pub(super) fn policy(name: String, target: &Value, rules: &Value) -> Value {
    json!({
        "policy": {"namespace": "infra", "name": name},
        "action": "Allow", "mode": "Enforce", "targets": [target], "rules": rules,
    })
}

/// Many listeners with a policy each, and many policies of the whole Gateway.
fn of_many_listeners(number: usize) -> String {
    const LISTENERS: usize = 64;
    const POLICIES: usize = 100;
    changed(number, |document| {
        let listeners = (0..LISTENERS)
            .map(|listener| json!({"name": format!("l{listener:02}"), "port": listener + 1}));
        document["listeners"] = listeners.collect();
        let rules = |source: usize| -> Value {
            let rules = (0..10).map(|rule| {
                let tools: Vec<String> = (0..10).map(|tool| format!("t{rule}{tool}")).collect();
                json!({
                    "name": format!("r{rule}"),
                    "source": format!("spiffe://cluster.local/ns/agents/sa/s{source}"),
                    "mcp": {
                        "methods": [{"name": "tools/call", "params": tools}],
                        "baseProtocol": "None",
                    },
                })
            });
            rules.collect()
        };
        let own = (0..LISTENERS).map(|listener| {
            let target = json!({"Listener": format!("l{listener:02}")});
            policy(format!("l{listener:02}"), &target, &json!([{"name": "r"}]))
        });
        let gateway = (0..POLICIES)
            .map(|source| policy(format!("p{source:03}"), &json!("Gateway"), &rules(source)));
        let policies = document["policies"].as_array_mut().unwrap();
        policies.extend(own.chain(gateway));
        policies.sort_by_key(|policy| policy["policy"]["name"].to_string());
    })
}

/// One that may take more memory than there is: a text of a rule takes two hundred times its
/// length at most.
fn enormous(number: usize) -> String {
    let tools = vec!["t"; 2_600_000];
    changed(number, |document| {
        let mcp = json!({
            "methods": [{"name": "tools/call", "params": tools}],
            "baseProtocol": "None",
        });
        let rules = json!([{"name": "r", "mcp": mcp}]);
        let last = policy("z".to_owned(), &json!("Gateway"), &rules);
        document["policies"].as_array_mut().unwrap().push(last);
    })
}

/// Whether the first policies' tool is allowed, and no other.
fn assert_judged(client: &Client) {
    let allowed = [0, 1].map(|number| {
        let answer = client.send(&request("judged", number)).expect("an answer");
        answer.json().get("result").is_some()
    });
    assert_eq!(allowed, [true, false]);
}

#[test]
fn policies_of_many_listeners_follow_each_other() {
    const UPDATES: usize = 45;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.json");
    place(&file, &changed(0, |_| {}));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    let client = Client::plain(envoy.listener("mcp"));
    let open = client.clone().http2().connect().expect("a connection");
    let mut taken = count(&envoy, UPDATED);
    let mut kept = Vec::new();
    for number in 1..=UPDATES {
        place(&file, &of_many_listeners(number));
        taken += 1;
        wait(&envoy, UPDATED, taken);
        // A body that has not come to its end keeps the configuration that it came to.
        let mut slow = Request::mcp("").pieces(["{", " "]);
        slow.pause = Duration::from_secs(60);
        slow.patience = Duration::from_secs(60);
        kept.push(open.begin(slow));
        wait(&envoy, "http.mcp.downstream_rq_active", number);
        assert_judged(&client);
    }
    assert_eq!(envoy.vm_failures(), []);
    assert_eq!(envoy.stat(UNAFFORDABLE), 0);
    // Those of two workers and of the main thread together.
    let memory = memory(&envoy);
    println!("{memory} KiB");
    assert!(memory < 400 << 10, "{memory} KiB");
    drop((open, kept));
}

#[test]
fn policies_that_there_is_no_memory_for_deny_everything() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.json");
    place(&file, &changed(0, |_| {}));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    let client = Client::plain(envoy.listener("mcp"));
    assert_judged(&client);
    let taken = count(&envoy, UPDATED);
    for number in 1..=2 {
        place(&file, &enormous(number));
        wait(&envoy, UPDATED, taken + number);
        for call in 0..8 {
            let answer = client.send(&request("none", call)).expect("an answer");
            assert_eq!(answer.status, 403, "{answer:?}");
        }
    }
    assert!(envoy.stat(UNAFFORDABLE) > 0);
    std::thread::sleep(Duration::from_millis(1500));
    // Whether there is room was not found out by taking it.
    let memory = envoy.stat("wasmcustom.accesspolicy_memory_bytes");
    println!("{memory} bytes");
    assert!(memory < 200 << 20, "{memory} bytes");
    // What there is memory for is in force again.
    place(&file, &changed(3, |_| {}));
    wait(&envoy, UPDATED, taken + 3);
    assert_judged(&client);
    assert_eq!(envoy.vm_failures(), []);
}
