//! What may come after a body.

use super::headers::{begins_alike, is_alike};
use super::http::{is_overriding, names_host};

/// Fronts of names that servers and gateways rely on, whoever wrote them.
const FRONTS: [&[u8]; 6] = [
    b":",
    b"mcp-",
    b"x-envoy-",
    b"x-forwarded-",
    b"content-",
    b"proxy-",
];

/// Names likewise.
const NAMES: [&[u8]; 8] = [
    b"authorization",
    b"cookie",
    b"host",
    b"forwarded",
    b"origin",
    b"te",
    b"transfer-encoding",
    b"x-real-ip",
];

/// Whether a trailer may go on. `asked` are the headers that somebody asks for, `None` is
/// every one.
///
/// SPEC: RFC 9110, 6.5.1: a trailer is no header, unless it is known to be one; 6.5.2: whoever
/// passes a message on may leave trailers out.
/// SECURITY: some servers join them with the headers, which were judged before.
pub fn may_trail(name: &[u8], asked: Option<&[String]>) -> bool {
    let Some(asked) = asked else {
        return false;
    };
    let is_one_of = |names: &[&[u8]]| names.iter().any(|other| is_alike(name, other));
    !(asked.iter().any(|asked| is_alike(name, asked.as_bytes()))
        || FRONTS.iter().any(|front| begins_alike(name, front))
        || is_one_of(&NAMES)
        || is_overriding(name)
        || names_host(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_would_take_for_a_header_does_not_trail() {
        let asked = ["x-team".to_owned(), ":path".to_owned()];
        for name in [
            "x-team",
            "X_Team",
            "x.team",
            ":path",
            ":authority",
            "Authorization",
            "mcp-session-id",
            "MCP_NAME",
            "x-forwarded-for",
            "x_forwarded_host",
            "x-forwarded-client-cert",
            "x-http-method-override",
            "X_HTTP_Method",
            "x-host",
            "forwarded",
            "content-type",
            "host",
            "cookie",
        ] {
            assert!(!may_trail(name.as_bytes(), Some(&asked)), "{name}");
        }
        for name in [
            "x-checksum",
            "grpc-status",
            "x-team-2",
            "digest",
            "server-timing",
        ] {
            assert!(may_trail(name.as_bytes(), Some(&asked)), "{name}");
            assert!(!may_trail(name.as_bytes(), None), "{name}");
        }
    }
}
