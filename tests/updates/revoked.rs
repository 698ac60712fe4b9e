//! Calls that outlive the policy that allowed them: a request that is still being read, and
//! a connection that Envoy leaves to the configuration before.

use super::*;

/// How long clients wait within a body: an update is taken meanwhile.
const PAUSE: Duration = Duration::from_millis(1500);

/// A call whose body comes in two pieces.
fn slow(number: usize) -> Request {
    let mut call = request("slow", number);
    let body = call.body.concat();
    let (front, rest) = body.split_at(20);
    call = call.pieces([front, rest]);
    call.pause = PAUSE;
    call
}

/// After this time, what comes to a configuration has come to it on purpose.
const SETTLES: Duration = Duration::from_secs(33);

/// The counter of listeners that were taken.
const TAKEN: &str = "listener_manager.lds.update_success";

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Allowed,
    Denied,
}

fn became(answer: &support::message::Response) -> Became {
    assert_eq!(answer.status, 200, "{:?}", answer);
    match answer.json()["error"]["code"].as_i64() {
        None => Became::Allowed,
        Some(403) => Became::Denied,
        Some(code) => panic!("{code}: {}", answer.text()),
    }
}

/// Begins a slow call by each protocol, has `update` take another policy into force, and
/// tells what became of the calls.
fn across(address: SocketAddr, number: usize, update: impl FnOnce()) -> [Became; 2] {
    std::thread::scope(|scope| {
        let clients = [Client::plain(address), Client::plain(address).http2()];
        let calls = clients.map(|client| scope.spawn(move || client.send(&slow(number))));
        std::thread::sleep(PAUSE / 5);
        update();
        calls.map(|call| became(&call.join().unwrap().expect("an answer")))
    })
}

#[test]
fn a_call_is_judged_by_the_policy_that_is_in_force_when_it_is_complete() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    place(&file, &discovery(0));
    let recorder = Recorder::start();
    let envoy = discovering(&file, recorder.address());
    let mut taken = count(&envoy, UPDATED);
    let mut update = |number| {
        place(&file, &discovery(number));
        taken += 1;
        wait(&envoy, UPDATED, taken);
    };
    let address = envoy.listener("mcp");
    let (even, odd) = (0, 1);
    let became = across(address, even, || update(1));
    assert_eq!(became, [Became::Denied, Became::Denied]);
    assert_eq!(recorder.requests().len(), 0);
    // What is granted meanwhile was forbidden when it came.
    let became = across(address, even, || update(2));
    assert_eq!(became, [Became::Denied, Became::Denied]);
    // The honest twin: what is not touched.
    let became = across(address, even, || update(4));
    assert_eq!(became, [Became::Allowed, Became::Allowed]);
    let became = across(address, odd, || update(6));
    assert_eq!(became, [Became::Denied, Became::Denied]);
    assert_eq!(envoy.vm_failures(), []);
}

/// The listener with the policy of a number, as Envoy discovers it.
fn listeners(number: usize, recorder: &Recorder) -> (Value, String) {
    let (policy, _) = policies(number);
    listeners_with(&policy, number, recorder)
}

fn listeners_with(policy: &str, number: usize, recorder: &Recorder) -> (Value, String) {
    let filter = Filter::new(&filter_module(), policy);
    let listener = Listener::plain("mcp").filter(filter);
    let cluster = Cluster::new("everything", recorder.address());
    let mut bootstrap = Bootstrap::simple(listener, cluster).json();
    let mut listener = bootstrap["static_resources"]["listeners"][0].take();
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    let discovered = json!({"version_info": number.to_string(), "resources": [listener]});
    bootstrap["static_resources"]["listeners"] = json!([]);
    bootstrap["node"] = json!({"id": "mcp", "cluster": "mcp"});
    (bootstrap, discovered.to_string())
}

/// An Envoy that discovers its listener, and how it is given another.
struct Discovering<'f> {
    envoy: Envoy,
    file: &'f Path,
    taken: usize,
}

impl<'f> Discovering<'f> {
    fn start((mut bootstrap, discovered): (Value, String), file: &'f Path) -> Self {
        place(file, &discovered);
        bootstrap["dynamic_resources"]["lds_config"]["path_config_source"] = json!({"path": file});
        let options = Options {
            concurrency: 2,
            ..Options::default()
        };
        let envoy = Envoy::start_with(&bootstrap, options).expect("Envoy serves");
        let taken = count(&envoy, TAKEN);
        Self { envoy, file, taken }
    }

    fn update(&mut self, discovered: &str) {
        place(self.file, discovered);
        self.taken += 1;
        wait(&self.envoy, TAKEN, self.taken);
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A configuration that comes back while something of its first time is open: Envoy takes the
/// one that is there, and configures nothing.
#[test]
fn a_policy_that_comes_back_judges_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("listeners.json");
    let recorder = Recorder::start();
    let of = |number| listeners(number, &recorder);
    let mut discovering = Discovering::start(of(0), &file);
    let address = discovering.envoy.listener("mcp");
    let clients = [Client::plain(address), Client::plain(address).http2()];
    let mut old = clients
        .clone()
        .map(|client| client.connect().expect("a connection"));
    let calls = |number: usize, allowed: bool| {
        for client in clients.iter().cycle().take(8) {
            let answer = client.send(&request("new", number)).expect("an answer");
            let expected = match allowed {
                true => Became::Allowed,
                false => Became::Denied,
            };
            assert_eq!(became(&answer), expected, "{number}");
        }
    };
    for old in &mut old {
        assert_eq!(
            became(&old.send(&request("old", 0)).unwrap()),
            Became::Allowed
        );
    }
    calls(0, true);
    discovering.update(&of(1).1);
    discovering.update(&of(0).1);
    // Envoy does not say that this is no moment before another takes its place.
    calls(0, false);
    std::thread::sleep(SETTLES);
    for _ in 0..2 {
        for (number, other) in [(1, 0), (0, 1)] {
            discovering.update(&of(number).1);
            calls(number, true);
            calls(other, false);
        }
    }
    // One that is still being read has to be allowed by what comes meanwhile.
    let slow = across(address, 0, || discovering.update(&of(3).1));
    assert_eq!(slow, [Became::Denied, Became::Denied]);
    assert_eq!(discovering.envoy.vm_failures(), []);
}

/// A policy with a listener that Envoy does not take, for another filter's sake: the filter has
/// loaded it, and is not told.
#[test]
fn a_policy_that_the_host_does_not_keep_is_forgotten() {
    const DIGEST: &str = "wasmcustom.accesspolicy_config_digest";
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("listeners.json");
    let recorder = Recorder::start();
    let discovering = Discovering::start(listeners(0, &recorder), &file);
    let envoy = &discovering.envoy;
    let client = Client::plain(envoy.listener("mcp"));
    let call = || became(&client.send(&request("any", 0)).expect("an answer"));
    assert_eq!(call(), Became::Allowed);
    let digest = envoy.stat(DIGEST);
    let mut bad: Value = serde_json::from_str(&listeners(1, &recorder).1).unwrap();
    let chain = &mut bad["resources"][0]["filter_chains"][0];
    let filters = &mut chain["filters"][0]["typed_config"]["http_filters"];
    let lua = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": "this is no Lua"},
    });
    let filters = filters.as_array_mut().unwrap();
    filters.insert(1, json!({"name": "lua", "typed_config": lua}));
    place(&file, &bad.to_string());
    wait(envoy, "listener_manager.lds.update_rejected", 1);
    let is_told = support::envoy::eventually(|| (envoy.stat(DIGEST) == digest).then_some(()));
    assert!(is_told.is_some(), "{}, not {digest}", envoy.stat(DIGEST));
    for _ in 0..8 {
        assert_eq!(call(), Became::Allowed);
    }
    let loads = "wasmcustom.accesspolicy_config_loads_total;outcome=loaded";
    assert!(envoy.stat(loads) > 3, "it was loaded");
    assert_eq!(envoy.vm_failures(), []);
}

/// Two listeners that begin with the same policy, of which one gets another: the other keeps
/// its own, once it is known that the new one does not take its place.
fn another_listener_changes(asks_first: bool) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("listeners.json");
    let recorder = Recorder::start();
    let both = |first: usize, second: usize| {
        let listener = |name: &str, number| {
            let (policy, _) = policies(number);
            let listener = Listener::plain(name).filter(Filter::new(&filter_module(), &policy));
            listener.route("/", "everything")
        };
        let mut bootstrap = Bootstrap {
            listeners: vec![listener("first", first), listener("second", second)],
            clusters: vec![Cluster::new("everything", recorder.address())],
        }
        .json();
        bootstrap["node"] = json!({"id": "mcp", "cluster": "mcp"});
        let mut all = bootstrap["static_resources"]["listeners"].take();
        bootstrap["static_resources"]["listeners"] = json!([]);
        for listener in all.as_array_mut().unwrap() {
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        }
        let version = format!("{first}.{second}");
        let discovered = json!({"version_info": version, "resources": all});
        (bootstrap, discovered.to_string())
    };
    let mut discovering = Discovering::start(both(0, 0), &file);
    let calls = |discovering: &Discovering<'_>, name: &str, even: bool| {
        let client = Client::plain(discovering.envoy.listener(name));
        for number in [0, 1, 0, 1, 0, 1] {
            let answer = client.send(&request(name, number)).expect("an answer");
            let expected = match (number == 0) == even {
                true => Became::Allowed,
                false => Became::Denied,
            };
            assert_eq!(became(&answer), expected, "{name} {number} {asks_first}");
        }
    };
    if asks_first {
        calls(&discovering, "first", true);
        calls(&discovering, "second", true);
    }
    discovering.update(&both(1, 0).1);
    calls(&discovering, "first", false);
    if asks_first {
        // For a moment it may be the other's next.
        let client = Client::plain(discovering.envoy.listener("second"));
        let answer = client.send(&request("second", 0)).expect("an answer");
        assert_eq!(became(&answer), Became::Denied);
    }
    std::thread::sleep(SETTLES);
    for (first, second) in [(1, 0), (0, 0), (0, 1), (1, 0), (1, 1)] {
        discovering.update(&both(first, second).1);
        calls(&discovering, "first", first == 0);
        calls(&discovering, "second", second == 0);
    }
    assert_eq!(discovering.envoy.vm_failures(), []);
}

#[test]
fn another_listener_changes_nothing() {
    another_listener_changes(true);
}

#[test]
fn another_listener_changes_nothing_before_any_request() {
    another_listener_changes(false);
}

/// A plugin that refuses its configuration on a worker is left out by Envoy, and everything
/// is open.
#[test]
fn a_configuration_that_there_is_no_memory_for_denies_everything() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("listeners.json");
    let recorder = Recorder::start();
    let (mut bootstrap, discovered) = listeners(0, &recorder);
    place(&file, &discovered);
    bootstrap["dynamic_resources"]["lds_config"]["path_config_source"] = json!({"path": file});
    let options = Options {
        concurrency: 2,
        ..Options::default()
    };
    let envoy = Envoy::start_with(&bootstrap, options).expect("Envoy serves");
    let mut taken = count(&envoy, TAKEN);
    let mut update = |discovered: &str| {
        place(&file, discovered);
        taken += 1;
        wait(&envoy, TAKEN, taken);
        std::thread::sleep(Duration::from_millis(200));
    };
    let address = envoy.listener("mcp");
    let clients = [Client::plain(address), Client::plain(address).http2()];
    let all = |number| {
        // More than there are workers: each is met.
        let clients = std::iter::repeat_n(&clients, 4).flatten();
        let answers = clients.map(|client| client.send(&request("any", number)));
        let answers = answers.map(|answer| answer.expect("an answer"));
        answers.collect::<Vec<_>>()
    };
    for answer in all(0) {
        assert_eq!(became(&answer), Became::Allowed);
    }
    let served = recorder.requests().len();
    // The same policy with so many rules that a module cannot have room for them.
    let mut large: Value = serde_json::from_str(&policies(2).0).unwrap();
    let rules = &mut large["policies"][0]["rules"];
    let rule = json!({"name": "", "mcp": {"baseProtocol": "None"}});
    rules.as_array_mut().unwrap().extend(vec![rule; 900_000]);
    let large = large.to_string();
    std::thread::scope(|scope| {
        let client = clients[0].clone();
        let slow = scope.spawn(move || {
            let mut slow = slow(0).patience(Duration::from_secs(60));
            slow.pause = Duration::from_secs(8);
            client.send(&slow)
        });
        std::thread::sleep(PAUSE / 5);
        update(&listeners_with(&large, 2, &recorder).1);
        for number in [0, 1] {
            for answer in all(number) {
                assert_eq!(answer.status, 403, "{}", answer.text());
            }
        }
        let slow = slow.join().unwrap().expect("an answer");
        assert_eq!(slow.status, 403, "{}", slow.text());
    });
    assert_eq!(recorder.requests().len(), served);
    let stats = envoy.stats();
    let counted = |name: &str| stats.get(&format!("wasmcustom.{name}")).copied();
    let loads = counted("accesspolicy_config_loads_total;outcome=out_of_memory");
    assert!(loads >= Some(2), "{loads:?}");
    let denied = counted("accesspolicy_requests_total;decision=deny;reason=out_of_memory");
    assert_eq!(denied, Some(17));
    // A later one that there is room for.
    update(&listeners(3, &recorder).1);
    for answer in all(1) {
        assert_eq!(became(&answer), Became::Allowed);
    }
    assert_eq!(envoy.vm_failures(), []);
}

/// Two listeners whose plugins are called alike, in one VM, for one Gateway.
#[test]
fn listeners_beside_each_other_keep_their_own_policies() {
    let recorder = Recorder::start();
    let address = recorder.address();
    let listener = |name: &str, number| {
        let (policy, _) = policies(number);
        let filter = Filter::new(&filter_module(), &policy);
        Listener::plain(name)
            .filter(filter)
            .route("/", "everything")
    };
    let bootstrap = Bootstrap {
        listeners: vec![listener("even", 0), listener("odd", 1)],
        clusters: vec![Cluster::new("everything", address)],
    };
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    for round in 0..3 {
        for (name, number) in [("even", 0), ("odd", 1)] {
            let client = Client::plain(envoy.listener(name));
            for called in [0, 1] {
                let answer = client.send(&request(name, called)).expect("an answer");
                let expected = match called == number {
                    true => Became::Allowed,
                    false => Became::Denied,
                };
                assert_eq!(became(&answer), expected, "{round} {name} {called}");
            }
        }
    }
}
