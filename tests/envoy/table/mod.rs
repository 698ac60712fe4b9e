//! Requests that are refused whatever the policy says: each with what it attacks,
//! and its honest twin, which passes.

#![allow(unreachable_pub, missing_docs)] // modules of a test have no outside

mod heads;
mod messages;

use heads::{claims, media, methods};
use messages::{bodies, messages};

use crate::support::client::Protocol;
use crate::support::message::Request;

/// A refused request and its honest twin.
#[derive(Debug, Clone)]
pub struct Case {
    pub why: &'static str,
    pub refused: Request,
    pub status: u16,
    /// The JSON-RPC error code, where the answer is one.
    pub code: Option<i64>,
    pub honest: Request,
    /// The one protocol that can say it.
    pub only: Option<Protocol>,
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#;

/// Every case.
pub fn cases() -> Vec<Case> {
    [media(), methods(), claims(), bodies(), messages()].concat()
}

fn case(why: &'static str, refused: Request, status: u16, honest: Request) -> Case {
    Case {
        why,
        refused,
        status,
        code: None,
        honest,
        only: None,
    }
}
