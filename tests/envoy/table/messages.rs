//! What is refused for its body.

use super::{CALL, Case, case};
use crate::support::message::Request;

fn posted(
    why: &'static str,
    refused: impl AsRef<[u8]>,
    code: i64,
    honest: impl AsRef<[u8]>,
) -> Case {
    let (refused, honest) = (Request::mcp(refused), Request::mcp(honest));
    Case {
        code: Some(code),
        ..case(why, refused, 400, honest)
    }
}

/// What is not one JSON text that everybody reads the same way.
pub(super) fn bodies() -> Vec<Case> {
    let arguments =
        |value: &str| CALL.replace("}}", &format!(r#","arguments":{{"a":{value}}}}}}}"#));
    let bytes = |value: &[u8]| {
        let text = arguments("\"?\"").into_bytes();
        let at = text.iter().position(|byte| *byte == b'?').expect("a mark");
        [&text[..at], value, &text[at + 1..]].concat()
    };
    let nested = |depth: usize| arguments(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let after = |bytes: &str| format!("{CALL}{bytes}");
    let utf16: Vec<u8> = CALL.encode_utf16().flat_map(u16::to_be_bytes).collect();
    vec![
        posted(
            "a second message after the first",
            after(CALL),
            -32700,
            after("\r\n\t "),
        ),
        posted("rubbish after the message", after("}"), -32700, CALL),
        posted(
            "a NUL after the message: some readers end there",
            after("\0"),
            -32700,
            CALL,
        ),
        posted(
            "a byte order mark: some readers skip it",
            format!("\u{feff}{CALL}"),
            -32700,
            format!(" {CALL}"),
        ),
        posted("UTF-16: some readers detect it", utf16, -32700, CALL),
        posted(
            "a byte that is no UTF-8, in what nobody looks at",
            bytes(b"\xff"),
            -32700,
            bytes("ü".as_bytes()),
        ),
        posted(
            "an overlong form of a quote",
            bytes(b"\xc0\xa2"),
            -32700,
            arguments(r#""\"""#),
        ),
        posted(
            "half of a surrogate pair",
            arguments(r#""\ud83d""#),
            -32700,
            arguments(r#""\ud83d\ude00""#),
        ),
        posted("a comment: lax readers skip it", after("//"), -32700, CALL),
        posted("a comma too many", CALL.replace("}}", "},}"), -32700, CALL),
        posted(
            "a number that JSON does not have",
            arguments("NaN"),
            -32700,
            arguments("1e9"),
        ),
        posted(
            "a raw line break in a string",
            arguments("\"\n\""),
            -32700,
            arguments(r#""\n""#),
        ),
        posted(
            "nested too deeply for some readers",
            nested(100),
            -32600,
            nested(50),
        ),
        posted("nothing at all", "", -32700, CALL),
        posted(
            "the last brace is missing",
            &CALL[..CALL.len() - 1],
            -32700,
            CALL,
        ),
    ]
}

/// What is JSON, and not one message that everybody reads the same way.
pub(super) fn messages() -> Vec<Case> {
    let with = |from: &str, to: &str| CALL.replace(from, to);
    let honest = || CALL.to_owned();
    let cases = [
        (
            "a batch: the second call is judged by nobody",
            format!("[{CALL},{CALL}]"),
            honest(),
        ),
        ("a batch of one", format!("[{CALL}]"), honest()),
        ("a scalar", "\"tools/call\"".to_owned(), honest()),
        (
            "two methods: first-wins against last-wins",
            with("\"id\"", "\"method\":\"ping\",\"id\""),
            honest(),
        ),
        (
            "two names, one of them escaped",
            with("\"echo\"", r#""echo","n\u0061me":"other""#),
            with("name", r"n\u0061me"),
        ),
        ("two ids", with("\"id\":7", "\"id\":7,\"id\":8"), honest()),
        (
            "two keys among the arguments",
            with("\"echo\"", r#""echo","arguments":{"a":1,"\u0061":2}"#),
            with("\"echo\"", r#""echo","arguments":{"a":1,"A":2}"#),
        ),
        (
            "a key in another case: some readers match it",
            with("\"echo\"", r#""echo","Name":"other""#),
            with("\"echo\"", r#""echo","title":"other""#),
        ),
        (
            "a key with a long s: some readers fold it",
            with("\"id\"", r#""paramſ":{"name":"other"},"id""#),
            honest(),
        ),
        (
            "a key that ends in NUL: some readers end there",
            with("\"echo\"", r#""echo","name\u0000":"other""#),
            honest(),
        ),
        (
            "a key that changes every object",
            with("\"id\"", r#""__proto__":{"method":"ping"},"id""#),
            honest(),
        ),
        (
            "a method and a result at once",
            with("\"id\"", "\"result\":{},\"id\""),
            r#"{"jsonrpc":"2.0","id":7,"result":{}}"#.to_owned(),
        ),
        (
            "an id that readers round",
            with(":7", ":7.5"),
            with(":7", ":9007199254740993"),
        ),
        (
            "an id that is no id",
            with(":7", ":null"),
            with(":7", r#":"7""#),
        ),
        (
            "a call dressed as a notification",
            with("\"id\":7,", ""),
            honest(),
        ),
        (
            "a notification that asks for an answer",
            with("tools/call", "notifications/x"),
            r#"{"jsonrpc":"2.0","method":"notifications/x"}"#.to_owned(),
        ),
        ("no version of JSON-RPC", with("\"2.0\"", "2.0"), honest()),
    ];
    let invalid = cases
        .into_iter()
        .map(|(why, refused, honest)| posted(why, refused, -32600, honest));
    let params = [
        (
            "params by position: who reads which?",
            with(r#"{"name":"echo"}"#, r#"["echo"]"#),
        ),
        (
            "a list for a name: some readers take the first",
            with("\"echo\"", r#"["echo","other"]"#),
        ),
        ("no name", with("name", "title")),
        ("an empty name", with("\"echo\"", "\"\"")),
        (
            "a NUL in the name: some readers end there",
            with("\"echo\"", r#""echo\u0000""#),
        ),
    ];
    let params = params
        .into_iter()
        .map(|(why, refused)| posted(why, refused, -32602, CALL));
    invalid.chain(params).collect()
}
