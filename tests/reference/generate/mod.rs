//! Policies and requests that go together.

mod expressions;
mod http;
mod policy;
mod request;
mod words;

use accesspolicy::engine::policy::{CompiledPolicy, Policies};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use crate::request::Request;

pub use policy::policy;

/// A policy and requests that it judges.
#[derive(Debug, Clone)]
pub struct Case {
    pub document: CompiledPolicy,
    pub requests: Vec<Request>,
}

/// Policies, each with so many requests.
pub fn cases(requests: usize) -> impl Strategy<Value = Case> {
    prop_oneof![3 => Just(false), 1 => Just(true)].prop_flat_map(move |every_path| {
        let requests = vec(request::request(every_path), requests);
        (policy::document(every_path), requests)
            .prop_map(|(document, requests)| Case { document, requests })
    })
}

/// So many cases, or what `ACCESSPOLICY_CASES` says.
pub fn configuration(cases: u32) -> Config {
    let told = std::env::var("ACCESSPOLICY_CASES");
    let told = told.map(|told| told.parse().expect("a number of policies"));
    Config {
        cases: told.unwrap_or(cases),
        failure_persistence: None,
        ..Config::default()
    }
}

impl Case {
    /// A policy by itself.
    pub fn of(document: CompiledPolicy) -> Self {
        Self {
            document,
            requests: Vec::new(),
        }
    }

    pub fn policies(&self) -> Policies {
        load(self.document.clone())
    }

    /// A document and one request, to judge them again.
    pub fn shown(&self, request: &Request) -> String {
        let mut document = json!(self.document);
        expressions::elide(&mut document);
        json!({"document": document, "request": request}).to_string()
    }

    /// What [`shown`](Self::shown) said.
    pub fn read(text: &str) -> Self {
        let mut shown: Value = serde_json::from_str(text).expect("JSON");
        expressions::restore(&mut shown["document"]);
        Self {
            document: serde_json::from_value(shown["document"].take()).expect("a document"),
            requests: vec![serde_json::from_value(shown["request"].take()).expect("a request")],
        }
    }
}

pub fn load(document: CompiledPolicy) -> Policies {
    Policies::new(document).expect("generated documents are valid")
}
