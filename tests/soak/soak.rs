//! `soak MESSAGES`: that many hostile requests through the filter in one Envoy, held
//! and streamed, in both protocols. Afterwards no VM has ever failed.
#![allow(clippy::print_stdout)] // standard output is what it is asked for

#[path = "../readers/generate.rs"]
mod generate;
mod messages;
#[path = "../support/mod.rs"]
mod support;
#[path = "../wire_vectors/mod.rs"]
mod wire_vectors;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::client::Client;
use support::config::{Bootstrap, Cluster, Edge, Filter, Listener};
use support::envoy::{Envoy, Options};
use support::lane::Lane;
use support::message::{Length, Request};
use support::recorder::Recorder;

use messages::Messages;
use wire_vectors::WireTests;

/// How many requests became what: by status, 0 where none came.
type Answers = BTreeMap<u16, u64>;

fn main() {
    let told = std::env::args().nth(1);
    let count: u64 = told.map_or(100_000, |told| told.parse().expect("a number of messages"));
    let recorder = Recorder::start();
    let envoy = envoy(&recorder);
    let start = Instant::now();
    let ways = [
        ("Hold", false),
        ("Hold", true),
        ("Stream", false),
        ("Stream", true),
    ];
    let runs: Vec<_> = (0..)
        .zip(ways)
        .map(|(seed, (mode, http2))| {
            let client = Client::plain(envoy.listener(mode));
            let client = if http2 { client.http2() } else { client };
            thread::spawn(move || run(client, 4 + seed, count / 4))
        })
        .collect();
    let mut answers = Answers::new();
    for run in runs {
        for (status, count) in run.join().expect("a run") {
            *answers.entry(status).or_insert(0) += count;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = count as f64 / seconds;
    println!("Envoy: {count} messages in {seconds:.0} s, {rate:.0} a second");
    println!("Envoy: answers by status, 0 for none: {answers:?}");
    let failures = envoy.vm_failures();
    let log = envoy.log();
    let errors: Vec<_> = log
        .lines()
        .filter(|line| line.contains("][error][wasm]"))
        .collect();
    println!("Envoy: failed VMs: {failures:?}, errors in its log: {errors:?}");
    assert!(failures.is_empty() && errors.is_empty(), "a VM failed");
}

/// Sends that many requests, one after the other.
fn run(client: Client, seed: u64, count: u64) -> Answers {
    let mut messages = Messages::new(seed);
    let mut lane = Lane::new(client);
    let mut answers = Answers::new();
    for _ in 0..count {
        let http = messages.request();
        let mut request = Request::of(&http.method, &http.path, http.headers, http.body)
            .patience(Duration::from_secs(2));
        if let (true, Some(body)) = (messages.one_in(4), request.body.first().cloned()) {
            let cut = messages.cut(body.len());
            request.body = vec![body.slice(..cut), body.slice(cut..)];
            request.length = Length::Open;
            request.pause = Duration::ZERO;
        }
        if messages.one_in(4) && !request.body.is_empty() {
            request = request.length(Length::Open).trailer("x-last", "word");
        }
        let status = lane.send(&request).map_or(0, |answer| answer.status);
        *answers.entry(status).or_insert(0) += 1;
    }
    answers
}

/// The filter, with a policy that allows one tool to all, held and streamed.
fn envoy(recorder: &Recorder) -> Envoy {
    let (name, text) = wire_vectors::FILES[0];
    let file = WireTests::read(name, text).expect("vectors");
    let mut vector = file.vectors().next().expect("a vector").clone();
    vector.allow = Some("tools/call echo".to_owned());
    let listeners = ["Hold", "Stream"].map(|mode| {
        let mut policy = vector.policy();
        policy["settings"]["requestHeaders"] = json!(mode);
        let mut filter = Filter::new(&support::filter_module(), &policy.to_string());
        filter.vm_id = mode.to_owned();
        filter.hold = mode == "Hold";
        let listener = Listener::plain(mode).filter(filter).edge(Edge::lax());
        listener.route("/", "server")
    });
    let bootstrap = Bootstrap {
        listeners: listeners.to_vec(),
        clusters: vec![Cluster::new("server", recorder.address())],
    };
    let options = Options {
        concurrency: 2,
        ..Options::default()
    };
    Envoy::start_with(&bootstrap.json(), options).expect("Envoy serves")
}
