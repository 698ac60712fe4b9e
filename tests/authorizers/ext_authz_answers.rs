//! What Envoy's own filter makes of answers: what ours is to do as well, but where a
//! comment says otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::protobuf::BoolValue;
use tonic::Status;

use crate::authorizer::Act;
use crate::authorizer::grpc::{self, Answer, GrpcAuthorizer};
use crate::authorizer::http::HttpAuthorizer;
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::Envoy;
use crate::support::ext_authz::ExtAuthz;
use crate::support::message::{Request, Response};
use crate::support::recorder::{self, Recorder, Seen};

/// Envoy between a client, a server and an authorizer whose answer changes.
struct Stage {
    answer: Arc<Mutex<Answer>>,
    _authorizer: GrpcAuthorizer,
    server: Recorder,
    envoy: Envoy,
}

impl Stage {
    fn start() -> Self {
        let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Ok(CheckResponse::default())));
        let said = Arc::clone(&answer);
        let authorizer = GrpcAuthorizer::start(move |_| {
            Act::Answer(said.lock().unwrap_or_else(PoisonError::into_inner).clone())
        });
        let server = Recorder::answering(|_| recorder::Answer {
            status: 200,
            headers: vec![("x-there".to_owned(), "server".to_owned())],
            body: Vec::new(),
        });
        let listener = Listener::plain("grpc").ext_authz(&ExtAuthz::grpc("authorizer"));
        let bootstrap = Bootstrap {
            listeners: vec![listener.route("/", "server")],
            clusters: vec![
                Cluster::new("server", server.address()),
                Cluster::new("authorizer", authorizer.address()).http2(),
            ],
        };
        let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
        Self {
            answer,
            _authorizer: authorizer,
            server,
            envoy,
        }
    }

    /// What the client gets, and the server, when the authorizer answers so.
    fn send(&self, answer: Answer) -> (Response, Option<Seen>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        self.server.clear();
        let request = Request::get("/").header("x-there", "client");
        let response = Client::plain(self.envoy.listener("grpc")).send(&request);
        (response.expect("an answer"), self.server.requests().pop())
    }
}

fn of(code: Option<i32>, http: Option<HttpResponse>) -> Answer {
    Ok(CheckResponse {
        status: code.map(grpc::status),
        http_response: http,
        ..CheckResponse::default()
    })
}

#[test]
fn the_status_alone_decides() {
    let stage = Stage::start();
    let ok = || Some(HttpResponse::OkResponse(OkHttpResponse::default()));
    let denied = || {
        Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            body: "no".to_owned(),
            ..DeniedHttpResponse::default()
        }))
    };
    for (what, answer, status) in [
        ("OK", of(Some(0), ok()), 200),
        ("OK and nothing else", of(Some(0), None), 200),
        ("no status", of(None, ok()), 200),
        ("denied", of(Some(7), denied()), 403),
        ("denied without words", of(Some(7), None), 403),
        ("allowed but not OK", of(Some(7), ok()), 403),
        (
            "no answer but a status",
            Err(Status::permission_denied("no")),
            403,
        ),
        // These ours refuses.
        ("nothing at all", of(None, None), 200),
        ("denied but OK", of(Some(0), denied()), 200),
    ] {
        let (answer, seen) = stage.send(answer);
        assert_eq!(
            (answer.status, seen.is_some()),
            (status, status == 200),
            "{what}"
        );
    }
}

#[allow(deprecated, reason = "authorizers still use it")]
fn option(name: &str, append: Option<bool>, append_action: i32) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: "authorizer".to_owned(),
            raw_value: Vec::new(),
        }),
        append: append.map(|value| BoolValue { value }),
        append_action,
        keep_empty_value: false,
    }
}

fn values(headers: &[(String, Vec<u8>)], name: &str) -> String {
    let lines = headers.iter().filter(|(held, _)| held == name);
    let lines: Vec<_> = lines
        .map(|(_, value)| String::from_utf8_lossy(value))
        .collect();
    lines.join(",")
}

/// `append` counts for more than `append_action`, which counts for responses only.
#[test]
fn headers_that_are_there_and_headers_that_are_not() {
    const SET: &str = "authorizer";
    const SERVER: &str = "server,authorizer";
    let stage = Stage::start();
    // In a request that has the header, and one that has not; in such responses.
    for (append, action, there, new, response_there, response_new) in [
        (None, 0, SET, SET, SERVER, SET),
        (None, 2, SET, SET, SET, SET),
        (Some(false), 0, SET, SET, SET, SET),
        (Some(false), 1, SET, SET, SET, SET),
        (Some(true), 2, "client,authorizer", "", SERVER, SET),
        // By these ours goes in requests too.
        (None, 1, SET, SET, "server", SET),
        (None, 3, SET, SET, SET, ""),
    ] {
        let options = ["x-there", "x-new"].map(|name| option(name, append, action));
        let ok = OkHttpResponse {
            headers: options.to_vec(),
            response_headers_to_add: options.to_vec(),
            ..OkHttpResponse::default()
        };
        let (answer, seen) = stage.send(Ok(grpc::allow(ok)));
        let seen = seen.expect("a request");
        let found = ["x-there", "x-new"].map(|name| values(&seen.headers, name));
        assert_eq!(found, [there, new], "{append:?} {action}");
        let found = ["x-there", "x-new"].map(|name| values(&answer.headers, name));
        assert_eq!(found, [response_there, response_new], "{append:?} {action}");
    }
}

#[test]
fn refusals_keep_their_lines_but_those_to_append() {
    let stage = Stage::start();
    let mut refusal = grpc::deny(401, "who?");
    if let Some(HttpResponse::DeniedResponse(denied)) = &mut refusal.http_response {
        denied.headers = vec![
            option("x-line", None, 0),
            option("x-line", None, 2),
            option("content-type", None, 0),
            // Ours keeps it.
            option("x-appended", Some(true), 0),
        ];
    }
    let (answer, seen) = stage.send(Ok(refusal));
    assert!(seen.is_none());
    assert_eq!((answer.status, answer.text().as_str()), (401, "who?"));
    assert_eq!(values(&answer.headers, "x-line"), "authorizer,authorizer");
    assert_eq!(values(&answer.headers, "content-type"), "authorizer");
    assert_eq!(values(&answer.headers, "x-appended"), "");
}

#[test]
fn over_http_the_status_alone_decides() {
    let authorizer = HttpAuthorizer::start(|seen| {
        let status = seen.target.trim_start_matches('/').parse().unwrap_or(200);
        Act::Answer(recorder::Answer {
            status,
            headers: vec![("x-said".to_owned(), "authorizer".to_owned())],
            body: b"so".to_vec(),
        })
    });
    let server = Recorder::start();
    let filter = ExtAuthz::http("authorizer").upstream_headers(&["x-said"]);
    let bootstrap = Bootstrap {
        listeners: vec![
            Listener::plain("http")
                .ext_authz(&filter)
                .route("/", "server"),
        ],
        clusters: vec![
            Cluster::new("server", server.address()),
            Cluster::new("authorizer", authorizer.address()),
        ],
    };
    let envoy = Envoy::start(&bootstrap.json()).expect("Envoy serves");
    let client = Client::plain(envoy.listener("http"));
    for (said, got) in [
        (200, 200),
        (201, 201),
        (302, 302),
        (401, 401),
        (404, 404),
        (500, 403),
    ] {
        server.clear();
        let request = Request::get(&format!("/{said}")).header("x-said", "client");
        let answer = client.send(&request).expect("an answer");
        assert_eq!(answer.status, got, "{said}");
        let seen = server.requests().pop();
        assert_eq!(seen.is_some(), said == 200, "{said}");
        if let Some(seen) = seen {
            assert_eq!(values(&seen.headers, "x-said"), "authorizer");
        } else if got == said {
            assert_eq!(answer.text(), "so");
            assert_eq!(answer.header("x-said").as_deref(), Some("authorizer"));
        }
    }
}
