//! `identity.from: Metadata` behind Envoy's own `jwt_authn`, which verifies tokens and
//! leaves their claims in metadata.

use serde_json::{Value, json};

use crate::identity::{A, B, assert_caller, rules};
use crate::setup::{Mode, PROTOCOLS, Stage, call, compiled, is_denied, speaking};
use crate::support::config::Listener;
use crate::support::envoy::Options;
use crate::support::message::Request;
use crate::support::tokens::{Issuer, encode};

/// Listeners: where the name is, and whether a bad token is refused by Envoy (`strict`)
/// or taken for none.
const LISTENERS: [(&str, bool, &[&str]); 5] = [
    ("strict", true, &["payload", "sub"]),
    ("lenient", false, &["payload", "sub"]),
    ("claim", true, &["payload", "who"]),
    ("nested", true, &["payload", "a.b", "c"]),
    ("whole", true, &["payload"]),
];

struct Desk {
    stage: Stage,
    issuer: Issuer,
}

impl Desk {
    fn open(rules: &Value) -> Self {
        let issuer = Issuer::default();
        let listeners = LISTENERS.map(|(name, _, path)| {
            let metadata = json!({"namespace": "envoy.filters.http.jwt_authn", "path": path});
            let over = json!({"identity": {"from": "Metadata", "metadata": metadata}});
            Listener::plain(name)
                .filter(Mode::Hold.filter(&compiled(rules, Mode::Hold, &over)))
                .route("/", "everything")
        });
        let stage = Stage::start_with(listeners.to_vec(), Options::default(), |manager| {
            let strict = LISTENERS
                .iter()
                .any(|(name, strict, _)| *strict && manager["stat_prefix"] == *name);
            let filters = manager["http_filters"].as_array_mut().expect("filters");
            filters.insert(0, verifier(&issuer, strict));
        });
        Self { stage, issuer }
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.token(&json!({"sub": subject}))
    }

    /// `caller` is who the filter must take the bearer of a token for.
    fn assert_bearer(&self, what: &str, listener: &str, token: &str, caller: Option<&str>) {
        let client = self.stage.client(listener);
        let bearer = format!("Bearer {token}");
        let what = format!("{what} {listener}");
        assert_caller(
            &self.stage,
            &what,
            &client,
            &[("authorization", &bearer)],
            caller,
        );
    }

    /// Envoy refuses the token before the filter hears of it.
    fn assert_refused(&self, what: &str, listener: &str, token: &str) {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&self.stage.client(listener), protocol);
            let request =
                Request::mcp(call("a")).header("authorization", format!("Bearer {token}"));
            let answer = client.send(&request).expect("an answer");
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            assert_eq!(answer.header("x-accesspolicy-decision-id"), None, "{what}");
        }
        assert_eq!(self.stage.recorder.requests_when_quiet().len(), 0, "{what}");
    }
}

/// `jwt_authn`: a token is the issuer's, or there is none.
fn verifier(issuer: &Issuer, strict: bool) -> Value {
    let without = if strict {
        "allow_missing"
    } else {
        "allow_missing_or_failed"
    };
    let requirements = json!([{"provider_name": "issuer"}, {without: {}}]);
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"issuer": {
                "issuer": Issuer::NAME,
                "local_jwks": {"inline_string": issuer.keys()},
                "payload_in_metadata": "payload",
            }},
            "rules": [{
                "match": {"prefix": "/"},
                "requires": {"requires_any": {"requirements": requirements}},
            }],
        },
    })
}

#[test]
fn the_subject_of_a_token() {
    let desk = Desk::open(&rules());
    for listener in ["strict", "lenient"] {
        desk.assert_bearer("a", listener, &desk.token(A), Some(A));
        desk.assert_bearer("b", listener, &desk.token(B), Some(B));
        desk.assert_bearer(
            "c",
            listener,
            &desk.token("spiffe://d/c"),
            Some("spiffe://d/c"),
        );
        desk.assert_bearer("no id", listener, &desk.token("a"), None);
        desk.assert_bearer("no subject", listener, &desk.issuer.token(&json!({})), None);
        let client = desk.stage.client(listener);
        assert_caller(
            &desk.stage,
            &format!("no token {listener}"),
            &client,
            &[],
            None,
        );
    }
}

#[test]
fn a_token_that_is_not_the_issuers() {
    let desk = Desk::open(&rules());
    let good = desk.token(B);
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}")
    };
    let claims = encode(
        json!({"iss": Issuer::NAME, "sub": A})
            .to_string()
            .as_bytes(),
    );
    let unsigned = encode(br#"{"alg":"none"}"#);
    for (what, token) in [
        ("other claims", format!("{header}.{claims}.{signature}")),
        ("no signature", format!("{header}.{claims}.")),
        ("no algorithm", format!("{unsigned}.{claims}.")),
        (
            "another issuer",
            Issuer::default().token(&json!({"sub": A})),
        ),
        (
            "an old token",
            desk.issuer.token(&json!({"sub": A, "exp": 1})),
        ),
        (
            "a subject that is no text",
            desk.issuer.token(&json!({"sub": [A]})),
        ),
    ] {
        desk.assert_refused(what, "strict", &token);
        desk.assert_bearer(what, "lenient", &token, None);
        desk.stage.recorder.clear();
    }
}

/// Envoy hands the filter any value as bytes: of those, only a text is a name.
#[test]
fn a_claim_of_another_kind() {
    let desk = Desk::open(&rules());
    for (what, claim, caller) in [
        ("a text", json!(A), Some(A)),
        ("another text", json!(B), Some(B)),
        ("an empty text", json!(""), None),
        ("a text with a blank", json!(format!(" {A}")), None),
        ("a text with a nul", json!(format!("{A}\0")), None),
        ("null", Value::Null, None),
        ("a boolean", json!(true), None),
        ("a number", json!(7), None),
        // Its bytes are those of a text.
        (
            "a number like a text",
            json!(f64::from_le_bytes(*b"spiffe:/")),
            None,
        ),
        ("a list", json!([A]), None),
        ("a list of lists", json!([[A]]), None),
        ("an object", json!({"who": A}), None),
        ("an object with a name as key", json!({A: ""}), None),
        ("an object without key", json!({"": A}), None),
    ] {
        let token = desk.issuer.token(&json!({"who": claim, "sub": B}));
        desk.assert_bearer(what, "claim", &token, caller);
    }
    for (what, claims, caller) in [
        ("a key with a dot", json!({"a.b": {"c": A}}), Some(A)),
        ("keys instead of a dot", json!({"a": {"b": {"c": A}}}), None),
        ("a shorter path", json!({"a.b": A}), None),
        ("a longer path", json!({"a.b": {"c": {"c": A}}}), None),
        ("a list on the path", json!({"a.b": [A]}), None),
        ("a key with a nul", json!({"a.b\0c": A}), None),
    ] {
        desk.assert_bearer(what, "nested", &desk.issuer.token(&claims), caller);
    }
    desk.assert_bearer("all claims", "whole", &desk.token(A), None);
}

/// As the compiler does with the service accounts of policies.
#[test]
fn the_service_account_of_a_token() {
    let source = |name: &str| {
        let account = json!({"namespace": "agents", "name": name});
        json!({"type": "ServiceAccount", "serviceAccount": account})
    };
    let mcp = json!({"methods": [{"name": "tools/call", "params": ["a"]}]});
    let desk = Desk::open(&json!([{
        "name": "reader", "source": source("reader"),
        "authorization": {"type": "Inline", "mcp": mcp},
    }]));
    for (what, subject, allowed) in [
        ("the account", "system:serviceaccount:agents:reader", true),
        ("its id", "spiffe://cluster.local/ns/agents/sa/reader", true),
        (
            "another account",
            "system:serviceaccount:agents:writer",
            false,
        ),
        (
            "another namespace",
            "system:serviceaccount:default:reader",
            false,
        ),
        ("another domain", "spiffe://d/ns/agents/sa/reader", false),
        ("a user", "system:agents:reader", false),
        (
            "a path in the namespace",
            "system:serviceaccount:agents/sa/reader:x",
            false,
        ),
    ] {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&desk.stage.client("strict"), protocol);
            let bearer = format!("Bearer {}", desk.token(subject));
            let request = Request::mcp(call("a")).header("authorization", bearer);
            let answer = client.send(&request).expect("an answer");
            assert_eq!(
                !is_denied(&answer, &json!(7)),
                allowed,
                "{what}: {answer:?}"
            );
        }
    }
}

/// SECURITY: headers are the client's own word, whatever they are called.
#[test]
fn headers_that_look_like_metadata() {
    let desk = Desk::open(&rules());
    let claims = json!({"sub": A}).to_string();
    let headers = [
        ("envoy.filters.http.jwt_authn", claims.as_str()),
        ("x-envoy-dynamic-metadata", &claims),
        ("x-jwt-payload", &encode(claims.as_bytes())),
        ("metadata", A),
        ("payload", A),
        ("sub", A),
        ("x-forwarded-client-cert", &format!("URI={A}")),
    ];
    let client = desk.stage.client("strict");
    assert_caller(&desk.stage, "headers alone", &client, &headers, None);
    let bearer = format!("Bearer {}", desk.token(B));
    let with_token: Vec<_> = headers
        .into_iter()
        .chain([("authorization", bearer.as_str())])
        .collect();
    assert_caller(&desk.stage, "headers and b", &client, &with_token, Some(B));
}

/// Metadata is each request's own, whatever came before on the connection.
#[test]
fn two_tokens_in_turn() {
    let desk = Desk::open(&rules());
    let bearers = [
        (desk.token(A), "a"),
        (String::new(), "-"),
        (desk.token(B), "b"),
    ];
    for (_, protocol) in PROTOCOLS {
        let client = speaking(&desk.stage.client("strict"), protocol);
        let mut connection = client.connect().expect("a connection");
        for round in 0..10 {
            for ((token, own), tool) in bearers.iter().flat_map(|b| [(b, "a"), (b, "b")]) {
                let mut request = Request::mcp(call(tool));
                if !token.is_empty() {
                    request = request.header("authorization", format!("Bearer {token}"));
                }
                let answer = connection.send(&request).expect("an answer");
                let denied = is_denied(&answer, &json!(7));
                assert_eq!(denied, tool != *own, "round {round}: {own} calls {tool}");
            }
        }
    }
}
