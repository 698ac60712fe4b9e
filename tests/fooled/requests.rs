//! Requests that several servers are sent.

#![allow(unreachable_pub)] // modules of a test have no outside

use std::time::Duration;

use serde_json::json;

use crate::stage::{Case, attack};
use crate::support::message::Request;

/// A call of a tool.
pub fn call(tool: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool}}).to_string()
}

/// A call of a tool at this path.
pub fn call_at(path: &str, tool: &str) -> Request {
    Request::mcp(call(tool)).target(path)
}

/// A request whose headers promise a body that never comes.
pub fn without_body(method: &str, path: &str) -> Request {
    Request::new(method, path)
        .header("content-type", "application/json")
        .promises(2)
        .patience(Duration::from_millis(400))
}

/// What a server does whose handlers do not wait for the body: for a caller without rule.
pub fn without_bodies() -> Vec<Case> {
    let mut started = without_body("POST", "/mcp/admin/reset");
    started.body = vec![b"{".as_slice().into()];
    vec![
        attack("reset", without_body("POST", "/admin/reset")),
        attack("reset", without_body("POST", "/mcp/admin/reset")),
        attack("reset", started),
        attack("delete", without_body("DELETE", "/files/7")),
    ]
}
