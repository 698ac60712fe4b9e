//! Requests: honest ones, and some by which an attacker would try.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::words::{
    ADDRESSES, ASKED_URIS, AUTHORITIES, CALLERS, CLUSTERS, HEADER_NAMES, HEADER_VALUES,
    HTTP_METHODS, MCP_PATHS, NAMING, NONSENSE, OTHER_PATHS, OVERRIDING, PORTS, PROMPTS, QUERIES,
    SAYING, TASKS, TOOLS, TYPES,
};
use crate::request::{Asks, Request};

/// A request to where every path carries MCP, or only one.
pub fn request(every_path: bool) -> impl Strategy<Value = Request> {
    let header = (select(&HEADER_NAMES[..]), select(&HEADER_VALUES[..]));
    let header = prop_oneof![4 => header, 1 => select(&OVERRIDING[..]), 1 => select(&NAMING[..])];
    let header = header.prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    (
        weighted(0.8, select(&CALLERS[..])),
        weighted(0.93, select(&CLUSTERS[..])),
        weighted(0.93, select(&PORTS[..])),
        weighted(
            0.95,
            prop_oneof![1 => Just("a.tools.example"), 1 => select(&AUTHORITIES[..])],
        ),
        weighted(0.9, (select(&ADDRESSES[..]), any::<bool>())),
        vec(header, 0..=2),
        (
            line(every_path),
            weighted(0.1, select(&QUERIES[..])),
            weighted(0.05, select(&SAYING[..])),
            weighted(0.3, select(&TYPES[..])),
        ),
    )
        .prop_map(
            |(
                caller,
                cluster,
                port,
                authority,
                from,
                headers,
                ((method, path, asks), query, saying, content),
            )| {
                let query = query.filter(|_| !path.contains('?'));
                // Messages have a type of their own.
                let content = content.filter(|_| asks == Asks::Http);
                let saying = saying
                    .or(content)
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                Request {
                    caller: caller.map(str::to_owned),
                    cluster: cluster.map(str::to_owned),
                    port: port.map(u64::from),
                    connection: from.map(|(address, tls)| (address.to_owned(), tls)),
                    method: method.to_owned(),
                    path: format!("{path}{}", query.unwrap_or_default()),
                    authority: authority.map(str::to_owned),
                    headers: headers
                        .into_iter()
                        .chain(saying)
                        .chain(late(&asks))
                        .collect(),
                    asks,
                }
            },
        )
}

/// Some responses say that their version has none.
fn late(asks: &Asks) -> Option<(String, String)> {
    let Asks::Message(message) = asks else {
        return None;
    };
    let version = || ("mcp-protocol-version".to_owned(), "2026-07-28".to_owned());
    message.get("error").map(|_| version())
}

/// Method, path and what they ask.
fn line(every_path: bool) -> BoxedStrategy<(&'static str, &'static str, Asks)> {
    let mcp = || {
        let others: &[&str] = if every_path { &OTHER_PATHS } else { &["/mcp"] };
        prop_oneof![2 => Just("/mcp"), 2 => select(&MCP_PATHS[..]), 1 => select(others)]
    };
    let http = (select(&HTTP_METHODS[..]), select(&OTHER_PATHS[..]))
        .prop_map(|(method, path)| (method, path, Asks::Http));
    let posted =
        (message(), mcp()).prop_map(|(message, path)| ("POST", path, Asks::Message(message)));
    let bare = [
        ("GET", Asks::Get),
        ("DELETE", Asks::Delete { session: true }),
        ("DELETE", Asks::Delete { session: false }),
        ("OPTIONS", Asks::Options),
    ];
    let bare =
        (select(bare.to_vec()), mcp()).prop_map(|((method, asks), path)| (method, path, asks));
    let nonsense = (
        select(&NONSENSE[..]),
        select(&["POST", "POST", "PUT", "PATCH"][..]),
        mcp(),
    );
    let nonsense = nonsense.prop_map(|(body, method, path)| {
        let body = body.to_owned();
        (method, path, Asks::Nonsense { body })
    });
    // Where every path carries MCP, nothing is anything else.
    let http = if every_path {
        bare.clone().boxed()
    } else {
        http.boxed()
    };
    prop_oneof![12 => posted, 3 => http, 2 => bare, 1 => nonsense].boxed()
}

/// A message, with something in it sometimes that some server reads otherwise.
fn message() -> BoxedStrategy<Value> {
    let tool = |key: &'static str| select(&TOOLS[..]).prop_map(move |name| (key, json!(name)));
    let member = select(vec![
        ("x", json!(1)),
        ("_json", json!([])),
        ("tool", json!("sum")),
    ]);
    let param = prop_oneof![
        tool("tool"),
        tool("toolName"),
        tool("tool_name"),
        Just(("tool", json!({}))),
        Just(("args", json!({}))),
    ];
    (
        plain_message(),
        weighted(0.05, member),
        weighted(0.1, param),
    )
        .prop_map(|(mut message, member, param)| {
            if let Some((key, value)) = member {
                message[key] = value;
            }
            if let (Some((key, value)), Some(params)) = (param, message.get_mut("params")) {
                params[key] = value;
            }
            message
        })
        .boxed()
}

/// A message that everybody reads in the same way.
fn plain_message() -> BoxedStrategy<Value> {
    let call = |method: &'static str, params: BoxedStrategy<Value>| {
        let id = prop_oneof![Just(json!(1)), Just(json!("x"))];
        (id, params).prop_map(move |(id, params)| {
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        })
    };
    let name =
        |names: &'static [&str]| select(names).prop_map(|name| json!({"name": name})).boxed();
    let uri = || {
        select(&ASKED_URIS[..])
            .prop_map(|uri| json!({"uri": uri}))
            .boxed()
    };
    let task = select(&TASKS[..]).prop_map(|id| json!({"taskId": id, "name": "echo"}));
    prop_oneof![
        6 => call("tools/call", name(&TOOLS)),
        3 => call("prompts/get", name(&PROMPTS)),
        3 => call("resources/read", uri()),
        2 => call("resources/subscribe", uri()),
        1 => call("resources/unsubscribe", uri()),
        4 => call("completion/complete", completed().boxed()),
        3 => call("subscriptions/listen", heard().boxed()),
        1 => call("tasks/get", task.boxed()),
        5 => without_thing(),
        2 => select(vec![
            json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
            json!({"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "tools/call"}}),
        ]),
    ]
    .boxed()
}

/// What `completion/complete` is asked about.
fn completed() -> BoxedStrategy<Value> {
    let prompt = select(&PROMPTS[..]).prop_map(|name| json!({"type": "ref/prompt", "name": name}));
    let uri = select(&ASKED_URIS[..]).prop_map(|uri| json!({"type": "ref/resource", "uri": uri}));
    prop_oneof![prompt, uri]
        .prop_map(|what| json!({"ref": what, "argument": {"name": "n", "value": "v"}}))
        .boxed()
}

/// What `subscriptions/listen` names.
fn heard() -> BoxedStrategy<Value> {
    let tasks = prop_oneof![4 => Just(vec![]), 1 => Just(vec![TASKS[0]])];
    let changes = select(&[Value::Null, json!(false), json!(true)][..]);
    (
        subsequence(ASKED_URIS.to_vec(), 0..=3).prop_shuffle(),
        tasks,
        changes,
    )
        .prop_map(|(uris, tasks, changes)| {
            json!({"notifications": {
                "resourceSubscriptions": uris, "taskIds": tasks, "toolsListChanged": changes,
            }})
        })
        .boxed()
}

/// Messages that name nothing; notifications among them, which have no id.
fn without_thing() -> BoxedStrategy<Value> {
    let method = select(
        &[
            "initialize",
            "server/discover",
            "ping",
            "logging/setLevel",
            "logging/other",
            "completion/other",
            "notifications/initialized",
            "notifications/other",
            "tools/list",
            "prompts/list",
            "resources/list",
            "resources/templates/list",
            "tools/other",
            "prompts/other",
            "resources/other/echo",
            "srv/echo/run",
            "mcp.echo",
            "tasks/list",
            "tools",
            "other",
        ][..],
    );
    let named = prop_oneof![9 => Just(json!("echo")), 1 => Just(json!(["echo"]))];
    (method, named).prop_map(|(method, name)| {
        if method.starts_with("notifications/") {
            return json!({"jsonrpc": "2.0", "method": method, "params": {"name": name}});
        }
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": name, "uri": "a://1"}})
    })
.boxed()
}
