//! Streams that stay open while policies change: they keep no policies.

use std::net::TcpListener;

use super::*;

/// So many that a few policies are all that is kept.
const RULES: usize = 8000;
const PER_UPDATE: usize = 4;

/// A policy with many rules, none like another's.
fn large(number: usize) -> String {
    let (policy, _) = policies(0);
    let mut policy: Value = serde_json::from_str(&policy).unwrap();
    policy.as_object_mut().unwrap().remove("seal");
    policy["digest"] = json!(format!("sha256:{number:064x}"));
    let gateway = &mut policy["policies"][0];
    let rules = gateway["rules"].as_array_mut().unwrap();
    let rule = rules[0].clone();
    rules.extend((0..RULES).map(|other| {
        let mut rule = rule.clone();
        rule["name"] = json!(format!("other-{other:05}"));
        let id = format!("spiffe://cluster.local/ns/agents/sa/agent-{number}-{other}");
        rule["source"] = json!(id);
        rule
    }));

    policy.to_string()
}

/// A server that answers nothing.
pub(super) fn silent() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    // Ends with the test's process.
    std::thread::spawn(move || {
        let _open: Vec<_> = listener.incoming().collect();
    });
    address
}

#[test]
fn open_streams_keep_no_policies() {
    let updates = std::env::var("ACCESSPOLICY_UPDATES").ok();
    let updates = updates.and_then(|updates| updates.parse().ok());
    let updates: usize = updates.unwrap_or(60);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    let module = filter_module();
    let module = module.to_str().unwrap();
    let text = |number| {
        let policy = serde_json::from_str(&large(number)).unwrap();
        render::discovery(&policy, module)
    };
    place(&file, &text(0));
    let envoy = discovering(&file, silent());
    let address = envoy.listener("mcp");
    let client = Client::plain(address).http2().connect().unwrap();
    let mut taken = count(&envoy, UPDATED);
    let mut open = Vec::new();
    let mut levels = Vec::new();
    for number in 1..=updates {
        for _ in 0..PER_UPDATE {
            let mut call = request("open", 0);
            call.patience = Duration::from_secs(3600);
            open.push(client.begin(call));
        }
        let wanted = number * PER_UPDATE;
        wait(&envoy, "cluster.everything.upstream_rq_total", wanted);
        place(&file, &text(number));
        taken += 1;
        wait(&envoy, UPDATED, taken);
        // Told once a second, by a VM that lives so long.
        levels.push(envoy.stat("wasmcustom.accesspolicy_memory_bytes"));
    }
    assert_eq!(
        envoy.stat("wasmcustom.accesspolicy_config_loads_total;outcome=out_of_memory"),
        0
    );
    assert_eq!(envoy.vm_failures(), []);
    let (early, last) = (levels[updates * 2 / 3], levels[updates - 1]);
    println!("{early} bytes, then {last}");
    // Until the first few are gone that were used the longest ago.
    assert!(early > 0 && last <= early + early / 20, "{levels:?}");
}
