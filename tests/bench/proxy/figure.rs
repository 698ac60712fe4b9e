//! The figure of the README: bars on a logarithmic scale, for small and for large calls.

use std::fmt::Write;

use crate::chains::Chain;
use crate::traffic::Filling;
use crate::{Call, Samples, beyond_bare};

const LEFT: f64 = 290.0;
const WIDTH: f64 = 420.0;
const BAR: f64 = 22.0;

/// Bars of every chain for calls of 100 bytes and of 64 KiB.
pub fn svg(samples: &Samples) -> String {
    let mut body = String::new();
    let mut top = 10.0;
    for (size, title) in [(100, "a call of 100 bytes"), (64 << 10, "a call of 64 KiB")] {
        let call = Call {
            size,
            filling: Filling::Text,
            is_allowed: true,
            is_tls: false,
        };
        let bars: Vec<_> = Chain::ALL
            .into_iter()
            .filter_map(|chain| Some((chain, beyond_bare(samples, call, chain)?)))
            .filter(|(chain, _)| *chain != Chain::Bare)
            .collect();
        let longest = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
        let _ = write!(
            body,
            r#"<text x="{LEFT}" y="{:.0}" font-weight="bold">{title}</text>"#,
            top + 14.0
        );
        top += 22.0;
        for (chain, value) in bars {
            let length = (value.max(1.0).ln() / longest.ln() * WIDTH).max(2.0);
            let colour = match chain {
                Chain::Ours(_) | Chain::Guarded(_) => "#2a7f62",
                Chain::Floor => "#999999",
                _ => "#c0612b",
            };
            let middle = top + BAR / 2.0 + 3.0;
            let _ = write!(
                body,
                r#"<text x="{:.0}" y="{middle:.0}" text-anchor="end">{}</text><rect x="{LEFT}" y="{top:.0}" width="{length:.0}" height="{:.0}" fill="{colour}"/><text x="{:.0}" y="{middle:.0}">{value:.0}</text>"#,
                LEFT - 8.0,
                chain.name(),
                BAR - 6.0,
                LEFT + length + 6.0,
            );
            top += BAR;
        }
        top += 14.0;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 790 {height:.0}" font-family="sans-serif" font-size="12"><title>Microseconds of Envoy's CPU time per request beyond the bare chain</title><rect width="790" height="{height:.0}" fill="#ffffff"/>{body}<text x="{LEFT}" y="{note:.0}" fill="#555555">microseconds of Envoy's CPU time per request, logarithmic; see RESULTS.md</text></svg>
"##,
        height = top + 24.0,
        note = top + 10.0,
    )
}
