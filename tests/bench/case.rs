//! A request that is judged again and again: what benchmarks and counts run.

use std::hint::black_box;
use std::ops::Range;
use std::rc::Rc;

use accesspolicy::engine::enforcement::{Permitted, ReaderPool, Step, Stream, StreamAttributes};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Headers};
use serde_json::Value;

use crate::traffic::{self, Filling, OPEN};

/// A tool, the body's size, what fills it, and how many rules there are.
pub type Call = (&'static str, usize, Filling, usize);

/// It stays under one configuration.
pub struct Case {
    policies: Policies,
    envelopes: Rc<ReaderPool>,
    /// As the host gives them: in one buffer, with the places of names and values.
    headers: Vec<u8>,
    places: Vec<(Range<usize>, Range<usize>)>,
    /// Read once for a connection.
    caller: Caller,
    body: Vec<u8>,
    is_allowed: bool,
}

impl Case {
    pub fn new(call: Call) -> Self {
        let (.., rules) = call;
        Self::of(call, &traffic::policy(rules), "/mcp", &[])
    }

    /// As long a head as is looked at, under as many rules that ask for it.
    #[allow(dead_code, reason = "not every benchmark has it")]
    pub fn with_long_head(call: Call) -> Self {
        let (.., rules) = call;
        let path = format!("/mcp/{}a.b", "a%20/".repeat(1600));
        let hosts = "localhost,".repeat(800) + "localhost";
        let methods = "POST,".repeat(1600) + "POST";
        let more = [
            ("x-forwarded-host", &*hosts),
            ("x-http-method-override", &*methods),
        ];
        Self::of(call, &traffic::policy_about_heads(rules), &path, &more)
    }

    fn of(
        (tool, size, filling, _): Call,
        policy: &Value,
        path: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let text = policy.to_string();
        let body = traffic::body(tool, size, filling).into_bytes();
        let length = body.len().to_string();
        let lines = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", path),
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
        let lines = lines.iter().chain(more);
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

    pub fn run(&self) {
        let headers = Headers::from_parts(self.headers.clone(), self.places.clone());
        let facts = StreamAttributes {
            headers: headers.expect("places within the buffer"),
            caller: self.caller.clone(),
            ..StreamAttributes::default()
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
