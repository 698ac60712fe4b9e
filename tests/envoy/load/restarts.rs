//! An authorizer that is killed, hangs and comes back under a steady load: nothing goes on
//! that it did not allow, nobody waits for longer than said, and when it is back requests
//! pass again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Asked, Authorizer, Outcome, echo};
use crate::authorizer::Act;
use crate::setup::{Mode, PROTOCOLS, Stage, speaking};
use crate::support::lane::Lane;

/// How long Envoy waits for the authorizer.
const TIMEOUT: Duration = Duration::from_millis(800);

/// What may come on top on a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(2);

/// How long Envoy may take to see a change.
const SETTLED: Duration = Duration::from_millis(100);

/// How long each state lasts.
const STATE: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    /// Its port is closed.
    Down,
    /// It is connected to, and never answers.
    Hung,
}

use State::{Down, Hung, Up};

#[test]
fn comes_and_goes_over_http() {
    comes_and_goes(Asked::Http);
}

#[test]
fn comes_and_goes_over_grpc() {
    comes_and_goes(Asked::Grpc);
}

fn comes_and_goes(asked: Asked) {
    let hangs = Arc::new(AtomicBool::new(false));
    let is_hung = Arc::clone(&hangs);
    let mut authorizer = Authorizer::start(asked, move |is_allowed| {
        match is_hung.load(Ordering::Relaxed) {
            true => Act::Hang,
            false => Act::Answer(is_allowed),
        }
    });
    let stage = authorizer.stage("800ms", 1024);
    let ends = AtomicBool::new(false);
    let (states, calls) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                scope.spawn({
                    let (stage, ends) = (&stage, &ends);
                    move || load(stage, client, ends)
                })
            })
            .collect();
        let mut states = Vec::new();
        for state in [Up, Down, Up, Hung, Up, Down, Up] {
            match state {
                Up => {
                    hangs.store(false, Ordering::Relaxed);
                    authorizer.restart();
                }
                Down => authorizer.stop(),
                Hung => hangs.store(true, Ordering::Relaxed),
            }
            let start = Instant::now();
            std::thread::sleep(STATE);
            states.push((state, start..Instant::now()));
        }
        ends.store(true, Ordering::Relaxed);
        let calls = clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client"));
        (states, calls.collect::<Vec<_>>())
    });
    judge(&stage, &states, &calls);
}

/// A call, and what became of it.
#[derive(Debug)]
struct Done {
    id: String,
    is_allowed: bool,
    time: Range<Instant>,
    outcome: Outcome,
}

/// Calls one after the other until it `ends`, every other of them to be allowed.
fn load(stage: &Stage, client: usize, ends: &AtomicBool) -> Vec<Done> {
    let mode = Mode::BOTH[client % 2];
    let (_, protocol) = PROTOCOLS[client / 2];
    let mut lane = Lane::new(speaking(&stage.client(mode.name()), protocol));
    let mut calls = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let id = format!("client-{client}-{}.", calls.len());
        let is_allowed = calls.len() % 2 == 0;
        let start = Instant::now();
        let answer = lane.send(&echo(&id, is_allowed));
        let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
        let outcome = Outcome::of(&answer, &id);
        calls.push(Done {
            is_allowed,
            time: start..Instant::now(),
            outcome: outcome.unwrap_or_else(|| panic!("{id}: {answer:?}")),
            id,
        });
        // A load, not a flood.
        std::thread::sleep(Duration::from_millis(5));
    }
    calls
}

fn judge(stage: &Stage, states: &[(State, Range<Instant>)], calls: &[Done]) {
    for call in calls {
        let took = call.time.end - call.time.start;
        assert!(took < TIMEOUT + SLACK, "{call:?}");
        let right = match call.is_allowed {
            true => Outcome::Ran,
            false => Outcome::Refused,
        };
        let may_be = [right, Outcome::Unanswered];
        assert!(may_be.contains(&call.outcome), "{call:?}");
    }
    let records = stage.records(calls.iter().map(|call| call.id.as_str()));
    for (state, time) in states {
        // What it hangs about ends later, and was still asked while it hung.
        let within = |call: &&Done| {
            call.time.start > time.start + SETTLED
                && (call.time.end < time.end
                    || *state == Hung && call.time.start + SETTLED < time.end)
        };
        let calls: Vec<_> = calls.iter().filter(within).collect();
        let answered = calls
            .iter()
            .filter(|call| call.outcome != Outcome::Unanswered);
        let (answered, all) = (answered.count(), calls.len());
        println!("{state:?}: {answered} of {all} answered");
        assert!(all > 0, "{state:?}");
        assert_eq!(answered, if *state == Up { all } else { 0 }, "{state:?}");
        for call in calls {
            let [record] = &records[&call.id][..] else {
                panic!("{call:?}: {:?}", records[&call.id])
            };
            assert_recorded(*state, call, record);
        }
    }
    arrived(stage, calls);
}

/// Each failure is recorded by its own name.
fn assert_recorded(state: State, call: &Done, record: &Value) {
    let (decision, reason, answer) = match call.outcome {
        Outcome::Ran => ("allow", "policy", "allow"),
        Outcome::Refused => ("deny", "authorizer", "deny"),
        Outcome::Unanswered => ("deny", "authorizer_error", "error"),
    };
    assert_eq!(record["decision"], decision, "{record}");
    assert_eq!(record["reason"], reason, "{record}");
    let said = &record["external_auth"][0];
    assert_eq!(said["answer"], answer, "{record}");
    match state {
        Up => {}
        Down => assert_eq!(said["detail"], "it could not be reached", "{record}"),
        Hung => assert_eq!(said["detail"], "it did not answer in time", "{record}"),
    }
}

/// What was allowed, and nothing else, came to its end at the server.
fn arrived(stage: &Stage, calls: &[Done]) {
    let ran = calls.iter().filter(|call| call.outcome == Outcome::Ran);
    let expected: BTreeSet<_> = ran.map(|call| call.id.clone()).collect();
    let seen = stage.recorder.requests_when_quiet();
    let complete = seen.iter().filter(|seen| seen.complete);
    let found = complete.map(|seen| seen.header("x-request-id").unwrap_or_default());
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}
