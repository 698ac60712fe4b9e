//! PHP as Laravel uses it: the query fills in what the body lacks, and PHP takes blanks
//! from the beginning of its keys and everything from a NUL on.

use serde_json::{Value, json};

use crate::policies::{allow, allow_everything, deny, tool};
use crate::requests::call_at;
use crate::server::Server;
use crate::stage::{Paths, Setting, Stage, attack, honest};
use crate::support::message::Request;

#[test]
fn a_query_fills_in_no_message() {
    let Some(server) = Server::php() else {
        return;
    };
    let stage = Stage::plain(
        &server,
        &Setting::new(&[allow(&tool("safe"))], Paths::Rendered),
    );
    let post = |query: &str, message: &Value| {
        Request::mcp(message.to_string()).target(&format!("/mcp?{query}"))
    };
    let response = json!({"jsonrpc": "2.0", "id": 7, "result": {}});
    let danger = |query: &str| attack("tools/call danger", post(query, &response));
    stage.assert_each(&[
        danger("method=tools/call&params[name]=danger"),
        danger("params%5Bname%5D=danger&method=tools%2Fcall"),
        danger("+method=tools/call&+params[name]=danger"),
        danger("%20method=tools/call&%20%20params[name]=danger"),
        danger("method%00=tools/call&params[name]%00=danger"),
        danger("method%00x=tools/call&params[name]x=danger"),
        danger("m%65thod=tools/call&par%61ms[name]=danger"),
        honest("tools/call safe", call_at("/mcp?token=1", "safe")),
    ]);
}

/// PHP makes `_` of dots in names, as of hyphens.
#[test]
fn a_method_that_a_header_names_with_dots() {
    let Some(server) = Server::php() else {
        return;
    };
    let policies = [
        allow_everything(),
        deny(&json!({"type": "Inline", "methods": ["DELETE"]})),
    ];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Normalized));
    let told =
        |name: &str, method: &str| Request::mcp("{}").target("/files/7").header(name, method);
    stage.assert_each(&[
        attack("DELETE", told("x-http-method-override", "DELETE")),
        attack("DELETE", told("x.http.method.override", "DELETE")),
        attack("DELETE", told("X-HTTP.Method_Override", "delete")),
        honest("POST", told("x-http-method-override", "POST")),
        honest(
            "POST",
            told("x.http.method.override", "POST").header("x.trace", "DELETE"),
        ),
    ]);
}
