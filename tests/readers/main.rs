//! Against independent readers: what we pass, they all read as the same call, and
//! what a strict reader refuses, we refuse.
//!
//! Messages are generated, most of them slightly wrong, and then damaged. How many:
//! `ACCESSPOLICY_TEST_MESSAGES` (50,000 unless told).
#![cfg(not(target_arch = "wasm32"))]

mod generate;
mod others;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use accesspolicy::engine::mcp::{Claims, MessageError, MessageReader};

use generate::Generator;
use others::{Call, OTHERS};

/// How many messages each test reads.
fn messages() -> u64 {
    let told = std::env::var("ACCESSPOLICY_TEST_MESSAGES").ok();
    told.map_or(50_000, |told| told.parse().expect("a number of messages"))
}

/// What our reader makes of a body.
fn ours(envelope: &mut MessageReader, body: &[u8]) -> Result<Call, MessageError> {
    envelope.reset();
    envelope.push(body).map_err(|(fault, _)| fault)?;
    let message = envelope
        .message(&Claims::default())
        .map_err(|(fault, _)| fault)?;
    let id = message
        .id()
        .map(|id| String::from_utf8(id.token().to_vec()).unwrap());
    Ok(match message.call() {
        None => Call::default(),
        Some(call) => Call {
            method: Some(call.name.to_owned()),
            things: call
                .objects
                .iter()
                .map(|thing| thing.as_str().to_owned())
                .collect(),
            id,
        },
    })
}

#[test]
fn rust_readers_agree() {
    let mut envelope = MessageReader::new(64);
    let mut generator = Generator::new(1);
    let mut passed = 0;
    let mut refused = BTreeMap::new();
    for _ in 0..messages() {
        let body = generator.message();
        match ours(&mut envelope, &body) {
            Ok(call) => {
                passed += 1;
                for (name, read) in OTHERS {
                    let theirs = read(&body);
                    assert_eq!(
                        theirs.as_ref(),
                        Ok(&call),
                        "{name}: {}",
                        String::from_utf8_lossy(&body)
                    );
                }
                others::assert_unambiguous(&body);
            }
            Err(fault) => *refused.entry(fault.as_str()).or_insert(0) += 1,
        }
        if others::is_strictly_refused(&body) {
            let ours = ours(&mut envelope, &body);
            assert!(ours.is_err(), "{}", String::from_utf8_lossy(&body));
        }
    }
    println!("{passed} passed, refused: {refused:?}");
    // A generator that makes nothing good, or nothing bad, shows nothing.
    assert!(passed > messages() / 20, "{passed} passed");
    assert!(refused.len() >= 15, "{refused:?}");
}

/// Gives a script every message that passes, one per line: body, method, thing and
/// id in hexadecimal. It exits with 1 and a line on the first it reads otherwise.
fn agrees_with(program: &str, script: &str) {
    let script = format!("{}/tests/readers/{script}", env!("CARGO_MANIFEST_DIR"));
    let child = Command::new(program)
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            // Past the capture of test output: a skipped test should not look passed.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {program} cannot be run: {error}"
            );
            return;
        }
    };
    let mut input = child.stdin.take().unwrap();
    let mut envelope = MessageReader::new(64);
    let mut generator = Generator::new(2);
    let mut passed = 0;
    for _ in 0..messages() {
        let body = generator.message();
        let Ok(Call {
            method: Some(method),
            things,
            id,
        }) = ours(&mut envelope, &body)
        else {
            continue;
        };
        passed += 1;
        let thing = things.first().cloned().unwrap_or_default();
        let id = id.unwrap_or_default();
        let fields = [
            body.as_slice(),
            method.as_bytes(),
            thing.as_bytes(),
            id.as_bytes(),
        ];
        let line = fields.map(hex).join(" ");
        if writeln!(input, "{line}").is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{program}: {told}");
    assert_eq!(told.trim(), format!("{passed} agree"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("x"), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[test]
fn python_agrees() {
    let program = std::env::var("ACCESSPOLICY_TEST_PYTHON");
    agrees_with(program.as_deref().unwrap_or("python3"), "check.py");
}

#[test]
fn node_agrees() {
    agrees_with("node", "check.mjs");
}
