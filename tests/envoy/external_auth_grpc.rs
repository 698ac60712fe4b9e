//! Policies that ask an authorizer over gRPC: what it is asked, what its answers do, and
//! what becomes of requests about which nobody answers.

mod answers;
mod errors;
mod questions;

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::google::protobuf::BoolValue;
use serde_json::Value;

use crate::authorizer::Act;
use crate::authorizer::grpc::{Answer, Asked, GrpcAuthorizer};
use crate::desk::{Desk, GATEWAY, asks_grpc, configured, messages_only, policy};

/// An authorizer that does as a header of the request says.
fn told(script: impl Fn(&str) -> Act<Answer> + Send + Sync + 'static) -> GrpcAuthorizer {
    GrpcAuthorizer::start(move |asked| script(&does(&asked.check)))
}

fn http(check: &CheckRequest) -> Option<&HttpRequest> {
    let attributes = check.attributes.as_ref()?;
    attributes.request.as_ref()?.http.as_ref()
}

/// What the request says that the authorizer is to do.
fn does(check: &CheckRequest) -> String {
    let does = http(check).and_then(|http| http.headers.get("x-do"));
    does.cloned().unwrap_or_default()
}

/// The request that was asked about, once.
fn once<'a>(asked: &'a [Asked], id: &str) -> &'a HttpRequest {
    let [asked] = asked else {
        panic!("{id}: {asked:?}")
    };
    http(&asked.check).expect("an HTTP request")
}

/// One policy that asks about everything, with `more` about how it asks.
fn desk(authorizer: GrpcAuthorizer, more: &Value, over: &Value) -> Desk<GrpcAuthorizer> {
    Desk::open(authorizer, |mode| {
        let mut auth = asks_grpc("authorizer", more);
        if !more["forwardBody"].is_null() {
            auth = messages_only(auth, mode);
        }
        let asking = policy("asking", GATEWAY, auth);
        configured(&[asking], mode, over)
    })
}

#[allow(deprecated, reason = "authorizers still use it")]
fn option(name: &str, value: &str, append: Option<bool>) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            raw_value: Vec::new(),
        }),
        append: append.map(|value| BoolValue { value }),
        ..HeaderValueOption::default()
    }
}

/// Every line of a name.
fn lines(headers: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    let lines = headers.iter().filter(|(held, _)| held == name);
    lines
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}
