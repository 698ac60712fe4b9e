//! The page: how it was measured, a row for each rule, and every forbidden call that ran.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::native::{Native, mcp, rbac};
use crate::recording::Server;
use crate::runs::{Case, Outcomes, Rule, Way};

const HEAD: &str = "\
# The wire vectors beside Envoy's own filters

Made by `scripts/peers`. The same requests that accesspolicy refuses, and their honest
twins, sent through `envoy.filters.http.mcp` and `envoy.filters.http.rbac` at their
strictest, to a server that records what reaches it and to servers on the official
SDKs, which run any tool by any name and say so. accesspolicy lets through none of the
refused requests and refuses none of the honest ones: `tests/envoy/wire.rs` and
`tests/servers.rs` hold it to that, but for the few in `tests/envoy/wire/exceptions.rs`,
from which Envoy takes what made them hostile.

- Each request is sent in HTTP/1.1, and in HTTP/2 with trailers after its body, where
  no piece of it is marked as the last.
- Each has the `Accept` that MCP clients send. Paths are normalized, escaped slashes
  and header names with underscores refused, as at a careful edge.
- `rbac` allows the one call that the vector's policy allows. Vectors that want
  `delete_everything` and have no policy are sent under one that allows `echo` alone;
  with the others, everything that `mcp` takes for MCP is allowed.
- *let through*: refused requests that arrived complete, in HTTP/1.1 / in HTTP/2 with
  trailers. Not each of them is an attack that works on each server; that is what the
  next columns say.
- *forbidden calls*: those in which a server ran something that policy does not allow,
  behind these filters and, for comparison, without any.
- *honest refused*: honest requests that these filters refuse; those on other paths
  than MCP's are left out, for here the filters stand on all paths.
";

pub fn page(rules: &[Rule], outcomes: &Outcomes, native: &Native, servers: &[Server]) -> String {
    let mut page = HEAD.to_owned();
    let names: Vec<_> = servers.iter().map(|server| server.name).collect();
    let list = names.join(" / ");
    let _ = write!(
        page,
        "\nEnvoy {}; servers: {list}.\n\n\
         | rule | refused by accesspolicy | let through (HTTP/1.1 / trailers) | forbidden calls ({list}) | without filters ({list}) | honest | honest refused |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
        native.version(),
    );
    let row = |text: &str, cases: &[&Case]| {
        let refused: Vec<&Case> = cases
            .iter()
            .copied()
            .filter(|case| case.is_refused())
            .collect();
        let honest: Vec<&Case> = cases
            .iter()
            .copied()
            .filter(|case| !case.is_refused() && !case.is_other())
            .collect();
        let passed = Way::BOTH.map(|way| {
            let passed = |case: &&&Case| outcomes.passed.contains(&(way, case.id.clone()));
            refused.iter().filter(passed).count().to_string()
        });
        let lost = honest.iter().filter(|case| is_lost(case, outcomes)).count();
        format!(
            "| {text} | {} | {} | {} | {} | {} | {} |\n",
            refused.len(),
            passed.join(" / "),
            ran(&refused, &outcomes.behind, &names),
            ran(&refused, &outcomes.without, &names),
            honest.len(),
            lost,
        )
    };
    for rule in rules {
        let cases: Vec<&Case> = rule.cases.iter().collect();
        let text = format!("[{}]({}.yaml)", rule.text, rule.file);
        page += &row(&text, &cases);
    }
    let all: Vec<&Case> = rules.iter().flat_map(|rule| &rule.cases).collect();
    page += &row("**all**", &all);

    let honest: Vec<_> = names
        .iter()
        .map(|name| outcomes.honest[name].to_string())
        .collect();
    let _ = write!(
        page,
        "\n## Forbidden calls that ran behind these filters\n\n\
         Of the honest calls, {} ran there.\n\n",
        honest.join(" / ")
    );
    list_of(&mut page, rules, |case| {
        let servers = outcomes.behind.get(&case.id)?;
        let servers: Vec<_> = servers.iter().copied().collect();
        Some(servers.join(", "))
    });
    page += "\n## Honest requests that these filters refuse\n\n";
    list_of(&mut page, rules, |case| {
        let is_honest = !case.is_refused() && !case.is_other();
        (is_honest && is_lost(case, outcomes)).then(|| case.vector.why.clone())
    });

    let pretty = |value| serde_json::to_string_pretty(&value).expect("JSON");
    let _ = write!(
        page,
        "\n## The filters\n\nIn this order, here for vectors whose policy allows `tools/call echo`:\n\n\
         ```json\n{}\n```\n\n```json\n{}\n```\n",
        pretty(mcp()),
        pretty(rbac(Some("tools/call echo"))),
    );
    page
}

/// Whether it did not arrive in each way.
fn is_lost(case: &Case, outcomes: &Outcomes) -> bool {
    !Way::BOTH
        .iter()
        .all(|way| outcomes.passed.contains(&(*way, case.id.clone())))
}

/// How many of the cases ran something forbidden, for each server.
fn ran(
    cases: &[&Case],
    ran: &BTreeMap<String, BTreeSet<&'static str>>,
    servers: &[&'static str],
) -> String {
    let count = |server: &&'static str| {
        let at = |case: &&&Case| ran.get(&case.id).is_some_and(|ran| ran.contains(server));
        cases.iter().filter(at).count().to_string()
    };
    servers.iter().map(count).collect::<Vec<_>>().join(" / ")
}

/// The cases about which there is something to say, by rule.
fn list_of(page: &mut String, rules: &[Rule], say: impl Fn(&Case) -> Option<String>) {
    for rule in rules {
        for case in &rule.cases {
            if let Some(said) = say(case) {
                let _ = writeln!(page, "- {}: {}: {said}", rule.text, case.vector.name);
            }
        }
    }
}
