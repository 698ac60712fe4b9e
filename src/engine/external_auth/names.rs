//! Which headers pass between a client, an authorizer and a server, and which never do.

use crate::engine::request::{begins_alike, is_alike};

/// Headers of a connection, not of a message.
///
/// SPEC: RFC 9110, 7.6.1.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that say what was judged: whose request it is, and how its body is to be read.
///
/// SECURITY: with another one of these the server would read another request than the one
/// that policies and authorizers were asked about.
const JUDGED: [&str; 3] = [
    "content-encoding",
    "content-type",
    "x-forwarded-client-cert",
];

/// Headers of an answer that say nothing of the request: for whom it was, and to a proxy,
/// for one connection, how to authenticate (RFC 9110, 11.7).
///
/// SPEC: Gateway API, `allowedResponseHeaders`: without a list all are copied but the
/// authority.
const OF_THE_ANSWER: [&str; 4] = [
    "authority",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
];

/// Whether a name, or one that is alike to some server, is in a list.
pub(super) fn is_any_of(name: &[u8], list: &[&str]) -> bool {
    let mut list = list.iter();
    list.any(|listed| is_alike(name, listed.as_bytes()))
}

/// Whether a header is of the message, and not of how it is sent. Those of the host
/// change what the host does with a message, and say what it did.
fn is_of_message(name: &[u8]) -> bool {
    !name.is_empty()
        && !name.starts_with(b":")
        && !is_any_of(name, &HOP_BY_HOP)
        && !is_any_of(name, &["host", "content-length"])
        && !begins_alike(name, b"x-envoy-")
}

/// Whether a client's header may be shown to an authorizer, if it is listed.
pub(super) fn may_be_shown(name: &[u8]) -> bool {
    is_of_message(name)
}

/// Whether a header of an authorizer's may be told to the client that it refuses.
pub fn may_be_answered(name: &[u8]) -> bool {
    is_of_message(name)
}

/// Whether an authorizer may change a header of the request.
pub(super) fn may_be_changed(name: &[u8]) -> bool {
    is_of_message(name) && !is_any_of(name, &JUDGED) && !begins_alike(name, b"mcp-")
}

/// Whether a header of an authorizer's answer goes to the server where no list says which
/// do. What describes content (`content-range`, `content-language`, ...) describes that of
/// the answer, and the server would take it for what the client's body is.
pub(super) fn may_be_copied(name: &[u8]) -> bool {
    may_be_changed(name) && !is_any_of(name, &OF_THE_ANSWER) && !begins_alike(name, b"content-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_without_a_list() {
        for name in [
            "x-user",
            "authorization",
            "set-cookie",
            "date",
            "www-authenticate",
        ] {
            assert!(may_be_copied(name.as_bytes()), "{name}");
        }
        for name in [
            "authority",
            "Authority",
            "proxy-authenticate",
            "Proxy_Authenticate",
            "proxy-authorization",
            "content-range",
            "Content_Language",
            "content.location",
            "proxy~authenticate",
            "connection",
            "host",
            "mcp-name",
        ] {
            assert!(!may_be_copied(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_an_authorizer_may_change() {
        for name in ["x-user", "authorization", "cookie", "mcp", "x-content-type"] {
            assert!(may_be_changed(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            ":path",
            ":authority",
            "Host",
            "content-length",
            "Content_Length",
            "transfer-encoding",
            "connection",
            "Content-Type",
            "content_encoding",
            "x-forwarded-client-cert",
            "X_Forwarded_Client_Cert",
            "mcp-session-id",
            "Mcp_Name",
            "mcp.name",
            "content.type",
            "x-envoy-retry-on",
            "x.envoy*retry-on",
        ] {
            assert!(!may_be_changed(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_a_client_may_be_told() {
        for name in ["www-authenticate", "content-type", "set-cookie", "location"] {
            assert!(may_be_answered(name.as_bytes()), "{name}");
        }
        for name in [
            ":status",
            "content-length",
            "Transfer-Encoding",
            "x-envoy-upstream-service-time",
        ] {
            assert!(!may_be_answered(name.as_bytes()), "{name}");
        }
    }
}
