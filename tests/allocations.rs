//! What reading costs in memory.
#![cfg(not(target_arch = "wasm32"))]

use accesspolicy::mcp::{Claims, Envelope};
use allocation_counter::measure;

const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get-sum","arguments":{"a":2,"b":[3,{"c":"\u00e4"}]},"_meta":{"progressToken":7}}}"#;

fn read(envelope: &mut Envelope, body: &[u8]) {
    envelope.reset();
    for piece in body.chunks(50) {
        envelope.push(piece).expect("well-formed");
    }
    envelope.message(&Claims::default()).expect("a message");
}

#[test]
fn an_envelope_that_has_read_before_allocates_nothing() {
    let mut envelope = Envelope::new(64);
    read(&mut envelope, CALL);
    let again = measure(|| read(&mut envelope, CALL));
    assert_eq!(again.count_total, 0, "{again:?}");
}

#[test]
fn what_is_skipped_takes_no_memory() {
    let large = "x".repeat(1_000_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"a":"{large}"}}}}}}"#
    );
    let mut envelope = Envelope::new(64);
    let read = measure(|| read(&mut envelope, body.as_bytes()));
    assert!(read.bytes_max < 4_096, "{read:?}");
}

/// The bound that a configuration's `bodyBytes` puts on the reader: what the keys
/// of the objects now open take.
#[test]
fn keys_take_a_small_multiple_of_the_body() {
    let mut body = String::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":{"#);
    for number in 0..9_900 {
        body.push_str(&format!("\"{number:x}\":0,"));
    }
    body.push_str(r#""z":0}}}"#);
    let mut envelope = Envelope::new(64);
    let cost = measure(|| read(&mut envelope, body.as_bytes()));
    // Vectors double, and for a moment both the old and the new one are there.
    assert!(
        cost.bytes_max < 16 * body.len() as u64,
        "{cost:?} for {}",
        body.len()
    );
}
