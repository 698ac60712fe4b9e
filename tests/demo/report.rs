//! The demo's table: who called what, what became of it and why, and whether
//! that was to be expected. Fits 80 columns; colour is for terminals.

use std::io::{self, IsTerminal};

use serde_json::Value;

use crate::session::{Call, Outcome};

/// A call that is to happen, and its outcome.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) caller: &'static str,
    pub(crate) call: &'static str,
    pub(crate) allowed: bool,
}

/// One line of the table.
#[derive(Debug)]
struct Row {
    caller: String,
    call: String,
    outcome: String,
    why: String,
    good: bool,
}

/// Prints the table and returns whether everything was as expected: the same
/// calls, in the same order, with the same outcomes. `refusals` are the filter's
/// own reasons, in order.
pub(crate) fn print(expected: &[Expected], seen: &[(&str, Call)], refusals: &[String]) -> bool {
    let mut refusals = refusals.iter();
    let mut rows: Vec<Row> = Vec::new();
    for place in 0..expected.len().max(seen.len()) {
        let why = match seen.get(place) {
            Some((_, call)) if call.outcome == Outcome::Denied => refusals
                .next()
                .cloned()
                .unwrap_or_else(|| "no reason logged".to_owned()),
            Some((
                _,
                Call {
                    outcome: Outcome::Failed(error),
                    ..
                },
            )) => error.clone(),
            _ => String::new(),
        };
        rows.push(row(expected.get(place), seen.get(place), why));
    }
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    println!(
        "{:<6} {:<25} {:<7} {:<8} WHY",
        "CALLER", "CALL", "OUTCOME", "EXPECTED"
    );
    for row in &rows {
        row.print(colour);
    }
    rows.iter().all(|row| row.good)
}

/// The reasons in the filter's log, one for each refusal, in order.
pub(crate) fn refusals(log: &str) -> Vec<String> {
    log.lines().filter_map(refusal).collect()
}

/// The reason in one line of Envoy's log, when the filter wrote it about a refusal.
fn refusal(line: &str) -> Option<String> {
    let (_, json) = line.split_once("wasm log accesspolicy")?;
    let record: Value = serde_json::from_str(json.get(json.find('{')?..)?).ok()?;
    if record["decision"] != "deny" {
        return None;
    }
    let said = record["detail"].as_str().or(record["reason"].as_str())?;
    let policies = record["policies"]
        .as_array()
        .map_or(Vec::new(), |policies| {
            policies.iter().filter_map(Value::as_str).collect()
        });
    Some(if policies.is_empty() {
        said.to_owned()
    } else {
        format!("{}: {said}", policies.join(", "))
    })
}

fn row(expected: Option<&Expected>, seen: Option<&(&str, Call)>, why: String) -> Row {
    let same = match (expected, seen) {
        (Some(expected), Some((caller, call))) => {
            expected.caller == *caller
                && expected.call == call.name
                && expected.allowed == (call.outcome == Outcome::Allowed)
                && !matches!(call.outcome, Outcome::Failed(_))
        }
        _ => false,
    };
    let (caller, call, outcome) = match seen {
        Some((caller, call)) => (*caller, call.name.as_str(), word(&call.outcome)),
        None => expected.map_or(("", "", ""), |e| (e.caller, e.call, "absent")),
    };
    Row {
        caller: caller.to_owned(),
        call: call.to_owned(),
        outcome: outcome.to_owned(),
        why: if same || !why.is_empty() {
            why
        } else {
            expected.map_or("not expected at all".to_owned(), |e| {
                let wanted = if e.allowed { "allowed" } else { "denied" };
                format!("{} was to be {wanted}", e.call)
            })
        },
        good: same,
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "allowed",
        Outcome::Denied => "denied",
        Outcome::Failed(_) => "failed",
    }
}

impl Row {
    fn print(&self, colour: bool) {
        let (mark, paint) = if self.good {
            ("yes", "32")
        } else {
            ("NO", "31")
        };
        let mut mark = format!("{mark:<8}");
        if colour {
            mark = format!("\x1b[{paint}m{mark}\x1b[0m");
        }
        let (caller, call, outcome) = (&self.caller, &self.call, &self.outcome);
        let start = format!("{caller:<6} {call:<25} {outcome:<7} ");
        // A long reason goes on below itself.
        let mut lines = wrap(&self.why, 30).into_iter();
        let first = lines.next().unwrap_or_default();
        println!("{}", format!("{start}{mark} {first}").trim_end());
        for line in lines {
            println!("{:49} {line}", "");
        }
    }
}

/// Breaks a text between words into lines of `width` characters where it can.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
