//! `FastMCP`: a uri is read as browsers read it before the resource is looked up, and what a
//! template takes from it is decoded.

use serde_json::json;

use crate::policies::{allow_everything, deny, methods, tool};
use crate::requests::call_at;
use crate::server::Server;
use crate::stage::{Paths, Setting, Stage, attack, honest};
use crate::support::message::Request;

/// A resource that is denied by its uri, and what else reads it.
const SECRET: (&str, &[&str]) = (
    "read file:///secret",
    &[
        "file:///secret",
        "FILE:///secret",
        "file:///x/../secret",
        "file:///x/%2e%2E/secret",
        "file:///./secret",
        "file:/secret",
        "file:secret",
        "file:////secret",
        "file://localhost/secret",
        "file://LOCALHOST/secret",
        "file://%6cocalhost/secret",
        "file://\u{ff4c}ocalhost/secret",
        "file://local\u{ad}host/secret",
        "file:\\\\\\secret",
        "file:///x\\..\\secret",
        " file:///secret",
        "file:///secret\n",
        "\u{1f}file:///secret",
        "file:///sec\tret",
    ],
);

/// The same of a uri with a host.
const REMOTE: (&str, &[&str]) = (
    "read http://secret.test/",
    &[
        "http://secret.test/",
        "http://SECRET.test/",
        "http://secret.test",
        "http://secret.test:80/",
        "http://secret.test:/",
        "http:secret.test/",
        "http:\\\\secret.test/",
        "http:///secret.test/",
        "http://@secret.test/",
        "http://%73ecret.test/",
        "http://\u{ff53}ecret.test/",
        "http://secret.te%EF%BD%93t/",
        "http://secret.te\u{17f}t/",
        "http://sec\u{ad}ret.test/",
        "http://secret\u{3002}test/",
        "http://secret.test:080/",
    ],
);

/// And of one with an address, which has many spellings.
const LOCAL: (&str, &[&str]) = (
    "read http://127.0.0.1/local",
    &[
        "http://127.0.0.1/local",
        "http://127.1/local",
        "http://2130706433/local",
        "http://0x7f.0.0.1/local",
        "http://0177.0.0.1/local",
        "http://127.0.0.1./local",
        "http://127\u{3002}0.0.1/local",
    ],
);

/// And in the other family.
const LOCAL_6: (&str, &[&str]) = (
    "read http://[::1]/local",
    &[
        "http://[::1]/local",
        "http://[0:0:0:0:0:0:0:1]/local",
        "http://[::0.0.0.1]/local",
    ],
);

/// And of one whose host is no ASCII.
const FOREIGN: (&str, &[&str]) = (
    "read http://xn--bcher-kva.test/",
    &[
        "http://xn--bcher-kva.test/",
        "http://b\u{fc}cher.test/",
        "http://b%C3%BCcher.test/",
        "http://XN--BCHER-KVA.test/",
    ],
);

/// What every one of them reads as `admin` by the template `db://{name}`.
const ADMIN: &[&str] = &["db://admin"];

/// What those do that read uris as browsers do.
const ADMIN_AS_BROWSERS: &[&str] = &[
    "DB://admin",
    "db://@admin",
    "db://:@admin",
    "db://admin:",
    " db://admin",
    "db://ad\tmin",
];

/// What those do that decode what a template takes.
const ADMIN_DECODED: &[&str] = &["db://%61dmin", "db://adm%69n"];

/// What those do that take the query away first.
const ADMIN_BEFORE_QUERY: &[&str] = &["db://admin?", "db://admin?x=1"];

fn read(uri: &str) -> Request {
    let params = json!({"uri": uri});
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": params});
    Request::mcp(message.to_string())
}

/// What is not denied is read however it is spelt.
const OPEN: &[&str] = &["file:///open", "FILE:///open", "file:///x/../open"];

fn assert_denied_uris_are_not_read(kind: &str, open: &[&str], denied: &[(&str, &[&str])]) {
    let Some(server) = Server::fastmcp(kind) else {
        return;
    };
    let uris = json!([
        "file:///secret",
        "http://secret.test/",
        "http://127.0.0.1/local",
        "http://[::1]/local",
        "http://xn--bcher-kva.test/",
        "db://admin",
    ]);
    let reading = methods(&json!([{"name": "resources/read", "params": uris}]));
    let policies = [allow_everything(), deny(&reading)];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    let attacks = denied.iter().flat_map(|(runs, uris)| {
        let runs = *runs;
        uris.iter().map(move |uri| attack(runs, read(uri)))
    });
    let open = open
        .iter()
        .map(|uri| honest("read file:///open", read(uri)));
    let public = honest("read db public", read("db://public"));
    let cases: Vec<_> = attacks.chain(open).chain([public]).collect();
    stage.assert_each(&cases);
}

#[test]
fn official_sdk_1() {
    let admin = ("read db admin", ADMIN);
    let alike = ("read db admin", ADMIN_AS_BROWSERS);
    assert_denied_uris_are_not_read(
        "sdk",
        OPEN,
        &[SECRET, REMOTE, LOCAL, LOCAL_6, FOREIGN, admin, alike],
    );
}

#[test]
fn official_sdk_2() {
    let admin = ("read db admin", ADMIN);
    let decoded = ("read db admin", ADMIN_DECODED);
    let secret = ("read file:///secret", &["file:///secret"][..]);
    assert_denied_uris_are_not_read("sdk2", &["file:///open"], &[secret, admin, decoded]);
}

#[test]
fn fastmcp() {
    let all = [ADMIN, ADMIN_AS_BROWSERS, ADMIN_DECODED, ADMIN_BEFORE_QUERY];
    let mut denied = vec![SECRET, REMOTE, LOCAL, LOCAL_6, FOREIGN];
    denied.extend(all.map(|uris| ("read db admin", uris)));
    assert_denied_uris_are_not_read("fastmcp", OPEN, &denied);
}

/// The digest is that of the names of the application and of the tool, a NUL between them.
#[test]
fn a_tool_by_its_computed_name() {
    let Some(server) = Server::fastmcp("fastmcp") else {
        return;
    };
    let policies = [allow_everything(), deny(&tool("danger"))];
    let stage = Stage::plain(&server, &Setting::new(&policies, Paths::Rendered));
    stage.assert_each(&[
        attack("call danger", call_at("/mcp", "danger")),
        attack("call danger", call_at("/mcp", "3f689405c35e_danger")),
        honest("call safe", call_at("/mcp", "safe")),
        // Whatever it is called elsewhere: nobody can say.
        attack("call safe", call_at("/mcp", "900562a9ad2f_safe")),
    ]);
}
