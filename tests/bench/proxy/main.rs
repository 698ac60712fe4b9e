//! `bench [--quick]`: what a request costs Envoy under each chain, in CPU time beyond the
//! bare chain. Prints a page of Markdown; `scripts/bench` keeps it.
//!
//! Every chain serves in the same process and gets the same requests in turn, over
//! several rounds in several fresh processes. What is compared is Envoy's own CPU time,
//! so that a slow client or a busy machine cost nobody in particular.
#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)] // it is a program

mod chains;
mod figure;
mod load;
mod page;
mod start;
#[path = "../../support/mod.rs"]
mod support;
#[path = "../traffic.rs"]
mod traffic;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use chains::Chain;
use load::{Lanes, call};
use support::certificates::{Authority, Identity};
use support::envoy::Envoy;
use traffic::{CALLER, CLOSED, Filling, GUARDED, OPEN};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Of the body, in bytes.
    pub size: usize,
    /// What fills it.
    pub filling: Filling,
    /// Whether the rules allow it.
    pub is_allowed: bool,
    /// Whether it comes over mutual TLS.
    pub is_tls: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_allowed {
            "allowed"
        } else {
            "refused"
        };
        let transport = if self.is_tls { "mutual TLS" } else { "plain" };
        write!(
            f,
            "{} bytes of {:?}, {verdict}, {transport}",
            self.size, self.filling
        )
    }
}

/// How much is measured.
struct Effort {
    processes: usize,
    /// For each kind of call.
    rounds: usize,
    calls: Vec<Call>,
}

/// Microseconds of CPU time per request, one for each round.
pub type Samples = BTreeMap<(Call, Chain), Vec<f64>>;

/// The sizes of bodies.
pub const SIZES: [usize; 4] = [100, 8 << 10, 64 << 10, 1 << 20];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let effort = match arguments.as_slice() {
        [] => Effort::whole(),
        [quick] if quick == "--quick" => Effort::quick(),
        _ => panic!("usage: bench [--quick]"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let caller = authority
        .client("caller", &[CALLER])
        .expect("a certificate");
    let tls = load::tls(&authority.certificate(), &caller);
    let before = page::load_average();
    let mut samples = Samples::new();
    let mut version = String::new();
    for process in 0..effort.processes {
        let envoy = chains::start(&Chain::ALL, &server, &authority.certificate());
        version = page::version(&envoy);
        for (number, call) in effort.calls.iter().enumerate() {
            let (process, kind) = (process + 1, number + 1);
            let (processes, kinds) = (effort.processes, effort.calls.len());
            eprintln!("process {process} of {processes}, call {kind} of {kinds}: {call}");
            measure(&envoy, &tls, *call, effort.rounds, &mut samples);
        }
    }
    let start = start::measure(&server, &authority, effort.processes);
    let page = page::Page {
        samples: &samples,
        start: &start,
        version: &version,
        processes: effort.processes,
        rounds: effort.rounds,
        load: (before, page::load_average()),
    };
    print!("{page}");
    if arguments.is_empty() {
        let figure = support::root().join("tests/bench/cost.svg");
        std::fs::write(figure, figure::svg(&samples)).expect("the figure is written");
    }
}

/// Sends a kind of call through every chain, in turns so short that whatever slows the
/// machine down slows all of them down.
fn measure(
    envoy: &Envoy,
    tls: &Arc<ClientConfig>,
    call: Call,
    rounds: usize,
    samples: &mut Samples,
) {
    let mut lanes = Chain::ALL.map(|chain| {
        let address = envoy.listener(&chain.listener(call.is_tls));
        let mut lanes = Lanes::open(address, call.is_tls.then_some(tls));
        let judges = !matches!(chain, Chain::Bare | Chain::Floor);
        let status = if call.is_allowed || !judges { 200 } else { 403 };
        let request = call.request(chain);
        // What a chain costs once, and until its code is optimized, is not counted.
        lanes.send(&request, call.turns(WARM_UP), status);
        (chain, lanes, request, status)
    });
    let turns = call.turns(ROUND);
    for _ in 0..rounds {
        for (chain, lanes, request, status) in &mut lanes {
            let before = cpu_time(envoy.id());
            lanes.send(request, turns, *status);
            let spent = cpu_time(envoy.id()) - before;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let each = spent as f64 / 1000.0 / (turns * load::CONNECTIONS) as f64;
            samples.entry((call, *chain)).or_default().push(each);
        }
    }
}

/// How many bytes go through a chain before it is measured, and in each round; a small call
/// counts as [`SMALLEST`].
const WARM_UP: usize = 64 << 20;
const ROUND: usize = 16 << 20;
const SMALLEST: usize = 32 << 10;

impl Call {
    /// How often each connection sends it, for that many bytes in all.
    fn turns(self, bytes: usize) -> usize {
        (bytes / load::CONNECTIONS / self.size.max(SMALLEST)).max(1)
    }

    fn request(self, chain: Chain) -> Vec<u8> {
        let tool = match (self.is_allowed, self.is_tls) {
            (false, _) => CLOSED,
            // The only rule is for everybody.
            (true, _) if chain == Chain::Native(1) => OPEN,
            (true, false) => OPEN,
            (true, true) => GUARDED,
        };
        call(tool, self.size, self.filling)
    }
}

impl Effort {
    fn whole() -> Self {
        let mut calls = Vec::new();
        for size in SIZES {
            for is_allowed in [true, false] {
                for is_tls in [false, true] {
                    calls.push(Call {
                        size,
                        filling: Filling::Text,
                        is_allowed,
                        is_tls,
                    });
                }
            }
        }
        calls.extend(VALUES);
        Self {
            processes: 3,
            rounds: 12,
            calls,
        }
    }

    fn quick() -> Self {
        let of = |size| Call {
            size,
            filling: Filling::Text,
            is_allowed: true,
            is_tls: false,
        };
        let mut calls = vec![of(100), of(64 << 10), of(1 << 20)];
        calls.push(Call {
            is_tls: true,
            ..of(100)
        });
        calls.push(Call {
            is_allowed: false,
            ..of(100)
        });
        calls.push(VALUES[1]);
        Self {
            processes: 1,
            rounds: 4,
            calls,
        }
    }
}

/// Trees of small values, as programs send them.
pub const VALUES: [Call; 2] = [values(64 << 10), values(1 << 20)];

const fn values(size: usize) -> Call {
    Call {
        size,
        filling: Filling::Values,
        is_allowed: true,
        is_tls: false,
    }
}

/// Nanoseconds that the threads of a process have run, in it and in the kernel for it.
fn cpu_time(process: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("Envoy runs");
    let of_task = |path: std::path::PathBuf| -> Option<u64> {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    tasks
        .flatten()
        .filter_map(|task| of_task(task.path()))
        .sum()
}

/// The middle one.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => f64::NAN,
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Microseconds beyond the bare chain, measured in the same round.
pub fn beyond_bare(samples: &Samples, call: Call, chain: Chain) -> Option<f64> {
    let bare = samples.get(&(call, Chain::Bare))?;
    let these = samples.get(&(call, chain))?;
    let beyond: Vec<_> = these
        .iter()
        .zip(bare)
        .map(|(this, bare)| this - bare)
        .collect();
    Some(median(&beyond))
}

/// Where an identity lies; for the modules.
pub type Server = Identity;
