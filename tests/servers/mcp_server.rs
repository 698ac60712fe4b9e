//! A real MCP server on the official SDK: three tools, a prompt, two resources.
//!
//! `mcp-server [ADDRESS]` listens there, or on a free port of 127.0.0.1. It says
//! on standard output, one JSON object per line, where it listens and then
//! everything it executes, so that a refused call can be seen not to have run.

// Its standard output is what it is asked for.
#![allow(clippy::print_stdout)]

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, ListPromptsResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, Prompt, PromptArgument, PromptMessage, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, Role, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The path that carries MCP; everything else is 404.
const PATH: &str = "/mcp";

/// What `get-env` may tell: enough to show that it ran.
const TOLD: &[&str] = &["HOME", "LANG", "PATH", "USER"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    tell(&json!({"listening": listener.local_addr()?.to_string()}));

    // Only requests for a loopback host are served, by the SDK's default: the
    // Envoy in front passes the host on as the client wrote it.
    let service = StreamableHttpService::new(
        || Ok(Everything),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let serve = service_fn(move |request: hyper::Request<Incoming>| {
                let service = service.clone();
                async move {
                    if request.uri().path() == PATH {
                        return Ok::<_, Infallible>(service.handle(request).await);
                    }
                    let mut missing = Response::new(Full::<Bytes>::default().boxed());
                    *missing.status_mut() = hyper::StatusCode::NOT_FOUND;
                    Ok(missing)
                }
            });
            // A connection that breaks is the client's affair.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), serve)
                .await;
        });
    }
}

/// The server; it has no state.
#[derive(Debug, Clone)]
struct Everything;

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = vec![
            tool(
                "echo",
                "Says what it is told",
                json!({"message": {"type": "string"}}),
            ),
            tool(
                "get-sum",
                "Adds two numbers",
                json!({"a": {"type": "number"}, "b": {"type": "number"}}),
            ),
            tool("get-env", "Tells the server's environment", json!({})),
        ];
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = match request.name.as_ref() {
            "echo" => format!("Echo: {}", text(&arguments, "message")?),
            "get-sum" => (number(&arguments, "a")? + number(&arguments, "b")?).to_string(),
            "get-env" => environment(),
            name => return Err(unknown("tool", name)),
        };
        tell(&json!({"ran": "tools/call", "name": request.name, "arguments": arguments}));
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let whom = PromptArgument::new("name").with_required(true);
        let greeting = Prompt::new("greeting", Some("Greets somebody"), Some(vec![whom]));
        Ok(ListPromptsResult::with_all_items(vec![greeting]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != "greeting" {
            return Err(unknown("prompt", &request.name));
        }
        let arguments = json!(request.arguments.unwrap_or_default());
        let greeting = format!("Greet {}.", text(&arguments, "name")?);
        tell(&json!({"ran": "prompts/get", "name": request.name}));
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, greeting)]).into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![
            Resource::new("demo://public", "public"),
            Resource::new("demo://secret", "secret"),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let content = match request.uri.as_str() {
            "demo://public" => "Anybody may know this.",
            "demo://secret" => "Hardly anybody may know this.",
            uri => return Err(unknown("resource", uri)),
        };
        tell(&json!({"ran": "resources/read", "uri": request.uri}));
        Ok(ReadResourceResult::new(vec![ResourceContents::text(content, request.uri)]).into())
    }
}

/// A tool whose arguments are all required.
fn tool(name: &'static str, description: &'static str, properties: Value) -> Tool {
    let required: Vec<_> = properties
        .as_object()
        .into_iter()
        .flat_map(|properties| properties.keys())
        .collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    let schema = schema.as_object().cloned().unwrap_or_default();
    Tool::new(name, description, Arc::new(schema))
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, ErrorData> {
    arguments[name].as_str().ok_or_else(|| missing(name))
}

fn number(arguments: &Value, name: &str) -> Result<f64, ErrorData> {
    arguments[name].as_f64().ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("argument {name} is missing"), None)
}

fn unknown(kind: &str, name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("no {kind} {name}"), None)
}

fn environment() -> String {
    TOLD.iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line of standard output; it is line-buffered, so a reader sees it at once.
fn tell(line: &Value) {
    println!("{line}");
}
