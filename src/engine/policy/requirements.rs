//! What the rules ask of a request, so that only that is fetched and kept.

use super::authorizer::{ExternalAuth, Protocol};
use super::http::HttpConditions;
use super::safe_integer::SafeInteger;
use super::targets::Reach;
use crate::engine::expr::{self, Attribute};

/// What of a request some rule asks for, beyond what every request is asked.
#[derive(Debug, Default)]
pub struct Requirements {
    /// The cluster that the route chose.
    pub cluster: bool,
    /// The port that the request arrived on.
    pub port: bool,
    /// Where the connection comes from: never where a client can say it.
    pub address: bool,
    /// The scheme of the connection, likewise.
    pub scheme: bool,
    /// Where the connection goes to, the protocol that is spoken over it, and when the
    /// request arrived.
    pub connection: bool,
    /// When the request is judged.
    pub time: bool,
    /// The MCP message as it came.
    pub body: bool,
    /// How much of a body that is no MCP message, in bytes: what authorizers are shown.
    pub other_body: usize,
    /// Whether authorizers are asked.
    pub asks: bool,
    /// Headers, pseudo-headers included, in lower case.
    headers: Vec<String>,
    /// Every header.
    all_headers: bool,
}

/// What every authorizer is shown of a request.
const ALWAYS_SHOWN: [&str; 7] = [
    ":method",
    ":authority",
    ":path",
    "authorization",
    "traceparent",
    "tracestate",
    "x-request-id",
];

impl Requirements {
    /// The headers that are asked for, in lower case; `None` when it may be any.
    pub fn headers(&self) -> Option<&[String]> {
        (!self.all_headers).then_some(&self.headers)
    }

    /// Whether all is needed here that is needed there.
    pub(super) fn cover(&self, others: &Self) -> bool {
        // Destructured, so that a new member cannot be forgotten here.
        let Self {
            cluster,
            port,
            address,
            scheme,
            connection,
            time,
            body,
            other_body,
            asks,
            headers,
            all_headers,
        } = others;
        let are_needed_here = [
            (self.cluster, *cluster),
            (self.port, *port),
            (self.address, *address),
            (self.scheme, *scheme),
            (self.connection, *connection),
            (self.time, *time),
            (self.body, *body),
            (self.asks, *asks),
            (self.all_headers, *all_headers),
        ];
        let mut headers = headers.iter();
        are_needed_here.iter().all(|(here, there)| *here || !there)
            && self.other_body >= *other_body
            && (self.all_headers || headers.all(|header| self.headers.contains(header)))
    }

    /// Adds what it takes to know which policies apply.
    pub(super) fn targets(&mut self, reach: Reach) {
        self.cluster |= reach.backends;
        self.port |= reach.listeners;
    }

    /// Adds what it takes to know whether a path is surely one that carries MCP.
    pub(super) fn paths(&mut self, are_listed: bool) {
        if are_listed {
            self.add(":path");
        }
    }

    /// Adds what an HTTP part asks for.
    pub(super) fn http(&mut self, conditions: &HttpConditions) {
        let HttpConditions {
            methods,
            paths,
            headers,
            hosts,
            ports,
        } = conditions;
        self.port |= ports.is_some();
        let pseudo = [
            (":method", methods.is_some()),
            // The query may put another method in the place of this one.
            (":path", paths.is_some() || methods.is_some()),
            (":authority", hosts.is_some()),
        ];
        let pseudo = pseudo.into_iter().filter(|(_, asked)| *asked);
        let named = headers.iter().flatten().map(|(name, _)| name.as_str());
        let names = pseudo.map(|(name, _)| name).chain(named);
        names.for_each(|name| self.add(name));
    }

    fn add(&mut self, header: &str) {
        if !self.headers.iter().any(|known| known == header) {
            self.headers.push(header.to_owned());
        }
    }

    /// Adds what an authorizer is shown, and what tells whether its answer changes anything
    /// where that `matters`.
    pub(super) fn external_auth(&mut self, external_auth: &ExternalAuth, matters: bool) {
        let ExternalAuth {
            protocol,
            cluster: _,
            authority: _,
            max_body,
            order: _,
        } = external_auth;
        self.asks = true;
        self.body |= max_body.is_some();
        let max_body = max_body.map_or(0, SafeInteger::size);
        self.other_body = self.other_body.max(max_body);
        let allowed = match protocol {
            Protocol::Http(http) => Some(&http.allowed_headers),
            Protocol::Grpc(grpc) => {
                // It is told about the connection, and what the message says.
                self.body = true;
                self.address = true;
                self.scheme = true;
                self.connection = true;
                // SECURITY: it may take any header away, and whether one was there must not
                // be known only where a rule happens to ask about it.
                self.all_headers |= grpc.allowed_headers.is_none() || matters;
                grpc.allowed_headers.as_ref()
            }
        };
        // These are all that it may take away.
        let copied = match protocol {
            Protocol::Http(http) => http.allowed_response_headers.as_ref(),
            Protocol::Grpc(_) => None,
        };
        let named = allowed.into_iter().chain(copied).flatten();
        let names = ALWAYS_SHOWN.into_iter().chain(named.map(String::as_str));
        names.for_each(|name| self.add(name));
    }

    /// Takes away what a client could say, of an Envoy that is not the edge.
    ///
    /// SECURITY: only what is needed is fetched, so that nothing else has to know.
    pub(super) const fn without_edge(&mut self) {
        self.address = false;
        self.scheme = false;
    }

    /// Adds what an expression reads.
    pub(super) fn expression(&mut self, needs: &expr::AttributeNeeds) {
        self.port |= needs.has(Attribute::DestinationPort);
        self.address |= needs.has(Attribute::SourceAddress);
        self.scheme |= needs.has(Attribute::Scheme);
        self.time |= needs.has(Attribute::Time);
        self.body |= needs.has(Attribute::Params);
        self.all_headers |= needs.all_headers();
        let facts = [
            (":method", Attribute::Method),
            (":path", Attribute::Method),
            (":path", Attribute::Path),
            (":path", Attribute::UrlPath),
            (":path", Attribute::Query),
            (":authority", Attribute::Host),
            (":authority", Attribute::Hostname),
            ("x-request-id", Attribute::Id),
        ];
        let facts = facts.into_iter().filter(|(_, fact)| needs.has(*fact));
        let names = facts.map(|(name, _)| name).chain(needs.headers());
        names.for_each(|name| self.add(name));
    }
}
