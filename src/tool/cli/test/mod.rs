//! `accesspolicy test`

mod coverage;
mod junit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::explain::{Explanation, page};
use super::policy_input::LoadedPolicy;
use super::terminal::{Tone, hang, plain};
use super::{REFUSED, count, diagnostics, fail, mention_skipped, output, say, terminal};
use crate::engine::policy::NumberedPolicy;
use crate::tool::compile::{FilesError, Report, Source, list_files, read_source};
use crate::tool::decision_tests::{AuthorizerReply, Case, Suite};
use coverage::Coverage;

/// Run decision tests
///
/// Reads the files and folders given for documents of `kind: DecisionTests`: policies, an
/// enforcement point, requests, and what is to become of each. Every request goes the
/// whole way that it goes in the filter. Of those that fail, the decision is explained.
/// Files that cannot be read as YAML, or are nearly decision tests, are refused.
///
/// Rules that determined nothing in any test are listed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 all passed, 1 some failed, none was run, or files are \
                        refused, 2 wrong usage."
)]
pub(super) struct TestArguments {
    /// Files and folders (*.yaml, *.yml and *.json in them and below)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Where the policies will run, instead of what the tests say
    #[arg(long, value_name = "FILE")]
    enforcement_point: Option<PathBuf>,

    /// Write the results there as well, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Name only the tests that fail
    #[arg(short, long)]
    quiet: bool,
}

/// A file of tests, run.
struct Run {
    file: String,
    results: Vec<TestResult>,
    /// Rules that determined nothing.
    idle: Vec<String>,
}

/// A test, run.
struct TestResult {
    name: String,
    line: usize,
    /// What is otherwise than expected; nothing where it passed.
    wrong: Vec<String>,
    /// Why it came to what it came to, where that is wrong.
    why: String,
}

/// Why a file was not run.
enum NotRun {
    Usage(ExitCode),
    Invalid(Report),
}

pub(super) fn run(arguments: &TestArguments) -> ExitCode {
    let (runs, others) = match runs(arguments) {
        Ok(found) => found,
        Err(NotRun::Usage(code)) => return code,
        Err(NotRun::Invalid(report)) => {
            diagnostics::print(&report);
            diagnostics::refused(&report, "no test was run");
            return ExitCode::from(REFUSED);
        }
    };
    let (passed, failed) = counts(&runs);
    if passed + failed == 0 {
        say(match runs.as_slice() {
            [] => "error: no test was run: no document of `kind: DecisionTests` was found",
            _ => "error: no test was run: the decision tests that were found are empty",
        });
        return ExitCode::from(REFUSED);
    }
    if let Some(path) = &arguments.junit
        && let Err(error) = output::write(&junit::text(&runs), Some(path))
    {
        return fail(format_args!("cannot write `{}`: {error}", path.display()));
    }
    if let Err(error) = terminal::print(&text(&runs, arguments.quiet)) {
        return output::unwritten(&error);
    }
    if others > 0 && !arguments.quiet {
        let others = count(others, "file holds", "files hold");
        say(format_args!("note: {others} no decision tests"));
    }
    match failed {
        1.. => ExitCode::from(REFUSED),
        0 => ExitCode::SUCCESS,
    }
}

fn counts(runs: &[Run]) -> (usize, usize) {
    let results = || runs.iter().flat_map(|run| &run.results);
    let passed = results().filter(|result| result.wrong.is_empty()).count();
    (passed, results().count() - passed)
}

/// Runs what there is of tests, and counts the files that hold something else.
fn runs(arguments: &TestArguments) -> Result<(Vec<Run>, usize), NotRun> {
    let usage = |error| NotRun::Usage(fail(error));
    let point = arguments.enforcement_point.as_deref();
    let point = point.map(read_source).transpose().map_err(usage)?;
    let (mut runs, mut others) = (Vec::new(), 0);
    mention_skipped(&arguments.paths);
    for path in list_files(&arguments.paths).map_err(usage)? {
        let source = read_source(&path).map_err(usage)?;
        match Suite::is_one(&source).map_err(NotRun::Invalid)? {
            true => runs.push(of_file(&path, source, point.clone())?),
            false => others += 1,
        }
    }
    Ok((runs, others))
}

fn of_file(path: &Path, source: Source, point: Option<Source>) -> Result<Run, NotRun> {
    let file = source.name().to_owned();
    let folder = path.parent().unwrap_or(Path::new(""));
    let suite = Suite::read(source, folder).map_err(|error| match error {
        FilesError::Unreadable(_) | FilesError::Nothing => NotRun::Usage(fail(error)),
        FilesError::Invalid(report) => NotRun::Invalid(report),
    })?;
    let compiled = suite.compile(point).map_err(NotRun::Invalid)?;
    let loaded = NumberedPolicy::load(compiled.policy);
    let (document, policies) = loaded.map_err(|error| NotRun::Usage(fail(error)))?;
    let loaded = LoadedPolicy {
        document,
        policies,
        report: None,
    };
    let mut coverage = Coverage::new(&loaded.document);
    let results = suite.tests.iter();
    let results = results.map(|case| of_case(case, &loaded, &mut coverage));
    Ok(Run {
        file,
        results: results.collect(),
        idle: coverage.idle(),
    })
}

fn of_case(case: &Case, loaded: &LoadedPolicy, coverage: &mut Coverage) -> TestResult {
    let mut case = case.clone();
    case.request.fill_in(loaded.document.compiled());
    // Where a test gives no answer, there is none.
    let answers = case.answers.iter().cloned().chain(AuthorizerReply::never());
    let (wrong, why) = match Explanation::of(&case.request, answers, loaded) {
        Ok(explanation) => {
            coverage.add(&explanation);
            let wrong = case.differences(&case.judge(&loaded.policies));
            let why = match wrong.as_slice() {
                [] => String::new(),
                _ => page(&explanation, false, terminal::width().saturating_sub(2)),
            };
            (wrong, why)
        }
        Err(error) => (vec![error], String::new()),
    };
    TestResult {
        name: case.name,
        line: case.line,
        wrong,
        why,
    }
}

fn text(runs: &[Run], quiet: bool) -> String {
    let width = terminal::width();
    let mut text = String::new();
    for run in runs {
        let failed = run.results.iter().any(|result| !result.wrong.is_empty());
        if !quiet || failed {
            text.push_str(&hang("", &run.file, width));
        }
        for result in &run.results {
            let (word, tone) = match result.wrong.is_empty() {
                true if quiet => continue,
                true => ("ok  ", Tone::Good),
                false => ("FAIL", Tone::Bad),
            };
            let front = format!("  {} ", tone.paint(word));
            text.push_str(&hang(&front, &result.name, width));
        }
    }
    for run in runs {
        for result in run.results.iter().filter(|result| !result.wrong.is_empty()) {
            let title = format!("{}:{}: {}", run.file, result.line, result.name);
            text.push_str(&format!("\n{}\n", Tone::Strong.paint(&plain(&title))));
            for wrong in &result.wrong {
                text.push_str(&hang(&format!("  {} ", Tone::Bad.paint("!")), wrong, width));
            }
            text.push('\n');
            for line in result.why.lines() {
                text.push_str(format!("  {line}").trim_end());
                text.push('\n');
            }
        }
    }
    if runs.iter().any(|run| !run.idle.is_empty()) {
        text.push_str("\nrules that determine no outcome of a test:\n");
        for run in runs {
            for rule in &run.idle {
                text.push_str(&hang("  ", &format!("{rule} ({})", run.file), width));
            }
        }
    }
    let (passed, failed) = counts(runs);
    let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
    let sums = format!("{passed} passed, {failed} failed");
    text.push_str(&format!("\n{}\n", tone.paint(&sums)));
    text
}
