//! The question: `envoy.service.auth.v3.CheckRequest`.

use std::borrow::Cow;

use crate::engine::external_auth::Unshown;
use crate::engine::mcp::Object;

use super::struct_value::json;
use super::writer::Writer;

/// How many containers deep the arguments of a call may be nested.
///
/// SECURITY: readers of protobuf bound how deep messages are nested, most of them at
/// 100, of which each object takes three. A question beyond that would be an error of
/// the authorizer's, which a policy may allow, so it must not be asked.
pub const ARGUMENTS_DEPTH: usize = 28;

/// What an authorizer is to know. Header values, paths and bodies are bytes as they
/// came; where protobuf wants text, each byte that is not UTF-8 becomes `!`, as Envoy
/// has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckQuestion<'r> {
    /// Where the connection comes from, as Envoy writes addresses: `10.0.0.1:4711`,
    /// `[::1]:4711`, or the path of a socket.
    pub source: Option<&'r str>,
    /// The caller's SPIFFE ID.
    pub principal: Option<&'r str>,
    /// Where the connection goes to, likewise.
    pub destination: Option<&'r str>,
    /// When the request arrived, in nanoseconds since 1970.
    pub time: Option<u64>,
    /// What the request is called in logs.
    pub id: &'r [u8],
    /// The HTTP method.
    pub method: &'r [u8],
    /// Path and query.
    pub path: &'r [u8],
    /// The `:authority`.
    pub host: &'r [u8],
    /// The scheme: `http` or `https`.
    pub scheme: &'r [u8],
    /// The protocol: `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'r [u8],
    /// The header lines that are sent, names in lower case, those with a colon among
    /// them. Lines of one name are joined with `,`. What a client sends under the name
    /// that says whether the body is cut has to be left out.
    pub headers: &'r [(&'r [u8], &'r [u8])],
    /// The length of the whole body in bytes, if it is known.
    pub size: Option<u64>,
    /// The body, as far as it is sent. That not all of it is must be said among the
    /// headers.
    pub body: Option<&'r [u8]>,
    /// The MCP message, if there is one.
    pub mcp: Option<McpFacts<'r>>,
}

/// An MCP message, in the form in which other filters leave it as metadata.
#[derive(Debug, Clone, Copy, Default)]
pub struct McpFacts<'r> {
    /// The id of a JSON-RPC request: the very token, which the reader took.
    pub id: Option<&'r [u8]>,
    /// The method, unless it is a response.
    pub method: Option<&'r str>,
    /// What is acted on, when it is one thing.
    pub thing: Option<Object<'r>>,
    /// `params.arguments`: the text of a JSON value, which the reader took.
    pub arguments: Option<&'r [u8]>,
    /// `params.notifications` of a subscription, likewise: what it is to.
    pub notifications: Option<&'r [u8]>,
}

/// The longest question, in bytes.
///
/// SECURITY: libraries take no longer messages unless they are told to (4 MiB, most of
/// them), and arguments grow where they become protobuf. A question beyond that would be
/// an error of the authorizer's, which a policy may allow, so it must not be asked.
pub const QUESTION_LIMIT: usize = 4_000_000;

/// Under which names the configurations of authorizers look for the MCP message; the
/// second is that of Envoy's own MCP filter.
const METADATA: [&str; 2] = ["mcp_proxy", "envoy.filters.http.mcp"];

/// The serialized message.
///
/// # Errors
/// When it would be longer than [`QUESTION_LIMIT`], the arguments are nested deeper than
/// [`ARGUMENTS_DEPTH`], or they have a number that is no double (or the id or the arguments
/// are no JSON, which a message that was read cannot have). There is no question then, and
/// the request must be refused, whatever is done about errors.
pub fn check_request(question: &CheckQuestion<'_>) -> Result<Vec<u8>, Unshown> {
    if question
        .body
        .is_some_and(|body| body.len() > QUESTION_LIMIT)
    {
        return Err(Unshown::TooLarge);
    }
    let mut writer = Writer::default();
    writer.open(1); // attributes
    peer(&mut writer, 1, question.source, question.principal);
    peer(&mut writer, 2, question.destination, None);
    writer.open(4); // request
    if let Some(time) = question.time {
        timestamp(&mut writer, time);
    }
    http(&mut writer, question);
    writer.close();
    writer.open(11); // metadata_context
    if let Some(mcp) = &question.mcp {
        for name in METADATA {
            writer.open(1); // filter_metadata
            writer.bytes(1, name.as_bytes());
            writer.open(2);
            message(&mut writer, mcp)?;
            writer.close();
            writer.close();
        }
    }
    match writer.finish() {
        long if long.len() > QUESTION_LIMIT => Err(Unshown::TooLarge),
        message => Ok(message),
    }
}

fn peer(writer: &mut Writer, field: u32, address: Option<&str>, principal: Option<&str>) {
    writer.open(field);
    if let Some(address) = address {
        writer.open(1); // address
        match address_and_port(address) {
            Some((address, port)) => {
                writer.open(1); // socket_address
                writer.text(2, address.as_bytes());
                writer.number(3, u64::from(port));
            }
            None => {
                writer.open(2); // pipe
                writer.text(1, address.as_bytes());
            }
        }
        writer.close();
        writer.close();
    }
    writer.text(4, principal.unwrap_or_default().as_bytes());
    writer.close();
}

fn address_and_port(text: &str) -> Option<(&str, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
    Some((bare.unwrap_or(address), port.parse().ok()?))
}

fn timestamp(writer: &mut Writer, nanoseconds: u64) {
    const SECOND: u64 = 1_000_000_000;
    writer.open(1); // time
    writer.number(1, nanoseconds / SECOND);
    writer.number(2, nanoseconds % SECOND);
    writer.close();
}

fn http(writer: &mut Writer, question: &CheckQuestion<'_>) {
    writer.open(2); // http
    writer.text(1, text(question.id).as_bytes());
    writer.text(2, text(question.method).as_bytes());
    headers(writer, question.headers);
    writer.text(4, text(question.path).as_bytes());
    writer.text(5, text(question.host).as_bytes());
    writer.text(6, text(question.scheme).as_bytes());
    // SPEC: -1 when it is not known, which is all bits set.
    writer.number(9, question.size.unwrap_or(u64::MAX));
    writer.text(10, text(question.protocol).as_bytes());
    if let Some(body) = question.body {
        let sent = text(body);
        writer.text(11, sent.as_bytes());
        // SECURITY: where `!` stands for other bytes, those are there to be judged too.
        if matches!(sent, Cow::Owned(_)) {
            writer.bytes(12, body); // raw_body
        }
    }
    writer.close();
}

fn headers(writer: &mut Writer, lines: &[(&[u8], &[u8])]) {
    for (index, (name, _)) in lines.iter().enumerate() {
        let (before, from_here) = lines.split_at_checked(index).unwrap_or_default();
        if before.iter().any(|(other, _)| other == name) {
            continue;
        }
        let same = from_here.iter().filter(|(other, _)| other == name);
        let values: Vec<&[u8]> = same.map(|(_, value)| *value).collect();
        writer.open(3);
        writer.bytes(1, text(name).as_bytes());
        writer.bytes(2, text(&values.join(&b',')).as_bytes());
        writer.close();
    }
}

/// The message as the fields of a `Struct`.
fn message(writer: &mut Writer, mcp: &McpFacts<'_>) -> Result<(), Unshown> {
    string(writer, "jsonrpc", "2.0");
    if let Some(id) = mcp.id {
        begin(writer, "id");
        json(writer, 2, id, 0)?;
        writer.close();
    }
    if let Some(method) = mcp.method {
        string(writer, "method", method);
    }
    let containers = [
        ("arguments", mcp.arguments),
        ("notifications", mcp.notifications),
    ];
    if mcp.thing.is_none() && containers.iter().all(|(_, text)| text.is_none()) {
        return Ok(());
    }
    begin(writer, "params");
    writer.open(2); // value
    writer.open(5); // struct_value
    if let Some(thing) = mcp.thing {
        let key = match thing {
            Object::Tool(_) | Object::Prompt(_) => "name",
            Object::Resource(_) => "uri",
            Object::Task(_) => "taskId",
        };
        string(writer, key, thing.as_str());
    }
    for (key, text) in containers {
        if let Some(text) = text {
            begin(writer, key);
            json(writer, 2, text, ARGUMENTS_DEPTH)?;
            writer.close();
        }
    }
    writer.close();
    writer.close();
    writer.close();
    Ok(())
}

/// Begins a member of a `Struct`.
fn begin(writer: &mut Writer, key: &str) {
    writer.open(1); // fields
    writer.bytes(1, key.as_bytes());
}

fn string(writer: &mut Writer, key: &str, value: &str) {
    begin(writer, key);
    writer.open(2); // value
    writer.bytes(3, value.as_bytes());
    writer.close();
    writer.close();
}

/// The bytes as text: each that is not UTF-8 is a `!`.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '!'));
    }
    Cow::Owned(text)
}
