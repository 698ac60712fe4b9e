//! `accesspolicy check`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::subject::Subject;
use super::terminal::{self, Tone};
use super::{OutputForm, REFUSED, fail, output, say};
use crate::engine::json::shown_json;
use crate::tool::compile::{STANDARD_INPUT, read_bytes_of};
use crate::tool::inspect::{Finding, inspect};

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
pub(super) struct Arguments {
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

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Arguments {
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
    let text = match (envoy, config_dump) {
        (Some(envoy), _) => ask(envoy),
        (None, Some(file)) => read_bytes_of(file, DUMP_BYTES)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| error.to_string()),
        (None, None) => return fail("say which Envoy: --envoy or --config-dump"),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return fail(error),
    };
    let dump: Value = match serde_json::from_str(&text) {
        Ok(dump) => dump,
        Err(error) => return fail(format_args!("the configuration dump is no JSON: {error}")),
    };
    let Some(findings) = inspect(&dump, loaded.document.compiled()) else {
        return fail("this is no configuration dump: give what `/config_dump` says");
    };
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

/// What Envoy's admin interface says of its configuration.
fn ask(envoy: &str) -> Result<String, String> {
    let address = envoy.trim_start_matches("http://").trim_end_matches('/');
    let failed =
        |error: &dyn std::fmt::Display| format!("cannot ask Envoy at `{address}`: {error}");
    // The client wants some provider of TLS, whether or not it is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        let client = client.map_err(|error| failed(&error))?;
        let url = format!("http://{address}/config_dump?include_eds");
        let mut answer = client
            .get(url)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        if !answer.status().is_success() {
            return Err(format!("`{address}` is no admin interface of Envoy's"));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            bytes.extend_from_slice(&chunk);
            if u64::try_from(bytes.len()).is_ok_and(|length| length > DUMP_BYTES) {
                let most = DUMP_BYTES >> 20;
                return Err(failed(&format!("its dump has more than {most} MiB")));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })
}

/// The most bytes of a dump that is read.
const DUMP_BYTES: u64 = 256 << 20;

/// How long Envoy is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
