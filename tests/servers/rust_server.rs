//! The recording server on the official Rust SDK.

#![allow(dead_code, unreachable_pub, missing_docs)] // modules of a test have no outside

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::runtime;

/// The server; dropping it closes its port.
#[derive(Debug)]
pub struct RustServer {
    pub address: SocketAddr,
    record: Record,
    task: JoinHandle<()>,
}

/// Ids of HTTP requests, and what they ran.
type Record = Arc<Mutex<Vec<(String, String)>>>;

impl RustServer {
    /// # Panics
    /// When loopback has no port left.
    pub fn start() -> Self {
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port on loopback");
        let address = listener.local_addr().expect("the port's address");
        let record = Record::default();
        let task = runtime().spawn(serve(listener, Arc::clone(&record)));
        Self {
            address,
            record,
            task,
        }
    }

    /// What ran so far.
    pub fn ran(&self) -> Vec<(String, String)> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.clone()
    }
}

impl Drop for RustServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, record: Record) {
    let handler = Recording { record };
    // Without sessions, so that every message stands for itself.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let serve = service_fn(move |request: hyper::Request<Incoming>| {
                let service = service.clone();
                async move {
                    if request.uri().path() == "/mcp" {
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

#[derive(Debug, Clone)]
struct Recording {
    record: Record,
}

impl Recording {
    fn tell(&self, context: &RequestContext<RoleServer>, what: String) {
        let parts = context.extensions.get::<Parts>();
        let id = parts.and_then(|parts| parts.headers.get("x-request-id"));
        let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push((id.unwrap_or_default(), what));
    }
}

impl ServerHandler for Recording {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.tell(&context, format!("tools/call {}", request.name));
        Ok(CallToolResult::success(Vec::new()).into())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.tell(&context, format!("prompts/get {}", request.name));
        Ok(GetPromptResult::new(Vec::new()).into())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.tell(&context, format!("resources/read {}", request.uri));
        Ok(ReadResourceResult::new(Vec::new()).into())
    }
}
