//! Express: `app.use` takes a prefix in any case and whatever comes behind it, and routes
//! take a trailing slash and any case.

use serde_json::{Value, json};

use crate::policies::{allow, allow_everything, allow_known, deny, tool};
use crate::requests::{call_at, without_bodies};
use crate::server::Server;
use crate::stage::{Paths, Setting, Stage, attack, honest};
use crate::support::message::Request;

#[test]
fn headers_alone_act_for_nobody() {
    let Some(server) = Server::express() else {
        return;
    };
    let stage = Stage::tls(&server, &Setting::new(&[allow_known()], Paths::Rendered));
    stage.assert_each(&without_bodies());
    stage.assert_each_by(
        true,
        &[
            honest("tools/call safe", call_at("/mcp", "safe")),
            honest("reset", Request::new("POST", "/admin/reset")),
        ],
    );
}

/// What is forbidden below `/mcp` is forbidden by every way there.
fn assert_danger_is_denied(paths: Paths, readings: &[&str]) {
    let Some(server) = Server::express() else {
        return;
    };
    let policies = [allow_everything(), deny(&tool("danger"))];
    let stage = Stage::plain(&server, &Setting::new(&policies, paths));
    let danger = |path: &&str| attack("tools/call danger", call_at(path, "danger"));
    let mut cases: Vec<_> = readings.iter().map(danger).collect();
    cases.extend([
        honest("tools/call safe", call_at("/mcp", "safe")),
        honest("tools/call safe", call_at("/mcp/", "safe")),
        honest("status", Request::new("POST", "/status")),
        honest("status", Request::new("POST", "/status/")),
    ]);
    stage.assert_each(&cases);
}

#[test]
fn a_prefix_in_every_reading_as_rendered() {
    assert_danger_is_denied(
        Paths::Rendered,
        &[
            "/mcp",
            "/mcp/",
            "/MCP",
            "/mCp/x",
            "/MCP/..%20/x",
            "/mcp/..%20/x",
            "/mcp/%20../x",
            "/mcp/.%20./x",
            "/mcp/a/..%20/..%20/x",
            "/mcp/..%09/x",
            "/mcp/..%3B/x",
            "/mcp/..%2520/x",
            "/mcp/%252e%252e/x",
            "/mcp/..%252Fx",
        ],
    );
}

#[test]
fn a_prefix_in_every_reading_as_it_comes() {
    assert_danger_is_denied(
        Paths::Raw,
        &[
            "/mcp/../x",
            "/MCP/%2e%2e/x",
            "/MCP/..%20/x",
            "/mcp/..%2Fx",
            "/MCP/..%2F..%2Fx",
            "/mcp/..%5Cx",
            "/mcp/..",
            "/mcp/..;/x",
            "/MCP/..;v=1/x",
        ],
    );
}

/// The handler of GET runs for HEAD as well.
#[test]
fn a_head_of_what_may_not_be_got() {
    let Some(server) = Server::express() else {
        return;
    };
    let policies = [
        allow_everything(),
        deny(&json!({"type": "Inline", "methods": ["GET"]})),
    ];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[
        attack("export", Request::get("/export")),
        attack("export", Request::new("HEAD", "/export")),
        honest("status", Request::new("POST", "/status")),
    ]);
    let policies = [allow(&json!({"type": "Inline", "methods": ["HEAD"]}))];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[
        attack("export", Request::get("/export")),
        honest("export", Request::new("HEAD", "/export")),
    ]);
}

/// A path that is forbidden is so in every case, and with a slash behind.
fn assert_admin_is_denied(authorization: &Value) {
    let Some(server) = Server::express() else {
        return;
    };
    let policies = [allow_everything(), deny(authorization)];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    let admin = |path: &str| attack("admin", Request::new("POST", path));
    stage.assert_each(&[
        admin("/admin"),
        admin("/admin?a=b"),
        admin("/admin/"),
        admin("/ADMIN"),
        admin("/Admin/"),
        admin("/%61dmin"),
        honest("status", Request::new("POST", "/status")),
        honest("status", Request::new("POST", "/STATUS/")),
        honest("reset", Request::new("POST", "/admin/reset")),
    ]);
}

#[test]
fn a_path_that_is_denied() {
    let paths = json!([{"type": "Exact", "value": "/admin"}]);
    assert_admin_is_denied(&json!({"type": "Inline", "paths": paths}));
}

#[test]
fn a_path_that_an_expression_denies() {
    let expression = r#"request.url_path == "/admin""#;
    assert_admin_is_denied(&json!({"type": "CEL", "cel": {"expression": expression}}));
}

#[test]
fn a_method_by_another_name() {
    let Some(server) = Server::express() else {
        return;
    };
    let message = |method: &str, tool: &str, id: &Value| {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": {"name": tool}});
        if !id.is_null() {
            message["id"] = id.clone();
        }
        Request::mcp(message.to_string()).target("/mcp/loose")
    };
    let base = json!({"type": "Inline", "mcp": {
        "mcpBaseProtocolMethodsOption": "MATCH_BASE_PROTOCOL_METHODS",
        "methods": [{"name": "tools/call", "params": ["safe"]}],
    }});
    let sets = [
        vec![allow_everything(), deny(&tool("danger"))],
        vec![allow(&base)],
    ];
    for policies in sets {
        let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
        let mut cases = Vec::new();
        for method in [
            "callTool",
            "call_tool",
            "tools.call",
            "tools_call",
            "toolsCall",
            "tools/call/danger",
            "notifications/tools/call",
            "logging/tools/call",
            "completion/tools/call",
        ] {
            for id in [json!(7), Value::Null] {
                cases.push(attack("tools/call danger", message(method, "danger", &id)));
            }
        }
        cases.push(honest(
            "tools/call safe",
            message("tools/call", "safe", &json!(7)),
        ));
        stage.assert_each(&cases);
    }
}
