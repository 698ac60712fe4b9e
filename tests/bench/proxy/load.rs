//! Requests as fast as they are answered: one on each connection, then their answers.
//!
//! Envoy always has some at hand, so that waking it up, which costs more than a filter on
//! an idle machine, is shared by many.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::certificates::Identity;
use crate::traffic::{Filling, body};

/// Connections at a time.
pub const CONNECTIONS: usize = 32;

/// How a client comes to trust the server, and who it is.
pub fn tls(authority: &Path, identity: &Identity) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(authority).expect("a certificate");
    roots.add(authority).expect("an authority");
    let certificate = CertificateDer::from_pem_file(&identity.certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key);
    Arc::new(config.expect("a client"))
}

trait Socket: Read + Write {}
impl<T: Read + Write> Socket for T {}

/// An open connection.
pub struct Connection {
    socket: Box<dyn Socket + Send>,
    read: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        let socket: Box<dyn Socket + Send> = match tls {
            None => Box::new(socket),
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let client = ClientConnection::new(Arc::clone(config), name);
                let client = client.map_err(io::Error::other)?;
                Box::new(StreamOwned::new(client, socket))
            }
        };
        let read = vec![0; 4 << 10];
        Ok(Self { socket, read })
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.socket.write_all(request)?;
        self.socket.flush()
    }

    /// Reads an answer; its status.
    fn receive(&mut self) -> io::Result<u16> {
        let mut filled = 0;
        loop {
            let count = self.socket.read(&mut self.read[filled..])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += count;
            if let Some(status) = answer(&self.read[..filled]) {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer, once it is whole.
fn answer(read: &[u8]) -> Option<u16> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&read[..head]).expect("a head is text");
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
    (read.len() >= head + 4 + length).then_some(status)
}

/// The connections to one listener.
pub struct Lanes(Vec<Connection>);

impl Lanes {
    pub fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Self {
        let open = || Connection::open(address, tls).expect("Envoy takes connections");
        Self((0..CONNECTIONS).map(|_| open()).collect())
    }

    /// Sends a request on every connection, that many times; every answer must have this
    /// status.
    pub fn send(&mut self, request: &[u8], times: usize, status: u16) {
        for _ in 0..times {
            for connection in &mut self.0 {
                connection.send(request).expect("Envoy reads");
            }
            for connection in &mut self.0 {
                let found = connection.receive().expect("an answer");
                assert_eq!(found, status, "the chain decides otherwise");
            }
        }
    }
}

/// A call of a tool as clients send it.
pub fn call(tool: &str, size: usize, filling: Filling) -> Vec<u8> {
    let body = body(tool, size, filling);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-06-18\r\n\
         mcp-session-id: 0123456789abcdef\r\nuser-agent: bench\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}
