//! `accesspolicy check`

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::admin::{self, DUMP_BYTES};
use super::policy_input::Subject;
use super::terminal::{self, Tone};
use super::{OutputForm, REFUSED, fail, output, say};
use crate::engine::json::shown_json;
use crate::tool::compile::{STANDARD_INPUT, read_bytes_of};
use crate::tool::inspect::{Finding, fits, inspect};

/// Check that a running Envoy has the filter, everywhere
///
/// Reads the configuration dump of Envoy's admin interface, and looks in every chain of HTTP
/// filters: is the filter there, with this policy, enabled on every route, last before the
/// router, are the settings there that the policy relies on, and does nothing go round it?
/// What cannot be seen in the dump is a problem as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage.

Examples:
  accesspolicy check --config policy.json --envoy 127.0.0.1:9901
  kubectl exec -n infra deploy/prod-istio -- pilot-agent request GET 'config_dump?include_eds' |
    accesspolicy check --config policy.json --config-dump -")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    subject: Subject,

    /// Envoy's admin interface
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "config_dump")]
    envoy: Option<String>,

    /// What its `/config_dump` says; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "envoy")]
    config_dump: Option<PathBuf>,

    /// How results are written
    #[arg(long, value_name = "FORM", default_value = "text")]
    output: OutputForm,
}

pub(super) fn run(arguments: &CheckArguments) -> ExitCode {
    let CheckArguments {
        subject,
        envoy,
        config_dump,
        output: form,
    } = arguments;
    let is_stdin = |path: &PathBuf| path.as_os_str() == STANDARD_INPUT;
    if config_dump.as_ref().is_some_and(is_stdin) && subject.reads_stdin() {
        return fail("standard input can be either the policies or the dump");
    }
    let loaded = match subject.load("nothing was checked") {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let answer = match (envoy, config_dump) {
        (Some(envoy), _) => admin::ask(envoy).map(|(dump, parent)| (dump, Some(parent))),
        (None, Some(file)) => read_bytes_of(file, DUMP_BYTES)
            .map(|dump| (dump, None))
            .map_err(|error| error.to_string()),
        (None, None) => return fail("say which Envoy: --envoy or --config-dump"),
    };
    let read = answer.and_then(|(text, parent)| Ok((read(&text)?, parent)));
    let (dump, parent) = match read {
        Ok(read) => read,
        Err(error) => return fail(error),
    };
    let Some(mut findings) = inspect(&dump, loaded.document.compiled()) else {
        return fail("this is no configuration dump: give what `/config_dump` says");
    };
    findings.extend(parent);
    let written = match form {
        OutputForm::Text => terminal::print(&table(&findings)),
        OutputForm::Json => {
            let findings = findings.iter().map(
                |Finding {
                     place,
                     check,
                     wrong,
                     warning,
                 }| {
                    json!({"place": place, "check": check, "wrong": wrong, "warning": warning})
                },
            );
            let findings: Vec<Value> = findings.collect();
            let text = format!("{:#}\n", json!({"findings": findings}));
            output::write(&shown_json(&text), None)
        }
    };
    if let Err(error) = written {
        return output::unwritten(&error);
    }
    let wrong = findings.iter().filter(|finding| finding.wrong.is_some());
    match wrong.count() {
        0 => ExitCode::SUCCESS,
        wrong => {
            say(format_args!(
                "{}",
                super::count(wrong, "problem", "problems")
            ));
            ExitCode::from(REFUSED)
        }
    }
}

/// A dump, whose text may have what is no UTF-8 in it.
fn read(text: &[u8]) -> Result<Value, String> {
    let text = String::from_utf8_lossy(text);
    fits(text.as_bytes())?;
    serde_json::from_str(&text)
        .map_err(|error| format!("the configuration dump is no JSON: {error}"))
}

/// A line for each finding, those of one place together.
fn table(findings: &[Finding]) -> String {
    let width = terminal::width();
    let mut text = String::new();
    let mut last = None;
    for Finding {
        place,
        check,
        wrong,
        warning,
    } in findings
    {
        if last != Some(place) {
            text.push_str(&Tone::Strong.paint(&terminal::plain(place)));
            text.push('\n');
            last = Some(place);
        }
        let (mark, says) = match (wrong, warning) {
            (Some(wrong), _) => (Tone::Bad.paint("NO "), wrong.clone()),
            (None, Some(warning)) => (Tone::Good.paint("yes"), format!("warning: {warning}")),
            (None, None) => (Tone::Good.paint("yes"), String::new()),
        };
        let line = terminal::hang(&format!("  {mark}  {check:<13} "), &says, width);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
