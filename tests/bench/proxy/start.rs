//! What a configuration costs: the time Envoy takes with it, and the memory.

use crate::chains::{self, Chain};
use crate::support::certificates::Authority;
use crate::{Server, cpu_time, median};

/// What 10,000 rules cost more than 10 rules, for each VM that reads them.
pub struct Start {
    /// With the filter.
    pub filter: Cost,
    /// With the floor, which is given the same text and does not read it.
    pub envoy: Cost,
    /// VMs that are given the configuration while Envoy starts.
    pub vms: u32,
    /// The configuration's length, in bytes.
    pub text: usize,
}

/// CPU time and resident memory.
#[derive(Clone, Copy)]
pub struct Cost {
    pub milliseconds: f64,
    pub megabytes: f64,
}

/// One for each worker and the main thread, and one that only looks whether the
/// configuration can be taken.
const VMS: u32 = 3;

pub fn measure(server: &Server, authority: &Authority, times: usize) -> Start {
    let (mut filter, mut envoy) = (Vec::new(), Vec::new());
    for _ in 0..times.max(3) {
        for (chain, costs) in [
            (Chain::Ours as fn(usize) -> Chain, &mut filter),
            (Chain::Unread, &mut envoy),
        ] {
            let [few, many] = [10, 10_000].map(|rules| once(server, authority, chain(rules)));
            costs.push(Cost {
                milliseconds: (many.milliseconds - few.milliseconds) / f64::from(VMS),
                megabytes: (many.megabytes - few.megabytes) / f64::from(VMS),
            });
        }
    }
    Start {
        filter: middle(&filter),
        envoy: middle(&envoy),
        vms: VMS,
        text: crate::traffic::policy(10_000).to_string().len(),
    }
}

fn middle(costs: &[Cost]) -> Cost {
    let of = |part: fn(&Cost) -> f64| median(&costs.iter().map(part).collect::<Vec<_>>());
    Cost {
        milliseconds: of(|cost| cost.milliseconds),
        megabytes: of(|cost| cost.megabytes),
    }
}

fn once(server: &Server, authority: &Authority, chain: Chain) -> Cost {
    let envoy = chains::start(&[chain], server, &authority.certificate());
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.id()));
    let status = status.expect("Envoy runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    let kilobytes: u32 = resident.expect("its memory");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let milliseconds = cpu_time(envoy.id()) as f64 / 1e6;
    if matches!(chain, Chain::Ours(_)) {
        let vms = envoy.log().matches(": enforcing ").count();
        assert_eq!(vms, VMS as usize, "Envoy makes VMs as it did");
    }
    Cost {
        milliseconds,
        megabytes: f64::from(kilobytes) / 1024.0,
    }
}
