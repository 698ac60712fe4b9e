//! Authorizers that are slow, or gone, while many requests need them.

#![allow(clippy::print_stdout)] // figures, for whoever asks with `--nocapture`

mod restarts;
mod waiting;

use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use serde_json::{Value, json};

use crate::authorizer::Act;
use crate::authorizer::grpc::{GrpcAuthorizer, allow, deny};
use crate::authorizer::http::HttpAuthorizer;
use crate::desk::{GATEWAY, asks, configured, policy};
use crate::setup::{Mode, Stage, anybody_may_call, plain_listener};
use crate::support::config::Cluster;
use crate::support::envoy::{Options, validate};
use crate::support::message::{Request, Response};
use crate::support::readme;
use crate::support::recorder::Answer;

#[test]
fn envoy_takes_the_clusters_of_the_readme() {
    let blocks = readme::yaml_of("## Connect an authorizer");
    let clusters = blocks.iter().map(|(_, block)| &block["clusters"]);
    let clusters: Vec<&Value> = clusters.filter_map(Value::as_array).flatten().collect();
    assert_eq!(clusters.len(), 2, "{blocks:?}");
    let configuration = json!({"static_resources": {"clusters": clusters}});
    validate(&configuration).unwrap_or_else(|error| panic!("{error}"));
}

/// How an authorizer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Http,
    Grpc,
}

/// An authorizer that allows what says in a header that it may, and refuses the rest.
#[derive(Debug)]
enum Authorizer {
    Http(HttpAuthorizer),
    Grpc(GrpcAuthorizer),
}

/// The header, and what it says of a request that is to be allowed.
const IS_ALLOWED: (&str, &str) = ("x-is-allowed", "yes");

impl Authorizer {
    /// `when` is how the right answer is given.
    fn start(asked: Asked, when: impl Fn(bool) -> Act<bool> + Send + Sync + 'static) -> Self {
        let (name, yes) = IS_ALLOWED;
        match asked {
            Asked::Http => Self::Http(HttpAuthorizer::start(move |seen| {
                let is_allowed = seen.header(name).as_deref() == Some(yes);
                when(is_allowed).map(|is_allowed| Answer {
                    status: if is_allowed { 200 } else { 403 },
                    headers: Vec::new(),
                    body: Vec::new(),
                })
            })),
            Asked::Grpc => Self::Grpc(GrpcAuthorizer::start(move |asked| {
                let attributes = asked.check.attributes.as_ref();
                let request = attributes.and_then(|of| of.request.as_ref()?.http.as_ref());
                let is_allowed = request.and_then(|http| http.headers.get(name));
                when(is_allowed.is_some_and(|said| said == yes)).map(|is_allowed| {
                    Ok(match is_allowed {
                        true => allow(OkHttpResponse::default()),
                        false => deny(403, ""),
                    })
                })
            })),
        }
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        match self {
            Self::Http(authorizer) => authorizer.times_asked(),
            Self::Grpc(authorizer) => authorizer.times_asked(),
        }
    }

    fn stop(&mut self) {
        match self {
            Self::Http(authorizer) => authorizer.stop(),
            Self::Grpc(authorizer) => authorizer.stop(),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Http(authorizer) => authorizer.restart(),
            Self::Grpc(authorizer) => authorizer.restart(),
        }
    }

    /// An Envoy that asks about calls of `echo`, for at most `timeout`, and `at_once` at
    /// once.
    fn stage(&self, timeout: &str, at_once: u32) -> Stage {
        let cluster = |address| Cluster::new("authorizer", address).at_once(at_once);
        let (how, cluster) = match self {
            Self::Http(authorizer) => (
                json!({"http": {"allowedHeaders": [IS_ALLOWED.0]}}),
                cluster(authorizer.address()),
            ),
            Self::Grpc(authorizer) => (
                json!({"protocol": "GRPC", "http": null, "grpc": {"allowedHeaders": [IS_ALLOWED.0]}}),
                cluster(authorizer.address()).http2(),
            ),
        };
        let mut spec = asks("authorizer", &how);
        if let Some(auth) = spec["externalAuth"].as_object_mut() {
            auth.retain(|_, value| !value.is_null());
        }
        spec["rules"] = anybody_may_call(&["echo"]);
        let over = json!({
            "externalAuth": {"timeout": timeout}, "identity": {"from": "ForwardedClientCert"},
        });
        let listeners = Mode::BOTH.map(|mode| {
            let asking = policy("asking", GATEWAY, spec.clone());
            plain_listener(mode, &configured(&[asking], mode, &over))
        });
        Stage::start_beside(
            vec![cluster],
            listeners.to_vec(),
            Options::default(),
            |manager| manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY"),
        )
    }
}

/// A call that the authorizer is asked about.
fn echo(id: &str, is_allowed: bool) -> Request {
    let params = json!({"name": "echo"});
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    Request::mcp(call.to_string())
        .header(IS_ALLOWED.0, if is_allowed { IS_ALLOWED.1 } else { "no" })
        .header("x-request-id", id)
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The server has answered it.
    Ran,
    /// The authorizer has refused it.
    Refused,
    /// It was refused because no authorizer answered.
    Unanswered,
}

impl Outcome {
    /// `None` when it is something else, or about another call.
    fn of(answer: &Response, id: &str) -> Option<Self> {
        let says: Value = serde_json::from_slice(&answer.body).ok()?;
        let error = &says["error"];
        if says["id"] != id {
            return None;
        }
        match (answer.status, error["code"].as_u64()) {
            (200, None) if says["result"] == json!({}) => Some(Self::Ran),
            (200, Some(403)) if error["data"]["status"] == 403 => Some(Self::Refused),
            (403, Some(403)) if error["data"].is_null() => Some(Self::Unanswered),
            _ => None,
        }
    }
}
