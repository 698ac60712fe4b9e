//! Requests that wait for an authorizer: what they hold, what they cost, and that nobody
//! else waits with them.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Asked, Authorizer, IS_ALLOWED, Outcome, echo};
use crate::authorizer::Act;
use crate::setup::{Mode, Stage, call};
use crate::support::client::{Connection, Failure};
use crate::support::lane::Lane;
use crate::support::message::{Request, Response};
use crate::support::recorder::Seen;
use crate::support::runtime;

/// How many wait at once.
const WAITING: usize = 2000;

/// The most that Envoy may hold for each, in bytes: its connections and buffers to both
/// sides, and what the filter keeps.
const HELD: usize = 100 * 1024;

#[test]
fn two_thousand_wait_over_http() {
    two_thousand_wait(Asked::Http);
}

#[test]
fn two_thousand_wait_over_grpc() {
    two_thousand_wait(Asked::Grpc);
}

fn two_thousand_wait(asked: Asked) {
    let (open, gate) = watch::channel(false);
    let authorizer =
        Authorizer::start(asked, move |is_allowed| Act::When(gate.clone(), is_allowed));
    let stage = authorizer.stage("60s", 2 * WAITING as u32);
    let envoy = stage.envoy.process();
    others(&stage, 20);
    let before = envoy.memory().expect("memory");

    let crowd = Crowd::gather(&stage, WAITING);
    until(&stage, &|| (authorizer.asked(), crowd.gone()), |seen| {
        seen == (WAITING, 0)
    });
    let each = envoy.memory().expect("memory").saturating_sub(before) / WAITING;

    let (start, used) = (Instant::now(), envoy.cpu_time().expect("time"));
    std::thread::sleep(Duration::from_secs(1));
    let cpu = envoy.cpu_time().expect("time").saturating_sub(used);
    let during = start.elapsed();

    let (median, worst) = others(&stage, 300);
    println!(
        "{asked:?}: {each} bytes each, {cpu:?} of {during:?}; others: median {median:?}, worst {worst:?}"
    );
    assert!(each < HELD, "{each} bytes for each that waits");
    assert!(cpu < during / 20, "{cpu:?} of processor time in {during:?}");
    assert!(median < Duration::from_millis(100), "{median:?}");
    assert!(worst < Duration::from_secs(2), "{worst:?}");
    assert!(crowd.nobody_went(), "an answer before the authorizer's");

    open.send(true).expect("the authorizer");
    crowd.everybody_got(Outcome::Ran, Outcome::Refused);
    // Headers alone may be there of refused ones, where they are not held.
    let seen = stage.recorder.requests_when_quiet();
    let says = |seen: &Seen| seen.header(IS_ALLOWED.0);
    let ran: Vec<_> = seen
        .iter()
        .filter(|seen| seen.complete)
        .filter_map(says)
        .collect();
    assert_eq!(ran, vec![IS_ALLOWED.1; WAITING / 2]);
}

/// What is beyond the limits of the authorizer's cluster is refused at once.
#[test]
fn more_than_the_cluster_takes() {
    for asked in [Asked::Http, Asked::Grpc] {
        let (open, gate) = watch::channel(true);
        let authorizer =
            Authorizer::start(asked, move |is_allowed| Act::When(gate.clone(), is_allowed));
        let stage = authorizer.stage("60s", 10);
        // Opens the connection: what waits for one counts apart.
        let first = stage.client(Mode::Hold.name()).send(&echo("first", true));
        assert_eq!(
            Outcome::of(&first.expect("an answer"), "first"),
            Some(Outcome::Ran)
        );
        open.send(false).expect("the authorizer");
        let crowd = Crowd::gather(&stage, 40);
        let seen = || (authorizer.asked(), crowd.gone());
        until(&stage, &seen, |(asked, gone)| asked == 11 && gone >= 20);
        assert!(crowd.gone() <= 30, "{asked:?}: {}", crowd.gone());
        open.send(true).expect("the authorizer");
        let (mut answered, mut refused) = (0, 0);
        for (id, is_allowed, answer) in crowd.answers() {
            let outcome = Outcome::of(&answer, &id);
            let right = if is_allowed {
                Outcome::Ran
            } else {
                Outcome::Refused
            };
            if outcome == Some(Outcome::Unanswered) {
                refused += 1;
                let record = &stage.records(std::iter::once(&*id))[&id][0];
                assert_eq!(record["reason"], "authorizer_error", "{record}");
                let detail = &record["external_auth"][0]["detail"];
                assert_eq!(
                    detail, "Envoy made no call: too many are open, or nobody is there",
                    "{record}"
                );
            } else {
                answered += 1;
                assert_eq!(outcome, Some(right), "{asked:?} {id}: {answer:?}");
            }
        }
        assert!(
            answered >= 10 && refused >= 20,
            "{asked:?}: {answered} {refused}"
        );
    }
}

type Pending = JoinHandle<Result<Response, Failure>>;

/// Calls of `echo` that have been sent, every other of them to be allowed.
struct Crowd {
    calls: Vec<(String, bool, Pending)>,
    /// Open for as long as the calls are.
    _connections: Vec<Connection>,
}

impl Crowd {
    /// Half of them with held headers, 100 on a connection, each of another caller: one
    /// alone has a share of what a worker asks.
    fn gather(stage: &Stage, size: usize) -> Self {
        let mut connections = Vec::new();
        let mut calls = Vec::new();
        for number in 0..size {
            if number % 100 == 0 {
                let mode = Mode::BOTH[number / 100 % 2];
                let client = stage.client(mode.name()).http2();
                connections.push(client.connect().expect("a connection"));
            }
            let connection = connections.last().expect("a connection");
            let (id, is_allowed) = (format!("call-{number}"), number % 2 == 0);
            let caller = format!("URI=spiffe://cluster.local/ns/agents/sa/{}", number % 100);
            let request = echo(&id, is_allowed)
                .header("x-forwarded-client-cert", caller)
                .patience(Duration::from_secs(60));
            calls.push((id, is_allowed, connection.begin(request)));
        }
        Self {
            calls,
            _connections: connections,
        }
    }

    /// How many have been answered.
    fn gone(&self) -> usize {
        self.calls
            .iter()
            .filter(|(.., call)| call.is_finished())
            .count()
    }

    fn nobody_went(&self) -> bool {
        self.gone() == 0
    }

    fn answers(self) -> impl Iterator<Item = (String, bool, Response)> {
        self.calls.into_iter().map(|(id, is_allowed, call)| {
            let answer = runtime().block_on(call).expect("a task that ends");
            let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
            (id, is_allowed, answer)
        })
    }

    fn everybody_got(self, allowed: Outcome, refused: Outcome) {
        for (id, is_allowed, answer) in self.answers() {
            let right = if is_allowed { allowed } else { refused };
            assert_eq!(Outcome::of(&answer, &id), Some(right), "{id}: {answer:?}");
        }
    }
}

/// Sends calls that nobody is asked about, and says how long they took: half of them at
/// most, and the slowest.
fn others(stage: &Stage, calls: usize) -> (Duration, Duration) {
    let mut lanes = Mode::BOTH.map(|mode| Lane::new(stage.client(mode.name())));
    let mut took: Vec<Duration> = (0..calls)
        .map(|number| {
            let start = Instant::now();
            let answer = lanes[number % 2].send(&Request::mcp(call("sum")));
            let answer = answer.expect("an answer");
            assert_eq!(answer.json()["result"], json!({}), "{answer:?}");
            start.elapsed()
        })
        .collect();
    took.sort();
    (took[calls / 2], took[calls - 1])
}

/// Waits until so many have been asked about, and so many answered.
fn until(stage: &Stage, seen: &dyn Fn() -> (usize, usize), is_it: impl Fn((usize, usize)) -> bool) {
    let start = Instant::now();
    while !is_it(seen()) {
        if start.elapsed() > Duration::from_secs(30) {
            let stats = stage.envoy.stats().into_iter();
            let of_it = stats.filter(|(name, value)| name.contains("authorizer") && *value > 0);
            panic!(
                "asked, answered: {:?} {:?}",
                seen(),
                of_it.collect::<Vec<_>>()
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
