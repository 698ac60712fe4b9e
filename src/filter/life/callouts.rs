//! What authorizers are asked, and what they answer.

use proxy_wasm::types::Action;

use crate::engine::enforcement::{Judges, Step, Stream};
use crate::engine::external_auth::{ANSWER_LIMIT, Callout, CalloutError, CalloutResponse, grpc};

use super::super::host::{self, Buffer, LogLevel};
use super::super::in_force::InForce;
use super::Life;

impl Life {
    /// Calls an authorizer; `false` when the host does not.
    pub(super) fn ask(&mut self, question: &Callout) -> bool {
        self.call = host::call(question).map(|call| (call, host::now()));
        self.call.is_some()
    }

    /// A call has been answered, or has failed: what `read` makes of it decides.
    fn answered<F>(&mut self, call: u32, read: F)
    where
        F: for<'p> FnOnce(&mut Stream, Judges<'p>) -> Step<'p>,
    {
        let Some((_, asked_at)) = self.call.take_if(|(waiting, _)| *waiting == call) else {
            return;
        };
        let since = |asked_at| host::now()?.checked_sub(asked_at);
        let took = asked_at.and_then(since);
        let before = self.stream.said().len();
        let action = self.drive(|this, judges| {
            this.callout_durations.push(took);
            read(&mut this.stream, judges)
        });
        if self.stream.said().len() > before
            && let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref()
        {
            self.count_answer(&enforced.metrics);
        }
        if action == Action::Continue && host::resume().is_none() {
            host::log(
                LogLevel::Error,
                "accesspolicy: the host does not go on; the request stays held",
            );
        }
    }

    /// The host tells of a timeout and of most resets by an answer of its own, and of a reset
    /// within an answer by one without headers.
    pub(in super::super) fn http_answer(&mut self, call: u32, headers: usize, body: usize) {
        self.answered(call, |stream, judges| {
            let lines = match headers {
                0 => None,
                _ => host::call_response_headers(),
            };
            let content = match body {
                0 => Some(Vec::new()),
                _ if body > ANSWER_LIMIT => None,
                _ => host::buffer(Buffer::CallResponseBody, 0, body),
            };
            let response = match (&lines, &content) {
                (None, _) => CalloutResponse::Failed(CalloutError::BrokenOff),
                (_, None) => CalloutResponse::Failed(CalloutError::TooLarge),
                (Some(headers), Some(body)) => CalloutResponse::Http { headers, body },
            };
            stream.answer(judges, &response)
        });
    }

    /// A call that failed has another status than 0, and no message.
    pub(in super::super) fn grpc_answer(&mut self, call: u32, status: u32, size: usize) {
        self.answered(call, |stream, judges| {
            let message = match (status, size) {
                (1.., _) => {
                    let words = host::status_words().unwrap_or_default();
                    Err(grpc::call_failure(status, &String::from_utf8_lossy(&words)))
                }
                (0, 0) => Ok(Vec::new()),
                (0, _) if size > ANSWER_LIMIT => Err(CalloutError::TooLarge),
                (0, _) => {
                    let message = host::buffer(Buffer::GrpcMessage, 0, size);
                    message.ok_or(CalloutError::Unreadable)
                }
            };
            let response = match &message {
                Ok(message) => CalloutResponse::Message(message),
                Err(error) => CalloutResponse::Failed(*error),
            };
            stream.answer(judges, &response)
        });
    }
}
