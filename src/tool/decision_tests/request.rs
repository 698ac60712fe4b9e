//! A request as data.

use serde_json::json;

use super::AuthorizerReply;
use crate::engine::enforcement::{Explained, Step, Stream, StreamAttributes, explain};
use crate::engine::expr::Timestamp;
use crate::engine::external_auth::Callout;
use crate::engine::policy::{CompiledPolicy, IdentitySource, NumberedPolicy, ObjectName, Policies};
use crate::engine::request::{Caller, Headers, Scheme, SpiffeId};

/// A cluster of no backend.
pub const ELSEWHERE: &str = "elsewhere";

/// Where a request arrives that says nothing else: no listener has this port.
const PORT: u16 = 1;

/// From where.
const ADDRESS: &str = "127.0.0.1:1";

/// When, in nanoseconds since 1970: 2027-01-15T08:00:00Z.
const TIME: u64 = 1_800_000_000_000_000_000;

/// The header in which a hop says whose certificate it saw.
const FORWARDED: &str = "x-forwarded-client-cert";

/// A request, with as much said of it as matters.
#[derive(Debug, Clone, Default)]
pub struct TestRequest {
    /// The caller's SPIFFE ID; absent is a caller without identity. With
    /// `identity.from: ForwardedClientCert` what names it must be among the headers.
    pub caller: Option<String>,
    /// The cluster that the route chose; [`ELSEWHERE`] when left out.
    pub cluster: Option<String>,
    /// The authority; the cluster's name when left out.
    pub host: Option<String>,
    /// The port that the request arrives on; one of no listener when left out.
    pub port: Option<u16>,
    /// Where the connection comes from, address and port.
    pub address: Option<String>,
    /// When it arrives, in nanoseconds since 1970.
    pub time: Option<u64>,
    /// The HTTP method; POST when left out.
    pub method: Option<String>,
    /// The path, with query; `/mcp` when left out.
    pub path: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: TestBody,
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum TestBody {
    /// There is none.
    #[default]
    None,
    /// A JSON-RPC message.
    Message(String),
    /// Whatever it is.
    Bytes(Vec<u8>),
}

impl TestBody {
    /// The bytes of it.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::None => b"",
            Self::Message(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A request as HTTP has it.
#[derive(Debug, Clone)]
pub struct TestHttp {
    /// The method.
    pub method: String,
    /// The authority.
    pub authority: String,
    /// The path, with query.
    pub path: String,
    /// The headers but the pseudo-headers and `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl TestRequest {
    /// Fills in what is left out with what a policy's enforcement point makes likely: the
    /// first path that carries MCP, the only backend there is, and the header that a hop
    /// in front would name the caller by.
    pub fn fill_in(&mut self, compiled: &CompiledPolicy) {
        if self.path.is_none() {
            let paths = compiled.settings.mcp_paths.iter().flatten();
            self.path = paths.map(String::clone).next();
        }
        if self.cluster.is_none()
            && let [backend] = compiled.backends.as_slice()
        {
            self.cluster = backend.clusters.first().cloned();
        }
        let is_forwarded = |(name, _): &(String, String)| name.eq_ignore_ascii_case(FORWARDED);
        if let Some(caller) = &self.caller
            && compiled.settings.identity == IdentitySource::ForwardedClientCert
            && !self.headers.iter().any(is_forwarded)
        {
            let value = format!("URI={caller}");
            self.headers.push((FORWARDED.to_owned(), value));
        }
    }

    /// The cluster that a backend is served by, where there is one.
    pub fn cluster_of<'c>(compiled: &'c CompiledPolicy, backend: &ObjectName) -> Option<&'c str> {
        let mut backends = compiled.backends.iter();
        let found = backends.find(|known| known.backend == *backend)?;
        found.clusters.first().map(String::as_str)
    }

    /// The cluster that the route chose.
    pub fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or(ELSEWHERE)
    }

    /// The request as HTTP has it.
    pub fn http(&self) -> TestHttp {
        let body = self.body.as_bytes().to_vec();
        let mut headers = self.headers.clone();
        let is_typed = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        if !body.is_empty() && !headers.iter().any(is_typed) {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let host = self.host.as_deref();
        TestHttp {
            method: self.method.as_deref().unwrap_or("POST").to_owned(),
            authority: host.unwrap_or_else(|| self.cluster()).to_owned(),
            path: self.path.as_deref().unwrap_or("/mcp").to_owned(),
            headers,
            body,
        }
    }

    /// What the filter knows of it when its headers have come.
    pub fn facts(&self, policies: &Policies) -> StreamAttributes {
        let TestHttp {
            method,
            authority,
            path,
            mut headers,
            body,
        } = self.http();
        if !body.is_empty() {
            headers.push(("content-length".to_owned(), body.len().to_string()));
        }
        let pseudo = [
            (":method".to_owned(), method),
            (":authority".to_owned(), authority),
            (":scheme".to_owned(), "https".to_owned()),
            (":path".to_owned(), path),
        ];
        let headers = Headers::from_lines(pseudo.into_iter().chain(headers));
        let caller = match policies.settings().identity {
            IdentitySource::ForwardedClientCert => Caller::from_forwarded(&headers),
            // How these are read only Envoy can show, which alone has them.
            IdentitySource::PeerCertificate | IdentitySource::Metadata(_) => {
                let id = self.caller.as_deref().and_then(SpiffeId::new);
                id.map_or(Caller::Anonymous, Caller::Spiffe)
            }
        };
        let needs = policies.needs();
        StreamAttributes {
            headers,
            caller,
            cluster: Some(self.cluster().to_owned()),
            port: Some(self.port.unwrap_or(PORT).into()),
            address: needs
                .address
                .then(|| self.address.as_deref().unwrap_or(ADDRESS).to_owned()),
            scheme: needs.scheme.then_some(Scheme::Https),
            destination: None,
            protocol: None,
            arrived: Some(self.time.unwrap_or(TIME)),
            time: Some(self.time.unwrap_or(TIME)),
        }
    }

    /// Lets the filter judge it, the body byte by byte. Authorizers answer in order; when
    /// no answer is left they are unavailable. Returns who asked as well.
    pub fn judge<'p>(
        &self,
        policies: &'p Policies,
        answers: &[AuthorizerReply],
    ) -> (Step<'p>, Vec<String>) {
        let body = self.body.as_bytes();
        let mut answers = answers.iter();
        let mut go_on = |stream: &mut Stream, mut step| {
            while let Step::Ask(question) = &step {
                let given = answers.next().cloned().unwrap_or_default();
                step = given.answer(&question.call, policies, stream);
            }
            step
        };
        let mut stream = Stream::default();
        let first = stream.headers(policies, self.facts(policies), body.is_empty());
        let mut step = go_on(&mut stream, first);
        for (number, byte) in body.iter().enumerate() {
            if let Step::Wait | Step::PassHeaders = step {
                let next = stream.body(policies, &[*byte], number + 1 == body.len());
                step = go_on(&mut stream, next);
            }
        }
        let asked = stream.said().iter().map(|said| said.policy.clone());
        (step, asked.collect())
    }

    /// Judges it, and says why. Authorizers answer in order; where no answer is left, the
    /// explanation ends.
    pub fn explain<'p>(
        &self,
        policies: &'p Policies,
        document: &'p NumberedPolicy,
        answers: impl IntoIterator<Item = AuthorizerReply>,
    ) -> Explained<'p> {
        let mut answers = answers.into_iter();
        let answer = |stream: &mut Stream, question: &Callout| {
            Some(answers.next()?.answer(&question.call, policies, stream))
        };
        let facts = self.facts(policies);
        explain(policies, document, facts, self.body.as_bytes(), answer)
    }
}

/// A point in time as RFC 3339 has it, in nanoseconds since 1970.
pub(super) fn nanos(text: &str) -> Option<u64> {
    let nanos = Timestamp::parse(text)?.nanos()?;
    u64::try_from(nanos).ok()
}

/// The body of a request that calls `method`, or `method thing`.
///
/// # Errors
/// Where the method acts on something that one word does not name.
pub fn call_body(call: &str) -> Result<String, &'static str> {
    let (method, thing) = call.split_once(' ').unwrap_or((call, ""));
    let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    match method {
        "tools/call" => message["params"] = json!({"name": thing, "arguments": {}}),
        "prompts/get" => message["params"] = json!({"name": thing}),
        method if method.starts_with("resources/") && !thing.is_empty() => {
            message["params"] = json!({"uri": thing});
        }
        method if method.starts_with("notifications/") => {
            message = json!({"jsonrpc": "2.0", "method": method});
        }
        _ if thing.is_empty() => {}
        _ => return Err("what this method acts on cannot be said in one word"),
    }
    Ok(message.to_string())
}
