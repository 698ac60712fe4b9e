//! A server that writes down what reaches it, as it comes: also the requests
//! that never end, and every byte of every connection.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::message::{first, lines};
use super::runtime;

/// A request as it reached the server.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub authority: String,
    /// Names in lower case, values byte for byte, lines in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body so far.
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether the request came to its proper end.
    pub complete: bool,
}

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The server; dropping it closes its port.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Record {
    requests: Vec<Seen>,
    /// How many of them are forgotten; they keep their places.
    forgotten: usize,
    bytes: Vec<u8>,
    connections: usize,
}

type Answering = dyn Fn(&Seen) -> Answer + Send + Sync;

impl Recorder {
    /// A server for HTTP/1.1 and HTTP/2 that answers 200 and a JSON body; a
    /// JSON-RPC request gets an empty result with its own id.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn start() -> Self {
        Self::answering(Answer::plain)
    }

    /// A server that answers as `answer` says, once a request is complete.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub fn answering(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port on loopback");
        let address = listener.local_addr().expect("the port's address");
        let server = runtime().spawn(accept(listener, Arc::clone(&record), Arc::new(answer)));
        Self {
            address,
            record,
            server,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order of their headers.
    pub fn requests(&self) -> Vec<Seen> {
        let record = lock(&self.record);
        record
            .requests
            .get(record.forgotten..)
            .unwrap_or_default()
            .to_vec()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        lock(&self.record).connections
    }

    /// Whether these bytes reached the server on any connection, as part of
    /// whatever message. Bodies are sent as they are in both protocols; header
    /// values are so in HTTP/1.1 only.
    pub fn received(&self, bytes: &[u8]) -> bool {
        lock(&self.record)
            .bytes
            .windows(bytes.len().max(1))
            .any(|window| window == bytes)
    }

    /// Every byte that reached the server, connections mixed as they came.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.record).bytes.clone()
    }

    /// Forgets what was seen.
    pub fn clear(&self) {
        let mut record = lock(&self.record);
        record.forgotten = record.requests.len();
        record.bytes.clear();
    }

    /// Waits until nothing has arrived for a while, then returns every request:
    /// for a test that says that something never came.
    pub fn requests_when_quiet(&self) -> Vec<Seen> {
        let quiet = Duration::from_millis(60);
        let mut seen = lock(&self.record).bytes.len();
        let mut since = Instant::now();
        while since.elapsed() < quiet {
            std::thread::sleep(Duration::from_millis(5));
            let now = lock(&self.record).bytes.len();
            if now != seen {
                seen = now;
                since = Instant::now();
            }
        }
        self.requests()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    /// The first line of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.headers, name)
    }
}

impl Answer {
    /// 200 and JSON.
    pub fn json(value: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: value.to_string().into_bytes(),
        }
    }

    /// What a recorder answers when nothing else is asked of it.
    pub fn plain(seen: &Seen) -> Self {
        let message: Option<Value> = serde_json::from_slice(&seen.body).ok();
        match message.as_ref().and_then(|message| message.get("id")) {
            Some(id) => Self::json(&json!({"jsonrpc": "2.0", "id": id, "result": {}})),
            None => Self::json(&json!({"seen": true})),
        }
    }
}

async fn accept(listener: TcpListener, record: Arc<Mutex<Record>>, answer: Arc<Answering>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        lock(&record).connections += 1;
        let tapped = Tapped {
            stream,
            record: Arc::clone(&record),
        };
        let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
                async move { Ok::<_, Infallible>(serve(request, &record, &*answer).await) }
            });
            // How a connection ends is in the record, not in this result.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(tapped), service)
                .await;
        });
    }
}

async fn serve(
    request: hyper::Request<Incoming>,
    record: &Mutex<Record>,
    answer: &Answering,
) -> hyper::Response<Full<Bytes>> {
    let (head, mut body) = request.into_parts();
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
        body: Vec::new(),
        trailers: Vec::new(),
        complete: false,
    };
    let place = {
        let mut record = lock(record);
        record.requests.push(seen.clone());
        record.requests.len() - 1
    };
    let mut seen = seen;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return hyper::Response::new(Full::default());
        };
        match frame.into_data() {
            Ok(data) => seen.body.extend_from_slice(&data),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    seen.trailers = lines(&trailers);
                }
            }
        }
        update(record, place, &seen);
    }
    seen.complete = true;
    update(record, place, &seen);
    respond(answer(&seen))
}

fn update(record: &Mutex<Record>, place: usize, seen: &Seen) {
    if let Some(held) = lock(record).requests.get_mut(place) {
        held.clone_from(seen);
    }
}

fn respond(answer: Answer) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .body(Full::new(Bytes::from(answer.body)))
        .expect("the test's answer is valid HTTP")
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    // A test that panicked elsewhere leaves the record as good as it was.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection whose incoming bytes go into the record first.
struct Tapped {
    stream: TcpStream,
    record: Arc<Mutex<Record>>,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        lock(&self.record).bytes.extend_from_slice(fresh);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
