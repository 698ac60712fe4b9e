//! How fast bodies are read (see README.md for the command).
//!
//! Beside each size stands what copying the same bytes takes: reading a message
//! must not cost more than ten times its copy.

use accesspolicy::engine::mcp::{Claims, MessageReader};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// Sizes in bytes, as far as the filling allows.
const SIZES: &[usize] = &[100, 8 << 10, 64 << 10, 1 << 20];

/// A call whose one argument is a long text.
fn text(size: usize) -> Vec<u8> {
    call(&format!(
        "\"{}\"",
        "all work and no play. ".repeat(size / 22)
    ))
}

/// A call whose argument is a tree of small values, as programs send.
fn tree(size: usize) -> Vec<u8> {
    let item = r#"{"id":12345,"name":"größe","tags":["a","b"],"on":true,"at":{"x":1.5,"y":-2}},"#;
    let items = item.repeat((size / item.len()).max(1));
    call(&format!("[{}]", items.trim_end_matches(',')))
}

fn call(argument: &str) -> Vec<u8> {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"a":{argument}}}}}}}"#
    )
    .into_bytes()
}

fn bench(bencher: Bencher<'_, '_>, body: &[u8]) {
    let mut envelope = MessageReader::new(64);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| {
            envelope.reset();
            for piece in body.chunks(16 << 10) {
                envelope.push(divan::black_box(piece)).expect("well-formed");
            }
            envelope
                .message(&Claims::default())
                .expect("a message")
                .call()
                .map(|call| call.method)
        });
}

#[divan::bench(args = SIZES)]
fn read_text(bencher: Bencher<'_, '_>, size: usize) {
    bench(bencher, &text(size));
}

#[divan::bench(args = SIZES)]
fn read_tree(bencher: Bencher<'_, '_>, size: usize) {
    bench(bencher, &tree(size));
}

#[divan::bench(args = SIZES)]
fn copy(bencher: Bencher<'_, '_>, size: usize) {
    let body = text(size);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| divan::black_box(&body).clone());
}
