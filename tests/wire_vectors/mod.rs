//! Wire vectors: HTTP requests, byte for byte, and how they must be read, as data.
//!
//! One format, run by the engine here, by the engine as wasm, and by the filter in
//! a real Envoy. A rule has requests that are refused, each with the attack that it
//! would be, and honest twins, which pass.

// Each test takes the part it needs.
#![allow(dead_code, unused_imports, unreachable_pub, missing_docs)]

mod body;
mod verdict;

use serde::Deserialize;
use serde_json::{Value, json};

pub use body::Body;
pub use verdict::{Ending, Judge, Verdict};

/// The most bytes that the body of a vector may have: few, so that data stays readable.
pub const BODY_LIMIT: usize = 2048;

/// How many containers deep a vector may nest.
pub const DEPTH_LIMIT: usize = 64;

/// The message of vectors that have no body of their own.
pub const ECHO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;

/// A file of vectors on one topic.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WireTests {
    pub api_version: String,
    pub kind: String,
    /// The topic, in a sentence.
    pub description: String,
    pub rules: Vec<Rule>,
}

/// A rule: what is refused, and what is near it and passes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What is refused, as users are told.
    pub rule: String,
    /// The attack that it stops, as users are told.
    pub attack: String,
    pub refused: Vec<Vector>,
    pub passes: Vec<Vector>,
}

/// One request and how it must be read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    /// Of a refused one: what it would be good for, or who reads it differently.
    /// Of one that passes: what makes it honest.
    pub why: String,
    #[serde(default = "post")]
    pub method: String,
    #[serde(default = "mcp")]
    pub path: String,
    #[serde(default)]
    pub headers: Vec<(String, Body)>,
    /// No `content-type: application/json` is added to a POST that has none.
    #[serde(default)]
    pub bare: bool,
    /// Absent is [`ECHO`] for a POST, and no body at all for other methods.
    pub body: Option<Body>,
    /// The only call that policy allows, `METHOD THING`; absent is everything.
    pub allow: Option<String>,
    /// What becomes of members that JSON-RPC does not have, as the setting has it.
    pub unknown_members: Option<String>,
    /// Status, JSON-RPC code if the answer has one, and kind of fault.
    pub refuse: Option<String>,
    /// The id token of the error response, if there is one.
    #[serde(default = "null")]
    pub id: String,
    /// What is understood; see `Verdict`.
    pub reads: Option<String>,
}

fn post() -> String {
    "POST".to_owned()
}

fn mcp() -> String {
    "/mcp".to_owned()
}

fn null() -> String {
    "null".to_owned()
}

/// What policy allows, and what becomes of unknown members.
pub type Point<'v> = (Option<&'v str>, Option<&'v str>);

/// A request as HTTP has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None` when the request ends with its headers.
    pub body: Option<Vec<u8>>,
}

impl WireTests {
    /// Reads a file's text.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let read: Self =
            serde_saphyr::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        match (read.api_version.as_str(), read.kind.as_str()) {
            ("accesspolicy/v1", "WireTests") => {}
            other => return Err(format!("{name}: not wire tests: {other:?}")),
        }
        for rule in &read.rules {
            let is_refused = |vector: &Vector| vector.refuse.is_some() && vector.reads.is_none();
            let passes = |vector: &Vector| vector.refuse.is_none() && vector.reads.is_some();
            if !rule.refused.iter().all(is_refused) || !rule.passes.iter().all(passes) {
                return Err(format!(
                    "{name}: {}: each vector must say how it is refused, or how it reads",
                    rule.rule
                ));
            }
        }
        Ok(read)
    }

    /// Every vector.
    pub fn vectors(&self) -> impl Iterator<Item = &Vector> {
        self.rules
            .iter()
            .flat_map(|rule| rule.refused.iter().chain(&rule.passes))
    }

    /// What the vectors say otherwise than what `judge` finds.
    pub fn differences(&self, name: &str, judge: impl Fn(&Vector) -> Verdict) -> Vec<String> {
        self.vectors()
            .filter_map(|vector| vector.difference(&judge(vector)))
            .map(|difference| format!("{name}: {difference}"))
            .collect()
    }
}

impl Vector {
    /// The request as HTTP has it.
    pub fn http(&self) -> Http {
        let is_post = self.method == "POST";
        let mut headers: Vec<(String, Vec<u8>)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.bytes()))
            .collect();
        let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        if is_post && !self.bare && !headers.iter().any(|(name, _)| is_type(name)) {
            headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        }
        let body = match &self.body {
            Some(body) => Some(body.bytes()),
            None => is_post.then(|| ECHO.as_bytes().to_vec()),
        };
        Http {
            method: self.method.clone(),
            path: self.path.clone(),
            headers,
            body,
        }
    }

    /// What the compiled policy depends on.
    pub fn point(&self) -> Point<'_> {
        (self.allow.as_deref(), self.unknown_members.as_deref())
    }

    /// The compiled policy's text.
    pub fn policy(&self) -> Value {
        let rule = |allow: &str| {
            let (method, thing) = allow.split_once(' ').expect("METHOD THING");
            json!([{
                "policy": {"namespace": "n", "name": "p"},
                "action": "Allow",
                "mode": "Enforce",
                "targets": ["Gateway"],
                "rules": [{"name": "r", "mcp": {
                    "methods": [{"name": method, "params": [thing]}], "baseProtocol": "None"
                }}]
            }])
        };
        let mut policy = json!({
            "schemaVersion": 1,
            "digest": "",
            "gateway": {"namespace": "n", "name": "g"},
            "settings": {
                "identity": "PeerCertificate",
                "allowPolicies": "All",
                "unprotected": "Allow",
                "requestHeaders": "Hold",
                "mcpPaths": ["/mcp"],
                "denial": "JsonRpc",
                "limits": {"bodyBytes": BODY_LIMIT, "depth": DEPTH_LIMIT}
            },
            "listeners": [],
            "backends": [],
            "policies": self.allow.as_deref().map_or_else(|| json!([]), rule)
        });
        if let Some(unknown_members) = &self.unknown_members {
            policy["settings"]["unknownMembers"] = json!(unknown_members);
        }
        policy
    }

    /// What the vector says otherwise than what became of it, in a sentence.
    pub fn difference(&self, verdict: &Verdict) -> Option<String> {
        let expected = match (&self.refuse, &self.reads) {
            (Some(refuse), _) => refuse,
            (None, reads) => reads.as_ref()?,
        };
        if *expected != verdict.text {
            return Some(format!(
                "{}: expected `{expected}`, got `{}`",
                self.name, verdict.text
            ));
        }
        let id = verdict.id.as_deref().unwrap_or("null");
        (id != self.id).then(|| format!("{}: expected id {}, got {id}", self.name, self.id))
    }
}

/// Every file of vectors, by name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Every file of vectors: name and text.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../wire/", $name, ".yaml")))),*];
    };
}

files![
    "media-type",
    "content-encoding",
    "json-grammar",
    "utf-8",
    "escapes",
    "limits",
    "duplicate-keys",
    "near-twins",
    "json-rpc",
    "ids",
    "things",
    "headers",
    "headers-2026",
    "http",
    "query",
    "paths",
    "members",
    "completion-subscriptions-tasks",
    "known-ways",
    "honest-clients",
];
