//! Every wire vector, through the filter in Envoy: held or streamed, in HTTP/1.1 or
//! HTTP/2, with trailers or without. A refused one has the engine's answer and is
//! not at the server; one that passes arrives byte for byte.
//!
//! The edge is as lax as Envoy allows, so that the filter judges what it can.

mod exceptions;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::setup::{Mode, PROTOCOLS, Stage, speaking};
use crate::support::client::{Failure, Protocol};
use crate::support::config::{Edge, Listener};
use crate::support::envoy::Options;
use crate::support::lane::Lane;
use crate::support::message::{Length, Request, Response};
use crate::support::recorder::Seen;
use crate::wire_vectors::{FILES, Point, Vector, Verdict, WireTests};

use exceptions::{EXCEPTIONS, Exception, Instead};

/// The trailer that follows a body.
const TRAILER: (&str, &str) = ("x-last", "word");

/// A vector, and the file it is from.
struct Case {
    file: &'static str,
    vector: Vector,
    verdict: Verdict,
}

/// A case, sent in one of the ways.
struct Sent<'c> {
    id: String,
    case: &'c Case,
    mode: Mode,
    protocol: Protocol,
    trailers: bool,
    answer: Result<Response, Failure>,
}

#[test]
fn every_vector_in_every_way() {
    let cases = cases();
    let policies: BTreeSet<_> = cases.iter().map(|case| case.vector.point()).collect();
    let policies: Vec<_> = policies.into_iter().collect();
    let stage = stage(&cases, &policies);
    let mut sent = Vec::new();
    for (number, point) in policies.iter().enumerate() {
        for mode in Mode::BOTH {
            let client = stage.client(&listener_name(mode, number));
            for (_, protocol) in PROTOCOLS {
                let mut lane = Lane::new(speaking(&client, protocol));
                for case in cases.iter().filter(|case| case.vector.point() == *point) {
                    for trailers in case.endings() {
                        let id = format!("wire.{:05}.", sent.len());
                        let answer = lane.send(&case.request(&id, trailers));
                        sent.push(Sent {
                            id,
                            case,
                            mode,
                            protocol,
                            trailers: *trailers,
                            answer,
                        });
                    }
                }
            }
        }
    }
    assert_as_said(&stage, &sent);
}

/// Compares what became of all that was sent with the vectors and the exceptions.
fn assert_as_said(stage: &Stage, sent: &[Sent<'_>]) {
    let seen = stage.recorder.requests_when_quiet();
    let seen = Arrivals::new(&seen, &stage.recorder.bytes());
    let mut needed = vec![false; EXCEPTIONS.len()];
    let mut wrong = Vec::new();
    for sent in sent {
        let found = sent.wrong(&seen);
        let exception = EXCEPTIONS
            .iter()
            .position(|exception| sent.is_of(exception));
        let found = match (found, exception) {
            (Some(_), Some(place)) if sent.went_as(&EXCEPTIONS[place], &seen) => {
                needed[place] = true;
                None
            }
            (None, Some(place)) => Some(format!("no exception: {}", EXCEPTIONS[place].because)),
            (found, _) => found,
        };
        wrong.extend(found.map(|found| format!("{}: {found}", sent.name())));
    }
    for (exception, _) in EXCEPTIONS
        .iter()
        .zip(&needed)
        .filter(|(_, needed)| !**needed)
    {
        wrong.push(format!("nothing is as this exception: {exception:?}"));
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        sent.len(),
        wrong.join("\n")
    );
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, text) in FILES {
        let read = WireTests::read(file, text).expect("vectors");
        cases.extend(read.vectors().map(|vector| Case {
            file,
            vector: vector.clone(),
            verdict: Verdict::of(vector),
        }));
    }
    cases
}

fn listener_name(mode: Mode, number: usize) -> String {
    format!("{}-{number}", mode.name())
}

/// One Envoy, with a listener for each mode and policy.
fn stage(cases: &[Case], policies: &[Point<'_>]) -> Stage {
    let mut listeners = Vec::new();
    for (number, point) in policies.iter().enumerate() {
        let case = cases.iter().find(|case| case.vector.point() == *point);
        let mut policy = case.expect("a case with this policy").vector.policy();
        for mode in Mode::BOTH {
            policy["settings"]["requestHeaders"] = json!(mode.setting());
            let listener = Listener::plain(&listener_name(mode, number))
                .filter(mode.filter(&policy.to_string()))
                .edge(Edge::lax())
                .route("/", "everything");
            listeners.push(listener);
        }
    }
    Stage::start_with(listeners, Options::default(), |manager: &mut Value| {
        manager["upgrade_configs"] =
            json!(["websocket", "h2c", "CONNECT"].map(|upgrade| json!({"upgrade_type": upgrade})));
        let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
        let mut connect = routes[0].clone();
        connect["match"] = json!({"connect_matcher": {}});
        routes.as_array_mut().expect("routes").insert(0, connect);
    })
}

impl Case {
    fn endings(&self) -> &'static [bool] {
        match self.vector.http().body {
            Some(body) if !body.is_empty() => &[false, true],
            _ => &[false],
        }
    }

    fn request(&self, id: &str, trailers: &bool) -> Request {
        let http = self.vector.http();
        let request = Request::of(&http.method, &http.path, http.headers, http.body);
        let request = request.header("x-request-id", id);
        match trailers {
            true => request.length(Length::Open).trailer(TRAILER.0, TRAILER.1),
            false => request,
        }
    }
}

/// What reached the server, by id.
struct Arrivals<'s> {
    requests: HashMap<String, Vec<&'s Seen>>,
    /// Also of requests whose headers never came to an end.
    ids: BTreeSet<String>,
}

impl<'s> Arrivals<'s> {
    fn new(seen: &'s [Seen], bytes: &[u8]) -> Self {
        let mut requests: HashMap<String, Vec<&Seen>> = HashMap::new();
        for seen in seen {
            let id = seen.header("x-request-id").unwrap_or_default();
            requests.entry(id).or_default().push(seen);
        }
        let text = String::from_utf8_lossy(bytes);
        let ids = text
            .match_indices("wire.")
            .filter_map(|(at, _)| text.get(at..at + 11));
        let ids = ids.map(str::to_owned).collect();
        Self { requests, ids }
    }

    fn of(&self, id: &str) -> &[&'s Seen] {
        self.requests.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Sent<'_> {
    fn name(&self) -> String {
        let trailers = if self.trailers { ", trailers" } else { "" };
        let Case { file, vector, .. } = self.case;
        format!(
            "{file}: {} ({:?}, {:?}{trailers})",
            vector.name, self.mode, self.protocol
        )
    }

    /// What is otherwise than the vector says.
    fn wrong(&self, seen: &Arrivals<'_>) -> Option<String> {
        let answer = match &self.answer {
            Ok(answer) => answer,
            Err(error) => return Some(format!("not answered: {error}")),
        };
        match &self.case.verdict.answer {
            Some(expected) => {
                // To the byte, but where it says what was wrong with what Envoy made of the
                // headers: it joins lines.
                let is_same = self.case.verdict.is_of_headers || answer.body == expected.body;
                if answer.status != expected.status || !is_same {
                    return Some(format!("answered {} {}", answer.status, answer.text()));
                }
                self.leaked(seen)
            }
            None => self.altered(answer, seen),
        }
    }

    /// What the server has of a refused request, and must not have: its headers
    /// where they are held, or anything of its body.
    fn leaked(&self, seen: &Arrivals<'_>) -> Option<String> {
        let arrived = seen.of(&self.id);
        let body: usize = arrived.iter().map(|seen| seen.body.len()).sum();
        match self.mode {
            Mode::Hold if seen.ids.contains(&self.id) => Some("its headers arrived".to_owned()),
            _ if body > 0 => Some(format!("{body} bytes of its body arrived")),
            _ if arrived.iter().any(|seen| seen.complete) => Some("it arrived".to_owned()),
            _ => None,
        }
    }

    /// In what a request that passes has not arrived as it was sent.
    fn altered(&self, answer: &Response, seen: &Arrivals<'_>) -> Option<String> {
        if answer.status != 200 || answer.header("x-accesspolicy-decision-id").is_some() {
            return Some(format!("answered {} {}", answer.status, answer.text()));
        }
        let arrived = seen.of(&self.id);
        let [arrived] = arrived else {
            return Some(format!("arrived {} times", arrived.len()));
        };
        let http = self.case.vector.http();
        if !arrived.complete || arrived.body != http.body.unwrap_or_default() {
            return Some(format!("arrived with the body {:?}", arrived.body));
        }
        if (&arrived.method, &arrived.target) != (&http.method, &http.path) {
            return Some(format!("arrived as {} {}", arrived.method, arrived.target));
        }
        if arrived.trailers.len() != usize::from(self.trailers) {
            return Some(format!("arrived with the trailers {:?}", arrived.trailers));
        }
        let (sent, came) = (by_name(&http.headers), by_name(&arrived.headers));
        let altered = sent
            .iter()
            .find(|(name, lines)| came.get(*name) != Some(*lines));
        altered.map(|(name, lines)| format!("{name}: {lines:?} came as {:?}", came.get(name)))
    }

    fn is_of(&self, exception: &Exception) -> bool {
        (exception.file, exception.name) == (self.case.file, self.case.vector.name.as_str())
            && exception.protocol == self.protocol
    }

    /// Whether it went as an exception says, and the server has nothing of what is refused.
    fn went_as(&self, exception: &Exception, seen: &Arrivals<'_>) -> bool {
        let refused = self.case.verdict.answer.is_some();
        let went = match (&exception.instead, &self.answer) {
            (Instead::Status(status), Ok(answer)) => answer.status == *status,
            (Instead::NoAnswer, Err(_)) => true,
            (Instead::Stripped(name), Ok(_)) => {
                // It arrives, without what made it hostile.
                let arrived = seen.of(&self.id);
                return !arrived.is_empty()
                    && arrived.iter().all(|seen| seen.header(name).is_none());
            }
            _ => false,
        };
        went && (!refused || self.leaked(seen).is_none())
    }
}

/// Header lines by name; those about the connection, which ends at Envoy, left out.
fn by_name(lines: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<&[u8]>> {
    let mut by_name: BTreeMap<String, Vec<&[u8]>> = BTreeMap::new();
    for (name, value) in lines {
        let name = name.to_ascii_lowercase();
        if !["connection", "upgrade", "te", "content-length"].contains(&name.as_str()) {
            // Blanks around a value do not come through HTTP/1.
            by_name.entry(name).or_default().push(value.trim_ascii());
        }
    }
    by_name
}
