//! What goes otherwise than a vector says, because it never reaches the filter: our
//! client cannot send it, or Envoy itself refuses it first.

use crate::support::client::Protocol;

/// A vector that goes otherwise, in some of the ways it is sent.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) file: &'static str,
    pub(super) name: &'static str,
    pub(super) protocol: Protocol,
    pub(super) instead: Instead,
    pub(super) because: &'static str,
}

/// What happens instead. What is refused never reaches the server all the same.
#[derive(Debug)]
pub(super) enum Instead {
    /// Envoy itself answers.
    Status(u16),
    /// There is no answer.
    NoAnswer,
    /// It passes, but this header is gone from it.
    Stripped(&'static str),
}

/// In one protocol, however it ends.
const fn only(
    protocol: Protocol,
    file: &'static str,
    name: &'static str,
    instead: Instead,
    because: &'static str,
) -> Exception {
    Exception {
        file,
        name,
        protocol,
        instead,
        because,
    }
}

const H1: Protocol = Protocol::Http1;
const H2: Protocol = Protocol::Http2;
const METHOD: &str = "Envoy's HTTP/1.1 codec refuses methods it does not know";
const TUNNEL: &str = "Envoy's HTTP/1.1 codec refuses CONNECT to a path";
const HOP: &str = "HTTP/2 has no such header, and our client sends none";
const DROPPED: &str = "Envoy drops an Upgrade that Connection does not name, or to h2c";
const LENGTH: &str = "HTTP/2 itself refuses a length that is not true";

pub(super) const EXCEPTIONS: &[Exception] = &[
    only(H1, "http", "CONNECT", Instead::Status(400), TUNNEL),
    only(
        H1,
        "http",
        "CONNECT elsewhere",
        Instead::Status(400),
        TUNNEL,
    ),
    only(
        H1,
        "http",
        "post in lower case",
        Instead::Status(400),
        METHOD,
    ),
    only(
        H1,
        "http",
        "delete in lower case elsewhere",
        Instead::Status(400),
        METHOD,
    ),
    only(
        H1,
        "http",
        "a small letter elsewhere",
        Instead::Status(400),
        METHOD,
    ),
    only(
        H1,
        "http",
        "a method of one's own",
        Instead::Status(400),
        METHOD,
    ),
    only(
        H1,
        "http",
        "HTTP/2 in the clear",
        Instead::Stripped("upgrade"),
        DROPPED,
    ),
    only(
        H1,
        "http",
        "without saying so in Connection",
        Instead::Stripped("upgrade"),
        DROPPED,
    ),
    only(
        H1,
        "http",
        "an empty upgrade",
        Instead::Stripped("upgrade"),
        DROPPED,
    ),
    only(H2, "http", "WebSocket", Instead::Stripped("upgrade"), HOP),
    only(
        H2,
        "http",
        "a POST that upgrades",
        Instead::Stripped("upgrade"),
        HOP,
    ),
    only(
        H2,
        "http",
        "HTTP/2 in the clear",
        Instead::Stripped("upgrade"),
        HOP,
    ),
    only(
        H2,
        "http",
        "without saying so in Connection",
        Instead::Stripped("upgrade"),
        HOP,
    ),
    only(
        H2,
        "http",
        "an empty upgrade",
        Instead::Stripped("upgrade"),
        HOP,
    ),
    only(
        H2,
        "limits",
        "a length that is announced",
        Instead::NoAnswer,
        LENGTH,
    ),
];
