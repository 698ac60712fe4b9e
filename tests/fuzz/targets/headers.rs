//! The headers that say what a body is and repeat what it says: no input panics,
//! and a claim that is taken is true.
#![no_main]

use accesspolicy::engine::mcp::{Claim, Claims, MessageReader, check_media};
use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;

fuzz_target!(|lines: (Vec<&[u8]>, Vec<&[u8]>, Vec<&[u8]>)| {
    let (first, second, third) = lines;
    if check_media(first.iter().copied(), second.iter().copied()).is_ok() {
        assert_eq!(first.len(), 1);
        assert!(
            first[0]
                .to_ascii_lowercase()
                .windows(16)
                .any(|w| w == b"application/json")
        );
    }
    let claims = Claims {
        method: Claim::new(first.iter().copied()),
        name: Claim::new(second.iter().copied()),
        version: Claim::new(third.iter().copied()),
    };
    let mut envelope = MessageReader::new(64);
    envelope.push(BODY).unwrap();
    if envelope.message(&claims).is_ok() {
        assert!(first.is_empty() || first == [b"tools/call"]);
        assert!(second.len() <= 1 && third.len() <= 1);
        if let [name] = second[..] {
            assert!(
                name == b"echo" || name == b"=?base64?ZWNobw==?=",
                "{name:?}"
            );
        }
    }
});
