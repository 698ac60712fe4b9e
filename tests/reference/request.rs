//! A request as plain values.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The caller's SPIFFE ID.
    pub caller: Option<String>,
    /// The cluster that the route chose.
    pub cluster: Option<String>,
    /// The port that it arrived on.
    pub port: Option<u64>,
    /// Where the connection comes from, and whether it has TLS.
    pub connection: Option<(String, bool)>,
    /// The HTTP method.
    pub method: String,
    /// The path, with query.
    pub path: String,
    /// The authority.
    pub authority: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What it asks.
    pub asks: Asks,
}

/// What a request asks, as whoever made it meant it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asks {
    /// Something that is not MCP.
    Http,
    /// The event stream.
    Get,
    /// The end of a session, which it names or does not.
    Delete { session: bool },
    /// What HTTP can do here.
    Options,
    /// What a JSON-RPC message says.
    Message(Value),
    /// Nothing: it is no request that MCP has, or its body is no message.
    Nonsense { body: String },
}

/// Something that a message names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing<'m> {
    Tool(&'m str),
    Prompt(&'m str),
    Resource(&'m str),
    Task(&'m str),
}

impl Request {
    /// The request as several, each of which asks for one thing: a subscription is
    /// judged on everything it names.
    pub fn parts(&self) -> Vec<Self> {
        let Asks::Message(message) = &self.asks else {
            return vec![self.clone()];
        };
        let named = things(message);
        if method(message) != Some("subscriptions/listen") || named.is_empty() {
            return vec![self.clone()];
        }
        let of = |thing| {
            let names = match thing {
                Thing::Task(id) => json!({"taskIds": [id]}),
                Thing::Tool(uri) | Thing::Prompt(uri) | Thing::Resource(uri) => {
                    json!({"resourceSubscriptions": [uri]})
                }
            };
            let mut message = message.clone();
            message["params"]["notifications"] = names;
            Self {
                asks: Asks::Message(message),
                ..self.clone()
            }
        };
        let mut parts: Vec<Self> = named.into_iter().map(of).collect();
        // Changes of lists are listened for as by naming nothing.
        if message["params"]["notifications"]["toolsListChanged"] == true {
            let mut message = message.clone();
            message["params"]["notifications"] = json!({});
            parts.push(Self {
                asks: Asks::Message(message),
                ..self.clone()
            });
        }
        parts
    }
}

/// The method of a message; a response has none.
pub fn method(message: &Value) -> Option<&str> {
    message["method"].as_str()
}

/// Everything that a message names.
pub fn things(message: &Value) -> Vec<Thing<'_>> {
    let params = &message["params"];
    let listed = &params["notifications"];
    match method(message).unwrap_or_default() {
        "tools/call" => vec![Thing::Tool(text(&params["name"]))],
        "prompts/get" => vec![Thing::Prompt(text(&params["name"]))],
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            vec![Thing::Resource(text(&params["uri"]))]
        }
        "completion/complete" if params["ref"]["type"] == "ref/prompt" => {
            vec![Thing::Prompt(text(&params["ref"]["name"]))]
        }
        "completion/complete" => vec![Thing::Resource(text(&params["ref"]["uri"]))],
        "subscriptions/listen" => {
            let uris = items(&listed["resourceSubscriptions"]).map(Thing::Resource);
            let tasks = items(&listed["taskIds"]).map(Thing::Task);
            uris.chain(tasks).collect()
        }
        "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => {
            vec![Thing::Task(text(&params["taskId"]))]
        }
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("messages are generated well-formed")
}

fn items(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(text)
}
