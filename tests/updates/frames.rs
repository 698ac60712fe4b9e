//! A client of HTTP/2 that does as it likes: it sends frames, and reads those that come.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One connection.
pub(super) struct Frames {
    connection: TcpStream,
    next: u32,
    /// What has come and is no whole frame yet.
    read: Vec<u8>,
    /// How many streams are answered, or reset.
    pub(super) answered: usize,
    pub(super) reset: usize,
    pub(super) closed: bool,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal that no table keeps (RFC 7541, 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.push(
            u8::try_from(text.len())
                .ok()
                .filter(|size| *size < 127)
                .unwrap(),
        );
        field.extend(text.as_bytes());
    }
    field
}

impl Frames {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let mut connection = TcpStream::connect(address).expect("a connection");
        connection.set_nodelay(true).unwrap();
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &[]));
        hello.extend(frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()));
        connection.write_all(&hello).unwrap();
        Self {
            connection,
            next: 1,
            read: Vec::new(),
            answered: 0,
            reset: 0,
            closed: false,
        }
    }

    /// What comes too late is no matter: the other end may have closed.
    fn write(&mut self, frame: &[u8]) {
        self.closed |= self.connection.write_all(frame).is_err();
    }

    /// Begins to post a message of a length.
    pub(super) fn post(&mut self, length: usize) -> u32 {
        let stream = self.next;
        self.next += 2;
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "x"),
            (":path", "/mcp"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("content-length", &length.to_string()),
        ];
        let fields = fields.iter().flat_map(|(name, value)| literal(name, value));
        let fields: Vec<u8> = fields.collect();
        self.write(&frame(HEADERS, END_HEADERS, stream, &fields));
        stream
    }

    /// The whole body of a stream.
    pub(super) fn body(&mut self, stream: u32, body: &[u8]) {
        self.write(&frame(DATA, END_STREAM, stream, body));
    }

    /// The client wants no answer any more.
    pub(super) fn cancel(&mut self, stream: u32) {
        self.write(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }

    /// Reads until it is done, or so much time has passed; whether it is.
    pub(super) fn read_until(&mut self, patience: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let start = Instant::now();
        self.connection
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        while !done(self) && !self.closed && start.elapsed() < patience {
            let mut buffer = [0; 65536];
            match self.connection.read(&mut buffer) {
                Ok(0) => self.closed = true,
                Ok(size) => self.take(&buffer[..size]),
                Err(error) => {
                    let waits = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    self.closed |= !waits;
                }
            }
        }
        done(self)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.read.extend(bytes);
        while let Some((head, rest)) = self.read.split_first_chunk::<9>() {
            let [a, b, c, kind, ..] = *head;
            let size = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
            if rest.len() < size {
                break;
            }
            match kind {
                HEADERS => self.answered += 1,
                RST_STREAM => self.reset += 1,
                _ => {}
            }
            self.read.drain(..9 + size);
        }
    }
}
