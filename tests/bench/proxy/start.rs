//! What a configuration costs: the time Envoy takes with it, and the memory.

use crate::chains::{self, Chain};
use crate::support::certificates::Authority;
use crate::{Server, cpu_time, median};

/// What 10,000 rules cost more than 10 rules, for each VM that reads them.
pub struct Start {
    pub milliseconds: f64,
    pub megabytes: f64,
    /// VMs that read the configuration while Envoy starts.
    pub vms: usize,
    /// The configuration's length, in bytes.
    pub text: usize,
}

pub fn measure(server: &Server, authority: &Authority, times: usize) -> Start {
    let mut milliseconds = Vec::new();
    let mut megabytes = Vec::new();
    let mut vms = 0;
    for _ in 0..times.max(3) {
        let few = once(server, authority, Chain::Ours(10));
        let many = once(server, authority, Chain::Ours(10_000));
        vms = many.vms;
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let each = vms as f64;
        milliseconds.push((many.milliseconds - few.milliseconds) / each);
        megabytes.push((many.megabytes - few.megabytes) / each);
    }
    Start {
        milliseconds: median(&milliseconds),
        megabytes: median(&megabytes),
        vms,
        text: crate::traffic::policy(10_000).to_string().len(),
    }
}

fn once(server: &Server, authority: &Authority, chain: Chain) -> Start {
    let envoy = chains::start(&[chain], server, &authority.certificate());
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.id()));
    let status = status.expect("Envoy runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    let kilobytes: u32 = resident.expect("its memory");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let milliseconds = cpu_time(envoy.id()) as f64 / 1e6;
    let log = envoy.log();
    Start {
        milliseconds,
        megabytes: f64::from(kilobytes) / 1024.0,
        vms: log.matches(": enforcing ").count(),
        text: 0,
    }
}
