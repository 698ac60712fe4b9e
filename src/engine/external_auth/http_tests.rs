use super::*;
use crate::engine::external_auth::{
    self, Callout, CalloutInput, CalloutResponse, ForwardedBody, interpret, prepare,
};
use crate::engine::policy::{
    AskSettings, CalloutHost, ExternalAuth, Oversize, Protocol, RequestHeaders, SafeInteger,
};
use crate::engine::request::{Caller, HttpRequest, Operation, Request};

fn auth(allowed: &[&str], copied: Option<&[&str]>, max_body: Option<u32>) -> ExternalAuth {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ExternalAuth {
        protocol: Protocol::Http(HttpAuth {
            path: "/check".to_owned(),
            allowed_headers: owned(allowed),
            allowed_response_headers: copied.map(owned),
        }),
        cluster: "authorizer".to_owned(),
        authority: "authorizer.infra:80".to_owned(),
        max_body: max_body.map(SafeInteger::from),
        order: SafeInteger::from(0),
    }
}

const LINES: [(&str, &str); 9] = [
    (":method", "POST"),
    (":path", "/mcp?a=b"),
    (":authority", "tools.example"),
    ("content-length", "500"),
    ("Authorization", "Bearer t"),
    ("x-request-id", "r"),
    ("X-Team", "1"),
    ("connection", "x-team"),
    ("x-envoy-retry-on", "5xx"),
];

fn asked(
    auth: &ExternalAuth,
    oversize: Oversize,
    body: ForwardedBody<'_>,
) -> Result<Callout, Unshown> {
    let headers = Headers::from_lines(LINES);
    let settings = AskSettings {
        oversize,
        ..AskSettings::default()
    };
    let shown = CalloutInput {
        request: &request(&headers),
        body,
        span: [1; 8],
        mcp_paths: None,
    };
    prepare(auth, &settings, &shown)
}

fn request(headers: &Headers) -> Request<'_> {
    Request {
        caller: &Caller::Anonymous,
        cluster: None,
        http: HttpRequest::new(headers, None),
        operation: Operation::Http,
        body: b"",
        size: None,
        address: None,
        scheme: None,
        destination: None,
        protocol: None,
        arrived: None,
        time: None,
    }
}

fn whole(front: &[u8]) -> ForwardedBody<'_> {
    ForwardedBody {
        front,
        is_whole: true,
    }
}

fn sent(question: Callout) -> (Vec<String>, Vec<u8>) {
    let CalloutRequest::Http { headers, body } = question.call else {
        panic!("{question:?}")
    };
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    (lines.collect(), body)
}

#[test]
fn what_is_always_sent_and_nothing_else() {
    let (headers, body) =
        sent(asked(&auth(&[], None, None), Oversize::Reject, whole(b"x")).unwrap());
    assert_eq!(
        headers,
        [
            ":method: POST",
            ":path: /check/mcp?a=b",
            ":authority: tools.example",
            "content-length: 0",
            "authorization: Bearer t",
            "x-request-id: r",
        ]
    );
    assert_eq!(body, b"");
}

#[test]
fn listed_headers_but_those_of_the_connection() {
    let listed = [
        "x-team",
        "connection",
        "x-envoy-retry-on",
        "host",
        "authorization",
    ];
    let (headers, _) =
        sent(asked(&auth(&listed, None, None), Oversize::Reject, whole(b"")).unwrap());
    assert_eq!(
        headers[4..],
        ["authorization: Bearer t", "x-team: 1", "x-request-id: r"]
    );
}

#[test]
fn bodies() {
    let auth = auth(&[], None, Some(4));
    let cut = |front| ForwardedBody {
        front,
        is_whole: false,
    };
    let shown = |oversize, body| {
        let (headers, body) = sent(asked(&auth, oversize, body)?);
        Ok((headers[3].clone(), headers[4].clone(), body))
    };
    let as_is = |length: usize, is_partial: &str, body: &[u8]| {
        let partial = format!("x-envoy-auth-partial-body: {is_partial}");
        Ok((format!("content-length: {length}"), partial, body.to_vec()))
    };
    for oversize in [Oversize::Reject, Oversize::Truncate] {
        assert_eq!(shown(oversize, whole(b"abc")), as_is(3, "false", b"abc"));
        assert_eq!(shown(oversize, whole(b"abcd")), as_is(4, "false", b"abcd"));
    }
    for long in [whole(b"abcde"), cut(b"abcd"), cut(b"abcde")] {
        assert_eq!(shown(Oversize::Reject, long), Err(Unshown::TooLarge));
        assert_eq!(shown(Oversize::Truncate, long), as_is(4, "true", b"abcd"));
    }
    // There is a body, and nothing of it.
    assert_eq!(shown(Oversize::Truncate, cut(b"")), as_is(0, "true", b""));
    assert_eq!(shown(Oversize::Reject, cut(b"")), Err(Unshown::TooLarge));
    let (headers, _) = sent(asked(&auth, Oversize::Truncate, whole(b"")).unwrap());
    let says = |line: &String| line.starts_with("x-envoy-auth-partial-body");
    assert!(!headers.iter().any(says), "{headers:?}");
}

#[test]
fn what_is_no_text_is_not_shown_as_something_else() {
    let lines: [(&[u8], &[u8]); 3] = [(b":method", b"GET"), (b":path", b"/"), (b"x-a", b"\xff")];
    let headers = Headers::from_lines(lines);
    let shown = CalloutInput {
        request: &request(&headers),
        body: whole(b""),
        span: [1; 8],
        mcp_paths: None,
    };
    let settings = AskSettings::default();
    let question = prepare(&auth(&["x-a"], None, None), &settings, &shown);
    assert_eq!(question, Err(Unshown::NotText));
    let (headers, _) = sent(prepare(&auth(&[], None, None), &settings, &shown).unwrap());
    assert!(headers.contains(&":authority: authorizer.infra:80".to_owned()));
}

/// A server in the manner of CGI takes both for one, and an authorizer saw one.
#[test]
fn a_header_under_two_names_is_shown_under_none() {
    let lines = |other: &'static str| {
        [
            (":method", "GET"),
            (":path", "/"),
            ("x-team", "1"),
            (other, "2"),
        ]
    };
    for (other, expected) in [
        ("x_team", Err(Unshown::Alike)),
        ("X_Team", Err(Unshown::Alike)),
        ("x.team", Err(Unshown::Alike)),
        ("X-Team", Err(Unshown::Repeated)),
        ("x-teams", Ok(())),
        ("x.teams", Ok(())),
    ] {
        let headers = Headers::from_lines(lines(other));
        let shown = CalloutInput {
            request: &request(&headers),
            body: whole(b""),
            span: [1; 8],
            mcp_paths: None,
        };
        let asked = prepare(
            &auth(&["x-team"], None, None),
            &AskSettings::default(),
            &shown,
        );
        assert_eq!(asked.map(|_| ()), expected, "{other}");
    }
}

#[test]
fn several_lines_are_not_shown() {
    for (name, expected) in [
        ("authorization", Err(Unshown::Repeated)),
        ("x-team", Err(Unshown::Repeated)),
        ("x-request-id", Ok(())),
        ("x-other", Ok(())),
    ] {
        let lines = [(":method", "GET"), (":path", "/"), (name, "a"), (name, "a")];
        let headers = Headers::from_lines(lines);
        let shown = CalloutInput {
            request: &request(&headers),
            body: whole(b""),
            span: [1; 8],
            mcp_paths: None,
        };
        let auth = auth(&["x-team"], None, None);
        let asked = prepare(&auth, &AskSettings::default(), &shown);
        assert_eq!(asked.map(|_| ()), expected, "{name}");
    }
}

/// Nobody makes an authorizer fail by what only says where a request belongs.
#[test]
fn long_traces_and_ids_stay_here() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (length, shown_lines) in [(512, 3), (513, 1)] {
        let long = "a".repeat(length);
        let headers = Headers::from_lines([
            (":method", "GET"),
            (":path", "/"),
            ("traceparent", trace),
            ("tracestate", &long),
            ("x-request-id", &long),
        ]);
        let shown = CalloutInput {
            request: &request(&headers),
            body: whole(b""),
            span: [1; 8],
            mcp_paths: None,
        };
        let (sent, _) =
            sent(prepare(&auth(&[], None, None), &AskSettings::default(), &shown).unwrap());
        let of_context =
            |line: &&String| line.starts_with("trace") || line.starts_with("x-request");
        assert_eq!(
            sent.iter().filter(of_context).count(),
            shown_lines,
            "{sent:?}"
        );
    }
}

fn answered(auth: &ExternalAuth, lines: &[(&str, &str)], body: &[u8]) -> CalloutVerdict {
    let headers = Headers::from_lines(lines.iter().copied());
    let response = CalloutResponse::Http {
        headers: &headers,
        body,
    };
    interpret(auth, RequestHeaders::Hold, &response)
}

#[test]
fn statuses() {
    let auth = auth(&[], None, None);
    let of = |status: &str| {
        let measured = ("x-envoy-upstream-service-time", "1");
        answered(&auth, &[(":status", status), measured], b"no")
    };
    assert!(matches!(of("200"), CalloutVerdict::Allow(_)));
    for status in [201, 204, 302, 400, 401, 403, 404, 429, 499] {
        let CalloutVerdict::Deny(reply) = of(&status.to_string()) else {
            panic!("{status}")
        };
        assert_eq!((reply.status, &reply.body[..]), (status, &b"no"[..]));
    }
    for (status, error) in [
        ("500", CalloutError::ServerError(500)),
        ("501", CalloutError::ServerError(501)),
        ("503", CalloutError::ServerError(503)),
        ("504", CalloutError::ServerError(504)),
        ("100", CalloutError::Unreadable),
        ("", CalloutError::Unreadable),
        ("20O", CalloutError::Unreadable),
    ] {
        assert_eq!(of(status), CalloutVerdict::Error(error), "{status}");
    }
    assert_eq!(
        answered(&auth, &[], b""),
        CalloutVerdict::Error(CalloutError::Unreadable)
    );
}

/// Answers of the host's own, which has measured nothing then.
#[test]
fn calls_that_failed() {
    let auth = auth(&[], None, None);
    let reset = |reason| {
        format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}")
    };
    for (status, words, error) in [
        ("504", "upstream request timeout", CalloutError::Timeout),
        ("504", "", CalloutError::Timeout),
        (
            "503",
            &reset("remote connection failure"),
            CalloutError::Unavailable,
        ),
        (
            "503",
            &reset("connection termination"),
            CalloutError::BrokenOff,
        ),
        ("502", &reset("protocol error"), CalloutError::BrokenOff),
        ("503", &reset("overflow"), CalloutError::NotCalled),
        ("503", "", CalloutError::BrokenOff),
        ("503", "no healthy upstream", CalloutError::BrokenOff),
        ("500", "", CalloutError::BrokenOff),
    ] {
        let verdict = answered(&auth, &[(":status", status)], words.as_bytes());
        assert_eq!(verdict, CalloutVerdict::Error(error), "{status} {words}");
    }
    // Whether our Envoy says so, or one before the authorizer.
    for measured in ["x-none", "x-envoy-upstream-service-time"] {
        for status in ["502", "503", "504"] {
            let lines = [
                (":status", status),
                ("x-envoy-overloaded", "true"),
                (measured, "1"),
            ];
            let words = reset("remote connection failure");
            let verdict = answered(&auth, &lines, words.as_bytes());
            assert_eq!(
                verdict,
                CalloutVerdict::Error(CalloutError::NotCalled),
                "{status}"
            );
        }
    }
}

/// To a question that looks like gRPC the host reports every failure with 200.
#[test]
fn failures_that_look_like_permissions() {
    let auth = auth(&[], Some(&["x-user"]), None);
    for (status, message) in [
        (
            "14",
            "upstream connect error or disconnect/reset before headers",
        ),
        ("4", "upstream request timeout"),
        ("0", ""),
    ] {
        let lines = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", status),
            ("grpc-message", message),
            ("x-user", "admin"),
        ];
        let verdict = answered(&auth, &lines, b"");
        assert_eq!(
            verdict,
            CalloutVerdict::Error(CalloutError::Unreadable),
            "{status}"
        );
        // Of another proxy, before the authorizer.
        let measured = lines
            .into_iter()
            .chain([("x-envoy-upstream-service-time", "1")]);
        let verdict = answered(&auth, &measured.collect::<Vec<_>>(), b"");
        assert_eq!(
            verdict,
            CalloutVerdict::Error(CalloutError::Unreadable),
            "{status}"
        );
        let refused = [(":status", "403"), ("x-user", "admin")];
        let verdict = answered(&auth, &refused, b"");
        assert_eq!(verdict, CalloutVerdict::Error(CalloutError::BrokenOff));
    }
}

#[test]
fn headers_of_the_answer() {
    let lines = [
        (":status", "200"),
        ("X-User", "a"),
        ("x-role", "b"),
        ("x-role", "c"),
        ("host", "other"),
        ("content-type", "text/html"),
        ("content-length", "2"),
        ("mcp-session-id", "1"),
        ("x-envoy-upstream-service-time", "1"),
    ];
    let header = |name: &str, value: &str| (name.into(), value.into());
    let CalloutVerdict::Allow(all) = answered(&auth(&[], None, None), &lines, b"") else {
        panic!()
    };
    assert_eq!(all.set, [header("x-user", "a"), header("x-role", "b")]);
    assert_eq!(all.append, [header("x-role", "c")]);
    let listed = auth(&[], Some(&["x-user", "host", "x-absent"]), None);
    let CalloutVerdict::Allow(listed) = answered(&listed, &lines, b"") else {
        panic!()
    };
    assert_eq!(listed.set, [header("x-user", "a")]);
    assert_eq!(listed.append, []);
    assert_eq!(listed.remove, [b"x-absent".to_vec()]);
    assert_eq!(all.remove, Vec::<Vec<u8>>::new());
}

/// What is listed is the authorizer's to say, also where it says nothing.
#[test]
fn without_an_answer_no_listed_header_of_the_client_stays() {
    let listed = auth(&[], Some(&["x-user", "mcp-name", "x-role"]), None);
    let changes = RequestedChanges {
        remove: vec![b"x-user".to_vec(), b"x-role".to_vec()],
        ..RequestedChanges::default()
    };
    assert_eq!(external_auth::unanswered(&listed), changes);
    assert_eq!(
        external_auth::unanswered(&auth(&[], None, None)),
        RequestedChanges::default()
    );
}

#[test]
fn what_is_of_a_connection_is_not_copied() {
    let lines = [
        (":status", "200"),
        ("connection", "close, X-Hop"),
        ("Connection", "x_other"),
        ("x-hop", "a"),
        ("x-other", "b"),
        ("x-user", "c"),
        ("proxy-authenticate", "Basic"),
        ("authority", "d"),
        ("content-range", "bytes 0-1/2"),
        ("x-envoy-upstream-service-time", "1"),
    ];
    let user = || ("x-user".into(), b"c".to_vec());
    for (names, set) in [
        (None, vec![user()]),
        (Some(&["x-hop", "x-user"][..]), vec![user()]),
    ] {
        let auth = auth(&[], names, None);
        let CalloutVerdict::Allow(changes) = answered(&auth, &lines, b"") else {
            panic!()
        };
        assert_eq!(changes.set, set, "{names:?}");
        let mut refusing = lines;
        refusing[0] = (":status", "403");
        let CalloutVerdict::Deny(reply) = answered(&auth, &refusing, b"") else {
            panic!()
        };
        let names: Vec<_> = reply.headers.iter().map(|(name, _)| &name[..]).collect();
        assert!(!names.contains(&&b"x-hop"[..]) && !names.contains(&&b"x-other"[..]));
    }
}

/// In a path of its own the authorizer would read another one.
#[test]
fn ambiguous_paths_are_shown_to_nobody() {
    let ask_about = |path: &str| {
        let headers = Headers::from_lines([(":method", "GET"), (":path", path)]);
        let shown = CalloutInput {
            request: &request(&headers),
            body: whole(b""),
            span: [0; 8],
            mcp_paths: None,
        };
        prepare(&auth(&[], None, None), &AskSettings::default(), &shown)
    };
    for path in ["/", "/mcp", "/mcp/", "/a%20b?c=../d", "/a?b=//c"] {
        assert!(ask_about(path).is_ok(), "{path}");
    }
    for path in [
        "/mcp/..%2F..%2Fhealthz",
        "/mcp/../x",
        "//mcp",
        "/mcp;a",
        "/mcp%2fx",
        "/%6dcp",
        "/mcp#/../x",
        "/mcp?a#b",
        "*",
        "",
    ] {
        assert_eq!(ask_about(path), Err(Unshown::AmbiguousPath), "{path}");
    }
}

/// Express serves `/MCP` at `/mcp`; an authorizer may have another location for each.
#[test]
fn a_path_that_is_mcp_to_some_is_shown_to_nobody() {
    let prefixes = ["/mcp".to_owned()];
    let ask_about = |path: &str, operation, mcp_paths| {
        let headers = Headers::from_lines([(":method", "GET"), (":path", path)]);
        let shown = CalloutInput {
            request: &Request {
                operation,
                ..request(&headers)
            },
            body: whole(b""),
            span: [0; 8],
            mcp_paths,
        };
        prepare(&auth(&[], None, None), &AskSettings::default(), &shown).map(|_| ())
    };
    for path in ["/MCP", "/mcp.json", "/mcp%20", "/Mcp/x"] {
        let ambiguous = Err(Unshown::AmbiguousPath);
        let asked = ask_about(path, Operation::Get, Some(&prefixes));
        assert_eq!(asked, ambiguous, "{path}");
        // Every path carries MCP.
        assert_eq!(ask_about(path, Operation::Get, None), Ok(()), "{path}");
    }
    for path in ["/mcp", "/mcp/X", "/mcp/?A"] {
        let asked = ask_about(path, Operation::Get, Some(&prefixes));
        assert_eq!(asked, Ok(()), "{path}");
    }
    let asked = ask_about("/FILES", Operation::Http, Some(&prefixes));
    assert_eq!(asked, Ok(()));
}

#[test]
fn whose_host_a_call_names() {
    for (host, client, named) in [
        (CalloutHost::Client, Some("tools.example"), "tools.example"),
        (CalloutHost::Client, None, "authorizer.infra:80"),
        (
            CalloutHost::Service,
            Some("tools.example"),
            "authorizer.infra:80",
        ),
        (CalloutHost::Service, None, "authorizer.infra:80"),
    ] {
        let lines = [(":method", "GET"), (":path", "/")];
        let authority = client.map(|client| (":authority", client));
        let headers = Headers::from_lines(lines.into_iter().chain(authority));
        let shown = CalloutInput {
            request: &request(&headers),
            body: whole(b""),
            span: [0; 8],
            mcp_paths: None,
        };
        let auth = auth(&[], None, None);
        let settings = AskSettings {
            host,
            ..AskSettings::default()
        };
        let (sent, _) = sent(prepare(&auth, &settings, &shown).unwrap());
        assert!(sent.contains(&format!(":authority: {named}")), "{sent:?}");
    }
}

#[test]
fn an_answer_that_wants_too_much_changed_is_an_error() {
    let long = "x".repeat(64 << 10);
    let of = |value: &str| {
        let measured = ("x-envoy-upstream-service-time", "1");
        let lines = [(":status", "200"), ("x-user", value), measured];
        answered(&auth(&[], None, None), &lines, b"")
    };
    assert_eq!(of(&long), CalloutVerdict::Error(CalloutError::TooLarge));
    assert!(matches!(of(&long[..60 << 10]), CalloutVerdict::Allow(_)));
}
