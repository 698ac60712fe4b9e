//! What is known of a request when its headers have come.

use crate::engine::decision::{Denial, deny_by_headers};
use crate::engine::policy::Policies;
use crate::engine::request::{Caller, Headers, HttpRequest, Operation, Request, Scheme};

/// What is known of a request when its headers have come.
#[derive(Debug, Clone, Default)]
pub struct StreamAttributes {
    /// The headers.
    pub headers: Headers,
    /// Who asks.
    pub caller: Caller,
    /// The Envoy cluster that the route chose.
    pub cluster: Option<String>,
    /// The port that the request arrived on, where a rule asks for it.
    pub port: Option<u64>,
    /// Where the connection comes from, address and port, where a rule asks for it.
    pub address: Option<String>,
    /// The scheme of the connection, likewise.
    pub scheme: Option<Scheme>,
    /// Where the connection goes to, likewise, where an authorizer is told.
    pub destination: Option<String>,
    /// The protocol, `HTTP/1.1` or `HTTP/2`, where an authorizer is told.
    pub protocol: Option<String>,
    /// When the request arrived, in nanoseconds since 1970, where an authorizer is told.
    pub arrived: Option<u64>,
    /// When the request is judged, likewise, where a rule asks for it. A stream with a clock
    /// asks that.
    pub time: Option<u64>,
}

impl StreamAttributes {
    /// The request that does `operation` with a `body` of a `size`.
    pub(super) fn request<'r>(
        &'r self,
        operation: Operation<'r>,
        body: &'r [u8],
        size: Option<u64>,
    ) -> Request<'r> {
        // Of a message the type is known: it is no form.
        let may_be_form = operation == Operation::Http && size != Some(0);
        Request {
            caller: &self.caller,
            cluster: self.cluster.as_deref(),
            http: HttpRequest::new(&self.headers, self.port).with_body(may_be_form),
            operation,
            body,
            size,
            address: self.address.as_deref(),
            scheme: self.scheme,
            destination: self.destination.as_deref(),
            protocol: self.protocol.as_deref(),
            arrived: self.arrived,
            time: self.time,
        }
    }

    /// The request is judged at a time; without one, at the time that is known.
    pub(super) fn judged_at(&mut self, time: Option<u64>) {
        self.time = time.or(self.time);
    }

    /// Why a message with these headers is denied, whatever it says.
    pub(super) fn denied<'p>(&self, policies: &'p Policies) -> Option<Denial<'p>> {
        // What is posted is not known: nothing looks at what is asked.
        deny_by_headers(policies, &self.request(Operation::Options, b"", None))
    }

    /// The length of a body that is not read: none, or what is announced.
    pub(super) fn size(&self, ended: bool) -> Option<u64> {
        if ended {
            return Some(0);
        }
        let announced = self.headers.only("content-length")?;
        std::str::from_utf8(announced).ok()?.parse().ok()
    }

    /// What waits waits without what nobody asks for.
    pub(super) fn kept(self, policies: &Policies, is_message: bool) -> Self {
        Self {
            headers: self.headers.kept(policies.needs().headers(), is_message),
            ..self
        }
    }
}
