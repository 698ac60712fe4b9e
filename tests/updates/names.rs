//! Rules with other names in every update.

use super::*;

/// More rules than names that a VM gives metrics, in several updates.
const RULES: usize = 1000;
const NAMINGS: usize = 5;

fn named(number: usize) -> String {
    large::changed(number, |document| {
        let rules = (0..RULES).map(|rule| {
            json!({
                "name": format!("n{number}r{rule}"),
                "mcp": {
                    "methods": [{"name": "tools/call", "params": [format!("t{rule}")]}],
                    "baseProtocol": "None",
                },
            })
        });
        let rules: Value = rules.collect();
        let last = large::policy("z".to_owned(), &json!("Gateway"), &rules);
        document["policies"] = json!([last]);
    })
}

/// Calls the tool of every rule.
fn call_each(connection: &mut Connection) {
    for rule in 0..RULES {
        let call = json!({
            "jsonrpc": "2.0", "id": rule, "method": "tools/call",
            "params": {"name": format!("t{rule}")},
        });
        // The update reaches each worker by itself.
        let is_allowed = support::envoy::eventually(|| {
            let answer = connection.send(&Request::mcp(call.to_string()));
            let answer = answer.expect("an answer").json();
            answer.get("result").map(|_| ())
        });
        assert!(is_allowed.is_some(), "{rule}");
    }
}

#[test]
fn a_vm_gives_metrics_so_many_names_over_all_updates() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.json");
    place(&file, &large::changed(0, |_| {}));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    // On one worker: each has a VM of its own.
    let mut connection = Client::plain(envoy.listener("mcp"))
        .connect()
        .expect("a connection");
    let taken = count(&envoy, UPDATED);
    for number in 1..=NAMINGS {
        place(&file, &named(number));
        wait(&envoy, UPDATED, taken + number);
        call_each(&mut connection);
    }
    let stats = envoy.stats();
    let decisions = |name: &&String| name.contains("accesspolicy_decisions_total");
    let names = stats.keys().filter(decisions);
    let (named, others): (Vec<_>, Vec<_>) = names.partition(|name| name.contains(";rule="));
    assert_eq!(named.len(), 4000);
    // What has no name of its own is counted nevertheless.
    let [other] = &*others else {
        panic!("{others:?}")
    };
    let all = stats[*other] + named.iter().map(|name| stats[*name]).sum::<u64>();
    assert_eq!(all, u64::try_from(RULES * NAMINGS).unwrap());
}
