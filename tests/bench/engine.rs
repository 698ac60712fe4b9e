//! How fast requests are judged and configurations are loaded, with what is allocated (see
//! README.md for the command).

mod case;
mod traffic;

use accesspolicy::engine::policy::Policies;
use divan::{AllocProfiler, Bencher};

use case::Case;
use traffic::{CLOSED, Filling, OPEN};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const RULES: &[usize] = &[10, 1000, 10_000];

/// Headers, body and verdict of a call of 100 bytes.
fn judge(bencher: Bencher<'_, '_>, tool: &'static str, rules: usize) {
    let case = Case::new((tool, 100, Filling::Text, rules));
    bencher.bench_local(|| case.run());
}

#[divan::bench(args = RULES)]
fn allowed(bencher: Bencher<'_, '_>, rules: usize) {
    judge(bencher, OPEN, rules);
}

#[divan::bench(args = RULES)]
fn refused(bencher: Bencher<'_, '_>, rules: usize) {
    judge(bencher, CLOSED, rules);
}

#[divan::bench(args = RULES, sample_count = 10)]
fn load(bencher: Bencher<'_, '_>, rules: usize) {
    let text = traffic::policy(rules).to_string();
    bencher.bench_local(|| Policies::from_json(text.as_bytes()).expect("a policy"));
}
