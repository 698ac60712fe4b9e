//! `soak-native MESSAGES`: that many hostile requests through the native engine, each
//! body in pieces. It ends early only when the engine panics or forgets to decide.

#[path = "../readers/generate.rs"]
mod generate;
mod messages;
#[path = "../wire_vectors/mod.rs"]
mod wire_vectors;

use std::collections::BTreeMap;
use std::time::Instant;

use accesspolicy::engine::enforcement::{StreamAttributes, Permitted, Step, Stream};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Headers};

use messages::Messages;
use wire_vectors::{Http, WireTests};

fn main() {
    let told = std::env::args().nth(1);
    let count: u64 = told.map_or(10_000_000, |told| {
        told.parse().expect("a number of messages")
    });
    let policies = policies();
    let mut messages = Messages::new(3);
    let mut outcomes: BTreeMap<u16, u64> = BTreeMap::new();
    let mut bytes = 0;
    let start = Instant::now();
    for number in 0..count {
        let http = messages.request();
        bytes += http.body.as_ref().map_or(0, Vec::len);
        let status = judge(&policies, http, &mut messages)
            .unwrap_or_else(|step| panic!("message {number}: unsettled: {step}"));
        *outcomes.entry(status).or_insert(0) += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    let passed = outcomes.remove(&0).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (rate, size) = (count as f64 / seconds, bytes as f64 / 1e6);
    println!("native: {count} messages ({size:.0} MB) in {seconds:.0} s, {rate:.0} a second");
    println!("native: {passed} passed, refused by status: {outcomes:?}");
    assert!(
        passed > count / 1000,
        "nothing passes, so little was read to its end"
    );
}

/// The status of the answer, or 0 for what passes.
fn judge(policies: &Policies, http: Http, messages: &mut Messages) -> Result<u16, String> {
    let pseudo = [
        (":method".to_owned(), http.method.into_bytes()),
        (":path".to_owned(), http.path.into_bytes()),
    ];
    let lines: Vec<_> = pseudo.into_iter().chain(http.headers).collect();
    let facts = StreamAttributes {
        headers: Headers::from_lines(lines.iter().map(|(name, value)| (name, value))),
        caller: Caller::Anonymous,
        cluster: None,
        ..StreamAttributes::default()
    };
    let mut stream = Stream::default();
    let mut step = stream.headers(policies, facts, http.body.is_none());
    let body = http.body.unwrap_or_default();
    let (first, second) = body.split_at(messages.cut(body.len()));
    let trailers = messages.one_in(3);
    for (piece, last) in [(first, false), (second, !trailers)] {
        if matches!(step, Step::Wait | Step::PassHeaders) {
            step = stream.body(policies, piece, last);
        }
    }
    if trailers && matches!(step, Step::Wait) {
        step = stream.trailers(policies);
    }
    match step {
        Step::Continue(Permitted::Now(..)) => Ok(0),
        Step::Block(refusal) => Ok(refusal.answer.status),
        other => Err(format!("{other:?}")),
    }
}

/// A policy that allows one tool to all.
fn policies() -> Policies {
    let (name, text) = wire_vectors::FILES[0];
    let file = WireTests::read(name, text).expect("vectors");
    let mut vector = file.vectors().next().expect("a vector").clone();
    vector.allow = Some("tools/call echo".to_owned());
    Policies::from_json(vector.policy().to_string().as_bytes()).expect("a policy")
}
