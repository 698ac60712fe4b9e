use super::*;
use crate::engine::mcp::headers::Claim;

fn read(body: &str) -> Result<String, MessageError> {
    read_with(body, Claims::default())
}

/// Reads a body split at every place, and describes the message.
fn read_with(body: &str, claims: Claims<'_>) -> Result<String, MessageError> {
    let mut envelope = MessageReader::new(16);
    envelope.name_resources(true);
    let mut first = None;
    for split in 0..=body.len() {
        envelope.reset();
        let (left, right) = body.as_bytes().split_at(split);
        let result = envelope
            .push(left)
            .and_then(|()| envelope.push(right))
            .and_then(|()| envelope.message(&claims).map(describe))
            .map_err(|(fault, _)| fault);
        assert_eq!(
            *first.get_or_insert_with(|| result.clone()),
            result,
            "split at {split}"
        );
    }
    first.unwrap()
}

fn describe(message: Message<'_>) -> String {
    let id = message
        .id()
        .map_or("-", |id| std::str::from_utf8(id.token()).unwrap());
    let Some(call) = message.call() else {
        return "response".to_owned();
    };
    let things: Vec<_> = call
        .objects
        .iter()
        .map(|thing| format!("{thing:?}"))
        .collect();
    let name = call.resource_name.map(|name| format!("called {name}"));
    let things: Vec<_> = things.into_iter().chain(name).collect();
    format!("{id} {:?} {} {}", call.method, call.name, things.join(" "))
        .trim_end()
        .to_owned()
}

#[test]
fn messages() {
    for (body, expected) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#,
            r#"1 ToolsCall tools/call Tool("echo")"#,
        ),
        (
            r#"{"params":{"arguments":{"name":"x","name2":{}},"name":"\u0065cho"},"method":"tools\/call","id":"a\u0062","jsonrpc":"2.0"}"#,
            r#""a\u0062" ToolsCall tools/call Tool("echo")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":-12345678901234567890,"method":"ping"}"#,
            "-12345678901234567890 Ping ping",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","uri":"u"}}"#,
            r#"1 PromptsGet prompts/get Prompt("p")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"p","uri":"a://u"}}"#,
            r#"1 ResourcesRead resources/read Resource("a://u") called p"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u","name":"\u0070"}}"#,
            r#"1 ResourcesSubscribe resources/subscribe Resource("u") called p"#,
        ),
        // What is no name calls nothing anything.
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"u","name":""}}"#,
            r#"1 ResourcesRead resources/read Resource("u")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"u","name":"p\n"}}"#,
            r#"1 ResourcesRead resources/read Resource("u")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"u","name":["p"]}}"#,
            r#"1 ResourcesRead resources/read Resource("u")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a"}}}"#,
            r#"1 CompletionComplete completion/complete Prompt("p")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"u","name":"u"}}}"#,
            r#"1 CompletionComplete completion/complete Resource("u")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["t"],"resourceSubscriptions":["a","b"],"toolsListChanged":true}}}"#,
            r#"1 SubscriptionsListen subscriptions/listen Resource("a") Resource("b") Task("t")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}"#,
            "1 SubscriptionsListen subscriptions/listen",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}}"#,
            r#"1 Task tasks/get Task("t")"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "- Initialized notifications/initialized",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/other"}"#,
            "- Notification notifications/other",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/other","params":{"name":3}}"#,
            "1 OtherTools tools/other",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call","Method":1}}"#,
            "response",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#,
            "response",
        ),
    ] {
        assert_eq!(read(body).as_deref(), Ok(expected), "{body}");
    }
}

/// A flag of one stream must not reach the next one that reads with the same memory.
#[test]
fn unknown_members_pass_where_they_are_told_to() {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping","x":{}}"#;
    let mut envelope = MessageReader::new(16);
    for pass in [false, true, false] {
        envelope.pass_unknown_members(pass);
        for _ in 0..2 {
            envelope.reset();
            let read = envelope.push(body).map_err(|(fault, offset)| {
                assert_eq!(offset, Some(40));
                fault
            });
            let expected = if pass {
                Ok(())
            } else {
                Err(MessageError::UnknownMember)
            };
            assert_eq!(read, expected);
        }
    }
}

#[test]
fn faults() {
    use MessageError::*;
    for (body, expected) in [
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Batch),
        ("[]", Batch),
        ("\"tools/call\"", NotAnObject),
        ("1", NotAnObject),
        ("null", NotAnObject),
        ("{}", JsonRpcVersion),
        (r#"{"jsonrpc":"2","id":1,"method":"ping"}"#, JsonRpcVersion),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, JsonRpcVersion),
        (
            r#"{"jsonrpc":"2.0 ","id":1,"method":"ping"}"#,
            JsonRpcVersion,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, MethodType),
        (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, MethodType),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, IdType),
        (r#"{"jsonrpc":"2.0","id":1e1,"method":"ping"}"#, IdType),
        (r#"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#, IdType),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, IdType),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, IdType),
        (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#, IdType),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            ParamsType,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#,
            ParamsType,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            MethodAndResult,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}"#,
            MethodAndResult,
        ),
        (r#"{"jsonrpc":"2.0","id":1}"#, NoMessage),
        (r#"{"jsonrpc":"2.0","result":{}}"#, NoMessage),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            NoMessage,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#,
            IdMissing,
        ),
        (r#"{"jsonrpc":"2.0","method":"ping"}"#, IdMissing),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#,
            IdUnexpected,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"notifications/other"}"#,
            IdUnexpected,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["echo"]}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"uri":"echo"}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"echo"}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo\u0000"}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"e\ncho"}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/tool","name":"p"}}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":"p"}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"name":"t"}}"#,
            ThingMissing,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":[]}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":"t"}}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":[["t"]]}}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["t",""]}}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a\u0000b"]}}}"#,
            ThingInvalid,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping","params":{"name":"echo"}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"x"}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Arguments":{}}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","__proto__":{}}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"IO.modelcontextprotocol/protocolVersion":""}}}"#,
            AmbiguousKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"ref":{"Type":""}}}"#,
            AmbiguousKey,
        ),
    ] {
        assert_eq!(read(body), Err(expected), "{body}");
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
const CALL_2026: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const RESPONSE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

/// Header values; `-` is absent, `+` is repeated.
fn claims([method, name, version]: [&'static str; 3]) -> Claims<'static> {
    let claim = |value: &'static str| match value {
        "-" => Claim::Absent,
        "+" => Claim::Repeated,
        value => Claim::Once(value.as_bytes()),
    };
    Claims {
        method: claim(method),
        name: claim(name),
        version: claim(version),
    }
}

#[test]
fn headers_agree_with_the_body() {
    for (body, headers) in [
        (CALL, ["-", "-", "-"]),
        (CALL, ["-", "-", "2025-06-18"]),
        (CALL, ["tools/call", "echo", "2025-11-25"]),
        (CALL, ["-", "=?base64?ZWNobw==?=", "-"]),
        (CALL_2026, ["tools/call", "echo", "2026-07-28"]),
        (PING, ["ping", "-", "-"]),
        (RESPONSE, ["-", "-", "2025-11-25"]),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"name":"n"}}"#,
            ["x/y", "n", "-"],
        ),
    ] {
        assert!(
            read_with(body, claims(headers)).is_ok(),
            "{body} {headers:?}"
        );
    }
}

#[test]
fn headers_that_disagree() {
    use MessageError::{HeaderMismatch as Mismatch, HeaderMissing as Missing};
    for (body, headers, expected) in [
        (CALL, ["tools/list", "-", "-"], Mismatch),
        (CALL, ["Tools/Call", "-", "-"], Mismatch),
        (CALL, ["", "-", "-"], Mismatch),
        (CALL, ["+", "-", "-"], Mismatch),
        (CALL, ["-", "get-sum", "-"], Mismatch),
        (CALL, ["-", "=?base64?Z2V0LXN1bQ==?=", "-"], Mismatch),
        (CALL, ["-", "+", "-"], Mismatch),
        (CALL, ["-", "-", "+"], Mismatch),
        (CALL, ["-", "echo", "2026-07-28"], Missing),
        (CALL, ["tools/call", "-", "2026-07-28"], Missing),
        (
            CALL,
            ["tools/call", "echo", "2026-07-28"],
            MessageError::VersionMissing,
        ),
        (CALL_2026, ["tools/call", "echo", "-"], Missing),
        (CALL_2026, ["tools/call", "echo", "2025-11-25"], Mismatch),
        (CALL_2026, ["tools/call", "-", "2026-07-28"], Missing),
        (CALL_2026, ["-", "echo", "2026-07-28"], Missing),
        (PING, ["-", "echo", "-"], Mismatch),
        (RESPONSE, ["tools/call", "-", "-"], Mismatch),
        (RESPONSE, ["-", "echo", "-"], Mismatch),
    ] {
        assert_eq!(
            read_with(body, claims(headers)),
            Err(expected),
            "{body} {headers:?}"
        );
    }
}

#[test]
fn a_subscription_names_so_many_things_and_no_more() {
    let listen = |count: usize| {
        let uris = vec!["\"a\""; count].join(",");
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":[{uris}]}}}}}}"#
        )
    };
    let read = |text: String| {
        let mut envelope = MessageReader::new(8);
        envelope.push(text.as_bytes()).unwrap();
        envelope.message(&Claims::default()).map(|_| ())
    };
    assert_eq!(read(listen(256)), Ok(()));
    assert_eq!(read(listen(257)), Err((MessageError::TooManyThings, None)));
}
