//! An authorizer that is asked over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::sync::Notify;

use super::{Act, Door, Record};
use crate::support::message::{first, lines};
use crate::support::recorder::{Answer, Seen};

/// The authorizer; dropping it stops it.
#[derive(Debug)]
pub struct HttpAuthorizer {
    door: Door,
    record: Arc<Record<Seen>>,
}

type Script = dyn Fn(&Seen) -> Act<Answer> + Send + Sync;

impl HttpAuthorizer {
    /// One for HTTP/1.1 and HTTP/2 that does as `script` says about each request.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn start(script: impl Fn(&Seen) -> Act<Answer> + Send + Sync + 'static) -> Self {
        let script: Arc<Script> = Arc::new(script);
        let record = Record::new();
        let recording = Arc::clone(&record);
        let door = Door::open(Arc::new(move |io, closing| {
            let (script, record) = (Arc::clone(&script), Arc::clone(&recording));
            let service = service_fn(move |request| {
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                let closing = Arc::clone(&closing);
                async move { answer(request, &*script, &record, &closing).await }
            });
            Box::pin(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                // How a connection ends is the script's business.
                let _ = server.serve_connection(io, service).await;
            })
        }));
        Self { door, record }
    }

    /// One that always answers so.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn answering(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let answer = Answer {
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.as_bytes().to_vec(),
        };
        Self::start(move |_| Act::Answer(answer.clone()))
    }

    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Every whole request so far.
    pub fn asked(&self) -> Vec<Seen> {
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

async fn answer(
    request: hyper::Request<Incoming>,
    script: &Script,
    record: &Record<Seen>,
    closing: &Notify,
) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?;
    let headers = lines(&head.headers);
    let seen = Seen {
        method: head.method.to_string(),
        target: head
            .uri
            .path_and_query()
            .map_or_else(|| head.uri.to_string(), ToString::to_string),
        authority: match head.uri.authority() {
            Some(authority) => authority.to_string(),
            None => first(&headers, "host").unwrap_or_default(),
        },
        headers,
        trailers: body.trailers().map(lines).unwrap_or_default(),
        body: body.to_bytes().to_vec(),
        complete: true,
    };
    record.lock().push(seen.clone());
    let answer = script(&seen).answer(closing).await;
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body));
    Ok(response.body(body).expect("the test's answer is valid"))
}
