//! What authorizers answer.

use super::decode;
use crate::engine::enforcement::{Step, Stream};
use crate::engine::external_auth::{CalloutError, CalloutRequest, CalloutResponse, grpc};
use crate::engine::policy::Policies;
use crate::engine::request::Headers;
use crate::tool::api::decode::{EmptyList, MappingDecoder, Problem, Undecoded, list};

/// An authorizer's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorizerReply {
    /// The status; absent is no answer at all.
    pub status: Option<u16>,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl AuthorizerReply {
    /// No answer at all, whoever is asked and however often.
    pub fn never() -> impl Iterator<Item = Self> {
        std::iter::repeat_with(Self::default)
    }

    pub(super) fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let headers = object.optional(
            "headers",
            list(usize::MAX, EmptyList::Meant, decode::header),
        );
        let headers = headers.or(Vec::new()).unwrap_or_default();
        let given = Self {
            status: decode::number(&mut object, "status", 599),
            headers: headers.into_iter().map(|header| header.value).collect(),
            body: decode::string(&mut object, "body").unwrap_or_default(),
        };
        object.finish();
        Some(given)
    }

    /// Its headers as the host gives them.
    fn headers(&self, status: u16) -> Headers {
        let own = [
            (":status".to_owned(), status.to_string()),
            // What the host adds to what others answer.
            ("x-envoy-upstream-service-time".to_owned(), "1".to_owned()),
        ];
        Headers::from_lines(own.into_iter().chain(self.headers.iter().cloned()))
    }

    /// Goes on with what was asked, by the protocol that it was asked in.
    pub(super) fn answer<'p>(
        &self,
        call: &CalloutRequest,
        policies: &'p Policies,
        stream: &mut Stream,
    ) -> Step<'p> {
        let Some(status) = self.status else {
            return stream.answer(
                policies,
                &CalloutResponse::Failed(CalloutError::Unavailable),
            );
        };
        if matches!(call, CalloutRequest::Grpc { .. }) {
            let headers = self.headers.iter();
            let headers: Vec<(&str, &str)> =
                headers.map(|(name, value)| (&**name, &**value)).collect();
            let message = grpc::check_response(status, &headers, &self.body);
            return stream.answer(policies, &CalloutResponse::Message(&message));
        }
        let headers = self.headers(status);
        let response = CalloutResponse::Http {
            headers: &headers,
            body: self.body.as_bytes(),
        };
        stream.answer(policies, &response)
    }
}
