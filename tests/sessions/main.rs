//! Whole MCP sessions by clients that people use, through Envoy and the filter, with the
//! reference server and the official Rust SDK's: initialize, list, allowed calls, refused
//! calls, an allowed one after them, close.
//!
//! The clients need what `scripts/test` installs; where its variables are not
//! set, a test says so and does nothing.
#![cfg(not(target_arch = "wasm32"))]

mod clients;
mod gateway;
#[path = "../servers/outside.rs"]
mod outside;
#[path = "../support/mod.rs"]
mod support;

use std::process::Command;

use clients::{Client, installed_typescript};
use gateway::Mcp;
use outside::Outside;
use serde_json::{Value, json};

/// The calls of a session, and the word that a result must contain.
const CALLS: [(&str, &str, &str); 4] = [
    ("echo", r#"{"message": "hello"}"#, "Echo: hello"),
    ("get-sum", r#"{"a": 2, "b": 3}"#, "5"),
    ("get-env", "{}", ""),
    ("echo", r#"{"message": "still there"}"#, "Echo: still there"),
];

/// What a client must show of a refusal, whatever it puts around it.
const DENIED: &str = "Access to this tool is forbidden.";

/// What each caller may call of them.
const CALLERS: [(&str, [bool; 4]); 2] = [
    ("reader", [true, false, false, true]),
    ("writer", [true, true, false, true]),
];

#[test]
fn python_with_the_reference_server() {
    with_the_reference_server(&Client::python());
}

#[test]
fn typescript_with_the_reference_server() {
    with_the_reference_server(&Client::typescript());
}

#[test]
fn python() {
    with_the_rust_server(&Client::python());
}

#[test]
fn python_v1() {
    with_the_rust_server(&Client::python_v1());
}

#[test]
fn typescript() {
    with_the_rust_server(&Client::typescript_v2());
}

#[test]
fn typescript_v1() {
    with_the_rust_server(&Client::typescript());
}

#[test]
fn fastmcp() {
    with_the_rust_server(&Client::fastmcp());
}

#[test]
fn langchain() {
    with_the_rust_server(&Client::langchain());
}

#[test]
fn openai_agents() {
    with_the_rust_server(&Client::openai_agents());
}

#[test]
fn pydantic_ai() {
    with_the_rust_server(&Client::pydantic_ai());
}

fn with_the_reference_server(client: &[Client]) {
    let Some(folder) = installed_typescript() else {
        return;
    };
    let mut server = Command::new("node");
    server.arg(folder.join("everything.mjs"));
    sessions(client, server);
}

fn with_the_rust_server(clients: &[Client]) {
    // `cargo test` builds it.
    let this = std::env::current_exe().expect("this program's path");
    let built = this.ancestors().nth(2).expect("the build's folder");
    let server = Command::new(built.join("examples/mcp-server"));
    if let Some(mcp) = sessions(clients, server) {
        // Only what was allowed ran.
        let allowed = CALLERS
            .iter()
            .flat_map(|(_, allowed)| CALLS.iter().zip(allowed));
        let ran: Vec<_> = allowed
            .filter(|(_, is_allowed)| **is_allowed)
            .map(|((tool, ..), _)| *tool)
            .collect();
        mcp.server_ran(&ran.repeat(clients.len()));
    }
}

/// A session as each caller; as one that no policy knows there is none. Nothing where there
/// are no clients.
fn sessions(clients: &[Client], server: Command) -> Option<Mcp> {
    if clients.is_empty() {
        return None;
    }
    let mcp = Mcp::behind_envoy(Outside::start(server));
    for client in clients {
        for (caller, allowed) in CALLERS {
            let calls = CALLS.map(|(tool, arguments, _)| (tool, arguments));
            let report = mcp.session(&mut client.command(&calls), caller);
            expect(&report, &allowed);
        }
    }
    mcp.closed();
    for client in clients {
        mcp.no_session(&mut client.command(&[]));
    }
    Some(mcp)
}

/// Compares what a client reports with what its caller may do.
fn expect(report: &Value, allowed: &[bool; 4]) {
    let tools = report["tools"].as_array().expect("a list of tools");
    for (place, (tool, _, text)) in CALLS.iter().enumerate() {
        assert!(tools.contains(&json!(tool)), "{tool} is listed: {report}");
        let call = &report["calls"][place];
        if allowed[place] {
            assert_eq!(call["outcome"], "allowed", "{tool}: {report}");
            let result = call["text"].as_str().unwrap_or_default();
            assert!(result.contains(text), "{tool}: {report}");
        } else {
            assert_eq!(call["outcome"], "denied", "{tool}: {report}");
            let message = call["message"].as_str().unwrap_or_default();
            assert!(message.contains(DENIED), "{tool}: {report}");
            // Frameworks keep the words and not the code.
            let code = call.get("code").unwrap_or(&json!(403)).clone();
            assert_eq!(code, 403, "{tool}: {report}");
        }
    }
}
