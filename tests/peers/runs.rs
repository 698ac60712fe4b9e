//! Every vector, sent through Envoy's own filters and straight to real servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::native::{Native, RECORDER};
use crate::recording::{Ran, Server};
use crate::support::client::Client;
use crate::support::lane::Lane;
use crate::support::message::{Length, Request};
use crate::support::recorder::Seen;
use crate::wire_vectors::{FILES, Vector, WireTests};

/// The tool that hostile vectors want to reach.
const MARKER: &str = "delete_everything";

/// A rule, its vectors, and the file it is from.
pub struct Rule {
    pub file: &'static str,
    pub text: String,
    pub cases: Vec<Case>,
}

/// A vector and the policy it is sent under.
pub struct Case {
    pub id: String,
    pub vector: Vector,
    /// The vector's own; `echo` alone where it has none and wants another tool.
    pub policy: Option<String>,
}

/// What became of the cases, by id.
#[derive(Default)]
pub struct Outcomes {
    /// Those that reached a server, with the way they came.
    pub passed: BTreeSet<(Way, String)>,
    /// How many honest calls ran behind the filters, by server.
    pub honest: BTreeMap<&'static str, usize>,
    /// What ran, and policy forbids: by server, behind the filters and without.
    pub behind: BTreeMap<String, BTreeSet<&'static str>>,
    pub without: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Case {
    pub fn is_refused(&self) -> bool {
        self.vector.refuse.is_some()
    }

    /// Whether it is no MCP, which these filters refuse wherever they stand.
    pub fn is_other(&self) -> bool {
        self.vector.reads.as_deref() == Some("http")
    }

    fn forbids(&self, ran: &[String]) -> bool {
        self.is_refused()
            && self.policy.is_some()
            && ran.iter().any(|ran| Some(ran) != self.policy.as_ref())
    }

    /// Whether it arrived with the Upgrade that makes it what it is: Envoy takes it
    /// out, and in HTTP/2 there is none.
    fn is_itself(&self, seen: &Seen) -> bool {
        let upgrades = self
            .vector
            .headers
            .iter()
            .any(|(name, _)| name == "upgrade");
        !upgrades || seen.header("upgrade").is_some()
    }

    /// As MCP clients send it: these filters and all servers insist on Accept.
    fn request(&self, way: Way) -> Request {
        let http = self.vector.http();
        let mut request = Request::of(&http.method, &http.path, http.headers, http.body);
        if !request.headers.iter().any(|(name, _)| name == "accept") {
            request = request.header("accept", "application/json, text/event-stream");
        }
        // A server's event stream has no end, so what comes soon must do.
        let patience = if http.method == "GET" { 500 } else { 5000 };
        request = request
            .header("x-request-id", format!("{}{}", way.mark(), self.id))
            .patience(Duration::from_millis(patience));
        match way == Way::Http2Trailers && !request.body.is_empty() {
            true => request.length(Length::Open).trailer("x-last", "word"),
            false => request,
        }
    }
}

/// A way to send a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Http1,
    Http2Trailers,
}

impl Way {
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2Trailers];

    /// Goes before the id of a case sent this way.
    fn mark(self) -> &'static str {
        match self {
            Self::Http1 => "1.",
            Self::Http2Trailers => "2.",
        }
    }

    fn lane(self, client: Client) -> Lane {
        Lane::new(match self {
            Self::Http1 => client,
            Self::Http2Trailers => client.http2(),
        })
    }
}

/// Every rule.
pub fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (file, text) in FILES {
        for rule in WireTests::read(file, text).expect("vectors").rules {
            let place = rules.len();
            let vectors = rule.refused.into_iter().chain(rule.passes).enumerate();
            rules.push(Rule {
                file,
                text: rule.rule,
                cases: vectors
                    .map(|(number, vector)| case(place, number, vector))
                    .collect(),
            });
        }
    }
    rules
}

fn case(rule: usize, number: usize, vector: Vector) -> Case {
    let body = vector.http().body.unwrap_or_default();
    let wants_another = vector.refuse.is_some() && String::from_utf8_lossy(&body).contains(MARKER);
    let echo = wants_another.then(|| "tools/call echo".to_owned());
    Case {
        id: format!("{rule:03}.{number:03}"),
        policy: vector.allow.clone().or(echo),
        vector,
    }
}

/// Sends everything everywhere. What gets through in one way has got through.
pub fn run(rules: &[Rule], native: &Native, servers: &[Server]) -> Outcomes {
    let cases: Vec<&Case> = rules.iter().flat_map(|rule| &rule.cases).collect();
    let names = servers.iter().map(|server| server.name).chain([RECORDER]);
    for way in Way::BOTH {
        for name in names.clone() {
            let mut lanes: BTreeMap<Option<&str>, Lane> = BTreeMap::new();
            for case in &cases {
                let policy = case.policy.as_deref();
                let lane = lanes
                    .entry(policy)
                    .or_insert_with(|| way.lane(native.client(policy, name)));
                // What gets through is seen at the server.
                let _ = lane.send(&case.request(way));
            }
        }
    }
    let mut outcomes = Outcomes::default();
    for seen in native.recorder.requests_when_quiet() {
        let id = seen.header("x-request-id").unwrap_or_default();
        let way = Way::BOTH.into_iter().find(|way| id.starts_with(way.mark()));
        let case = cases.iter().find(|case| id.ends_with(&case.id));
        let (Some(way), Some(case)) = (way, case) else {
            panic!("a request that nobody sent: {seen:?}");
        };
        if seen.complete && case.is_itself(&seen) {
            outcomes.passed.insert((way, case.id.clone()));
        }
    }
    for server in servers {
        let behind = server.ran();
        let mut lane = Way::Http1.lane(Client::plain(server.address));
        for case in &cases {
            let _ = lane.send(&case.request(Way::Http1));
        }
        let mut without = server.ran();
        for (id, all) in &mut without {
            // Only what is new ran without the filters.
            all.drain(..behind.get(id).map_or(0, Vec::len));
        }
        for case in &cases {
            let forbidden = |ran: &Ran| {
                let of_it = Way::BOTH.map(|way| ran.get(&format!("{}{}", way.mark(), case.id)));
                of_it.into_iter().flatten().any(|ran| case.forbids(ran))
            };
            if forbidden(&behind) {
                outcomes
                    .behind
                    .entry(case.id.clone())
                    .or_default()
                    .insert(server.name);
            }
            if forbidden(&without) {
                outcomes
                    .without
                    .entry(case.id.clone())
                    .or_default()
                    .insert(server.name);
            }
        }
        let honest = cases.iter().filter(|case| {
            !case.is_refused() && behind.contains_key(&format!("{}{}", Way::Http1.mark(), case.id))
        });
        outcomes.honest.insert(server.name, honest.count());
    }
    outcomes
}
