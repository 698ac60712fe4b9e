//! The guard: a filter of Envoy's own behind the filter, which lets nothing through that
//! the filter did not.

use accesspolicy::tool::render;
use serde_json::{Value, json};

use crate::setup::{Mode, anybody_may_call, call, compiled, is_denied, managers, speaking};
use crate::setup::{PROTOCOLS, plain_listener};
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster};
use crate::support::envoy::Envoy;
use crate::support::message::Request;
use crate::support::recorder::Recorder;
use crate::support::yaml;

/// What becomes of the filter in front of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    There,
    Missing,
    /// By the configuration of a route.
    SwitchedOff,
}

/// An Envoy with the guard, and a listener for each mode.
fn stage(filter: Filter) -> (Envoy, Recorder) {
    let configuration = |mode| compiled(&anybody_may_call(&["echo"]), mode, &Value::Null);
    let recorder = Recorder::start();
    let listeners = Mode::BOTH.map(|mode| plain_listener(mode, &configuration(mode)));
    let clusters = ["everything", "http2"].map(|name| Cluster::new(name, recorder.address()));
    let mut bootstrap = Bootstrap {
        listeners: listeners.to_vec(),
        clusters: clusters.to_vec(),
    }
    .json();
    for (manager, mode) in managers(&mut bootstrap).zip(Mode::BOTH) {
        let policy = serde_json::from_str(&configuration(mode)).expect("a policy");
        let guard = yaml::parse(&render::guard(&policy)).expect("YAML");
        let filters = manager["http_filters"].as_array_mut().expect("filters");
        filters.insert(1, guard[0].clone());
        match filter {
            Filter::There => {}
            Filter::Missing => drop(filters.remove(0)),
            Filter::SwitchedOff => {
                manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = json!({
                    "accesspolicy": {
                        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                        "disabled": true,
                        "config": {"@type": "type.googleapis.com/google.protobuf.Empty"},
                    },
                });
            }
        }
    }
    (Envoy::start(&bootstrap).expect("Envoy serves"), recorder)
}

#[test]
fn what_the_filter_lets_through_passes() {
    let (envoy, _recorder) = stage(Filter::There);
    for mode in Mode::BOTH {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&Client::plain(envoy.listener(mode.name())), protocol);
            let send = |tool| client.send(&Request::mcp(call(tool))).expect("an answer");
            assert_eq!(send("echo").json()["result"], json!({}), "{mode:?}");
            assert!(is_denied(&send("sum"), &json!(7)), "{mode:?}");
            let pieces = Request::mcp("").pieces(call("echo").as_bytes().chunks(9));
            let answer = client.send(&pieces).expect("an answer");
            assert_eq!(answer.json()["result"], json!({}), "{mode:?}");
        }
    }
}

#[test]
fn without_the_filter_nothing_does() {
    for filter in [Filter::Missing, Filter::SwitchedOff] {
        let (envoy, recorder) = stage(filter);
        for mode in Mode::BOTH {
            for (_, protocol) in PROTOCOLS {
                let client = speaking(&Client::plain(envoy.listener(mode.name())), protocol);
                for request in [
                    Request::mcp(call("echo")),
                    Request::mcp(call("sum")),
                    Request::get("/mcp"),
                    // What a client says is no state of Envoy's.
                    Request::get("/mcp").header("wasm.accesspolicy.decision", "allow"),
                ] {
                    let answer = client.send(&request).expect("an answer");
                    assert_eq!(answer.status, 403, "{filter:?} {mode:?}");
                }
            }
        }
        assert_eq!(recorder.requests().len(), 0, "{filter:?}");
    }
}
