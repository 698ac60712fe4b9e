//! Redirects that Envoy follows by itself.

use serde_json::{Value, json};

use crate::desk::{GATEWAY, allows, configured, policy};
use crate::setup::{Mode, Stage, anybody_may_call, call, is_denied, plain_listener};
use crate::support::config::{Cluster, Route};
use crate::support::envoy::Options;
use crate::support::message::Request;
use crate::support::recorder::{Answer, Recorder};

const WEATHER: [&str; 3] = ["agentic.networking.x-k8s.io", "XBackend", "weather"];

fn to(prefix: &str, cluster: &str) -> Route {
    Route {
        prefix: prefix.to_owned(),
        cluster: cluster.to_owned(),
        ..Route::default()
    }
}

/// Lets the routes to a cluster follow redirects.
fn follow(manager: &mut Value, cluster: &str) {
    let hosts = manager["route_config"]["virtual_hosts"].as_array_mut();
    for host in hosts.expect("virtual hosts") {
        for route in host["routes"].as_array_mut().expect("routes") {
            if route["route"]["cluster"] == cluster {
                route["route"]["internal_redirect_policy"] = json!({});
            }
        }
    }
}

/// They come to the filter again, with their new path and cluster.
#[test]
fn redirects_are_judged_again() {
    let redirecting = Recorder::answering(|_| Answer {
        status: 302,
        headers: vec![("location".to_owned(), "http://mcp/mcp/weather".to_owned())],
        body: Vec::new(),
    });
    let policies = [
        policy(
            "all",
            GATEWAY,
            allows(&anybody_may_call(&["echo", "forecast"])),
        ),
        policy("weather", WEATHER, allows(&anybody_may_call(&["forecast"]))),
    ];
    let over = json!({"unlisted": "Gateway"});
    let listeners = Mode::BOTH.map(|mode| {
        let mut listener = plain_listener(mode, &configured(&policies, mode, &over));
        listener.routes.insert(0, to("/mcp/weather", "weather-1"));
        listener.routes.insert(1, to("/", "redirecting"));
        listener
    });
    let others = vec![Cluster::new("redirecting", redirecting.address())];
    let stage = Stage::start_beside(others, listeners.to_vec(), Options::default(), |manager| {
        follow(manager, "redirecting");
    });
    for mode in Mode::BOTH {
        for (tool, is_allowed) in [("echo", false), ("forecast", true)] {
            let id = format!("{}-{tool}", mode.name());
            let request = Request::mcp(call(tool)).header("x-request-id", &id);
            let answer = stage.client(mode.name()).send(&request).expect("an answer");
            let redirected = redirecting.requests_when_quiet().len();
            assert_eq!(redirected, 1, "{id}");
            redirecting.clear();
            let seen = stage.recorder.requests_when_quiet();
            stage.recorder.clear();
            assert_eq!(
                is_denied(&answer, &json!(7)),
                !is_allowed,
                "{id}: {answer:?}"
            );
            if is_allowed {
                assert_eq!((seen.len(), answer.status), (1, 200), "{id}: {answer:?}");
            } else {
                assert_eq!(stage.leaked(mode, &seen, &id), None);
            }
        }
    }
}
