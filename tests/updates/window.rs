//! Requests that Envoy still gives to the configuration before when a worker has the next.

use super::frames::Frames;
use super::*;

/// So many that Envoy takes its time to load them once more, on its main thread.
const RULES: usize = 8000;
const ROUNDS: usize = 3;
/// Streams of a connection: fewer than Envoy lets it have.
const MOST: usize = 900;

/// Many rules, of which one allows the tool of a number.
fn large(number: usize) -> String {
    let mut policy: Value = serde_json::from_str(&policies(number).0).unwrap();
    policy.as_object_mut().unwrap().remove("seal");
    let rules = policy["policies"][0]["rules"].as_array_mut().unwrap();
    let rule = rules[0].clone();
    rules.extend((0..RULES).map(|other| {
        let mut rule = rule.clone();
        rule["name"] = json!(format!("other-{other:05}"));
        rule["source"] = json!(format!("spiffe://cluster.local/ns/agents/sa/agent-{other}"));
        rule
    }));
    let policy = serde_json::from_value(policy).unwrap();
    render::discovery(&policy, filter_module().to_str().unwrap())
}

/// SECURITY: whoever opens streams all the time has some in that moment, and sends what they
/// call when the next policies have long been in force.
#[test]
fn a_stream_that_comes_while_policies_change_is_judged_by_the_next() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    place(&file, &large(0));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    let address = envoy.listener("mcp");
    let call = request("late", 0).body.concat();
    let mut taken = count(&envoy, UPDATED);
    for round in 0..ROUNDS {
        // The honest twin: it is allowed until then.
        let client = Client::plain(address);
        let early = client.send(&request("early", 0)).expect("an answer");
        assert!(early.json().get("result").is_some(), "{}", early.text());
        recorder.clear();
        let mut connections = [(); 4].map(|()| (Frames::connect(address), Vec::new()));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (connection, streams) in &mut connections {
                let (stop, length) = (&stop, call.len());
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) && streams.len() < MOST {
                        streams.push(connection.post(length));
                        std::thread::sleep(Duration::from_millis(3));
                    }
                });
            }
            place(&file, &large(2 * round + 1));
            taken += 1;
            wait(&envoy, UPDATED, taken);
            std::thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
        });
        for (connection, streams) in &mut connections {
            for stream in streams.iter() {
                connection.body(*stream, &call);
            }
            let all = |connection: &Frames| connection.answered == streams.len();
            assert!(connection.read_until(Duration::from_secs(30), all));
        }
        let served = recorder.requests().len();
        assert_eq!(
            served,
            0,
            "of {}",
            connections.iter().map(|it| it.1.len()).sum::<usize>()
        );
        place(&file, &large(2 * round + 2));
        taken += 1;
        wait(&envoy, UPDATED, taken);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(envoy.vm_failures(), []);
}
