//! nginx: as an authorizer it decodes and tidies the path that it is shown before it chooses
//! the location; as a server it chooses the virtual host without case, port and last dot.

use serde_json::{Value, json};

use crate::policies::{allow_everything, ask, deny};
use crate::requests::call_at;
use crate::server::Server;
use crate::stage::{Paths, Setting, Stage, attack, honest};
use crate::support::config::Cluster;
use crate::support::message::Request;

/// What the authorizer refuses to `/check/mcp` is refused by every way there.
fn assert_asked_about_one_path(paths: Paths, readings: &[&str]) {
    let Some(nginx) = Server::nginx() else {
        return;
    };
    let Some(server) = Server::starlette() else {
        return;
    };
    let setting = Setting {
        beside: vec![Cluster::new("authorizer", nginx.address)],
        ..Setting::new(
            &[allow_everything(), ask(&json!({"path": "/check"}))],
            paths,
        )
    };
    let stage = Stage::plain(&server, &setting);
    let call = |path: &&str| attack("tools/call safe", call_at(path, "safe"));
    let mut cases: Vec<_> = readings.iter().map(call).collect();
    cases.push(honest("status", Request::new("POST", "/status")));
    cases.push(honest("delete", Request::new("DELETE", "/files/a%20b")));
    stage.assert_each(&cases);
}

#[test]
fn an_authorizer_is_shown_one_path_with_slashes_merged() {
    assert_asked_about_one_path(
        Paths::Normalized,
        &[
            "/mcp/x",
            "/mcp/..%2F..%2Fhealthz",
            "/mcp/..%2F..%2Fcheck%2Fx",
            "/mcp/..%2Fx",
            "/mcp%2F..%2Fx",
        ],
    );
}

#[test]
fn an_authorizer_is_shown_one_path_as_it_comes() {
    assert_asked_about_one_path(
        Paths::Raw,
        &[
            "/mcp/../../healthz",
            "/mcp/%2e%2e/%2e%2e/healthz",
            "/mcp/..%2f..%2fhealthz",
            "/mcp/../x",
            "/mcp/./../x",
            "/%6dcp/../x",
        ],
    );
}

/// What Express runs at `/mcp` in any case, the authorizer would know by one name only.
#[test]
fn an_authorizer_is_shown_no_other_case() {
    let Some(nginx) = Server::nginx() else {
        return;
    };
    let Some(server) = Server::express() else {
        return;
    };
    let policies = [allow_everything(), ask(&json!({"path": "/check"}))];
    let setting = Setting {
        beside: vec![Cluster::new("authorizer", nginx.address)],
        ..Setting::new(&policies, Paths::Rendered)
    };
    let stage = Stage::plain(&server, &setting);
    let call = |path: &str| attack("tools/call safe", call_at(path, "safe"));
    stage.assert_each(&[
        call("/mcp"),
        call("/MCP"),
        call("/Mcp/"),
        call("/mCp/x"),
        honest("status", Request::new("POST", "/status")),
        honest("status", Request::new("POST", "/STATUS")),
    ]);
}

/// A host that is forbidden is so in every spelling.
fn assert_admin_is_denied(authorization: &Value) {
    let Some(server) = Server::nginx() else {
        return;
    };
    let policies = [allow_everything(), deny(authorization)];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    let at = |host: &str| Request::get("/").authority(host);
    stage.assert_each(&[
        attack("admin", at("admin.test")),
        attack("admin", at("ADMIN.test")),
        attack("admin", at("admin.test:443")),
        attack("admin", at("admin.test.")),
        attack("admin", at("Admin.Test.:80")),
        honest("public", at("public.test")),
    ]);
}

#[test]
fn a_host_that_is_denied() {
    assert_admin_is_denied(&json!({"type": "Inline", "hosts": ["admin.test"]}));
}

#[test]
fn a_host_that_an_expression_denies() {
    let expression = r#"request.host == "admin.test""#;
    assert_admin_is_denied(&json!({"type": "CEL", "cel": {"expression": expression}}));
}
