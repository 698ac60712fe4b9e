//! Requests, and what is to become of them, as data: decision tests, and the request
//! that is to be explained.
//!
//! One format, for users beside their policies and for this project's own vectors. A
//! request goes the whole way that it goes in the filter: headers and body are read, and
//! the decision is made by [`enforcement`](crate::engine::enforcement).

mod authorizer_reply;
mod decode;
mod expected;
mod outcome;
mod request;
mod suite;

pub use authorizer_reply::AuthorizerReply;
pub use decode::read_request;
pub use expected::{Expect, Expected};
pub use outcome::{Outcome, said};
pub use request::{ELSEWHERE, TestBody, TestHttp, TestRequest, call_body};
pub use suite::{Case, Suite};
