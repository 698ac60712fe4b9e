//! An explanation for people.

use std::fmt::Write as _;

use super::super::terminal::{Tone, hang, plain};
use super::settings::{reached, settings};
use super::{Explanation, asked};
use crate::engine::decision::{
    AccessTrace, Audit, Basis, Check, DenialReason, LevelTrace, Match, PolicyTrace, RulePart,
    RuleTrace,
};
use crate::engine::enforcement::{Permitted, Reason, Step};
use crate::engine::policy::{Action, IdentitySource, Mode};
use crate::tool::decision_tests::Expect;

/// So many rules for other callers are named; of more, only the number is told.
const OTHERS: usize = 3;

/// So many items of a condition are named.
const ITEMS: usize = 12;

/// So many letters of a value are shown.
const LETTERS: usize = 200;

/// The whole explanation; `all` is whether rules for other callers are shown as well.
pub(in super::super) fn page(explanation: &Explanation<'_>, all: bool, width: usize) -> String {
    let mut page = head(explanation, width);
    let Some(trace) = &explanation.explained.trace else {
        return page;
    };
    let reached = reached(trace).count();
    for (number, level) in trace.levels.iter().enumerate() {
        page.push('\n');
        if number < reached {
            page.push_str(&level_text(explanation, level, all, width));
        } else {
            let front = format!("{}: ", Tone::Strong.paint(&plain(&level.target)));
            page.push_str(&hang(&front, "not reached", width));
        }
    }
    page
}

/// The verdict in a sentence, and what is asked and answered.
pub(super) fn head(explanation: &Explanation<'_>, width: usize) -> String {
    let (word, tone, why) = verdict(explanation);
    let mut head = hang(&tone.paint(&format!("{word}: ")), &why, width);
    head.push('\n');
    let mut line = |name: &str, text: &str| {
        head.push_str(&hang(&format!("  {name:<8} "), text, width));
    };
    line("request", &asked(explanation));
    line("caller", &caller(explanation));
    line("route", &route(explanation));
    if let Some(Reason::Malformed(_, Some(offset))) = explanation.reason() {
        line(
            "there",
            &around(explanation.request.body.as_bytes(), *offset),
        );
    }
    line("answer", &answer(explanation));
    for setting in settings(explanation) {
        line(
            "setting",
            &format!("`{}`: {}", setting.name, setting.effect),
        );
    }
    if let Some(audit) = audit(explanation) {
        line("audit", &audit);
    }
    head
}

fn verdict(explanation: &Explanation<'_>) -> (&'static str, Tone, String) {
    match &explanation.explained.step {
        Step::Continue(Permitted::Now(permit, _)) => {
            let why = match permit.basis() {
                Basis::Unprotected => "no policy is for this, and that is allowed here".to_owned(),
                basis => allowed(basis),
            };
            ("Allowed", Tone::Good, why)
        }
        Step::Block(refusal) => match &refusal.reason {
            Reason::Denied(denial) => ("Denied", Tone::Bad, denied(&denial.reason)),
            Reason::DeniedByHeaders(denial) => {
                let why = format!("{}, whatever the body says", denied(&denial.reason));
                ("Denied", Tone::Bad, why)
            }
            reason @ (Reason::DeniedByAuthorizer(_) | Reason::Unanswered(_)) => {
                let by = asking(explanation);
                let detail = reason.detail().unwrap_or_default();
                ("Denied", Tone::Bad, format!("{by}{detail}"))
            }
            reason @ Reason::Rerouted(_) => {
                ("Denied", Tone::Bad, reason.detail().unwrap_or_default())
            }
            reason => {
                let detail = reason.detail().unwrap_or_else(|| reason.kind().to_owned());
                let why = format!("{detail}; no policy is asked");
                ("Rejected", Tone::Bad, why)
            }
        },
        Step::Ask(_) => {
            let by = asking(explanation);
            let why = format!("{by}and what the authorizer answers decides");
            ("Would ask", Tone::Plain, why)
        }
        _ => ("Undecided", Tone::Bad, "the request never ended".to_owned()),
    }
}

/// Who asks last, and where.
fn asking(explanation: &Explanation<'_>) -> String {
    explanation.ask().map_or_else(String::new, |ask| {
        format!("by {} at the {}, ", ask.by, ask.level.as_str())
    })
}

fn allowed(basis: Basis<'_>) -> String {
    let Basis::Policies { gateway, backend } = basis else {
        return String::new();
    };
    let at = |by: Option<_>, level: &str| by.map(|by| format!("by {by} at the {level}"));
    let by: Vec<String> = at(gateway, "Gateway")
        .into_iter()
        .chain(at(backend, "Backend"))
        .collect();
    match by.as_slice() {
        [] => "no Allow policy is for this, and nothing denies it".to_owned(),
        by => by.join(", "),
    }
}

/// Why a request is denied, in a sentence.
pub(super) fn denied(reason: &DenialReason<'_>) -> String {
    match reason {
        DenialReason::Unprotected => "no policy is for this, and that is denied here".to_owned(),
        DenialReason::NoPort => {
            "policies are for listeners, and the port it arrived on is not known".to_owned()
        }
        DenialReason::NoCluster => {
            "policies are for backends, and the route chose no known cluster".to_owned()
        }
        DenialReason::Unlisted => {
            "the route goes to a cluster of no backend that the enforcement point lists".to_owned()
        }
        DenialReason::DenyRule { level, by, .. } => {
            format!("{by} denies it at the {}", level.as_str())
        }
        DenialReason::NotAllowed {
            level,
            policy: Some(policy),
            ..
        } => format!("no rule of {policy} allows it at the {}", level.as_str()),
        DenialReason::NotAllowed {
            level,
            policy: None,
            ..
        } => format!("no rule allows it at the {}", level.as_str()),
    }
}

fn asked(explanation: &Explanation<'_>) -> String {
    let http = explanation.request.http();
    let line = format!("{} {}", http.method, http.path);
    let trace = explanation.explained.trace.as_ref();
    let acts = trace.and_then(|trace| trace.levels.first());
    let acts = acts.map(|level| level.acts.iter().map(|act| act.asks.as_str()));
    let acts: Vec<&str> = acts.into_iter().flatten().collect();
    match acts.as_slice() {
        [] => match http.body.len() {
            0 => line,
            length => format!("{line}, {length} bytes"),
        },
        acts => format!("{} ({line})", acts.join(", ")),
    }
}

fn caller(explanation: &Explanation<'_>) -> String {
    let from = match explanation.loaded.policies.settings().identity {
        IdentitySource::PeerCertificate => "client certificate",
        IdentitySource::ForwardedClientCert => "x-forwarded-client-cert",
        IdentitySource::Metadata(_) => "Envoy's metadata",
    };
    match &explanation.outcome.caller {
        Some(caller) => format!("{caller} ({from})"),
        None => format!("nobody: without identity ({from})"),
    }
}

fn route(explanation: &Explanation<'_>) -> String {
    let cluster = explanation.request.cluster();
    let backends = explanation.loaded.document.compiled().backends.iter();
    let mut serving = backends.filter(|found| found.clusters.iter().any(|name| name == cluster));
    let backend = match serving.next() {
        Some(backend) => format!("XBackend {}", backend.backend),
        None => "of no XBackend".to_owned(),
    };
    let port = explanation
        .request
        .port
        .map(|port| format!(", from port {port}"));
    format!("cluster {cluster} ({backend}){}", port.unwrap_or_default())
}

fn answer(explanation: &Explanation<'_>) -> String {
    match &explanation.explained.step {
        Step::Block(refusal) => {
            let body = String::from_utf8_lossy(&refusal.answer.body);
            let body = body.trim_end();
            format!("HTTP {} {}", refusal.answer.status, short(body))
        }
        Step::Ask(_) => "not known before the authorizer's".to_owned(),
        Step::Continue(Permitted::Now(_, obligations)) if !obligations.request.is_empty() => {
            "the server's: the request goes on with the authorizer's changes of its headers"
                .to_owned()
        }
        _ => "the server's: the request goes on, byte for byte".to_owned(),
    }
}

/// What stands around a byte of a body, which is marked.
fn around(body: &[u8], offset: usize) -> String {
    const AROUND: usize = 24;
    let (before, after) = body.split_at(offset.min(body.len()));
    let start = before.len().saturating_sub(AROUND);
    let end = after.len().min(AROUND);
    let [before_it, after_it] = [&before[start..], &after[..end]].map(String::from_utf8_lossy);
    let more = |is_cut: bool| if is_cut { "..." } else { "" };
    let (front, rest) = (more(start > 0), more(end < after.len()));
    format!("{front}{before_it} <here> {after_it}{rest}")
}

fn audit(explanation: &Explanation<'_>) -> Option<String> {
    let audit = match &explanation.explained.step {
        Step::Continue(Permitted::Now(permit, _)) => permit.audit(),
        Step::Block(refusal) => refusal.reason.denial().and_then(|denial| denial.audit),
        _ => None,
    };
    let same = |would: bool| {
        if would == (explanation.outcome.expect == Some(Expect::Allow)) {
            "still be"
        } else {
            "be"
        }
    };
    Some(match audit? {
        Audit::Allow(basis) => {
            let why = match basis {
                Basis::Unprotected => String::new(),
                basis => format!(", {}", allowed(basis)),
            };
            format!(
                "were Audit policies enforced, it would {} allowed{why}",
                same(true)
            )
        }
        Audit::Ask(by) => {
            format!("were Audit policies enforced, an authorizer would be asked, by {by}")
        }
        Audit::Deny(reason) => {
            let still = same(false);
            format!(
                "were Audit policies enforced, it would {still} denied: {}",
                denied(&reason)
            )
        }
    })
}

fn level_text(
    explanation: &Explanation<'_>,
    level: &LevelTrace<'_>,
    all: bool,
    width: usize,
) -> String {
    let is_refused = explanation.reason().is_some();
    let (word, tone) = match (level.asks, level.enforced) {
        (Some(_), _) if is_refused => ("denies, for its authorizer", Tone::Bad),
        (Some(_), _) => ("asks first", Tone::Plain),
        (None, Ok(None)) => ("passes, no Allow policy is for it", Tone::Plain),
        (None, Ok(Some(_))) => ("passes", Tone::Good),
        (None, Err(_)) => ("denies", Tone::Bad),
    };
    let target = Tone::Strong.paint(&plain(&level.target));
    let mut text = format!("{target}: {}\n", tone.paint(word));
    for act in &level.acts {
        let front = match level.acts.len() {
            1 => "  ",
            _ => {
                text.push_str(&hang("  ", &format!("{}:", act.asks), width));
                "    "
            }
        };
        text.push_str(&act_text(explanation, level, act, front, all, width));
    }
    text
}

fn act_text(
    explanation: &Explanation<'_>,
    level: &LevelTrace<'_>,
    act: &AccessTrace<'_>,
    front: &str,
    all: bool,
    width: usize,
) -> String {
    let mut text = String::new();
    for policy in &act.policies {
        text.push_str(&policy_text(policy, level, front, all, width));
        if policy.action == Action::ExternalAuth && policy.matched().is_some() {
            let name = policy.name.to_string();
            let front = format!("{front}  ");
            text.push_str(&asked::of_policy(explanation, &name, &front, width));
        }
    }
    text
}

fn policy_text(
    policy: &PolicyTrace<'_>,
    level: &LevelTrace<'_>,
    front: &str,
    all: bool,
    width: usize,
) -> String {
    let matched = policy.matched().is_some();
    let is_enforced = policy.mode == Mode::Enforce;
    let (action, word, tone) = match (policy.action, matched) {
        (Action::Allow, true) => ("Allow", "allows", Tone::Good),
        (Action::Allow, false) => ("Allow", "does not allow", Tone::Bad),
        (Action::Deny, true) => ("Deny", "denies", Tone::Bad),
        (Action::ExternalAuth, true) => ("ExternalAuth", "asks", Tone::Plain),
        (Action::ExternalAuth, false) => ("ExternalAuth", "does not ask", Tone::Plain),
        (Action::Deny, false) => ("Deny", "does not deny", Tone::Good),
    };
    let (mode, tone) = match policy.mode {
        Mode::Enforce => ("", tone),
        Mode::Audit => (", Audit: changes nothing", Tone::Faint),
    };
    let name = plain(&policy.name.to_string());
    let mut text = format!(
        "{front}policy {name} ({action}{mode}): {}\n",
        tone.paint(word)
    );
    let (own, others): (Vec<&RuleTrace<'_>>, Vec<&RuleTrace<'_>>) = policy
        .rules
        .iter()
        .partition(|rule| all || !is_for_another(rule));
    for rule in own {
        let decides = is_enforced && decides(rule, policy, level);
        text.push_str(&rule_text(rule, decides, front, width));
    }
    if others.len() > OTHERS {
        let count = others.len();
        let front = format!("{front}  ");
        text.push_str(&hang(
            &front,
            &format!("{count} rules for other callers (--all)"),
            width,
        ));
    } else {
        for rule in others {
            let front = format!("{front}  rule {}: ", plain(rule.name.unwrap_or_default()));
            let source = rule.checks.first().map(|check| check.wanted.join(", "));
            let source = source.unwrap_or_default();
            text.push_str(&hang(&front, &format!("for {source}"), width));
        }
    }
    text
}

/// Whether a rule is what the level's outcome rests on.
fn decides(rule: &RuleTrace<'_>, policy: &PolicyTrace<'_>, level: &LevelTrace<'_>) -> bool {
    let by = match (level.asks, level.enforced) {
        (Some(by), _) => Some(by),
        (None, Ok(by)) => by,
        (None, Err(DenialReason::DenyRule { by, .. })) => Some(by),
        (None, Err(_)) => None,
    };
    let is_it = |by: crate::engine::decision::Determining<'_>| {
        by.policy == policy.name && by.rule == rule.name && rule.counts
    };
    by.is_some_and(is_it)
}

fn is_for_another(rule: &RuleTrace<'_>) -> bool {
    let source = rule.checks.first();
    source.is_some_and(|check| check.part == RulePart::Source && check.matches == Match::No)
}

fn rule_text(rule: &RuleTrace<'_>, decides: bool, front: &str, width: usize) -> String {
    let (word, tone) = match (rule.matches, rule.counts) {
        (Match::Yes, _) => ("matches", Tone::Good),
        (Match::No, _) => ("does not match", Tone::Plain),
        (Match::Undecided, true) => ("cannot be decided, which counts as a match here", Tone::Bad),
        (Match::Undecided, false) => ("cannot be decided, which is no match here", Tone::Bad),
    };
    let decides = if decides { ", which decides" } else { "" };
    let mut text = match rule.name {
        Some(name) => format!(
            "{front}  rule {}: {}{decides}\n",
            plain(name),
            tone.paint(word)
        ),
        None => format!(
            "{front}  no rules: everything {}{decides}\n",
            tone.paint("matches")
        ),
    };
    let names = rule.checks.iter().map(|check| check.part.to_string().len());
    let column = names.max().unwrap_or(0);
    for check in &rule.checks {
        let front = format!("{front}    ");
        text.push_str(&check_text(check, &front, column, width));
    }
    text
}

/// A condition: whether it holds, what it is about, what it wants and what it found.
pub(super) fn check_text(check: &Check, front: &str, column: usize, width: usize) -> String {
    let (mark, tone) = match check.matches {
        Match::Yes => ("yes", Tone::Good),
        Match::No => ("no ", Tone::Bad),
        Match::Undecided => ("?  ", Tone::Bad),
    };
    let part = plain(&check.part.to_string());
    let front = format!("{front}{} {part:<column$}  ", tone.paint(mark));
    // An expression may be written in several lines.
    let wanted = wanted(&check.wanted).replace('\n', " ");
    let found = check.found.as_deref();
    let blank = " ".repeat(anstream::adapter::strip_str(&front).to_string().len());
    if check.matches == Match::Yes && check.part != RulePart::Cel {
        let found = found.filter(|found| check.wanted.iter().all(|wanted| wanted != found));
        let found = found.map(|found| format!("{} is in: {wanted}", short(found)));
        return hang(&front, &found.unwrap_or(wanted), width);
    }
    let mut text = hang(&format!("{front}wants "), &wanted, width);
    let found = found.map_or_else(|| "nothing".to_owned(), short);
    text.push_str(&hang(&format!("{blank}found "), &found, width));
    for (name, value) in &check.reads {
        let value = value
            .as_deref()
            .map_or_else(|| "(not there)".to_owned(), short);
        let mut read = String::new();
        let _ = write!(read, "{name} = {value}");
        text.push_str(&hang(&format!("{blank}with  "), &read, width));
    }
    text
}

fn wanted(items: &[String]) -> String {
    let mut named: Vec<String> = items
        .iter()
        .take(ITEMS)
        .map(|item| among(items.len(), &short(item)))
        .collect();
    let more = items.len().saturating_sub(ITEMS);
    if more > 0 {
        named.push(format!("or {more} more"));
    }
    named.join(", ")
}

/// An item as it stands among others: in quotes, where it could be taken for several.
fn among(count: usize, item: &str) -> String {
    match count > 1 && item.contains([',', '"']) {
        true => format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")),
        false => item.to_owned(),
    }
}

/// The front of a long value.
fn short(text: &str) -> String {
    let mut letters = text.chars();
    let front: String = letters.by_ref().take(LETTERS).collect();
    match letters.next() {
        None => front,
        Some(_) => format!("{front}..."),
    }
}
