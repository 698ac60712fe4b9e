//! Processes from before a hot restart.

use serde_json::Value;

use super::Finding;
use super::typed::{all_called, is_on, list, text};

/// Whether the process that came before still serves, by what Envoy's `/server_info` says, and its
/// `/stats`, where there was one.
///
/// SECURITY: after a hot restart the parent goes on serving the connections that it has, by the
/// configuration that it has, and no dump shows that.
pub fn parent(info: &Value, stats: &Value) -> Finding {
    let mut finding = Finding {
        place: "process".to_owned(),
        check: "parent",
        wrong: None,
        warning: None,
    };
    let Some(epoch) = epoch(info) else {
        finding.warning = Some(
            "`/server_info` does not say whether a process from before a hot restart still serves"
                .to_owned(),
        );
        return finding;
    };
    if epoch == 0 {
        return finding;
    }
    let connections = connections(stats).filter(|_| has_stats(info));
    if let Some(connections) = connections.filter(|connections| *connections > 0) {
        finding.wrong = Some(format!(
            "a process from before a hot restart still serves {connections} connections, by its \
             own policies: end it, or wait"
        ));
        return finding;
    }
    let left = text(info, "/command_line_options/parent_shutdown_time");
    let serves = text(info, "/state") == "LIVE";
    let times = seconds(text(info, "/uptime_current_epoch")).zip(seconds(left));
    match (times.filter(|_| serves), beginning(stats)) {
        (Some((up, left)), Beginning::After(start)) if up > start + left => {}
        (Some(_), Beginning::After(_)) if connections.is_some() => {
            finding.warning = Some(
                "a process from before a hot restart is still there, without connections"
                    .to_owned(),
            );
        }
        (Some((up, left)), Beginning::Unknown) if up > left => {
            finding.warning = Some(
                "`/stats` does not say when this process began to serve, and so not whether one \
                 from before a hot restart has ended"
                    .to_owned(),
            );
        }
        _ => {
            finding.wrong = Some(format!(
                "a process from before a hot restart may still serve, by its own policies, until \
                 `--parent-shutdown-time-s` ({left}) is over: end it, or wait"
            ));
        }
    }
    finding
}

/// How many restarts there were.
pub fn epoch(info: &Value) -> Option<u64> {
    info.pointer("/command_line_options/restart_epoch")?
        .as_u64()
}

/// The connections of the parent, as the last flush of statistics found them.
fn connections(stats: &Value) -> Option<u64> {
    let mut all = list(stats, "/stats").iter();
    let found = all.find(|stat| text(stat, "/name") == "server.parent_connections")?;
    found.get("value")?.as_u64()
}

/// Whether statistics are had from the parent.
fn has_stats(info: &Value) -> bool {
    let skips = info.pointer("/command_line_options/skip_hot_restart_parent_stats");
    !skips.is_some_and(is_on)
}

/// When a process began to serve, from which on its parent has its time.
enum Beginning {
    /// So many seconds after its start. What else is counted was counted later.
    After(f64),
    /// Statistics were not flushed since then.
    Unflushed,
    /// There is no such statistic.
    Unknown,
}

fn beginning(stats: &Value) -> Beginning {
    let times = all_called(stats, "computed_quantiles");
    let mut times = times.filter_map(Value::as_array).flatten();
    let time = times.find(|it| text(it, "/name") == "server.initialization_time_ms");
    let Some(time) = time else {
        return Beginning::Unknown;
    };
    let quantiles = list(time, "/values").iter();
    let quantiles = quantiles.filter_map(|it| it.get("cumulative")?.as_f64());
    match quantiles.reduce(f64::max) {
        Some(milliseconds) => Beginning::After(milliseconds / 1000.0),
        None => Beginning::Unflushed,
    }
}

/// A duration as Protobuf writes it in JSON.
fn seconds(text: &str) -> Option<f64> {
    text.strip_suffix('s')?.parse().ok()
}
