//! The page: every difference that is meant, as it was seen.

use std::fmt::Write;

use super::Shown;
use super::differences::ROWS;
use super::scenario::Scenario;
use crate::support::root;

const HEAD: &str = "\
# Our filter beside Envoy's own

What differs for an authorizer, a client and a server when accesspolicy stands in the
place of `envoy.filters.http.ext_authz`: nothing but this. Both stand in one Envoy before
the same authorizers, over HTTP and gRPC, and the same server; the same requests are sent
through both, in HTTP/1.1 and HTTP/2, and the authorizers give the same answers. All that
arrives anywhere is compared. A difference that is not in this table fails the test, and so
does a row that nothing shows.

Written by `BLESS=1 cargo test --test authorizers comparison`, from
[`comparison/`](comparison). `requestHeaders: Hold`, everything else as it is when nothing
is said; *e.g.* is the first difference that was seen.
";

pub(super) fn assert_current(scenarios: &[Scenario], shown: &Shown) {
    let page = page(scenarios, shown);
    let path = root().join("tests/authorizers/DIFFERENCES.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
        return;
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(held == page, "the page says something else:\n{page}");
}

fn page(scenarios: &[Scenario], shown: &Shown) -> String {
    let mut page = HEAD.to_owned();
    page +=
        "\n| | difference | why | e.g. | Envoy's own | accesspolicy |\n|---|---|---|---|---|---|\n";
    for row in ROWS {
        let Some((_, difference)) = shown.get(row.id) else {
            continue;
        };
        let (theirs, ours) = (cell(&difference.theirs), cell(&difference.ours));
        let (id, what, why, key) = (row.id, row.what, row.why, &difference.key);
        let _ = writeln!(
            page,
            "| {id} | {what} | {why} | `{key}` | {theirs} | {ours} |"
        );
    }
    page += "\n## What was sent and answered\n\nWith the rows that it shows; where there are none, both do the same, but for\n";
    let everywhere = ROWS.iter().filter(|row| row.everywhere).map(|row| row.id);
    let _ = writeln!(page, "{}.\n", everywhere.collect::<Vec<_>>().join(", "));
    for scenario in scenarios {
        let shows = match scenario.shows {
            [] => String::new(),
            rows => format!(": {}", rows.join(", ")),
        };
        let _ = writeln!(page, "- {} (`{}`){shows}", scenario.name, scenario.to);
    }
    page
}

/// A value, short enough for a table.
fn cell(value: &Option<String>) -> String {
    const LONG: usize = 60;
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let value = value.replace('\n', "⏎").replace('|', "\\|");
    match value.char_indices().nth(LONG) {
        _ if value.is_empty() => "empty".to_owned(),
        Some((end, _)) => format!("`{}…`", &value[..end]),
        None => format!("`{value}`"),
    }
}
