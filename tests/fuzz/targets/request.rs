//! A whole request: headers, pieces, trailers, in any order. Nothing goes on that
//! is not the one message that the policy allows.
#![no_main]

use accesspolicy::engine::enforcement::{Step, Stream, StreamAttributes};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Headers};
use libfuzzer_sys::fuzz_target;

const POLICY: &str = r#"{
    "schemaVersion": 1, "digest": "", "gateway": {"namespace": "n", "name": "g"},
    "settings": {"identity": "PeerCertificate", "allowPolicies": "All", "unprotected": "Deny",
        "requestHeaders": "Hold", "mcpPaths": ["/mcp"], "denial": "JsonRpc",
        "limits": {"bodyBytes": 4096, "depth": 16}},
    "listeners": [], "backends": [],
    "policies": [{"policy": {"namespace": "n", "name": "p"}, "action": "Allow", "mode": "Enforce", "targets": ["Gateway"],
        "rules": [{"name": "r", "mcp": {"baseProtocol": "None",
            "methods": [{"name": "tools/call", "params": ["echo"]}]}}]}]
}"#;

fn policies() -> &'static Policies {
    thread_local! {
        static POLICIES: &'static Policies =
            Box::leak(Box::new(Policies::from_json(POLICY.as_bytes()).unwrap()));
    }
    POLICIES.with(|policies| *policies)
}

fuzz_target!(|input: (Vec<(&[u8], &[u8])>, &[u8], Vec<&[u8]>, bool)| {
    let (lines, path, pieces, trailers) = input;
    let fixed: [(&[u8], &[u8]); 3] = [
        (b":method", b"POST"),
        (b":path", path),
        (b"content-type", b"application/json"),
    ];
    let headers = Headers::from_lines(fixed.into_iter().chain(lines));
    let mut stream = Stream::default();
    let facts = StreamAttributes {
        headers,
        caller: Caller::Anonymous,
        ..StreamAttributes::default()
    };
    let mut step = stream.headers(policies(), facts, false);
    for piece in &pieces {
        assert!(!matches!(step, Step::Continue(_)));
        step = stream.body(policies(), piece, false);
    }
    let step = if trailers {
        stream.trailers(policies())
    } else {
        stream.body(policies(), b"", true)
    };
    if matches!(step, Step::Continue(_)) {
        let body: serde_json::Value = serde_json::from_slice(&pieces.concat()).unwrap();
        assert_eq!(body["method"], "tools/call");
        assert_eq!(body["params"]["name"], "echo");
    }
});
