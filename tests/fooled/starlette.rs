//! Starlette: what is mounted serves every path below it, after one decoding and with dot
//! segments in it, and a handler that needs no body runs when the headers are there.

use serde_json::json;

use crate::authorizer::Act;
use crate::authorizer::http::HttpAuthorizer;
use crate::policies::{allow_everything, allow_known, ask, deny, tool};
use crate::requests::{call_at, without_bodies, without_body};
use crate::server::Server;
use crate::stage::{Case, Paths, Setting, Stage, attack, honest};
use crate::support::config::Cluster;
use crate::support::message::Request;
use crate::support::recorder::Answer;

#[test]
fn headers_alone_act_for_nobody() {
    let Some(server) = Server::starlette() else {
        return;
    };
    let stage = Stage::tls(&server, &Setting::new(&[allow_known()], Paths::Rendered));
    stage.assert_each(&without_bodies());
    stage.assert_each_by(
        true,
        &[
            honest("tools/call safe", call_at("/mcp/", "safe")),
            honest("reset", Request::new("POST", "/admin/reset")),
        ],
    );
}

/// Every path carries MCP: as long as the body has not come, nothing is known of the call.
/// Where headers are streamed, the module does not load what names no path.
#[test]
fn headers_alone_act_for_nobody_where_every_path_is_mcp() {
    let Some(server) = Server::starlette() else {
        return;
    };
    let setting = Setting {
        // What a compiler that was less strict has written.
        change: |policy| {
            let settings = policy["settings"].as_object_mut().expect("settings");
            settings.remove("mcpPaths").expect("paths");
            policy.as_object_mut().expect("a policy").remove("seal");
        },
        ..Setting::new(&[allow_known()], Paths::Rendered)
    };
    let stage = Stage::tls_in(&server, &setting, "Hold");
    stage.assert_each(&without_bodies());
    stage.assert_each_by(
        true,
        &[
            honest("tools/call safe", call_at("/mcp/", "safe")),
            honest("reset", call_at("/admin/reset", "safe")),
        ],
    );
}

/// An authorizer that is shown bodies is asked before the server hears of anything, or the
/// compiler refuses to have it so.
#[test]
fn headers_alone_are_asked_about() {
    let Some(server) = Server::starlette() else {
        return;
    };
    let authorizer = HttpAuthorizer::start(|seen| {
        let status = if seen.method == "DELETE" { 403 } else { 200 };
        Act::Answer(Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let mut asking = ask(&json!({}));
    asking["spec"]["externalAuth"]["forwardBody"] = json!({"maxSize": 1024});
    let setting = Setting {
        beside: vec![Cluster::new("authorizer", authorizer.address())],
        ..Setting::new(&[allow_everything(), asking], Paths::Rendered)
    };
    for mode in ["Hold", "Stream"] {
        if let Some(refusal) = setting.refusal(mode) {
            assert!(
                mode == "Stream" && refusal.contains("bodies of requests that are not MCP"),
                "{refusal}"
            );
            continue;
        }
        let stage = Stage::plain_in(&server, &setting, mode);
        stage.assert_each(&[
            attack("delete", without_body("DELETE", "/files/7")),
            honest("tools/call safe", call_at("/mcp/", "safe")),
            honest("status", Request::new("POST", "/status")),
        ]);
    }
}

/// What is forbidden below `/mcp` is forbidden by every way there.
fn danger_is_denied(paths: Paths) -> Setting {
    Setting::new(&[allow_everything(), deny(&tool("danger"))], paths)
}

fn calls_of_danger(paths: &[&str]) -> Vec<Case> {
    let danger = |path: &&str| attack("tools/call danger", call_at(path, "danger"));
    let mut cases: Vec<_> = paths.iter().map(danger).collect();
    let elsewhere = Request::new("DELETE", "/files/a..b");
    cases.extend([
        honest("tools/call safe", call_at("/mcp/", "safe")),
        honest("tools/call safe", call_at("/mcp/x", "safe")),
        honest("delete", elsewhere),
    ]);
    cases
}

#[test]
fn a_mounted_path_in_every_reading_with_slashes_merged() {
    let Some(server) = Server::starlette() else {
        return;
    };
    let stage = Stage::plain(&server, &danger_is_denied(Paths::Normalized));
    stage.assert_each(&calls_of_danger(&[
        "/mcp/x",
        "/mcp%2F..%2Fx",
        "/mcp%2f..%2fx",
        "/mcp%2Fa%2F..%2F..%2Fx",
        "/mcp/..%2Fx",
        "/mcp/a/..%2F..%2F..%2Fx",
        "/%6dcp/..%2Fx",
        "/mcp/..%5Cx",
        "/mcp/..%3Bv=1/x",
        "/mcp/..%20/x",
    ]));
}

#[test]
fn a_mounted_path_in_every_reading_as_it_comes() {
    let Some(server) = Server::starlette() else {
        return;
    };
    let stage = Stage::plain(&server, &danger_is_denied(Paths::Raw));
    stage.assert_each(&calls_of_danger(&[
        "/mcp/x",
        "/%6dcp/../x",
        "/%6Dcp/%2e%2e/x",
        "/mcp/../x",
        "/mcp/..",
        "/mcp/./../x",
        "/mcp//../../x",
        "/mcp/%2E%2E/x",
        "/mcp/.%2e/x?a=/mcp",
        "/mcp%2F..%2Fx",
        "/mcp/..;/x",
        "/mcp/x/../../y",
    ]));
}
