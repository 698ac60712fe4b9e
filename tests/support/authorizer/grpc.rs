//! An authorizer that is asked over gRPC, as Envoy's published service has it.

use std::net::SocketAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use super::{Act, Door, Record};
use crate::support::message::lines;

/// What an authorizer was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The lines of the call's metadata, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    pub check: CheckRequest,
}

/// A message, or the status with which the call fails.
pub type Answer = Result<CheckResponse, Status>;

/// The authorizer; dropping it stops it.
#[derive(Debug)]
pub struct GrpcAuthorizer {
    door: Door,
    record: Arc<Record<Asked>>,
}

type Script = dyn Fn(&Asked) -> Act<Answer> + Send + Sync;

struct Service {
    script: Arc<Script>,
    record: Arc<Record<Asked>>,
    closing: Arc<Notify>,
}

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let (metadata, _, check) = request.into_parts();
        let headers = lines(&metadata.into_headers());
        let asked = Asked { headers, check };
        self.record.lock().push(asked.clone());
        let act = (self.script)(&asked);
        act.answer(&self.closing).await.map(Response::new)
    }
}

impl GrpcAuthorizer {
    /// One that does as `script` says about each question.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn start(script: impl Fn(&Asked) -> Act<Answer> + Send + Sync + 'static) -> Self {
        let script: Arc<Script> = Arc::new(script);
        let record = Record::new();
        let recording = Arc::clone(&record);
        let door = Door::open(Arc::new(move |io, closing| {
            let service = AuthorizationServer::new(Service {
                script: Arc::clone(&script),
                record: Arc::clone(&recording),
                closing,
            });
            Box::pin(async move {
                let server = auto::Builder::new(TokioExecutor::new()).http2_only();
                // How a connection ends is the script's business.
                let _ = server
                    .serve_connection(io, TowerToHyperService::new(service))
                    .await;
            })
        }));
        Self { door, record }
    }

    /// One that always answers so.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn answering(answer: CheckResponse) -> Self {
        Self::start(move |_| Act::Answer(Ok(answer.clone())))
    }

    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.record.lock().clone()
    }

    /// How many there were.
    pub fn times_asked(&self) -> usize {
        self.record.lock().len()
    }

    /// Forgets what was asked.
    pub fn clear(&self) {
        self.record.lock().clear();
    }

    /// Closes the port and every connection.
    pub fn stop(&mut self) {
        self.door.stop();
    }

    /// Listens again, on the same port.
    ///
    /// # Panics
    /// When the port cannot be had, which was kept all the while.
    pub fn restart(&mut self) {
        self.door.start();
    }
}

/// The answer that allows, with these changes.
pub fn allow(changes: OkHttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(status(0)),
        http_response: Some(HttpResponse::OkResponse(changes)),
        ..CheckResponse::default()
    }
}

/// The answer that refuses, with this for the client.
pub fn deny(code: i32, body: &str) -> CheckResponse {
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code }),
        body: body.to_owned(),
        ..DeniedHttpResponse::default()
    };
    CheckResponse {
        status: Some(status(7)),
        http_response: Some(HttpResponse::DeniedResponse(denied)),
        ..CheckResponse::default()
    }
}

/// A status without words.
pub fn status(code: i32) -> rpc::Status {
    rpc::Status {
        code,
        ..rpc::Status::default()
    }
}
