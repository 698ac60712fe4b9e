//! A gRPC server that answers with whatever bytes a test wants, which no library would
//! send.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use prost::Message;

use super::Door;

/// The server; dropping it stops it.
#[derive(Debug)]
pub struct RawAuthorizer {
    door: Door,
}

type Script = dyn Fn(&CheckRequest) -> Vec<u8> + Send + Sync;

/// The length of what goes before a message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

impl RawAuthorizer {
    /// One whose answers to questions have the bytes that `script` says.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn start(script: impl Fn(&CheckRequest) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let script: Arc<Script> = Arc::new(script);
        let door = Door::open(Arc::new(move |io, _closing| {
            let script = Arc::clone(&script);
            let service = service_fn(move |request| {
                let script = Arc::clone(&script);
                async move { Ok::<_, Infallible>(answer(request, script).await) }
            });
            Box::pin(async move {
                let server = auto::Builder::new(TokioExecutor::new()).http2_only();
                // How a connection ends is nobody's business here.
                let _ = server.serve_connection(io, service).await;
            })
        }));
        Self { door }
    }

    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    script: Arc<Script>,
) -> hyper::Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>> {
    let body = request.into_body().collect().await.expect("a question");
    let body = body.to_bytes();
    let question = body.get(PREFIX..).unwrap_or_default();
    let message = script(&CheckRequest::decode(question).expect("a question"));
    let length = u32::try_from(message.len()).expect("a short message");
    let framed = [&[0], &length.to_be_bytes()[..], &message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) });
    let response = hyper::Response::builder().header("content-type", "application/grpc");
    response.body(body).expect("a valid answer")
}
