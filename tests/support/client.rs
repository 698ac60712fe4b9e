//! A client close to the wire: HTTP/1.1 and HTTP/2, plain or mutual TLS, bodies
//! in given pieces, trailers; and raw bytes for what no library would send.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::certificates::Identity;
use super::message::{Length, Request, Response, lines, map};
use super::runtime;

pub type Failure = Box<dyn Error + Send + Sync>;

type Body = Either<Full<Bytes>, Channel<Bytes, io::Error>>;
type Socket = Box<dyn Stream>;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// With prior knowledge where there is no TLS.
    Http2,
}

/// Where to connect, as whom, and how to speak.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    protocol: Protocol,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection that can carry several requests.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    encrypted: bool,
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    /// Without TLS.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            protocol: Protocol::Http1,
            tls: None,
        }
    }

    /// With TLS, trusting the authority whose certificate is in the file
    /// `authority`, and as `identity` when there is one.
    ///
    /// # Errors
    /// When a PEM file does not hold what it should.
    pub fn tls(
        address: SocketAddr,
        authority: &Path,
        identity: Option<&Identity>,
    ) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => config.with_client_auth_cert(
                vec![CertificateDer::from_pem_file(&identity.certificate)?],
                PrivateKeyDer::from_pem_file(&identity.key)?,
            )?,
        };
        Ok(Self {
            address,
            protocol: Protocol::Http1,
            tls: Some(Arc::new(config)),
        })
    }

    /// The same client, speaking HTTP/2.
    pub fn http2(mut self) -> Self {
        self.protocol = Protocol::Http2;
        self
    }

    /// The same client, connecting elsewhere.
    pub fn to(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sends one request over a connection of its own.
    ///
    /// # Errors
    /// When the connection cannot be made (with TLS 1.3 a refused certificate
    /// may show only here), breaks before the answer's headers, or nothing comes
    /// while the request has patience.
    pub fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.connect()?.send(request)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When the connection or the TLS handshake fails.
    pub fn connect(&self) -> Result<Connection, Failure> {
        runtime().block_on(async {
            let io = TokioIo::new(self.socket().await?);
            let sender = match self.protocol {
                Protocol::Http1 => {
                    let (sender, driver) = http1::handshake(io).await?;
                    tokio::spawn(driver);
                    Sender::Http1(sender)
                }
                Protocol::Http2 => {
                    let (sender, driver) = http2::handshake(TokioExecutor::new(), io).await?;
                    tokio::spawn(driver);
                    Sender::Http2(sender)
                }
            };
            Ok(Connection {
                address: self.address,
                encrypted: self.tls.is_some(),
                sender,
            })
        })
    }

    /// Writes `pieces` as they are, each on its own, and returns what comes back
    /// until the other side closes or says nothing for `quiet`.
    ///
    /// # Errors
    /// When the connection cannot be made. A connection that breaks later is an
    /// answer, not an error.
    pub fn raw<P: AsRef<[u8]>>(&self, pieces: &[P], quiet: Duration) -> Result<Vec<u8>, Failure> {
        runtime().block_on(async {
            let mut socket = self.socket().await?;
            for piece in pieces {
                if socket.write_all(piece.as_ref()).await.is_err() || socket.flush().await.is_err()
                {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            let mut answer = Vec::new();
            while let Ok(Ok(1..)) = tokio::time::timeout(quiet, socket.read_buf(&mut answer)).await
            {
            }
            Ok(answer)
        })
    }

    async fn socket(&self) -> Result<Socket, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let mut config = ClientConfig::clone(tls);
        config.alpn_protocols = vec![match self.protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        let name = ServerName::try_from("localhost")?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

impl Connection {
    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks before the answer's headers, or nothing comes
    /// while the request has patience.
    pub fn send(&mut self, request: &Request) -> Result<Response, Failure> {
        runtime().block_on(async {
            tokio::time::timeout(request.patience, self.exchange(request))
                .await
                .map_err(|_| format!("no answer within {:?}", request.patience))?
        })
    }

    /// Sends one request over HTTP/2 beside others, and does not wait for its answer.
    ///
    /// # Panics
    /// Over HTTP/1.1, which has one at a time.
    pub fn begin(&self, request: Request) -> JoinHandle<Result<Response, Failure>> {
        let Sender::Http2(sender) = &self.sender else {
            panic!("HTTP/1.1 has one request at a time");
        };
        let mut beside = Self {
            sender: Sender::Http2(sender.clone()),
            ..*self
        };
        runtime().spawn(async move {
            tokio::time::timeout(request.patience, beside.exchange(&request))
                .await
                .map_err(|_| format!("no answer within {:?}", request.patience))?
        })
    }

    async fn exchange(&mut self, request: &Request) -> Result<Response, Failure> {
        let deadline = tokio::time::Instant::now() + request.patience * 9 / 10;
        let message = self.message(request)?;
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(message).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(message).await?
            }
        };
        let (head, body) = answer.into_parts();
        let mut response = Response {
            status: head.status.as_u16(),
            headers: lines(&head.headers),
            body: Vec::new(),
            trailers: Vec::new(),
            complete: false,
        };
        // What came in time is the answer, also when it is a stream without end.
        let _ = tokio::time::timeout_at(deadline, read(body, &mut response)).await;
        Ok(response)
    }

    /// The request as hyper sends it.
    fn message(&self, request: &Request) -> Result<hyper::Request<Body>, Failure> {
        let authority = request
            .authority
            .clone()
            .unwrap_or_else(|| self.address.to_string());
        let mut message = hyper::Request::builder().method(request.method.as_str());
        message = match self.sender {
            Sender::Http1(_) => message
                .uri(request.target.as_str())
                .header("host", authority),
            Sender::Http2(_) if request.target.contains("://") => {
                message.uri(request.target.as_str())
            }
            Sender::Http2(_) => {
                let scheme = if self.encrypted { "https" } else { "http" };
                message.uri(format!("{scheme}://{authority}{}", request.target))
            }
        };
        let length: usize = request.body.iter().map(Bytes::len).sum();
        let whole = request.body.len() <= 1 && request.trailers.is_empty() && !request.cut;
        let mut message = if whole && request.length == Length::Declared {
            let bytes = request.body.first().cloned().unwrap_or_default();
            message.body(Either::Left(Full::new(bytes)))?
        } else {
            match request.length {
                Length::Declared => message = message.header("content-length", length),
                Length::Promised(length) => message = message.header("content-length", length),
                Length::Open => {}
            }
            if matches!(self.sender, Sender::Http1(_)) {
                if request.length == Length::Open {
                    // By itself hyper leaves out the body of a GET.
                    message = message.header("transfer-encoding", "chunked");
                }
                // hyper sends the HTTP/1.1 trailers that are announced, and no others.
                for (name, _) in &request.trailers {
                    message = message.header("trailer", name.as_str());
                }
            }
            message.body(Either::Right(feed(request)?))?
        };
        message.headers_mut().extend(map(&request.headers)?);
        Ok(message)
    }
}

/// A body that is fed with the request's pieces, one after the other.
fn feed(request: &Request) -> Result<Channel<Bytes, io::Error>, Failure> {
    let (mut sender, body) = Channel::new(1);
    let trailers = map(&request.trailers)?;
    let Request {
        body: pieces,
        pause,
        cut,
        length,
        patience,
        ..
    } = request.clone();
    tokio::spawn(async move {
        for piece in pieces {
            // Nobody listens any more when the request has been answered early.
            if sender.send_data(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        if matches!(length, Length::Promised(_)) {
            tokio::time::sleep(patience).await;
        }
        if cut {
            sender.abort(io::Error::other("the client breaks off"));
        } else if !trailers.is_empty() {
            let _ = sender.send_trailers(trailers).await;
        }
    });
    Ok(body)
}

/// Reads the answer's body until its end, or until it breaks.
async fn read(mut body: Incoming, response: &mut Response) {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return };
        match frame.into_data() {
            Ok(data) => response.body.extend_from_slice(&data),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    response.trailers = lines(&trailers);
                }
            }
        }
    }
    response.complete = true;
}
