//! The HTTP side of a request, as rules ask about it.

use super::headers::Headers;
use super::path;

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

    /// The method.
    pub fn method(&self) -> Option<&'r [u8]> {
        self.headers.only(":method")
    }

    /// The path, without query and fragment.
    pub fn path(&self) -> Option<&'r [u8]> {
        self.headers.only(":path").map(path::without_query)
    }

    /// Whether the path is a prefix or lies below it, by whole segments.
    pub fn is_under(&self, prefix: &str) -> bool {
        self.path()
            .is_some_and(|path| path::is_under(path, prefix.as_bytes()))
    }

    /// The host name of the authority, in lower case and without port.
    pub fn host(&self) -> Option<Vec<u8>> {
        let authority = self.headers.only(":authority")?;
        let host = match authority {
            // An address of IPv6 stands in brackets.
            [b'[', ..] => authority.split_inclusive(|byte| *byte == b']').next()?,
            _ => authority.split(|byte| *byte == b':').next()?,
        };
        Some(host.to_ascii_lowercase())
    }

    /// The port that the request arrived on.
    pub const fn port(&self) -> Option<u64> {
        self.port
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
            let headers = Headers::from_lines([(":authority", authority)]);
            let target = HttpTarget::new(&headers, None);
            assert_eq!(
                target.host().as_deref(),
                Some(host.as_bytes()),
                "{authority}"
            );
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
