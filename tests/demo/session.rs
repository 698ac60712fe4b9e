//! One caller's whole MCP session, by the official client, and what became of
//! every message it sent.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::stream::BoxStream;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, ClientConfig, ClientJsonRpcMessage, JsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use serde_json::{Value, json};
use sse_stream::Sse;

use crate::support::certificates::Identity;

/// The code of the filter's own JSON-RPC errors.
const FORBIDDEN: i32 = 403;

/// A message and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The method, and the thing it acts on.
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    Denied,
    /// Neither: something is broken.
    Failed(String),
}

/// Runs a session at `url`: initialize, list, each of the calls, close.
/// Everything that happened is returned, in order, whatever it was.
pub(crate) async fn run(
    url: &str,
    authority: &Path,
    identity: &Identity,
    tools: &[(&'static str, Value)],
) -> Result<Vec<Call>, Box<dyn Error>> {
    let mut pem = fs::read(&identity.certificate)?;
    pem.extend(fs::read(&identity.key)?);
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&fs::read(authority)?)?])
        .identity(reqwest::Identity::from_pem(&pem)?)
        .no_proxy()
        .build()?;
    let watched = Watched {
        client,
        calls: Arc::default(),
    };
    let calls = Arc::clone(&watched.calls);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(watched, config);

    // Errors of single calls are in the record; the session goes on after them.
    if let Ok(session) = ClientConfig::default().serve(transport).await {
        let _ = session.list_tools(None).await;
        for (tool, arguments) in tools {
            let arguments = arguments.as_object().cloned().unwrap_or_default();
            let call = CallToolRequestParams::new(*tool).with_arguments(arguments);
            let _ = session.call_tool(call).await;
        }
        session.cancel().await?;
    }
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(calls.clone())
}

/// The HTTP client under the session, which notes what becomes of each message.
#[derive(Clone)]
struct Watched {
    client: reqwest::Client,
    calls: Arc<Mutex<Vec<Call>>>,
}

type Failure = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl Watched {
    fn note(&self, name: String, outcome: Outcome) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(Call { name, outcome });
    }
}

impl StreamableHttpClient for Watched {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        authorization: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let name = name_of(&json!(message));
        let answer = self
            .client
            .post_message(uri, message, session, authorization, headers)
            .await;
        let outcome = match &answer {
            Ok(StreamableHttpPostResponse::Json(JsonRpcMessage::Error(error), _)) => {
                if error.error.code.0 == FORBIDDEN {
                    Outcome::Denied
                } else {
                    Outcome::Failed(error.error.message.to_string())
                }
            }
            Ok(_) => Outcome::Allowed,
            Err(error) => outcome_of(error),
        };
        self.note(name, outcome);
        answer
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        authorization: Option<String>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let answer = self
            .client
            .delete_session(uri, session, authorization, headers)
            .await;
        let outcome = answer.as_ref().err().map_or(Outcome::Allowed, outcome_of);
        self.note("close (DELETE)".to_owned(), outcome);
        answer
    }

    /// The server's own event stream, opened beside the calls at a time of its
    /// own; not one of the calls.
    fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        authorization: Option<String>,
        headers: Headers,
    ) -> impl Future<Output = Result<Events, Failure>> + Send + '_ {
        self.client
            .get_stream(uri, session, last_event, authorization, headers)
    }
}

/// The method and the tool of a message, and the numbers that it is called with.
fn name_of(message: &Value) -> String {
    let method = message["method"].as_str().unwrap_or("response");
    let Some(tool) = message["params"]["name"].as_str() else {
        return method.to_owned();
    };
    let mut name = format!("{method} {tool}");
    let arguments = message["params"]["arguments"].as_object();
    for (_, number) in arguments
        .into_iter()
        .flatten()
        .filter(|(_, a)| a.is_number())
    {
        name.push_str(&format!(" {number}"));
    }
    name
}

/// What an HTTP error is: messages without an id are refused by status alone.
fn outcome_of(error: &Failure) -> Outcome {
    let text = error.to_string();
    if text.contains("403") {
        Outcome::Denied
    } else {
        Outcome::Failed(text)
    }
}
