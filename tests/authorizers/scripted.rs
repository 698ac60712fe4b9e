//! Authorizers do as they are told, and say what they were asked.

#![allow(unreachable_pub)] // modules of a test have no outside

use std::time::{Duration, Instant};

use accesspolicy::engine::external_auth::CalloutVerdict;
use accesspolicy::engine::external_auth::grpc::{
    CheckQuestion, METHOD, SERVICE, check_request, read_check_response,
};
use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use tonic::Status;

use crate::authorizer::Act;
use crate::authorizer::grpc::{self, GrpcAuthorizer};
use crate::authorizer::http::HttpAuthorizer;
use crate::support::client::{Client, Failure};
use crate::support::message::{Request, Response, first};
use crate::support::recorder::Answer;

/// What is done about a path, by its name.
fn http() -> HttpAuthorizer {
    let answer = |status| Answer {
        status,
        headers: vec![("x-said".to_owned(), status.to_string())],
        body: b"so".to_vec(),
    };
    HttpAuthorizer::start(move |seen| match seen.target.as_str() {
        "/later" => Act::Later(Duration::from_millis(200), answer(200)),
        "/hang" => Act::Hang,
        "/close" => Act::Close,
        "/fail" => Act::Answer(answer(503)),
        _ => Act::Answer(answer(200)),
    })
}

fn get(client: &Client, path: &str) -> Result<Response, Failure> {
    client.send(&Request::get(path).patience(Duration::from_millis(1500)))
}

#[test]
fn over_http() {
    let authorizer = http();
    let client = Client::plain(authorizer.address());
    for client in [client.clone(), client.http2()] {
        authorizer.clear();
        let request = Request::mcp("{}")
            .header("x-twice", "1")
            .header("x-twice", "2");
        let answer = client.send(&request).expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "so"));
        assert_eq!(answer.header("x-said").as_deref(), Some("200"));
        let asked = authorizer.asked();
        assert_eq!(
            (asked[0].method.as_str(), asked[0].body.as_slice()),
            ("POST", &b"{}"[..])
        );
        let twice = asked[0]
            .headers
            .iter()
            .filter(|(name, _)| name == "x-twice");
        assert_eq!(twice.count(), 2);

        assert_eq!(get(&client, "/fail").expect("an answer").status, 503);
        let start = Instant::now();
        assert_eq!(get(&client, "/later").expect("an answer").status, 200);
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert!(get(&client, "/hang").is_err());
        let start = Instant::now();
        assert!(get(&client, "/close").is_err());
        assert!(start.elapsed() < Duration::from_millis(1000));
        assert_eq!(authorizer.asked().len(), 5);
    }
}

#[test]
fn stopped_and_started_again() {
    let mut authorizer = http();
    let client = Client::plain(authorizer.address());
    let mut connection = client.connect().expect("a connection");
    connection.send(&Request::get("/")).expect("an answer");
    authorizer.stop();
    assert!(connection.send(&Request::get("/")).is_err());
    assert!(get(&client, "/").is_err());
    let address = authorizer.address();
    authorizer.restart();
    assert_eq!(authorizer.address(), address);
    assert_eq!(get(&client, "/").expect("an answer").status, 200);
}

/// Asks about a path.
fn check(authorizer: &GrpcAuthorizer, path: &str) -> Result<(String, Vec<u8>), Failure> {
    let question = CheckQuestion {
        path: path.as_bytes(),
        ..CheckQuestion::default()
    };
    call(authorizer, &check_request(&question).expect("a question"))
}

/// The call as gRPC has it in HTTP/2; its status and the message that is the answer.
pub fn call(authorizer: &GrpcAuthorizer, question: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(question.len())?.to_be_bytes());
    frame.extend(question);
    let request = Request::new("POST", &format!("/{SERVICE}/{METHOD}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(frame)
        .patience(Duration::from_millis(1500));
    let answer = Client::plain(authorizer.address()).http2().send(&request)?;
    // Without a message, the status comes among the headers.
    let status = first(&answer.trailers, "grpc-status").or(answer.header("grpc-status"));
    let message = answer.body.get(5..).unwrap_or_default().to_vec();
    Ok((status.ok_or("no status")?, message))
}

#[test]
fn over_grpc() {
    let mut authorizer = GrpcAuthorizer::start(|asked| {
        let request = asked
            .check
            .attributes
            .as_ref()
            .and_then(|all| all.request.as_ref());
        let http = request.and_then(|request| request.http.as_ref());
        match http.map_or("", |http| http.path.as_str()) {
            "/allow" => Act::Answer(Ok(grpc::allow(OkHttpResponse::default()))),
            "/fail" => Act::Answer(Err(Status::unavailable("not now"))),
            "/hang" => Act::Hang,
            "/close" => Act::Close,
            _ => Act::Answer(Ok(grpc::deny(401, "who?"))),
        }
    });
    let (status, message) = check(&authorizer, "/allow").expect("an answer");
    assert_eq!(status, "0");
    assert!(matches!(
        read_check_response(&message),
        CalloutVerdict::Allow(_)
    ));
    let (status, message) = check(&authorizer, "/").expect("an answer");
    assert_eq!(status, "0");
    match read_check_response(&message) {
        CalloutVerdict::Deny(reply) => {
            assert_eq!((reply.status, reply.body), (401, b"who?".to_vec()))
        }
        other => panic!("a refusal, not {other:?}"),
    }
    let (status, message) = check(&authorizer, "/fail").expect("an answer");
    assert_eq!((status.as_str(), message.len()), ("14", 0));
    assert!(check(&authorizer, "/hang").is_err());
    assert!(check(&authorizer, "/close").is_err());
    assert_eq!(authorizer.asked().len(), 5);
    let te = first(&authorizer.asked()[0].headers, "te");
    assert_eq!(te.as_deref(), Some("trailers"));

    authorizer.stop();
    assert!(check(&authorizer, "/allow").is_err());
    authorizer.restart();
    assert!(check(&authorizer, "/allow").is_ok());
}
