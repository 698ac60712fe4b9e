//! Our filter beside Envoy's own: the same requests, the same authorizers, the same
//! answers, the same server. Everything that each side sees is compared, and every
//! difference has to be one that is meant: [`differences`] lists them with their reasons,
//! and `DIFFERENCES.md` shows them.
//!
//! After a change that is meant: `BLESS=1 cargo test --test authorizers comparison`, and
//! review the page.

mod differences;
mod observed;
mod over_grpc;
mod over_http;
mod page;
mod scenario;
mod stage;

use std::collections::{BTreeMap, BTreeSet};

use differences::{Difference, ROWS};
use observed::Observed;
use scenario::Scenario;
use stage::{Side, Stage};

/// What was seen of the rows: where, and the first difference.
type Shown = BTreeMap<&'static str, (Vec<&'static str>, Difference)>;

#[test]
fn every_difference_is_meant_and_every_one_meant_is_seen() {
    let stage = Stage::start();
    let mut shown = Shown::new();
    let mut wrong = Vec::new();
    let scenarios: Vec<Scenario> = over_http::all()
        .into_iter()
        .chain(over_grpc::all())
        .collect();
    let names: BTreeSet<_> = scenarios.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), scenarios.len(), "two scenarios have one name");
    for scenario in &scenarios {
        for protocol in stage::PROTOCOLS {
            let theirs = stage.run(Side::Theirs, scenario, protocol);
            let ours = stage.run(Side::Ours, scenario, protocol);
            for difference in compare(&theirs, &ours) {
                match scenario.row_of(&difference) {
                    Some(row) => {
                        let (seen, _) = shown.entry(row).or_insert((Vec::new(), difference));
                        if seen.last() != Some(&scenario.name) {
                            seen.push(scenario.name);
                        }
                    }
                    None => wrong.push(format!("{}: {difference}", scenario.name)),
                }
            }
        }
        for row in scenario.shows {
            let seen = shown.get(row).and_then(|(seen, _)| seen.last());
            if seen != Some(&scenario.name) {
                wrong.push(format!("{} does not show `{row}`", scenario.name));
            }
        }
    }
    let unseen = ROWS.iter().filter(|row| !shown.contains_key(row.id));
    wrong.extend(unseen.map(|row| format!("nothing shows `{}`", row.id)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    page::assert_current(&scenarios, &shown);
}

/// What is otherwise on the two sides. Of a question that one side alone asks only that is
/// a difference; of a request that one side alone lets through also the status.
fn compare(theirs: &Observed, ours: &Observed) -> Vec<Difference> {
    let is_one_sided = |of: &str| theirs.get(of) != ours.get(of);
    let is_detail = |key: &str| match key.split_once('.') {
        Some(("client", of)) => is_one_sided("server") && of != "status",
        Some((of, _)) => is_one_sided(of),
        None => false,
    };
    let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let keys = keys.into_iter().filter(|key| !is_detail(key));
    keys.filter(|key| theirs.get(*key) != ours.get(*key))
        .map(|key| Difference {
            key: key.clone(),
            theirs: theirs.get(key).cloned(),
            ours: ours.get(key).cloned(),
        })
        .collect()
}
