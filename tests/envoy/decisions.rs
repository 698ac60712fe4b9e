//! Every decision vector: in Envoy it has the outcome that the engine says, for the
//! client, for the server and in the record.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use accesspolicy::engine::external_auth::grpc::check_response;
use accesspolicy::engine::policy::{IdentitySource, Policies};
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use prost::Message;
use serde_json::{Value, json};
use tonic::Status;

use crate::authorizer::Act;
use crate::authorizer::grpc::GrpcAuthorizer;
use crate::authorizer::http::HttpAuthorizer;
use crate::setup::{Mode, PROTOCOLS, Stage, at, is, is_denied_with, json_of, speaking};
use crate::support::certificates::{Authority, Identity};
use crate::support::client::Client;
use crate::support::config::{Cluster, Edge, Listener, Route};
use crate::support::envoy::Options;
use crate::support::message::{Request, Response};
use crate::support::port::Port;
use crate::support::recorder::{Answer, Seen};
use crate::vectors::{
    AuthorizerReply, DecisionTests, ELSEWHERE, Expect, FILES, Outcome, PORTS, Test, difference,
};

#[test]
fn every_vector() {
    let files: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_same(&files, |compiled| compiled);
}

/// Runs the vectors of `files` through one Envoy, each file's compiled policy
/// rewritten by `form`, in both modes and protocols.
///
/// # Panics
/// When the outcome of any is another than the engine's.
pub(crate) fn assert_same(files: &[&str], form: impl Fn(String) -> String) {
    let files: Vec<File> = FILES
        .iter()
        .filter(|(name, _)| files.contains(name))
        .map(|(name, text)| File::read(name, text, &form))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let people = People::issue(folder.path(), &files);
    let listeners = files.iter().flat_map(|file| file.listeners(&people));
    let answers = Answers::default();
    let (authorizer, grpc) = (answers.authorizer(), answers.grpc_authorizer());
    let stage = Stage::start_beside(
        vec![
            Cluster::new("authorizer", authorizer.address()),
            Cluster::new("authorizer-grpc", grpc.address()).http2(),
        ],
        listeners.collect(),
        Options::default(),
        |manager| {
            // Whose word the header is, the enforcement point says.
            manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
        },
    );

    let sent: Vec<Sent<'_>> = files
        .iter()
        .flat_map(|file| file.send(&stage, &people, &answers))
        .collect();
    let seen = stage.recorder.requests_when_quiet();
    let records = stage.records(sent.iter().map(|sent| sent.id.as_str()));
    let wrong: Vec<String> = sent
        .iter()
        .filter_map(|sent| {
            let records = records.get(&sent.id).map(Vec::as_slice).unwrap_or_default();
            let wrong = sent.wrong(&stage, &seen, records);
            (!wrong.is_empty()).then(|| format!("{}: {}: {wrong:?}", sent.id, sent.test.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        sent.len(),
        wrong.join("\n")
    );
    let known = |seen: &Seen| sent.iter().any(|sent| is(seen, &sent.id));
    assert!(seen.iter().all(known), "a request that nobody sent");
}

/// What the authorizer answers about each request, by its id.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<BTreeMap<String, VecDeque<AuthorizerReply>>>>);

impl Answers {
    fn prepare(&self, id: &str, answers: &[AuthorizerReply]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.to_owned(), answers.iter().cloned().collect());
    }

    /// The next answer about a request.
    fn next(&self, id: &str) -> AuthorizerReply {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = all.get_mut(id).and_then(VecDeque::pop_front);
        next.unwrap_or_default()
    }

    /// The same over gRPC.
    fn grpc_authorizer(&self) -> GrpcAuthorizer {
        let answers = self.clone();
        GrpcAuthorizer::start(move |asked| {
            let request = asked
                .check
                .attributes
                .as_ref()
                .and_then(|of| of.request.as_ref());
            let http = request.and_then(|request| request.http.as_ref());
            let id = http.map(|http| http.id.as_str()).unwrap_or_default();
            let AuthorizerReply {
                status,
                headers,
                body,
            } = answers.next(id);
            // Nobody is there: what a client can bring about is another thing.
            let Some(status) = status else {
                return Act::Answer(Err(Status::unavailable("nobody is there")));
            };
            let headers: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            let message = check_response(status, &headers, &body);
            Act::Answer(Ok(
                CheckResponse::decode(message.as_slice()).expect("a message")
            ))
        })
    }

    fn authorizer(&self) -> HttpAuthorizer {
        let answers = self.clone();
        HttpAuthorizer::start(move |seen| {
            let AuthorizerReply {
                status,
                headers,
                body,
            } = answers.next(&seen.header("x-request-id").unwrap_or_default());
            Act::Answer(Answer {
                // Nobody is there: what a client can bring about is another thing.
                status: status.unwrap_or(503),
                headers,
                body: body.into_bytes(),
            })
        })
    }
}

/// A file of vectors.
struct File {
    name: &'static str,
    runs: Vec<Run>,
}

/// A file's vectors in one mode, with ports of its own.
struct Run {
    mode: Mode,
    configuration: String,
    tests: Vec<Test>,
    ports: Vec<Port>,
}

/// Callers with the certificates that name them.
struct People {
    authority: Authority,
    server: Identity,
    callers: BTreeMap<String, Identity>,
}

/// A request that has been answered, and what the engine says of it.
struct Sent<'t> {
    id: String,
    mode: Mode,
    test: &'t Test,
    answer: Response,
    expected: Outcome,
}

impl File {
    fn read(name: &'static str, text: &str, form: impl Fn(String) -> String) -> Self {
        let run = |mode| {
            let mut text = text.to_owned();
            let mut ports = Vec::new();
            for stands_for in PORTS.map(|port| port.to_string()) {
                if text.contains(&stands_for) {
                    let port = Port::new().expect("a port");
                    text = text.replace(&stands_for, &port.number.to_string());
                    ports.push(port);
                }
            }
            let mut read = DecisionTests::read(name, &text).expect("vectors");
            read.enforcement_point = at(&read.enforcement_point.take(), mode);
            Run {
                mode,
                configuration: form(read.compile().expect("a policy")),
                tests: read.tests,
                ports,
            }
        };
        // A file may be for one mode only.
        let read = DecisionTests::read(name, text).expect("vectors");
        let only = &read.enforcement_point["requestHeaders"];
        let modes = Mode::BOTH.into_iter();
        let modes = modes.filter(|mode| only.is_null() || *only == mode.setting());
        Self {
            name,
            runs: modes.map(run).collect(),
        }
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        self.runs.iter().flat_map(|run| &run.tests)
    }

    /// The listener of a port; of any other when there is none.
    fn listener(&self, mode: Mode, port: Option<u16>) -> String {
        let port = port.map_or(String::new(), |port| format!("-{port}"));
        format!("{}-{}{port}", self.name, mode.name())
    }

    /// One per mode and port; a header says which cluster. Paths are left as they come.
    fn listeners(&self, people: &People) -> Vec<Listener> {
        let authority = people.authority.certificate();
        let mut listeners = Vec::new();
        for run in &self.runs {
            let ports = run.ports.iter().map(|port| Some(port.number));
            for port in std::iter::once(None).chain(ports) {
                let name = self.listener(run.mode, port);
                let mut listener = Listener::tls(&name, &people.server, &authority, false)
                    .edge(Edge::lax())
                    .filter(run.mode.filter(&run.configuration));
                listener.port = port.unwrap_or_default();
                for cluster in ["everything", "weather-1", "weather-2", ELSEWHERE] {
                    listener.routes.push(Route {
                        header: Some((CLUSTER.to_owned(), cluster.to_owned())),
                        prefix: "/".to_owned(),
                        cluster: cluster.to_owned(),
                        ..Route::default()
                    });
                }
                listeners.push(listener);
            }
        }
        listeners
    }

    fn send<'t>(&'t self, stage: &Stage, people: &People, answers: &Answers) -> Vec<Sent<'t>> {
        let mut sent = Vec::new();
        for run in &self.runs {
            let policies = Policies::from_json(run.configuration.as_bytes()).expect("a policy");
            for (number, test) in run.tests.iter().enumerate() {
                let address = stage
                    .envoy
                    .listener(&self.listener(run.mode, test.request.port));
                for (protocol_name, protocol) in PROTOCOLS {
                    // No id is a part of another.
                    let mode = run.mode.name();
                    let id = format!("v.{}.{mode}.{protocol_name}.{number:03}", self.name);
                    answers.prepare(&id, &test.answers);
                    let caller = match policies.settings().identity {
                        IdentitySource::PeerCertificate => test.request.caller.as_deref(),
                        _ => None,
                    };
                    let identity = caller.map(|caller| &people.callers[caller]);
                    let authority = people.authority.certificate();
                    let client = Client::tls(address, &authority, identity).expect("PEM files");
                    let answer = speaking(&client, protocol)
                        .send(&request(test, &id))
                        .unwrap_or_else(|error| panic!("{id}: {error}"));
                    sent.push(Sent {
                        id,
                        mode: run.mode,
                        test,
                        answer,
                        expected: test.judge(&policies),
                    });
                }
            }
        }
        sent
    }
}

/// The header that says which cluster a request goes to.
const CLUSTER: &str = "x-cluster";

fn request(test: &Test, id: &str) -> Request {
    let http = test.request.http();
    let mut request = Request::new(&http.method, &http.path)
        .authority(&http.authority)
        .header(CLUSTER, test.request.cluster())
        .header("x-request-id", id);
    for (name, value) in &http.headers {
        request = request.header(name, value);
    }
    if http.body.is_empty() {
        request
    } else {
        request.body(&http.body)
    }
}

/// What a record says was called.
fn recorded_call(record: &Value) -> Vec<(&'static str, String)> {
    let names = [
        "mcp.method.name",
        "gen_ai.tool.name",
        "gen_ai.prompt.name",
        "mcp.resource.uri",
        "mcp.task.id",
    ];
    let said = names
        .into_iter()
        .filter_map(|name| Some((name, record[name].as_str()?.to_owned())));
    said.collect()
}

/// `none`, `allow`, or `deny` or `ask` and what determines it, as the vectors say it.
fn audited(record: &Value) -> String {
    let Some(decision) = record["decision"].as_str() else {
        return "none".to_owned();
    };
    let by = match decision {
        "deny" | "ask" => record["security_rule.name"][0]
            .as_str()
            .or(record["policies"][0].as_str()),
        _ => None,
    };
    let by = by.map(|by| format!(" {by}"));
    format!("{decision}{}", by.unwrap_or_default())
}

impl People {
    fn issue(folder: &std::path::Path, files: &[File]) -> Self {
        let authority = Authority::new(folder, "authority").expect("an authority");
        let server = authority.server("server").expect("a certificate");
        let mut callers = BTreeMap::new();
        let named = files.iter().flat_map(File::tests);
        for (number, caller) in named
            .filter_map(|test| test.request.caller.as_ref())
            .enumerate()
        {
            callers.entry(caller.clone()).or_insert_with(|| {
                authority
                    .client(&format!("caller-{number}"), &[caller])
                    .expect("a certificate")
            });
        }
        Self {
            authority,
            server,
            callers,
        }
    }
}

impl Sent<'_> {
    /// What is otherwise than it should be, for the server, the client and the record.
    fn wrong(&self, stage: &Stage, seen: &[Seen], records: &[Value]) -> Vec<String> {
        let mut wrong = match self.expected.expect {
            Some(Expect::Allow) => self.arrived(seen),
            _ => self.refused(stage, seen),
        };
        match records {
            [record] => wrong.extend(self.recorded(record)),
            _ => wrong.push(format!("{} records", records.len())),
        }
        wrong
    }

    /// An allowed request is at the server once, byte for byte.
    fn arrived(&self, seen: &[Seen]) -> Vec<String> {
        let mut wrong = Vec::new();
        let http = self.test.request.http();
        let of_it: Vec<_> = seen.iter().filter(|seen| is(seen, &self.id)).collect();
        match of_it.as_slice() {
            [seen] if seen.body == http.body && seen.complete => {
                if (&seen.method, &seen.target) != (&http.method, &http.path) {
                    wrong.push(format!("arrived as {} {}", seen.method, seen.target));
                }
            }
            other => wrong.push(format!("arrived as {other:?}")),
        }
        let says_no = self.answer.header("x-accesspolicy-decision-id").is_some();
        if self.answer.status != 200 || says_no {
            wrong.push(format!("answered {:?}", self.answer));
        }
        wrong
    }

    /// A refused request is not at the server, and its answer has the right form.
    fn refused(&self, stage: &Stage, seen: &[Seen]) -> Vec<String> {
        // Of what its headers deny, not even these may be there.
        let mode = if self.is_unread() {
            Mode::Hold
        } else {
            self.mode
        };
        let leaked = stage.leaked(mode, seen, &self.id);
        let mut wrong: Vec<String> = leaked.into_iter().collect();
        let answer = &self.answer;
        if answer.header("x-accesspolicy-decision-id").as_ref() != Some(&self.id) {
            wrong.push("the answer does not name the decision".to_owned());
        }
        let is_text = answer
            .header("content-type")
            .is_some_and(|media| media.starts_with("text/plain"));
        let has_form = match (self.expected.expect, self.called()) {
            (Some(Expect::Deny), _) if self.is_unread() => true,
            // An authorizer has said what the client is told.
            (Some(Expect::Deny), _) if self.is_of_authorizer() => {
                let says = crate::vectors::said(&answer.body);
                (Some(answer.status), says) == (self.expected.status, self.expected.says.clone())
            }
            (Some(Expect::Deny), Some(id)) => {
                let words = self.expected.says.as_deref().unwrap_or_default();
                is_denied_with(answer, &id, words)
                    || (answer.status == 403 && self.expected.status == Some(403) && {
                        let form = json_of(answer);
                        (&form["id"], form["error"]["code"].as_i64()) == (&id, Some(403))
                    })
            }
            (Some(Expect::Deny), None) => answer.status == 403 && is_text,
            _ if is_text => [400, 405].contains(&answer.status),
            _ => {
                let code = json_of(answer)["error"]["code"]
                    .as_i64()
                    .unwrap_or_default();
                match answer.status {
                    400 => [-32700, -32600, -32602, -32020].contains(&code),
                    413 | 415 => code == -32600,
                    _ => false,
                }
            }
        };
        if !has_form {
            wrong.push(format!("answered {} {}", answer.status, answer.text()));
        }
        wrong
    }

    /// Whether the answer is that of a message which its headers deny, where they would go
    /// on: it is not read, so that its id is not known.
    fn is_unread(&self) -> bool {
        let words = "Access to this tool is forbidden.";
        let error = json!({"code": 403, "message": words});
        self.mode == Mode::Stream
            && self.answer.status == 403
            && (self.expected.status, self.expected.says.as_deref()) == (Some(403), Some(words))
            && json_of(&self.answer) == json!({"jsonrpc": "2.0", "id": null, "error": error})
    }

    /// Whether what refuses is a policy that asks.
    fn is_of_authorizer(&self) -> bool {
        let policy = self.expected.policy.as_ref();
        policy.is_some_and(|policy| self.expected.asks.last() == Some(policy))
    }

    /// The method that the message calls, and what it acts on, as the record names it.
    fn calls(&self, record: &Value) -> Vec<(&'static str, String)> {
        // What is too long here is so for an authorizer: the message has been read.
        let reasons = [
            "policy",
            "unlisted",
            "rerouted",
            "authorizer",
            "authorizer_error",
            "too_large",
            "arguments",
        ];
        let detail = record["detail"].as_str().unwrap_or_default();
        let is_judged = reasons.iter().any(|reason| record["reason"] == *reason)
            || (record["reason"] == "http_request" && detail.contains("authorizer"));
        let http = self.test.request.http();
        let on_mcp = is_on_mcp(&http.path) && !self.is_unread();
        let message = serde_json::from_slice(&http.body).ok();
        let message: Value = message.filter(|_| is_judged && on_mcp).unwrap_or_default();
        let Some(method) = message["method"].as_str() else {
            return Vec::new();
        };
        let params = &message["params"];
        let (name, thing) = match method {
            "prompts/get" => ("gen_ai.prompt.name", &params["name"]),
            "completion/complete" if params["ref"]["type"] == "ref/prompt" => {
                ("gen_ai.prompt.name", &params["ref"]["name"])
            }
            "completion/complete" => ("mcp.resource.uri", &params["ref"]["uri"]),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                ("mcp.resource.uri", &params["uri"])
            }
            "subscriptions/listen" => {
                let named = &params["notifications"];
                match &named["resourceSubscriptions"][0] {
                    Value::Null => ("mcp.task.id", &named["taskIds"][0]),
                    uri => ("mcp.resource.uri", uri),
                }
            }
            "tools/call" => ("gen_ai.tool.name", &params["name"]),
            _ => ("mcp.task.id", &params["taskId"]),
        };
        let thing = thing.as_str().filter(|thing| !thing.is_empty());
        let thing = thing.map(|thing| (name, thing.to_owned()));
        let method = ("mcp.method.name", method.to_owned());
        std::iter::once(method).chain(thing).collect()
    }

    /// The id of the JSON-RPC request that this is, on a path that carries MCP.
    fn called(&self) -> Option<Value> {
        let http = self.test.request.http();
        let message: Value = serde_json::from_slice(&http.body).ok()?;
        let on_mcp = is_on_mcp(&http.path);
        message.get("method").filter(|_| on_mcp)?;
        message.get("id").cloned()
    }

    /// The record says what the engine and the vector say.
    fn recorded(&self, record: &Value) -> Option<String> {
        let list = |name: &str| -> Vec<String> {
            let texts = record[name].as_array().into_iter().flatten();
            texts
                .filter_map(|text| text.as_str())
                .map(str::to_owned)
                .collect()
        };
        let (rules, policies) = (list("security_rule.name"), list("policies"));
        let by = [
            &self.expected.gateway,
            &self.expected.backend,
            &self.expected.rule,
        ];
        let by: Vec<&String> = by.into_iter().flatten().collect();
        if by != rules.iter().collect::<Vec<_>>() {
            return Some(format!("recorded {rules:?}, determined by {by:?}"));
        }
        if record["timestamp"].as_str().is_none_or(str::is_empty) {
            return Some("the record says no time".to_owned());
        }
        let wanted = self.calls(record);
        if wanted != recorded_call(record) {
            return Some(format!(
                "recorded {:?}, called {wanted:?}",
                recorded_call(record)
            ));
        }
        let refused = record["decision"] != "allow";
        let is_decided = !refused || record["reason"] == "policy" || record["reason"] == "unlisted";
        let asked = record["external_auth"].as_array().into_iter().flatten();
        let asks = asked.filter_map(|asked| asked["policy"].as_str());
        let outcome = Outcome {
            caller: record["enduser.id"].as_str().map(str::to_owned),
            expect: match record["decision"].as_str() {
                Some("allow") => Some(Expect::Allow),
                Some("deny") => Some(Expect::Deny),
                Some("reject") => Some(Expect::Reject),
                _ => None,
            },
            gateway: self.expected.gateway.clone(),
            backend: self.expected.backend.clone(),
            level: record["level"].as_str().map(str::to_owned),
            policy: policies.first().filter(|_| refused).cloned(),
            rule: rules.first().filter(|_| refused).cloned(),
            audit: Some(audited(&record["audit"])).filter(|_| is_decided),
            status: refused.then_some(self.answer.status),
            says: self.expected.says.clone(),
            asks: asks.map(str::to_owned).collect(),
            // What of it arrives is shown elsewhere.
            changes: self.expected.changes.clone(),
        };
        if outcome != self.expected {
            return Some(format!("{outcome:?} is not {:?}", self.expected));
        }
        // The vectors say what becomes of a message that is read.
        if self.is_unread() && self.test.expected.expect == Expect::Deny {
            return None;
        }
        let changes = self.test.expected.changes.clone();
        difference(self.test, &Outcome { changes, ..outcome })
    }
}

/// Whether the filter takes a path of the vectors for MCP's: without case or extension.
fn is_on_mcp(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.to_ascii_lowercase();
    // What is no UTF-8 is left out by some, and to others a long form is a letter.
    path.replace("%ff", "")
        .replace("%c1%ad", "m")
        .contains("mcp")
}
