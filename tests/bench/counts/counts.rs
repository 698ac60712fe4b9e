//! `counts`: every case and its allocations. `counts CASE TIMES`: a case, that many times,
//! for somebody who counts instructions.

#[path = "../case.rs"]
mod case;
#[path = "../traffic.rs"]
mod traffic;

use std::hint::black_box;

use accesspolicy::engine::policy::Policies;
use case::{Call, Case};
use traffic::{CLOSED, Filling, OPEN};

const CALLS: [(&str, Call); 9] = [
    ("allowed, 10 rules", (OPEN, 100, Filling::Text, 10)),
    ("allowed, 1000 rules", (OPEN, 100, Filling::Text, 1000)),
    ("allowed, 10000 rules", (OPEN, 100, Filling::Text, 10_000)),
    ("refused, 10 rules", (CLOSED, 100, Filling::Text, 10)),
    ("refused, 10000 rules", (CLOSED, 100, Filling::Text, 10_000)),
    ("64 KiB of text", (OPEN, 64 << 10, Filling::Text, 10)),
    (
        "64 KiB of small values",
        (OPEN, 64 << 10, Filling::Values, 10),
    ),
    (
        "1 MiB of small values",
        (OPEN, 1 << 20, Filling::Values, 10),
    ),
    (HEAD, (OPEN, 100, Filling::Text, 1000)),
];

/// What is derived of a head must not be derived for each rule.
const HEAD: &str = "long head, 1000 rules";

const LOAD: &str = "loading 1000 rules";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for (name, call) in CALLS {
                let case = made(name, call);
                case.run();
                let cost = allocation_counter::measure(|| case.run());
                println!("{name}\t{}", cost.count_total);
            }
            let text = traffic::policy(1000).to_string();
            let cost = allocation_counter::measure(|| load(&text));
            println!("{LOAD}\t{}", cost.count_total);
        }
        [name, times] => {
            let times: usize = times.parse().expect("how many times");
            if name == LOAD {
                let text = traffic::policy(1000).to_string();
                (0..times).for_each(|_| load(&text));
                return;
            }
            let call = CALLS.into_iter().find(|(known, _)| known == name);
            let (_, call) = call.expect("a case");
            let case = made(name, call);
            (0..times).for_each(|_| case.run());
        }
        _ => panic!("usage: counts [CASE TIMES]"),
    }
}

fn made(name: &str, call: Call) -> Case {
    match name {
        HEAD => Case::with_long_head(call),
        _ => Case::new(call),
    }
}

fn load(text: &str) {
    black_box(Policies::from_json(text.as_bytes()).expect("a policy"));
}
