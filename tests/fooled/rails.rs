//! Rails, and what merges as Grape, Phoenix and Laravel do: the query and members that
//! JSON-RPC does not have are part of the message, an extension is no part of the path, and
//! a header says which method a POST is.

use serde_json::{Value, json};

use crate::policies::{allow, allow_everything, deny, methods, tool};
use crate::requests::{call, call_at};
use crate::server::Server;
use crate::stage::{Case, Paths, Setting, Stage, attack, honest};
use crate::support::message::Request;

fn post(path: &str, message: &Value) -> Request {
    Request::mcp(message.to_string()).target(path)
}

/// Everybody may list tools, call `safe` and tell what clients tell.
fn only_safe() -> Setting {
    let mut allowed = methods(&json!([{"name": "tools/call", "params": ["safe"]}]));
    allowed["mcp"]["mcpBaseProtocolMethodsOption"] = json!("MATCH_BASE_PROTOCOL_METHODS");
    Setting::new(&[allow(&allowed)], Paths::Rendered)
}

#[test]
fn a_query_is_no_part_of_the_message() {
    let Some(server) = Server::rails() else {
        return;
    };
    let list = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/list"});
    let response = json!({"jsonrpc": "2.0", "id": 7, "result": {}});
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let danger = |query: &str, message: &Value| {
        attack("tools/call danger", post(&format!("/mcp?{query}"), message))
    };
    let safe: Value = serde_json::from_str(&call("safe")).expect("JSON");
    let whole = "method=tools/call&params[name]=danger";
    let mut cases: Vec<Case> = [
        "params[name]=danger",
        "params%5Bname%5D=danger",
        "%70arams[n%61me]=danger",
        "a=b&params[name]=danger",
        "a=b;params[name]=danger",
        "a=b&%20&params[name]=danger&c",
        "params[name=danger",
        "[params][name]=danger",
        "params][name]=danger",
        "]params[name]=danger",
        "params]name=danger",
        "params[[name]]=danger",
        "&&params[name]=danger",
        "_json[][method]=tools/call&_json[][params][name]=danger",
        "_json[][params][name]=danger&_json[][method]=tools/call",
    ]
    .iter()
    .map(|query| danger(query, &safe))
    .collect();
    cases.extend([
        danger(whole, &list),
        danger(whole, &response),
        danger("[method]=tools/call&[params]name=danger", &response),
        danger("method]=tools/call&]params[[name=danger", &response),
        danger(whole, &notification),
        attack(
            "tools/call danger",
            post(&format!("/mcp/filling?{whole}"), &response),
        ),
        attack(
            "tools/call danger",
            post(
                "/mcp/filling?params[name]=danger&method=tools/call",
                &response,
            ),
        ),
    ]);
    // The whole message, under the name of the controller.
    let wrapped = "wrapped[method]=tools/call&wrapped[params][name]=danger&wrapped[jsonrpc]=2.0";
    let ping = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
    cases.extend(
        ["", "%"]
            .map(|escaped| {
                let query = match escaped {
                    "" => wrapped.to_owned(),
                    _ => wrapped.replace('[', "%5B").replace(']', "%5D"),
                };
                let target = format!("/mcp/wrapped?{query}");
                [
                    attack("tools/call danger", post(&target, &ping)),
                    attack("tools/call danger", Request::get(&target)),
                ]
            })
            .into_iter()
            .flatten(),
    );
    cases.push(honest(
        "tools/call safe",
        call_at("/mcp/wrapped?x[y]=7", "safe"),
    ));
    let passes = "sessionId=1&session_id=2&api_key=3&token=4&profile=5&id=6&x[y]=7";
    cases.extend([
        honest("tools/call safe", call_at("/mcp", "safe")),
        honest(
            "tools/call safe",
            call_at(&format!("/mcp?{passes}"), "safe"),
        ),
        honest("tools/list", post("/mcp?cursor=1", &list)),
        honest("tools/call safe", call_at("/mcp/filling?token=1", "safe")),
    ]);
    let stage = Stage::plain(&server, &only_safe());
    stage.assert_each(&cases);
}

#[test]
fn members_that_json_rpc_does_not_have() {
    let Some(server) = Server::rails() else {
        return;
    };
    let danger = json!([{"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "danger"}}]);
    let beside = |method: &str| {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "_json": danger});
        attack("tools/call danger", post("/mcp", &message))
    };
    let response = json!({"jsonrpc": "2.0", "id": 7, "result": {}, "_json": danger});
    let call_with = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "safe"}, "_json": danger[0]});
    let stage = Stage::plain(&server, &only_safe());
    stage.assert_each(&[
        beside("ping"),
        beside("tools/list"),
        attack("tools/call danger", post("/mcp", &response)),
        attack("tools/call danger", post("/mcp", &call_with)),
        // A batch, which Rails puts there too.
        attack("tools/call danger", post("/mcp", &danger)),
        honest("tools/call safe", call_at("/mcp", "safe")),
    ]);
}

#[test]
fn an_extension_is_no_other_path() {
    let Some(server) = Server::rails() else {
        return;
    };
    let policies = [allow_everything(), deny(&tool("danger"))];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    let danger = |path: &str| attack("tools/call danger", call_at(path, "danger"));
    stage.assert_each(&[
        danger("/mcp"),
        danger("/mcp/"),
        danger("/mcp.json"),
        danger("/mcp.x"),
        danger("/mcp.json/"),
        danger("/mcp.a%20b"),
        danger("/mcp.json?a=b"),
        honest("tools/call safe", call_at("/mcp", "safe")),
        honest("create", Request::mcp("{}").target("/files/7.json")),
    ]);
}

#[test]
fn a_method_that_a_header_names() {
    let Some(server) = Server::rails() else {
        return;
    };
    let policies = [
        allow_everything(),
        deny(&json!({"type": "Inline", "methods": ["DELETE"]})),
    ];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    let override_to = |method: &str| {
        Request::mcp("{}")
            .target("/files/7")
            .header("x-http-method-override", method)
    };
    stage.assert_each(&[
        attack("destroy", Request::new("DELETE", "/files/7")),
        attack("destroy", override_to("DELETE")),
        attack("destroy", override_to("delete")),
        honest("create", override_to("POST")),
        honest("create", Request::mcp("{}").target("/files/7")),
    ]);
}

/// What a form may do by `_method` is forbidden where that is.
#[test]
fn a_method_that_a_form_names() {
    let Some(server) = Server::rails() else {
        return;
    };
    let form = |content: Option<&str>, path: &str, body: &str| {
        let request = Request::new("POST", path).body(body);
        match content {
            Some(content) => request.header("content-type", content),
            None => request,
        }
    };
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const PARTS: Option<&str> = Some("Multipart/Form-Data; boundary=b");
    let parts = "--b\r\ncontent-disposition: form-data; name=_method\r\n\r\ndelete\r\n--b--\r\n";
    let paths = json!([{"value": "/files/7"}]);
    let policies = [
        allow_everything(),
        deny(&json!({"type": "Inline", "methods": ["GET", "DELETE"], "paths": paths})),
    ];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[
        attack("destroy", Request::new("DELETE", "/files/7")),
        attack("destroy", form(FORM, "/files/7", "_method=delete")),
        attack("destroy", form(FORM, "/files/7", "_meth%6Fd=DELETE")),
        attack("destroy", form(PARTS, "/files/7", parts)),
        attack("destroy", form(None, "/files/7", "_method=delete")),
        attack("show", form(FORM, "/files/7", "_method=get")),
        attack("show", form(FORM, "/files/7", "_method=head")),
        attack("show", Request::new("HEAD", "/files/7")),
        honest("create", form(FORM, "/files/8", "a=b")),
        honest("create", Request::mcp("{}").target("/files/7")),
        honest("create", Request::new("POST", "/files/7")),
    ]);
    let policies = [allow(&json!({"type": "Inline", "methods": ["POST"]}))];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[
        attack("destroy", form(FORM, "/files/7", "_method=delete")),
        honest("create", Request::mcp("{}").target("/files/7")),
    ]);
    let all = json!(["POST", "GET", "PUT", "PATCH", "DELETE"]);
    let policies = [allow(&json!({"type": "Inline", "methods": all}))];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[honest("create", form(FORM, "/files/7", "a=b"))]);
}

/// Where Envoy lets names with `_` through, Ruby reads them as those with `-`.
#[test]
fn a_method_that_a_header_names_with_underscores() {
    let Some(server) = Server::rails() else {
        return;
    };
    let policies = [
        allow_everything(),
        deny(&json!({"type": "Inline", "methods": ["DELETE"]})),
    ];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Normalized));
    let override_in = |name: &str| Request::mcp("{}").target("/files/7").header(name, "DELETE");
    stage.assert_each(&[
        attack("destroy", override_in("x-http-method-override")),
        attack("destroy", override_in("x_http_method_override")),
        attack("destroy", override_in("x-http_method-override")),
        honest("create", override_in("x-method")),
    ]);
}

#[test]
fn a_method_that_a_header_names_at_mcp() {
    let Some(server) = Server::rails() else {
        return;
    };
    let stage = Stage::plain(
        &server,
        &Setting::new(&[allow(&tool("safe"))], Paths::Rendered),
    );
    let as_method = |method: &str| call_at("/mcp", "safe").header("x-http-method-override", method);
    stage.assert_each(&[
        attack("close", Request::new("DELETE", "/mcp")),
        attack("close", as_method("DELETE")),
        attack("close", as_method("delete")),
        honest("tools/call safe", as_method("POST")),
        honest("tools/call safe", call_at("/mcp", "safe")),
    ]);
}
