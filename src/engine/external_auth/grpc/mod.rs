//! `envoy.service.auth.v3.Authorization/Check`: the question as the published messages
//! have it, and what the answer means.
//!
//! The messages are written and read by hand. A protobuf crate would bring code for each
//! field of every message that these mention, into a module that has to stay small, to
//! use a handful of them; and it takes twice given fields and skips unknown ones, which
//! are refused here. Tests hold both directions against the published types.
//!
//! SPEC: Envoy API v3, `envoy/service/auth/v3/external_auth.proto` and
//! `attribute_context.proto`; Protocol Buffers, Encoding.

mod ask;
mod check_request;
mod check_response;
mod fields;
mod struct_value;
mod writer;
mod written;

pub use check_request::{ARGUMENTS_DEPTH, CheckQuestion, McpFacts, QUESTION_LIMIT, check_request};
pub use check_response::read_check_response;
pub use written::check_response;

pub(super) use ask::question;

use super::verdict::{CalloutError, host_failure};
use crate::engine::policy::GrpcAuth;
use writer::Writer;

/// The service that an authorizer implements.
pub const SERVICE: &str = "envoy.service.auth.v3.Authorization";

/// The method that is called.
pub const METHOD: &str = "Check";

/// Envoy's cluster as the target of a call: a serialized
/// `envoy.config.core.v3.GrpcService` with its `envoy_grpc.cluster_name`.
///
/// SECURITY: Envoy reads the target as this message first, and as a name only when that
/// fails. A name whose bytes are some other such message by chance ends the process.
///
/// `None` for a name longer than [`GrpcAuth::CLUSTER_LIMIT`].
pub fn grpc_service(cluster: &str) -> Option<String> {
    if cluster.len() > GrpcAuth::CLUSTER_LIMIT {
        return None;
    }
    let mut service = Writer::default();
    service.open(1); // envoy_grpc
    service.text(1, cluster.as_bytes()); // cluster_name
    service.close();
    String::from_utf8(service.finish()).ok()
}

/// Why a call has failed, by its gRPC status and the words that come with it.
///
/// SPEC: gRPC, Status codes. An authorizer that answers with a status instead of a
/// message has decided nothing, whichever status it is: Envoy sees an error too.
///
/// SECURITY: of calls that it gave up, could not make or did not make for there being too
/// many, Envoy tells by the same status; only the words tell them apart.
pub fn call_failure(status: u32, words: &str) -> CalloutError {
    match status {
        0 => CalloutError::Unreadable,
        4 => CalloutError::Timeout,
        // What is not Envoy's own is the authorizer's word, or that of a proxy before it:
        // the counterpart of an HTTP status 502 to 504.
        14 => host_failure(words).unwrap_or(CalloutError::Unavailable),
        other => CalloutError::Status(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_never_taken_for_another_message() {
        let of = |name: &str| grpc_service(name);
        assert_eq!(
            of("authorino").as_deref(),
            Some("\x0a\x0b\x0a\x09authorino")
        );
        assert_eq!(of("").as_deref(), Some("\x0a\x00"));
        let longest = "a".repeat(GrpcAuth::CLUSTER_LIMIT);
        let expected = ["\x0a\x7f\x0a\x7d", &longest].concat();
        assert_eq!(of(&longest), Some(expected));
        assert_eq!(of(&format!("{longest}a")), None);
    }

    #[test]
    fn failed_calls() {
        let late = "upstream request timeout{response_timeout}";
        let overflow = "upstream connect error or disconnect/reset before headers. reset reason: \
                        overflow{upstream_reset_before_response_started{overflow}}";
        for (status, words, error) in [
            (0, "", CalloutError::Unreadable),
            (4, "", CalloutError::Timeout),
            (14, "", CalloutError::Unavailable),
            (14, "via_upstream", CalloutError::Unavailable),
            (14, late, CalloutError::Timeout),
            (14, overflow, CalloutError::NotCalled),
        ] {
            assert_eq!(call_failure(status, words), error, "{status} {words}");
        }
        for status in [1, 2, 7, 8, 12, 13, 16, 99, u32::MAX] {
            assert_eq!(call_failure(status, late), CalloutError::Status(status));
        }
    }
}
