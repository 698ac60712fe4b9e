//! What kind of request the headers announce.

use crate::engine::mcp::{Claim, Claims, MediaFault, check_media};

use super::headers::{Headers, is_alike};
use super::http::{is_overriding, names_host};
use super::{path, query};

/// Why a request is refused by its headers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeadError {
    /// No method or no path, or several.
    Incomplete,
    /// A method that MCP does not use.
    Method,
    /// A body where MCP has none.
    Body,
    /// A change to another protocol.
    Upgrade,
    /// The media type or encoding of the body.
    Media(MediaFault),
    /// The body is announced to be longer than the limit.
    TooLarge,
    /// The query names a member of the message.
    Query,
    /// A header or the query names another method.
    Override,
    /// The query names a path.
    Route,
}

impl HeadError {
    /// The kind in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "no single method and path",
            Self::Method => "method that MCP does not use",
            Self::Body => "body where MCP has none",
            Self::Upgrade => "change to another protocol",
            Self::Media(media) => media.as_str(),
            Self::TooLarge => "body is too large",
            Self::Query => "query names a member of the message",
            Self::Override => "header or query names another method",
            Self::Route => "query names a path",
        }
    }
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Not MCP: nothing is known of the body, and nothing asked.
    Http,
    /// A message is posted: the body says which.
    Post,
    /// GET.
    Get,
    /// DELETE, perhaps of a session.
    Delete {
        /// Whether there is a session header.
        session: bool,
    },
    /// OPTIONS.
    Options,
}

impl Head {
    /// Reads the headers.
    ///
    /// `mcp_paths` are the prefixes that carry MCP, `None` for every path;
    /// `ended` is whether the request ends with its headers.
    ///
    /// # Errors
    /// When the request is none that MCP has, on a path that carries MCP; or on any path
    /// a tunnel, or of a method that servers read in several ways.
    pub fn read(
        headers: &Headers,
        mcp_paths: Option<&[String]>,
        body_limit: usize,
        ended: bool,
    ) -> Result<Self, HeadError> {
        let method = headers.only(":method").ok_or(HeadError::Incomplete)?;
        // SECURITY: nobody could say what goes through a tunnel. Flask, Django and others
        // run `delete` as DELETE, which over HTTP/2 comes as it was written.
        if method == b"CONNECT" || !is_plain_method(method) {
            return Err(HeadError::Method);
        }
        let target = headers.only(":path").ok_or(HeadError::Incomplete)?;
        let is_mcp = mcp_paths.is_none_or(|prefixes| path::is_under_any(target, prefixes));
        // SECURITY: what follows an upgrade that the server does not make is another request to
        // it; before 1.39, Envoy sends it on at once, but for WebSockets.
        if headers.has("upgrade") && (is_mcp || !is_websocket(headers)) {
            return Err(HeadError::Upgrade);
        }
        if !is_mcp {
            // SECURITY: what such a query leads to is MCP, and would be judged as something else.
            return match mcp_paths {
                Some(paths) if query::may_route_to(target, paths) => Err(HeadError::Route),
                _ => Ok(Self::Http),
            };
        }
        let head = match method {
            b"POST" => post(headers, body_limit)?,
            // SPEC: RFC 9110, 6.4: an empty body is none, and is only known to be once it ends.
            b"GET" | b"DELETE" | b"OPTIONS" if !ended && announces_body(headers) => {
                return Err(HeadError::Body);
            }
            b"GET" => Self::Get,
            b"DELETE" => Self::Delete {
                session: headers.alike("mcp-session-id").next().is_some(),
            },
            b"OPTIONS" => Self::Options,
            _ => return Err(HeadError::Method),
        };
        if has_override(headers, method) {
            return Err(HeadError::Override);
        }
        query::check(target, method)?;
        Ok(head)
    }
}

fn announces_body(headers: &Headers) -> bool {
    let length = headers.only("content-length");
    headers.has("content-length") && length != Some(b"0")
}

fn is_websocket(headers: &Headers) -> bool {
    let upgrade = headers.only("upgrade");
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(b"websocket"))
}

/// Whether a method is a token of HTTP without small letters.
///
/// SPEC: RFC 9110, 5.6.2. Methods have case.
fn is_plain_method(method: &[u8]) -> bool {
    let is_plain = |byte: &u8| match byte {
        b'A'..=b'Z' | b'0'..=b'9' => true,
        byte => b"!#$%&'*+-.^_`|~".contains(byte),
    };
    !method.is_empty() && method.iter().all(is_plain)
}

/// Whether a header names another method, by which servers take the request for another.
fn has_override(headers: &Headers, method: &[u8]) -> bool {
    let names = [
        "x-http-method-override",
        "x-method-override",
        "x-http-method",
    ];
    // Almost no request has a header of such a length.
    let mut lengths = headers.name_lengths();
    lengths.any(|length| matches!(length, 22 | 17 | 13))
        && names.into_iter().any(|name| {
            let mut values = headers.alike(name);
            values.any(|value| !query::is_method(value, method))
        })
}

fn post(headers: &Headers, body_limit: usize) -> Result<Head, HeadError> {
    check_media(
        headers.alike("content-type"),
        headers.alike("content-encoding"),
    )
    .map_err(HeadError::Media)?;
    // Only to answer early; what really comes is counted.
    let announced = headers
        .only("content-length")
        .and_then(|length| std::str::from_utf8(length).ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > body_limit) {
        return Err(HeadError::TooLarge);
    }
    Ok(Head::Post)
}

impl Headers {
    /// The headers that are still asked for once the body comes: those that make claims,
    /// those that put another method in the place of the one that was sent, and those that
    /// rules ask for, or names that are alike; `None` is every header. With the authority
    /// also what names another host. The type of a body that is no
    /// message as well, which may be a form.
    pub fn kept(self, asked: Option<&[String]>, is_message: bool) -> Self {
        // `mcp-`, `mcp_`, ...: see `alike`.
        let claims = |name: &[u8]| {
            name.get(..3)
                .is_some_and(|front| front.eq_ignore_ascii_case(b"mcp"))
        };
        let is_asked = |name: &[u8]| {
            asked.is_none_or(|asked| asked.iter().any(|asked| is_alike(name, asked.as_bytes())))
        };
        let asks_host = is_asked(b":authority");
        let is_host = |name: &[u8]| asks_host && names_host(name);
        // A message has another method for nobody: it would have been refused.
        let is_of_other =
            |name: &[u8]| !is_message && (is_overriding(name) || is_alike(name, b"content-type"));
        self.filtered(|name| claims(name) || is_asked(name) || is_host(name) || is_of_other(name))
    }

    /// What the headers claim of an MCP body.
    pub fn claims(&self) -> Claims<'_> {
        Claims {
            method: Claim::new(self.alike("mcp-method")),
            name: Claim::new(self.alike("mcp-name")),
            version: Claim::of_equal(self.alike("mcp-protocol-version")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)], ended: bool) -> Result<Head, HeadError> {
        Head::read(
            &Headers::from_lines(lines.iter().copied()),
            Some(&["/mcp".to_owned()]),
            10,
            ended,
        )
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn requests_of_mcp() {
        for (method, extra, ended, expected) in [
            ("POST", JSON, false, Head::Post),
            ("POST", JSON, true, Head::Post),
            ("GET", JSON, true, Head::Get),
            ("DELETE", JSON, true, Head::Delete { session: false }),
            (
                "DELETE",
                ("mcp-session-id", "1"),
                true,
                Head::Delete { session: true },
            ),
            ("OPTIONS", JSON, true, Head::Options),
        ] {
            let lines = [(":method", method), (":path", "/mcp"), extra];
            assert_eq!(read(&lines, ended), Ok(expected), "{method}");
        }
    }

    #[test]
    fn requests_that_mcp_does_not_have() {
        use HeadError::*;
        for (lines, ended, expected) in [
            (&[(":path", "/mcp")][..], true, Incomplete),
            (&[(":method", "GET")], true, Incomplete),
            (
                &[(":method", "GET"), (":method", "POST"), (":path", "/mcp")],
                true,
                Incomplete,
            ),
            (
                &[(":method", "GET"), (":path", "/mcp"), (":path", "/x")],
                true,
                Incomplete,
            ),
            (&[(":method", "CONNECT"), (":path", "/x")], false, Method),
            (&[(":method", "CONNECT")], false, Method),
            (
                &[(":method", "PUT"), (":path", "/mcp"), JSON],
                false,
                Method,
            ),
            (
                &[(":method", "PATCH"), (":path", "/mcp"), JSON],
                false,
                Method,
            ),
            (&[(":method", "HEAD"), (":path", "/mcp")], true, Method),
            (&[(":method", "TRACE"), (":path", "/mcp")], true, Method),
            (
                &[(":method", "post"), (":path", "/mcp"), JSON],
                false,
                Method,
            ),
            (
                &[
                    (":method", "GET"),
                    (":path", "/mcp"),
                    ("content-length", "1"),
                ],
                false,
                Body,
            ),
            (
                &[
                    (":method", "DELETE"),
                    (":path", "/mcp"),
                    ("content-length", "1"),
                ],
                false,
                Body,
            ),
            (
                &[
                    (":method", "OPTIONS"),
                    (":path", "/mcp"),
                    ("content-length", "1"),
                ],
                false,
                Body,
            ),
            (
                &[
                    (":method", "GET"),
                    (":path", "/mcp"),
                    ("upgrade", "websocket"),
                ],
                true,
                Upgrade,
            ),
            (
                &[(":method", "POST"), (":path", "/mcp")],
                false,
                Media(MediaFault::TypeMissing),
            ),
            (
                &[
                    (":method", "POST"),
                    (":path", "/mcp"),
                    JSON,
                    ("content-length", "11"),
                ],
                false,
                TooLarge,
            ),
        ] {
            assert_eq!(read(lines, ended), Err(expected), "{lines:?}");
        }
    }

    #[test]
    fn methods_that_servers_read_in_several_ways() {
        for method in [
            "delete",
            "Delete",
            "DELETe",
            "",
            "DELETE ",
            " DELETE",
            "DE\tLETE",
            "DELETE\0",
            "DELETE/",
            "DELETE\u{e9}",
            "M-SEARCh",
        ] {
            for path in ["/mcp", "/files", "*"] {
                let lines = [(":method", method), (":path", path), JSON];
                assert_eq!(
                    read(&lines, true),
                    Err(HeadError::Method),
                    "{method} {path}"
                );
            }
        }
        for method in ["DELETE", "PUT", "HEAD", "PROPFIND", "M-SEARCH", "X_1"] {
            let lines = [(":method", method), (":path", "/files")];
            assert_eq!(read(&lines, true), Ok(Head::Http), "{method}");
        }
    }

    #[test]
    fn other_paths_are_not_mcp() {
        let lines = [
            (":method", "PUT"),
            (":path", "/files"),
            ("upgrade", "websocket"),
        ];
        assert_eq!(read(&lines, false), Ok(Head::Http));
        let headers = Headers::from_lines(lines);
        assert_eq!(
            Head::read(&headers, None, 10, false),
            Err(HeadError::Upgrade)
        );
    }
}
