//! Every wire vector, through the filter, to real servers on the official SDKs.
//! Nothing that is refused runs anything there; what passes runs what the filter
//! read and nothing else.
//!
//! The servers need what `scripts/test` installs; where its variables are not set,
//! a test says so and does nothing.
#![cfg(not(target_arch = "wasm32"))]

#[path = "servers/recording.rs"]
mod recording;
#[path = "servers/rust_server.rs"]
mod rust_server;
mod support;
mod wire_vectors;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use recording::Server;
use support::client::Client;
use support::config::{Bootstrap, Cluster, Edge, Filter, Listener};
use support::envoy::Envoy;
use support::lane::Lane;
use support::message::{Length, Request};
use wire_vectors::{FILES, Point, Vector, WireTests};

#[test]
fn typescript() {
    let Some(server) = Server::typescript() else {
        return;
    };
    assert_only_what_was_read_runs(&server);
}

#[test]
fn python() {
    let Some(server) = Server::python() else {
        return;
    };
    assert_only_what_was_read_runs(&server);
}

#[test]
fn rust() {
    assert_only_what_was_read_runs(&Server::rust());
}

fn assert_only_what_was_read_runs(server: &Server) {
    let vectors = vectors();
    let envoy = envoy(server, &vectors);
    let mut sent: BTreeMap<String, &Vector> = BTreeMap::new();
    for mode in ["Hold", "Stream"] {
        let mut lanes: BTreeMap<Point<'_>, Lane> = BTreeMap::new();
        for vector in &vectors {
            let lane = lanes.entry(vector.point()).or_insert_with(|| {
                let client = Client::plain(envoy.listener(&listener_name(mode, vector.point())));
                // One mode in each protocol: `tests/envoy` has every combination.
                let is_stream = mode == "Stream";
                Lane::new(if is_stream { client.http2() } else { client })
            });
            let id = format!("{:05}", sent.len());
            // How it is answered is for other tests to say.
            let _ = lane.send(&request(vector, &id, mode == "Stream"));
            sent.insert(id, vector);
        }
    }

    let ran = server.ran();
    let mut wrong = Vec::new();
    let (mut echoed, mut idle) = (0, BTreeSet::new());
    for (id, vector) in &sent {
        let ran = ran.get(id).cloned().unwrap_or_default();
        let read = read(vector);
        if vector.refuse.as_deref() == Some("400 change to another protocol")
            && ran == ["tools/call echo"]
        {
            // Envoy took the Upgrade away, so it was an honest call when it was judged.
            continue;
        }
        echoed += usize::from(ran == ["tools/call echo"]);
        if ran.iter().any(|ran| Some(ran) != read.as_ref()) || ran.len() > 1 {
            wrong.push(format!("{}: read {read:?}, ran {ran:?}", vector.name));
        }
        let must_run = read.as_deref() == Some("tools/call echo") && is_plain(vector);
        if must_run && ran.is_empty() {
            idle.insert(vector.name.as_str());
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", server.name, wrong.join("\n"));
    let refuses: BTreeSet<&str> = match server.name {
        "TypeScript" => REFUSED_BY_TYPESCRIPT.iter().copied().collect(),
        _ => BTreeSet::new(),
    };
    assert_eq!(
        idle, refuses,
        "{}: honest calls that did not run",
        server.name
    );
    let unknown: BTreeSet<_> = ran.keys().filter(|id| !sent.contains_key(*id)).collect();
    assert!(unknown.is_empty(), "ran for nobody: {unknown:?}");
    // Servers that run nothing at all show nothing.
    assert!(echoed >= 100, "{}: only {echoed} ran", server.name);
}

/// What the filter reads in a vector that passes, as servers tell what ran.
fn read(vector: &Vector) -> Option<String> {
    let words: Vec<&str> = vector.reads.as_deref()?.splitn(4, ' ').collect();
    match words.as_slice() {
        [_, method, _, thing] => Some(format!("{method} {thing}")),
        _ => None,
    }
}

/// Honest calls that the TypeScript SDK is stricter about than the specification.
const REFUSED_BY_TYPESCRIPT: &[&str] = &[
    "_meta that is null",
    "a call as a task",
    "arguments that are null",
];

/// Whether no server has reason not to run an honest call.
fn is_plain(vector: &Vector) -> bool {
    vector.path == "/mcp" && vector.method == "POST" && vector.headers.is_empty()
}

fn request(vector: &Vector, id: &str, trailers: bool) -> Request {
    let http = vector.http();
    let mut request = Request::of(&http.method, &http.path, http.headers, http.body);
    let has_accept = request.headers.iter().any(|(name, _)| name == "accept");
    if !has_accept {
        // Servers insist on it.
        request = request.header("accept", "application/json, text/event-stream");
    }
    // A server's event stream has no end, so what comes soon must do.
    let patience = if vector.method == "GET" { 500 } else { 10_000 };
    request = request
        .header("x-request-id", id)
        .patience(Duration::from_millis(patience));
    match trailers && !request.body.is_empty() {
        true => request.length(Length::Open).trailer("x-last", "word"),
        false => request,
    }
}

fn vectors() -> Vec<Vector> {
    let files = FILES.iter().map(|(name, text)| WireTests::read(name, text));
    let files: Vec<_> = files.map(|file| file.expect("vectors")).collect();
    files.iter().flat_map(WireTests::vectors).cloned().collect()
}

fn listener_name(mode: &str, point: Point<'_>) -> String {
    format!("{mode} {point:?}")
}

/// The filter in front of the server: a listener for each mode and policy.
fn envoy(server: &Server, vectors: &[Vector]) -> Envoy {
    let policies: BTreeMap<_, _> = vectors.iter().map(|one| (one.point(), one)).collect();
    let mut listeners = Vec::new();
    for (point, vector) in policies {
        for mode in ["Hold", "Stream"] {
            let mut policy = vector.policy();
            policy["settings"]["requestHeaders"] = json!(mode);
            let mut filter = Filter::new(&support::filter_module(), &policy.to_string());
            filter.vm_id = mode.to_owned();
            filter.hold = mode == "Hold";
            let listener = Listener::plain(&listener_name(mode, point))
                .filter(filter)
                .edge(Edge::lax())
                .route("/", "server");
            listeners.push(listener);
        }
    }
    let mut bootstrap = Bootstrap {
        listeners,
        clusters: vec![Cluster::new("server", server.address)],
    }
    .json();
    for listener in bootstrap["static_resources"]["listeners"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["preserve_external_request_id"] = json!(true);
    }
    Envoy::start(&bootstrap).expect("Envoy serves")
}
