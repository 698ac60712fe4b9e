//! A real policy engine finds in our questions what its policies are about.

use accesspolicy::engine::external_auth::CalloutVerdict;
use accesspolicy::engine::external_auth::grpc::{
    CheckQuestion, McpFacts, check_request, read_check_response,
};
use accesspolicy::engine::mcp::Object;

use crate::authorizer::Act;
use crate::authorizer::cerbos::Cerbos;
use crate::authorizer::grpc::GrpcAuthorizer;
use crate::scripted::call;
use crate::support::root;

#[test]
fn cerbos() {
    let Some(engine) = Cerbos::start(&root().join("tests/authorizers/cerbos")) else {
        return;
    };
    let authorizer =
        GrpcAuthorizer::start(move |asked| Act::Answer(Ok(engine.decide(&asked.check))));
    const WEATHER: &str = "spiffe://cluster.local/ns/agents/sa/weather";
    const OTHER: &str = "spiffe://cluster.local/ns/agents/sa/other";
    const CALL: &str = "tools/call";
    const TOOL: &str = "get_weather";
    const OSLO: &str = r#"{"city":"\u004fslo","times":3}"#;
    for (caller, method, tool, arguments, is_allowed) in [
        (Some(WEATHER), CALL, TOOL, OSLO, true),
        (Some(OTHER), CALL, TOOL, OSLO, false),
        (None, CALL, TOOL, OSLO, false),
        (Some(WEATHER), "prompts/get", TOOL, OSLO, false),
        (Some(WEATHER), CALL, "set_weather", OSLO, false),
        (
            Some(WEATHER),
            CALL,
            TOOL,
            r#"{"city":"Rome","times":3}"#,
            false,
        ),
        (
            Some(WEATHER),
            CALL,
            TOOL,
            r#"{"city":"Oslo","times":1e300}"#,
            false,
        ),
        (Some(WEATHER), CALL, TOOL, "{}", false),
    ] {
        let question = CheckQuestion {
            principal: caller,
            mcp: Some(McpFacts {
                id: Some(b"1"),
                method: Some(method),
                thing: Some(Object::Tool(tool)),
                arguments: Some(arguments.as_bytes()),
                ..McpFacts::default()
            }),
            ..CheckQuestion::default()
        };
        let question = check_request(&question).expect("a question");
        let (status, message) = call(&authorizer, &question).expect("an answer");
        assert_eq!(status, "0");
        let verdict = read_check_response(&message);
        let what = format!("{caller:?} {method} {tool} {arguments}: {verdict:?}");
        assert_eq!(
            matches!(verdict, CalloutVerdict::Allow(_)),
            is_allowed,
            "{what}"
        );
    }
}
