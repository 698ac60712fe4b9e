//! Routes that match on a header which an authorizer sets: Envoy chooses again.

use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::desk::{Desk, GATEWAY, allows, asks, configured, policy};
use crate::setup::{Mode, anybody_may_call, call, is_denied, plain_listener};
use crate::support::config::{Listener, Route};
use crate::support::message::Request;
use crate::support::recorder::Answer;

const WEATHER: [&str; 3] = ["agentic.networking.x-k8s.io", "XBackend", "weather"];

/// Sets the user whom the request names.
fn told() -> HttpAuthorizer {
    HttpAuthorizer::start(|seen| {
        Act::Answer(Answer {
            status: 200,
            headers: vec![("x-user".to_owned(), seen.header("x-do").unwrap_or_default())],
            body: Vec::new(),
        })
    })
}

/// What is for `mallory` goes to a cluster of the weather, and the rest elsewhere.
fn listener(mode: Mode, configuration: &str) -> Listener {
    let fields = json!({"id": "%REQ(X-REQUEST-ID)%", "cluster": "%UPSTREAM_CLUSTER%"});
    let mut listener = plain_listener(mode, configuration).access_log(fields);
    let to = |user: &str, cluster: &str| Route {
        header: Some(("x-user".to_owned(), user.to_owned())),
        prefix: "/".to_owned(),
        cluster: cluster.to_owned(),
        ..Route::default()
    };
    listener.routes.insert(0, to("mallory", "weather-1"));
    listener.routes.insert(1, to("alice", "everything"));
    listener
}

/// `over` is put over the usual enforcement point.
fn desk(over: &Value, policies: impl Fn() -> Vec<Value>) -> Desk<HttpAuthorizer> {
    let listeners = Mode::BOTH.map(|mode| {
        let auth = asks("authorizer", &json!({"http": {"allowedHeaders": ["x-do"]}}));
        let mut all = policies();
        all.push(policy("asking", GATEWAY, auth));
        listener(mode, &configured(&all, mode, over))
    });
    Desk::with(told(), listeners.to_vec())
}

fn for_weather() -> Vec<Value> {
    let weather = allows(&anybody_may_call(&["forecast"]));
    vec![policy("weather", WEATHER, weather)]
}

/// What the authorizer sets may lead a request to the weather: it goes on only where that
/// would allow it as well. Envoy chooses the route again when a header changes, and goes on
/// naming the first cluster to the filter (`xds.cluster_name`, 1.40).
#[test]
fn what_an_authorizer_changes_must_be_allowed_everywhere() {
    let over = json!({"unlisted": "Deny", "externalAuth": {"routing": "Unknown"}});
    let desk = desk(&over, for_weather);
    for (user, cluster) in [("mallory", "weather-1"), ("alice", "everything")] {
        let request = Request::mcp(call("echo")).header("x-do", user);
        desk.each(&request, |id, mode, answer, _, server| match mode {
            Mode::Hold => {
                desk.assert_refused(id, mode, server);
                assert!(is_denied(answer, &json!(7)), "{id}: {answer:?}");
                let record = desk.record(id);
                assert_eq!(record["reason"], "rerouted", "{record}");
                let detail = record["detail"].as_str().unwrap_or_default();
                assert!(detail.contains("infra/weather"), "{record}");
            }
            // The headers have gone on, so that nothing is changed.
            Mode::Stream => {
                assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
                assert_eq!(went_to(&desk, id), "everything", "{id}");
            }
        });
        let request = Request::mcp(call("forecast")).header("x-do", user);
        desk.each(&request, |id, mode, answer, _, server| {
            assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
            let cluster = if mode == Mode::Hold {
                cluster
            } else {
                "everything"
            };
            assert_eq!(went_to(&desk, id), cluster, "{id}");
        });
    }
}

/// With `externalAuth.routing: Fixed` the operator says that no route matches on what
/// authorizers set. This is what becomes of requests where that is not so: policies are
/// asked about the cluster that the client's headers chose.
#[test]
fn policies_judge_the_route_of_the_client_where_routes_are_fixed() {
    let over = json!({"externalAuth": {"routing": "Fixed"}});
    let desk = desk(&over, for_weather);
    for (user, cluster) in [("mallory", "weather-1"), ("alice", "everything")] {
        let request = Request::mcp(call("echo")).header("x-do", user);
        desk.each(&request, |id, mode, answer, _, server| {
            assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
            let (user, cluster) = match mode {
                Mode::Hold => (Some(user), cluster),
                // The headers have gone on, and with them the choice is made.
                Mode::Stream => (None, "everything"),
            };
            assert_eq!(server[0].header("x-user").as_deref(), user, "{id}");
            assert_eq!(went_to(&desk, id), cluster, "{id}");
        });
        // By headers of its own a client comes to the same cluster, and is judged for it.
        let request = request.header("x-user", user);
        desk.each(&request, |id, mode, answer, _, server| {
            if user == "mallory" {
                desk.assert_refused(id, mode, server);
                assert!(is_denied(answer, &json!(7)), "{id}: {answer:?}");
            } else {
                assert_eq!((answer.status, server.len()), (200, 1), "{id}: {answer:?}");
            }
        });
    }
}

/// The cluster that a request went to, by the access log.
fn went_to(desk: &Desk<HttpAuthorizer>, id: &str) -> String {
    let line = desk.stage.envoy.access_log_line(|line| line["id"] == id);
    let line = line.expect("a line");
    line["cluster"].as_str().unwrap_or_default().to_owned()
}
