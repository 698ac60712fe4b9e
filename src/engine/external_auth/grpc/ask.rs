//! What is asked about a request.

use crate::engine::external_auth::callout::Unshown;
use crate::engine::external_auth::names::is_any_of;
use crate::engine::json::RawValue;
use crate::engine::mcp::{Id, Message, Objects};
use crate::engine::policy::GrpcAuth;
use crate::engine::request::{Request, Scheme};

use super::check_request::{CheckQuestion, McpFacts, check_request};

/// Says among the headers whether the body is cut; what a client says there is nothing.
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// SECURITY: what the client writes there is not shown; the connection's is, where this Envoy
/// is the edge.
const SCHEME: &str = ":scheme";

/// The question about a request; `body` is what is shown of one.
///
/// SPEC: Gateway API, `GRPCAuthConfig`: all headers are sent, or those that are listed.
pub(in crate::engine::external_auth) fn question(
    auth: &GrpcAuth,
    request: &Request<'_>,
    body: Option<&[u8]>,
    is_partial: bool,
) -> Result<Vec<u8>, Unshown> {
    let shown = request.http.headers();
    let has_alike = match &auth.allowed_headers {
        Some(listed) => listed.iter().any(|name| shown.has_alike(name.as_bytes())),
        None => shown.have_alike(),
    };
    if has_alike {
        return Err(Unshown::Alike);
    }
    if shown.with_blanks().any(|name| auth.lists(name)) {
        return Err(Unshown::Blanks);
    }
    let scheme = request.scheme.map(Scheme::as_str);
    let only = |name: &str| shown.only(name).unwrap_or_default();
    let lines = shown.lines().filter(|(name, _)| auth.lists(name));
    let lines = lines.filter(|(name, _)| !is_any_of(name, &[PARTIAL, SCHEME]));
    let mut headers: Vec<(&[u8], &[u8])> = lines.collect();
    if let Some(scheme) = scheme.filter(|_| auth.lists(SCHEME.as_bytes())) {
        headers.push((SCHEME.as_bytes(), scheme.as_bytes()));
    }
    let partial = is_partial.to_string();
    // SECURITY: nothing of a body, unsaid, is a request without one.
    if is_partial || body.is_some_and(|body| !body.is_empty()) {
        headers.push((PARTIAL.as_bytes(), partial.as_bytes()));
    }
    let question = CheckQuestion {
        source: request.address,
        principal: request.caller.spiffe_id(),
        destination: request.destination,
        time: request.arrived,
        id: only("x-request-id"),
        method: only(":method"),
        path: only(":path"),
        host: only(":authority"),
        scheme: scheme.unwrap_or_default().as_bytes(),
        protocol: request.protocol.unwrap_or_default().as_bytes(),
        headers: &headers,
        size: request.size,
        body,
        mcp: request
            .operation
            .message()
            .map(|message| mcp(&message, request.body)),
    };
    check_request(&question)
}

/// What a message says, and with which arguments.
fn mcp<'r>(message: &Message<'r>, body: &'r [u8]) -> McpFacts<'r> {
    let call = message.call();
    let things = call.map(|call| call.objects);
    let member = |of: RawValue<'r>, name: &str| {
        let mut members = of.members();
        let is = |key: RawValue<'r>| key.string().is_some_and(|key| key == name);
        members.find_map(|(key, value)| is(key).then_some(value))
    };
    let params = member(RawValue::new(body), "params");
    let of_params = |name: &str| {
        params
            .and_then(|params| member(params, name))
            .map(RawValue::text)
    };
    let notifications = match things {
        Some(Objects::Subscriptions { .. }) => of_params("notifications"),
        _ => None,
    };
    McpFacts {
        id: message.id().map(Id::token),
        method: call.map(|call| call.name),
        thing: match things {
            Some(Objects::One(thing)) => Some(thing),
            _ => None,
        },
        arguments: of_params("arguments"),
        notifications,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::{Caller, Headers, HttpRequest, Operation};

    #[test]
    fn what_is_shown_of_less_than_the_body_says_so() {
        let headers = Headers::from_lines([(":method", "POST"), (":path", "/form")]);
        let request = Request {
            caller: &Caller::Anonymous,
            cluster: None,
            http: HttpRequest::new(&headers, None),
            operation: Operation::Http,
            body: b"",
            size: None,
            address: None,
            scheme: None,
            destination: None,
            protocol: None,
            arrived: None,
            time: None,
        };
        let auth = GrpcAuth {
            allowed_headers: Some(Vec::new()),
        };
        for (body, is_partial, expected) in [
            (None, false, None),
            (Some(&b""[..]), false, None),
            (Some(b""), true, Some("true")),
            (Some(b"a"), true, Some("true")),
            (Some(b"a"), false, Some("false")),
        ] {
            let question = question(&auth, &request, body, is_partial).unwrap();
            let says = |said: &str| {
                let line = [
                    &b"\n\x19"[..],
                    PARTIAL.as_bytes(),
                    b"\x12",
                    &[said.len() as u8],
                ];
                let line = [line.concat(), said.as_bytes().to_vec()].concat();
                question.windows(line.len()).any(|window| window == line)
            };
            let said = ["true", "false"].into_iter().find(|said| says(said));
            assert_eq!(said, expected, "{body:?} {is_partial}");
        }
    }
}
