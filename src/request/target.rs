//! The HTTP side of a request, as rules ask about it.

use super::headers::{Headers, is_alike};
use super::path::{self, RequestPath};
use crate::uri::decode_all;

/// The headers that put another method in the place of a POST.
const OVERRIDING: [&str; 3] = [
    "x-http-method-override",
    "x-method-override",
    "x-http-method",
];

/// Whether a header is one of those, or one that is alike.
pub(super) fn is_overriding(name: &[u8]) -> bool {
    let mut all = OVERRIDING.iter();
    all.any(|overriding| is_alike(name, overriding.as_bytes()))
}

/// Whether a key of a query is `_method` to some framework.
fn is_method_key(key: &[u8]) -> bool {
    let plain = |byte: &u8| match byte {
        b' ' | b'.' | b'+' | b'-' => b'_',
        byte => byte.to_ascii_lowercase(),
    };
    let key = key.split(|byte| matches!(byte, 0 | b'[')).next();
    let key = key.unwrap_or_default().trim_ascii();
    let key = key.strip_prefix(b"+").unwrap_or(key);
    key.iter().map(plain).eq(b"_method".iter().copied())
}

/// What rules can ask about an HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct HttpTarget<'r> {
    headers: &'r Headers,
    port: Option<u64>,
}

impl<'r> HttpTarget<'r> {
    /// A request with these headers, which arrived on this port.
    pub const fn new(headers: &'r Headers, port: Option<u64>) -> Self {
        Self { headers, port }
    }

    /// The headers.
    pub const fn headers(&self) -> &'r Headers {
        self.headers
    }

    /// The method.
    pub fn method(&self) -> Option<&'r [u8]> {
        self.headers.only(":method")
    }

    /// The methods that frameworks put in the place of a POST where headers or the query
    /// say so; in upper case.
    ///
    /// SECURITY: Rails and Symfony know the headers, Symfony and Express also `_method` in
    /// the query; PHP takes blanks and dots in its name for `_`. A body that is no MCP
    /// message, whose `_method` some read as well, is not looked at.
    pub fn overriding_methods(&self) -> impl Iterator<Item = Vec<u8>> {
        let is_post = self.method() == Some(b"POST".as_slice());
        let headers = OVERRIDING.iter().flat_map(|name| self.headers.alike(name));
        let values = headers.flat_map(|line| line.split(|byte| *byte == b','));
        let query = self.query().filter(|_| is_post).unwrap_or_default();
        let pairs = query.split(|byte| matches!(byte, b'&' | b';'));
        let told = pairs.filter_map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let names_method = is_method_key(&decode_all(parts.next()?));
            names_method.then(|| decode_all(parts.next().unwrap_or_default()))
        });
        values
            .map(<[u8]>::to_vec)
            .chain(told)
            .filter(move |_| is_post)
            .map(|value| value.trim_ascii().to_ascii_uppercase())
            .filter(|method| !method.is_empty() && method != b"POST")
    }

    /// The path, without query and fragment.
    pub fn path(&self) -> Option<RequestPath<'r>> {
        self.headers.only(":path").map(RequestPath::new)
    }

    /// The host name of the authority; `None` when there is none that everybody reads
    /// in the same way.
    pub fn host(&self) -> Option<Host> {
        Host::new(self.headers.only(":authority")?)
    }

    /// The port that the request arrived on.
    pub const fn port(&self) -> Option<u64> {
        self.port
    }

    /// What follows the `?` of the path.
    pub fn query(&self) -> Option<&'r [u8]> {
        self.headers.only(":path").and_then(path::query)
    }

    /// The only line of a header; `None` when there is none, or several.
    pub fn only(&self, name: &str) -> Option<&'r [u8]> {
        self.headers.only(name)
    }

    /// Whether a header has several lines, lines of names that are alike to some servers
    /// included, or one under such a name.
    pub fn has_several(&self, name: &str) -> bool {
        let alike = self.headers.alike(name).count();
        alike > 1 || (alike == 1 && !self.headers.has(name))
    }

    /// The names of all headers but the pseudo-headers, as they came.
    pub fn header_names(&self) -> impl Iterator<Item = &'r [u8]> {
        self.headers.names().filter(|name| !name.starts_with(b":"))
    }

    /// The value of a header, several lines joined as Envoy joins them.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        let mut lines = self.headers.all(name);
        let mut value = lines.next()?.to_vec();
        for line in lines {
            value.push(b',');
            value.extend_from_slice(line);
        }
        Some(value)
    }
}

/// The host name of an authority, in lower case and without port.
#[derive(Debug, PartialEq, Eq)]
pub struct Host(Vec<u8>);

impl Host {
    fn new(authority: &[u8]) -> Option<Self> {
        let (host, port) = match authority {
            // An address of IPv6 stands in brackets.
            [b'[', ..] => {
                let end = authority.iter().position(|byte| *byte == b']')?;
                authority.split_at_checked(end.checked_add(1)?)?
            }
            _ => {
                let colon = authority.iter().position(|byte| *byte == b':');
                authority.split_at_checked(colon.unwrap_or(authority.len()))?
            }
        };
        let is_port = |rest: &[u8]| match rest {
            [] => true,
            [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let is_name = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']')
        };
        // SECURITY: `x.` is the host `x` to some, and `user@x` to others.
        let is_plain = !host.is_empty() && !host.ends_with(b".") && host.iter().all(is_name);
        (is_plain && is_port(port)).then(|| Self(host.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name, by itself.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whether it is a name, at any depth, before a suffix that begins with a dot.
    pub fn is_below(&self, suffix: &str) -> bool {
        self.0.len() > suffix.len() && self.0.ends_with(suffix.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (authority, host) in [
            ("Example.COM", "example.com"),
            ("example.com:8443", "example.com"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
            ("10.0.0.1:1", "10.0.0.1"),
        ] {
            let found = Host::new(authority.as_bytes());
            assert_eq!(found, Some(Host(host.into())), "{authority}");
        }
        for authority in [
            "", ":80", "a.", "a.:80", "u@a", "a b", "a:80x", "a:1:2", "[::1", "[::1]x", "a/b",
        ] {
            assert_eq!(Host::new(authority.as_bytes()), None, "{authority}");
        }
    }

    #[test]
    fn lines_are_joined() {
        let headers = Headers::from_lines([("x-a", "1"), ("x-b", "2"), ("X-A", "3")]);
        assert_eq!(
            HttpTarget::new(&headers, None).header("x-a").unwrap(),
            b"1,3"
        );
    }
}
