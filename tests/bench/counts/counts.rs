//! `counts`: every case and its allocations. `counts CASE TIMES`: a case, that many times,
//! for somebody who counts instructions.

#[path = "../traffic.rs"]
mod traffic;

use std::hint::black_box;
use std::ops::Range;
use std::rc::Rc;

use accesspolicy::enforcement::{Envelopes, Facts, Permitted, Step, Stream};
use accesspolicy::policy::Policies;
use accesspolicy::request::{Caller, Headers};
use traffic::{CLOSED, Filling, OPEN};

/// A tool, the body's size, what fills it, and how many rules there are.
type Call = (&'static str, usize, Filling, usize);

const CALLS: [(&str, Call); 8] = [
    ("allowed, 10 rules", (OPEN, 100, Filling::Text, 10)),
    ("allowed, 1000 rules", (OPEN, 100, Filling::Text, 1000)),
    ("allowed, 10000 rules", (OPEN, 100, Filling::Text, 10_000)),
    ("refused, 10 rules", (CLOSED, 100, Filling::Text, 10)),
    ("refused, 10000 rules", (CLOSED, 100, Filling::Text, 10_000)),
    ("64 KiB of text", (OPEN, 64 << 10, Filling::Text, 10)),
    (
        "64 KiB of small values",
        (OPEN, 64 << 10, Filling::Values, 10),
    ),
    (
        "1 MiB of small values",
        (OPEN, 1 << 20, Filling::Values, 10),
    ),
];

const LOAD: &str = "loading 1000 rules";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for (name, call) in CALLS {
                let case = Case::new(call);
                case.run();
                let cost = allocation_counter::measure(|| case.run());
                println!("{name}\t{}", cost.count_total);
            }
            let text = traffic::policy(1000).to_string();
            let cost = allocation_counter::measure(|| load(&text));
            println!("{LOAD}\t{}", cost.count_total);
        }
        [name, times] => {
            let times: usize = times.parse().expect("how many times");
            if name == LOAD {
                let text = traffic::policy(1000).to_string();
                (0..times).for_each(|_| load(&text));
                return;
            }
            let call = CALLS.into_iter().find(|(known, _)| known == name);
            let (_, call) = call.expect("a case");
            let case = Case::new(call);
            (0..times).for_each(|_| case.run());
        }
        _ => panic!("usage: counts [CASE TIMES]"),
    }
}

fn load(text: &str) {
    black_box(Policies::from_json(text.as_bytes()).expect("a policy"));
}

/// A request that is judged again and again under the same configuration.
struct Case {
    policies: Policies,
    envelopes: Rc<Envelopes>,
    /// As the host gives them: in one buffer, with the places of names and values.
    headers: Vec<u8>,
    places: Vec<(Range<usize>, Range<usize>)>,
    /// Read once for a connection.
    caller: Caller,
    body: Vec<u8>,
    is_allowed: bool,
}

impl Case {
    fn new((tool, size, filling, rules): Call) -> Self {
        let text = traffic::policy(rules).to_string();
        let body = traffic::body(tool, size, filling).into_bytes();
        let length = body.len().to_string();
        let lines = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", "/mcp"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2025-06-18"),
            ("mcp-session-id", "0123456789abcdef"),
            ("content-length", &length),
        ];
        let (mut headers, mut places) = (Vec::new(), Vec::new());
        let mut add = |text: &str| {
            let start = headers.len();
            headers.extend_from_slice(text.as_bytes());
            start..headers.len()
        };
        places.extend(lines.map(|(name, value)| (add(name), add(value))));
        Self {
            headers,
            places,
            caller: Caller::from_metadata(traffic::CALLER.as_bytes(), None),
            policies: Policies::from_json(text.as_bytes()).expect("a policy"),
            envelopes: Rc::default(),
            body,
            is_allowed: tool == OPEN,
        }
    }

    fn run(&self) {
        let headers = Headers::from_parts(self.headers.clone(), self.places.clone());
        let facts = Facts {
            headers: headers.expect("places within the buffer"),
            caller: self.caller.clone(),
            ..Facts::default()
        };
        let mut stream = Stream::new(Rc::clone(&self.envelopes));
        let step = stream.headers(&self.policies, facts, false);
        assert!(matches!(step, Step::Wait), "the body is waited for");
        let step = stream.body(&self.policies, black_box(&self.body), true);
        let is_allowed = matches!(&step, Step::Continue(Permitted::Now(..)));
        assert_eq!(is_allowed, self.is_allowed);
        black_box(step);
    }
}
