//! The HTTP side of a request, as rules ask about it.

use super::headers::{Headers, is_alike};
use super::path::{self, RequestPath};
use super::query;

/// The headers that put another method in the place of the one that was sent.
const OVERRIDING: [&str; 3] = [
    "x-http-method-override",
    "x-method-override",
    "x-http-method",
];

/// The headers that name the host to some server, in the place of the authority.
const NAMING_HOSTS: [&str; 5] = [
    "x-forwarded-host",
    "x-host",
    "x-http-host-override",
    "x-original-host",
    "x-frappe-site-name",
];

/// The longest lists of hosts, or of methods, that are looked at, in bytes.
const LONGEST: usize = 8 << 10;

/// How many methods may take the place of the one that was sent: nobody means so many.
const MOST_METHODS: usize = 16;

/// The header that does among other things.
///
/// SPEC: RFC 7239.
const FORWARDED: &str = "forwarded";

/// Whether a header is one of those, or one that is alike.
pub(super) fn names_host(name: &[u8]) -> bool {
    let mut all = NAMING_HOSTS.iter().chain([&FORWARDED]);
    all.any(|naming| is_alike(name, naming.as_bytes()))
}

/// The hosts of a line of `forwarded`, wherever some reader finds one: quotes are not
/// minded, which others mind.
fn forwarded_hosts(line: &[u8]) -> Vec<Vec<u8>> {
    let is_quoting = |byte: &u8| matches!(byte, b'"' | b'\\');
    let line: Vec<u8> = line
        .iter()
        .copied()
        .filter(|byte| !is_quoting(byte))
        .collect();
    let pairs = line.split(|byte| matches!(byte, b',' | b';'));
    let hosts = pairs.filter_map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let key = parts.next()?.trim_ascii();
        let value = parts.next()?;
        key.eq_ignore_ascii_case(b"host").then(|| value.to_vec())
    });
    hosts.collect()
}

/// What a form may say in `_method`. In the place of HEAD the handler of GET runs.
const OF_FORMS: [&[u8]; 5] = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE"];

/// Whether a header is one of those, or one that is alike.
pub(super) fn is_overriding(name: &[u8]) -> bool {
    let mut all = OVERRIDING.iter();
    all.any(|overriding| is_alike(name, overriding.as_bytes()))
}

/// The methods that a text names.
///
/// SECURITY: Node takes a no-break space off the end of a header, others cut it at a `;`, and
/// all leave out what is no part of a method somewhere.
fn named_methods(text: &[u8]) -> Vec<Vec<u8>> {
    // Case as JavaScript and Python know it: `ı` becomes `I`.
    let text = String::from_utf8_lossy(text).to_uppercase();
    let words = text.split(|char: char| matches!(char, ',' | ';' | '+') || char.is_whitespace());
    let plain = words.map(|word| -> Vec<u8> {
        let bytes = word.bytes();
        bytes
            .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            .collect()
    });
    plain.filter(|method| !method.is_empty()).collect()
}

/// Whether a type is one of forms to somebody: to PHP it only begins so, and to formidable it
/// has only to have the word in it.
fn is_form(content_type: &[u8]) -> bool {
    let has = |part: &[u8]| {
        let mut windows = content_type.windows(part.len());
        windows.any(|window| window.eq_ignore_ascii_case(part))
    };
    has(b"urlencoded") || has(b"multipart")
}

/// What rules can ask about an HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    headers: &'r Headers,
    port: Option<u64>,
    may_have_body: bool,
}

impl<'r> HttpRequest<'r> {
    /// A request with these headers, which arrived on this port; without a body.
    pub const fn new(headers: &'r Headers, port: Option<u64>) -> Self {
        Self {
            headers,
            port,
            may_have_body: false,
        }
    }

    /// The same, which may have a body.
    pub const fn with_body(self, may_have_body: bool) -> Self {
        Self {
            may_have_body,
            ..self
        }
    }

    /// The headers.
    pub const fn headers(&self) -> &'r Headers {
        self.headers
    }

    /// The method.
    pub fn method(&self) -> Option<&'r [u8]> {
        self.headers.only(":method")
    }

    /// The methods that frameworks put in the place of the one that was sent, in upper
    /// case: where headers or the query say so, and where the body is a form, which may.
    ///
    /// SECURITY: Rails and Symfony know the headers for POST and Yii for every method; Symfony
    /// knows `_method` in the query of a POST, WordPress and many Express applications of
    /// every method. Rails, Laravel and Symfony take it from forms that are posted, Hono from
    /// those that come by any method; they are not read here. No MCP message is one: its type
    /// is JSON.
    ///
    /// Each once; `None` where they may be any: nobody means so many.
    pub fn overriding_methods(&self) -> Option<Vec<Vec<u8>>> {
        let sent = self.method();
        let headers = || OVERRIDING.iter().flat_map(|name| self.headers.alike(name));
        if headers().map(<[u8]>::len).sum::<usize>() > LONGEST {
            return None;
        }
        let values = headers();
        let target = self.headers.only(":path");
        let told = target.map_or(Some(Vec::new()), query::methods);
        let is_any = told.is_none() || self.may_be_form();
        let told = told.unwrap_or_default();
        let mut methods: Vec<Vec<u8>> = Vec::new();
        let values = values.chain(told.iter().map(Vec::as_slice));
        for method in values.flat_map(named_methods) {
            if sent == Some(&*method) || methods.contains(&method) {
                continue;
            }
            if methods.len() >= MOST_METHODS {
                return None;
            }
            let get = (method == b"HEAD").then(|| b"GET".to_vec());
            methods.push(method);
            methods.extend(get);
        }
        let of_forms: &[&[u8]] = if is_any { &OF_FORMS } else { &[] };
        let of_forms = of_forms.iter().filter(|method| sent != Some(**method));
        methods.extend(of_forms.map(|method| method.to_vec()));
        Some(methods)
    }

    /// Whether a header that is not shown to somebody names another method.
    pub fn hides_method(&self, is_shown: impl Fn(&[u8]) -> bool) -> bool {
        let sent = self.method().unwrap_or_default();
        let mut lines = self.headers.lines();
        lines.any(|(name, value)| {
            is_overriding(name) && !is_shown(name) && !query::is_method(value, sent)
        })
    }

    /// Whether a header that is not shown to somebody names another host.
    pub fn hides_host(&self, is_shown: impl Fn(&[u8]) -> bool) -> bool {
        let mut lines = self.headers.lines();
        self.host().is_none() && lines.any(|(name, _)| names_host(name) && !is_shown(name))
    }

    /// Whether some framework reads the body as a form.
    ///
    /// SECURITY: Rack takes every `multipart/` for one, and what is posted without a type.
    fn may_be_form(&self) -> bool {
        let mut types = self.headers.alike("content-type").peekable();
        let is_post = self.method() == Some(b"POST".as_slice());
        let is_untyped = is_post && types.peek().is_none();
        let may_be = |line: &[u8]| is_form(line) || line.trim_ascii().is_empty();
        self.may_have_body && (is_untyped || types.any(may_be))
    }

    /// Whether servers run the handler of GET for what has another method.
    ///
    /// SECURITY: Express, Starlette and Rails do so for HEAD.
    pub fn runs_get(&self) -> bool {
        self.method() == Some(b"HEAD".as_slice())
    }

    /// The path, without query and fragment.
    pub fn path(&self) -> Option<RequestPath<'r>> {
        self.headers.only(":path").map(RequestPath::new)
    }

    /// The host name of the authority; `None` when there is none that everybody reads
    /// in the same way, or where a header names another one.
    ///
    /// SECURITY: to Rails and others the host is what `x-forwarded-host` says, and to some
    /// what `forwarded` does, whoever wrote it.
    pub fn host(&self) -> Option<HostName> {
        let authority = self.headers.only(":authority")?;
        let names = NAMING_HOSTS.iter().chain([&FORWARDED]);
        let lines = names.flat_map(|name| self.headers.alike(name));
        let lengths = lines.chain([authority]).map(<[u8]>::len);
        // SECURITY: a client chooses how many names there are to be looked at.
        if lengths.sum::<usize>() > LONGEST {
            return None;
        }
        let host = HostName::new(authority)?;
        let is_same = |name: &[u8]| HostName::new(name.trim_ascii()).as_ref() == Some(&host);
        let named = NAMING_HOSTS
            .iter()
            .flat_map(|name| self.headers.alike(name));
        let mut named = named.flat_map(|line| line.split(|byte| *byte == b','));
        let mut forwarded = self.headers.alike(FORWARDED);
        let are_same = named.all(is_same)
            && forwarded.all(|line| forwarded_hosts(line).iter().all(|name| is_same(name)));
        are_same.then_some(host)
    }

    /// Whether a header names a host, whatever it is.
    pub fn names_host(&self) -> bool {
        let mut names = NAMING_HOSTS.iter().chain([&FORWARDED]);
        names.any(|name| self.headers.alike(name).next().is_some())
    }

    /// Whether there is a header of this name.
    pub fn has(&self, name: &str) -> bool {
        self.headers.has(name)
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

    /// Whether servers may read several values of a header: it has several lines, lines of
    /// names that are alike to some servers included, or one under such a name, or one with
    /// blanks around its value.
    pub fn has_several(&self, name: &str) -> bool {
        let alike = self.headers.alike(name).count();
        match alike {
            0 => false,
            1 => !self.headers.has(name) || self.headers.has_blanks(name.as_bytes()),
            _ => true,
        }
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
pub struct HostName(Vec<u8>);

impl HostName {
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
            let found = HostName::new(authority.as_bytes());
            assert_eq!(found, Some(HostName(host.into())), "{authority}");
        }
        for authority in [
            "", ":80", "a.", "a.:80", "u@a", "a b", "a:80x", "a:1:2", "[::1", "[::1]x", "a/b",
        ] {
            assert_eq!(HostName::new(authority.as_bytes()), None, "{authority}");
        }
    }

    /// Over HTTP/1.1 Envoy has taken the blanks.
    #[test]
    fn blanks_around_a_value_are_another_value_to_some() {
        for (value, has_several) in [
            ("a", false),
            ("a b", false),
            ("", false),
            (" a", true),
            ("a ", true),
            ("a\t", true),
            ("\t", true),
        ] {
            let headers = Headers::from_lines([("x-a", value), ("x-b", "b"), (":path", " /")]);
            let target = HttpRequest::new(&headers, None);
            assert_eq!(target.has_several("x-a"), has_several, "{value:?}");
            assert!(!target.has_several("x-b") && !target.has_several(":path"));
            assert_eq!(target.only("x-a"), Some(value.trim().as_bytes()));
            let kept = headers.filtered(|name| name != b"x-b");
            assert_eq!(kept.has_blanks(b"X_A"), has_several, "{value:?}");
        }
    }

    #[test]
    fn hosts_that_headers_name() {
        let of = |name: &str, value: &str| {
            let lines = [(":authority", "a.test:443"), (name, value)];
            HttpRequest::new(&Headers::from_lines(lines), None).host()
        };
        for (name, value) in [
            ("x-forwarded-host", "a.test"),
            ("X-Forwarded-Host", "A.test:8443"),
            ("x-forwarded-host", "a.test, a.test:1"),
            ("forwarded", "for=10.0.0.1;host=a.test;proto=https"),
            (
                "forwarded",
                "for=\"[::1]:1\";Host = \"A.test:1\", host=a.test",
            ),
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "b.test"),
        ] {
            assert_eq!(
                of(name, value),
                Some(HostName(b"a.test".to_vec())),
                "{value}"
            );
        }
        for (name, value) in [
            ("x-forwarded-host", "b.test"),
            ("X_Forwarded_Host", "b.test"),
            ("x-forwarded-host", "a.test,b.test"),
            ("x-forwarded-host", "b.test, a.test"),
            ("x-forwarded-host", "a.test."),
            ("x-forwarded-host", ""),
            ("x-host", "b.test"),
            ("x-http-host-override", "b.test"),
            ("forwarded", "host=b.test"),
            ("forwarded", "for=1;HOST=\"b.test\""),
            ("forwarded", "host=a.test, for=x;host=b.test"),
            ("forwarded", "for=\"x;host=b.test\""),
        ] {
            assert_eq!(of(name, value), None, "{name}: {value}");
        }
    }

    #[test]
    fn methods_that_a_form_may_name() {
        let of = |method: &str, content: Option<&str>, may_have_body| {
            let lines = [(":method", method), (":path", "/")].into_iter();
            let content = content.map(|content| ("Content_Type", content));
            let headers = Headers::from_lines(lines.chain(content));
            let target = HttpRequest::new(&headers, None).with_body(may_have_body);
            target.overriding_methods().unwrap()
        };
        let others = |method: &str| -> Vec<Vec<u8>> {
            let others = OF_FORMS.into_iter().filter(|it| *it != method.as_bytes());
            others.map(<[u8]>::to_vec).collect()
        };
        for method in ["POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS", "X"] {
            for form in [
                "",
                "application/x-www-form-urlencoded",
                "Application/X-WWW-Form-Urlencoded ;a",
                "MULTIPART/form-data; boundary=a",
                "multipart/related",
                "application/urlencoded",
                "form/multipart; boundary=b",
            ] {
                let form = Some(form);
                assert_eq!(of(method, form, true), others(method), "{form:?}");
                assert!(of(method, form, false).is_empty(), "{form:?}");
            }
            for other in ["application/json", "text/plain", "text/multi"] {
                assert!(of(method, Some(other), true).is_empty(), "{other}");
            }
        }
        assert_eq!(of("POST", None, true), others("POST"));
        assert!(of("POST", None, false).is_empty() && of("PUT", None, true).is_empty());
    }

    #[test]
    fn methods_that_headers_and_queries_name() {
        let of = |method: &str, path: &str, header: Option<(&str, &str)>| {
            let lines = [(":method", method), (":path", path)].into_iter();
            let headers = Headers::from_lines(lines.chain(header));
            let target = HttpRequest::new(&headers, None);
            target.overriding_methods().unwrap().join(&b' ')
        };
        for method in ["GET", "POST", "PUT", "HEAD"] {
            let header = Some(("X_HTTP_Method_Override", " delete ,patch"));
            assert_eq!(of(method, "/", header), b"DELETE PATCH", "{method}");
            let header = Some(("x-method-override", method));
            assert_eq!(of(method, "/", header), b"", "{method}");
            for value in [
                "delete\u{a0}",
                "\u{feff}DELETE;",
                "DELETE;a=b,",
                "DEL\u{fffd}ETE",
            ] {
                let header = Some(("x-method-override", value));
                let named = of(method, "/", header);
                assert!(named.starts_with(b"DELETE"), "{value}");
            }
        }
        for query in [
            "?_method=put",
            "?++_method=Put",
            "?_method=+PUT",
            "?_method=%50ut",
        ] {
            assert_eq!(of("POST", &format!("/{query}"), None), b"PUT", "{query}");
            assert_eq!(of("GET", &format!("/{query}"), None), b"PUT", "{query}");
        }
        for query in [
            "?method=delete",
            "?a&Method=+DELETE",
            "?%6dethod=DELETE",
            "?x-tunneled-method=DELETE",
            "?X-HTTP-Method-Override=delete",
            "?__METHOD_OVERRIDE__=DELETE",
        ] {
            let path = format!("/{query}");
            assert_eq!(of("POST", &path, None), b"DELETE", "{query}");
            assert_eq!(of("DELETE", &path, None), b"", "{query}");
        }
        assert_eq!(of("POST", "/?method=search&method=deleted", None), b"");
        assert_eq!(
            of("POST", "/?_method=opt\u{131}on\u{17f}", None),
            b"OPTIONS"
        );
        assert_eq!(of("PUT", "/", Some(("x-http-method", "head"))), b"HEAD GET");
    }

    /// A client chooses how long they are, and every rule asks for them.
    #[test]
    fn long_lists_are_not_looked_at() {
        let of = |name: &str, value: String| {
            let lines = [(":authority", "a"), (":method", "POST"), (name, &value)];
            let headers = Headers::from_lines(lines);
            let target = HttpRequest::new(&headers, None);
            let host = target.host().is_some();
            (
                host,
                target.overriding_methods().map(|methods| methods.len()),
            )
        };
        for (name, item) in [("x-forwarded-host", "a,"), ("Forwarded", "host=a;")] {
            let list = |length: usize| item.repeat(length / item.len()) + "a";
            assert_eq!(of(name, list(LONGEST - 8)), (true, Some(0)), "{name}");
            assert_eq!(of(name, list(LONGEST + 8)), (false, Some(0)), "{name}");
        }
        let name = "x-http-method-override";
        assert_eq!(of(name, "POST,".repeat(LONGEST / 5)), (true, Some(0)));
        assert_eq!(of(name, "GET,".repeat(LONGEST / 4)), (true, Some(1)));
        assert_eq!(of(name, "GET,".repeat(LONGEST / 3)), (true, None));
        let others = |count: usize| (0..count).map(|it| format!("A{it},")).collect();
        assert_eq!(of(name, others(MOST_METHODS)), (true, Some(MOST_METHODS)));
        assert_eq!(of(name, others(MOST_METHODS + 1)), (true, None));
    }

    #[test]
    fn lines_are_joined() {
        let headers = Headers::from_lines([("x-a", "1"), ("x-b", "2"), ("X-A", "3")]);
        assert_eq!(
            HttpRequest::new(&headers, None).header("x-a").unwrap(),
            b"1,3"
        );
    }
}
