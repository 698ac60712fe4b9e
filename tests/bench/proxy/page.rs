//! The page: tables of medians and ratios.

use std::fmt;

use serde_json::Value;

use crate::chains::Chain;
use crate::start::Start;
use crate::support::envoy::Envoy;
use crate::traffic::Filling;
use crate::{Call, SIZES, Samples, VALUES, beyond_bare, median};

/// Everything that was measured.
pub struct Page<'m> {
    pub samples: &'m Samples,
    pub start: &'m Start,
    pub version: &'m str,
    pub processes: usize,
    pub rounds: usize,
    pub load: (String, String),
}

/// Envoy's version.
pub fn version(envoy: &Envoy) -> String {
    let info = envoy.ask("/server_info").expect("Envoy runs");
    let info: Value = serde_json::from_str(&info).expect("JSON");
    let version = info["version"].as_str().unwrap_or_default();
    version.split('/').nth(1).unwrap_or(version).to_owned()
}

/// How many threads the machine had to run, over the last minute.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Three digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

impl Page<'_> {
    fn beyond(&self, call: Call, chain: Chain) -> Option<f64> {
        beyond_bare(self.samples, call, chain)
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, is_allowed: bool, is_tls: bool) -> fmt::Result {
        let of = |size| Call {
            size,
            filling: Filling::Text,
            is_allowed,
            is_tls,
        };
        let calls: Vec<_> = SIZES.map(of).into_iter().chain(VALUES).collect();
        let has = |call: &Call| {
            let is_ours = call.is_allowed == is_allowed && call.is_tls == is_tls;
            is_ours && self.samples.contains_key(&(*call, Chain::Bare))
        };
        let calls: Vec<_> = calls.into_iter().filter(has).collect();
        if calls.is_empty() {
            return Ok(());
        }
        let verdict = if is_allowed { "Allowed" } else { "Refused" };
        let transport = if is_tls { "mutual TLS" } else { "plain" };
        write!(f, "\n### {verdict}, {transport}\n\n| chain |")?;
        for call in &calls {
            let kind = match call.filling {
                Filling::Text => "",
                Filling::Values => " of small values",
            };
            write!(f, " {}{kind} |", size(call.size))?;
        }
        write!(f, "\n|---|{}\n", "---|".repeat(calls.len()))?;
        for chain in Chain::ALL {
            let cell = |call: &Call| {
                let samples = self.samples.get(&(*call, chain));
                match chain {
                    Chain::Bare => samples.map(|samples| format!("({})", short(median(samples)))),
                    _ => self.beyond(*call, chain).map(short),
                }
            };
            let cells = calls.iter().map(|call| cell(call).unwrap_or_default());
            let cells: Vec<_> = cells.collect();
            writeln!(f, "| {} | {} |", chain.name(), cells.join(" | "))?;
        }
        Ok(())
    }

    /// The goals, and what came of them.
    fn goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |size, filling| Call {
            size,
            filling,
            is_allowed: true,
            is_tls: false,
        };
        let text = |size| plain(size, Filling::Text);
        let ratio = |call, ours, theirs| {
            let (ours, theirs) = (self.beyond(call, ours)?, self.beyond(call, theirs)?);
            Some(ours / theirs)
        };
        let (few, native) = (Chain::Ours(10), Chain::Native(10));
        let rows = [
            (
                "small call, 10 rules, beside mcp + rbac with 10 rules",
                "at most 0.5",
                ratio(text(100), few, native),
            ),
            (
                "64 KiB, beside mcp + rbac with 10 rules",
                "at most 0.2",
                ratio(text(64 << 10), few, native),
            ),
            (
                "1 MiB, beside mcp + rbac with 10 rules",
                "at most 0.2",
                ratio(text(1 << 20), few, native),
            ),
            (
                "small call, 10,000 rules beside 10",
                "at most 1.1",
                ratio(text(100), Chain::Ours(10_000), few),
            ),
            (
                "1 MiB, beside the floor",
                "at most 7",
                ratio(text(1 << 20), few, Chain::Floor),
            ),
            (
                "1 MiB of small values, beside the floor",
                "at most 7",
                ratio(VALUES[1], few, Chain::Floor),
            ),
        ];
        writeln!(f, "| | goal | measured |\n|---|---|---|")?;
        for (what, goal, ratio) in rows {
            let Some(ratio) = ratio else { continue };
            writeln!(f, "| {what} | {goal} | {ratio:.2} |")?;
        }
        let Start { filter, envoy, .. } = self.start;
        let (time, own_time) = (filter.milliseconds, envoy.milliseconds);
        let (memory, own_memory) = (filter.megabytes, envoy.megabytes);
        writeln!(
            f,
            "| 10,000 rules, CPU time for each VM | at most 100 ms | {time:.0} ms, of which \
             {own_time:.0} without the filter |"
        )?;
        writeln!(
            f,
            "| 10,000 rules, memory for each VM | at most 8 MB | {memory:.1} MB, of which \
             {own_memory:.1} without the filter |"
        )
    }
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            processes,
            rounds,
            load,
            ..
        } = self;
        writeln!(
            f,
            "# What a request costs\n\n\
             Made by `scripts/bench`: CPU time of Envoy {version} (user and system, one worker)\n\
             per request in microseconds beyond the bare chain, whose own is in brackets. Medians\n\
             over {rounds} rounds in each of {processes} fresh processes, in which every chain \
             serves the same\n\
             requests in turn. Load average of the machine before and after: {} and {}.\n\
             Times are this machine's; the ratios are what to compare.\n\n## Goals\n",
            load.0, load.1
        )?;
        self.goals(f)?;
        writeln!(
            f,
            "\nMemory and time of 10,000 rules are the differences between two fresh Envoys, with \
             10,000\nrules and with 10, divided by the {} VMs that read the configuration of {} kB. \
             Without the\nfilter means: with the floor, which is given the same text in the same two \
             listeners and\ndoes not read it.\n\n## Requests",
            self.start.vms,
            self.start.text / 1000
        )?;
        for is_allowed in [true, false] {
            for is_tls in [false, true] {
                self.table(f, is_allowed, is_tls)?;
            }
        }
        Ok(())
    }
}
