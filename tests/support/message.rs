//! Requests and responses as the test client sends and gets them.

use std::time::Duration;

use hyper::body::Bytes;

/// How the body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Content-Length in HTTP/1.1; in HTTP/2 the header too.
    Declared,
    /// Chunks in HTTP/1.1; only the end of the stream in HTTP/2.
    Open,
    /// So many bytes are declared, and after the pieces given no more ever come.
    Promised(usize),
}

/// A request, as bytes.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The request target: path and query; or a whole URI, of which HTTP/2 sends the scheme.
    pub target: String,
    /// `Host` or `:authority`; the address connected to when absent.
    pub authority: Option<String>,
    /// Lines in the order given; a name may come several times.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body's pieces, each sent on its own.
    pub body: Vec<Bytes>,
    pub length: Length,
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Break off after the pieces, as a client that goes away, instead of ending.
    pub cut: bool,
    /// How long to wait between pieces, so that they arrive as pieces.
    pub pause: Duration,
    /// How long to read the answer; what came until then is the answer.
    pub patience: Duration,
}

impl Request {
    /// A request without body.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            authority: None,
            headers: Vec::new(),
            body: Vec::new(),
            length: Length::Declared,
            trailers: Vec::new(),
            cut: false,
            pause: Duration::from_millis(3),
            patience: Duration::from_secs(10),
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of `body` as JSON to `/mcp`, as MCP clients send it.
    pub fn mcp(body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    /// With these header lines, and this body if there is one.
    pub fn of(
        method: &str,
        target: &str,
        headers: Vec<(String, Vec<u8>)>,
        body: Option<Vec<u8>>,
    ) -> Self {
        Self {
            headers,
            body: body.into_iter().map(Bytes::from).collect(),
            ..Self::new(method, target)
        }
    }

    /// Adds a header line.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Removes every line of a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(held, _)| !held.eq_ignore_ascii_case(name));
        self
    }

    /// The whole body in one piece, its length declared.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = vec![Bytes::copy_from_slice(body.as_ref())];
        self.length = Length::Declared;
        self
    }

    /// The body in these pieces, its length not declared.
    pub fn pieces<P: AsRef<[u8]>>(mut self, pieces: impl IntoIterator<Item = P>) -> Self {
        self.body = pieces
            .into_iter()
            .map(|piece| Bytes::copy_from_slice(piece.as_ref()))
            .collect();
        self.length = Length::Open;
        self
    }

    /// Headers that promise a body of that length, and no body.
    pub fn promises(mut self, length: usize) -> Self {
        self.length = Length::Promised(length);
        self
    }

    /// Declares the length of a body in pieces, or leaves that of a whole one open.
    pub fn length(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    /// Adds a trailer line. In HTTP/1.1 trailers need [`Length::Open`].
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Breaks off after the pieces instead of ending.
    pub fn cut(mut self) -> Self {
        self.cut = true;
        self.length = Length::Open;
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether the answer came to its proper end.
    pub complete: bool,
}

impl Response {
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none, saying what came instead.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text()))
    }

    /// The first line of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.headers, name)
    }
}

/// The first value of `name`, as text.
pub fn first(headers: &[(String, Vec<u8>)], name: &str) -> Option<String> {
    headers
        .iter()
        .find(|(held, _)| held.eq_ignore_ascii_case(name))
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// Header lines as the tests hold them.
pub fn lines(map: &hyper::HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect()
}

/// Header lines as hyper takes them.
///
/// # Errors
/// When a name or a value cannot be sent by hyper; use the raw client for those.
pub fn map(lines: &[(String, Vec<u8>)]) -> Result<hyper::HeaderMap, hyper::http::Error> {
    let mut map = hyper::HeaderMap::new();
    for (name, value) in lines {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes())?;
        map.append(name, hyper::header::HeaderValue::from_bytes(value)?);
    }
    Ok(map)
}
