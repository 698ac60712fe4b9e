//! `accesspolicy validate`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{REFUSED, count, diagnostics, fail, mention_skipped, say};
use crate::tool::compile::{
    ReadFileError, Report, STANDARD_INPUT, Severity, Source, Validated, compile, read_source,
    read_sources, validate,
};

/// Check policies, and where they will run
///
/// Makes the same checks as `compile`. Without --enforcement-point, except for what only
/// an enforcement point knows: gateways, backends, trust domain and settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 valid, 1 invalid, 2 wrong usage, or no policy at all.")]
pub(super) struct ValidateArguments {
    /// Manifests: files, folders (*.yaml, *.yml and *.json in them and below) or `-` for
    /// standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Check this EnforcementPoint file as well, and the policies for it
    #[arg(long, value_name = "FILE")]
    enforcement_point: Option<PathBuf>,

    /// Refuse what there are warnings about, for CI
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &ValidateArguments) -> ExitCode {
    let ValidateArguments {
        paths,
        enforcement_point,
        deny_warnings,
    } = arguments;
    let stdin = |path: &PathBuf| path.as_os_str() == STANDARD_INPUT;
    if enforcement_point.as_ref().is_some_and(stdin) && paths.iter().any(stdin) {
        return fail("standard input can be either the policies or the enforcement point");
    }
    let (sources, point) = match read(paths, enforcement_point.as_deref()) {
        Ok(read) => read,
        Err(unreadable) => return fail(unreadable),
    };
    let has_skipped = mention_skipped(paths);
    match check(sources, point) {
        Ok(Validated { policies: 0, .. }) => fail(
            "no XAccessPolicy found in what was given: check the paths, and `apiVersion` and \
             `kind` of the manifests",
        ),
        Ok(Validated { policies, report }) => {
            diagnostics::print(&report);
            let denied =
                || diagnostics::warned(&report, "the policies are not accepted") || has_skipped;
            if *deny_warnings && denied() {
                return ExitCode::from(REFUSED);
            }
            say(summary(policies, report.count(Severity::Warning)));
            ExitCode::SUCCESS
        }
        Err(report) => {
            diagnostics::print(&report);
            diagnostics::refused(&report, "the policies are not accepted");
            ExitCode::from(REFUSED)
        }
    }
}

fn read(
    paths: &[PathBuf],
    point: Option<&Path>,
) -> Result<(Vec<Source>, Option<Source>), ReadFileError> {
    Ok((read_sources(paths)?, point.map(read_source).transpose()?))
}

/// What there is to say of policies, and of an enforcement point where one is given.
fn check(sources: Vec<Source>, point: Option<Source>) -> Result<Validated, Report> {
    let Some(point) = point else {
        return validate(sources);
    };
    // How many there are, those for other gateways included.
    let found = validate(sources.clone()).map(|validated| validated.policies);
    let report = compile(sources, point)?.report;
    Ok(Validated {
        policies: found?,
        report,
    })
}

fn summary(policies: usize, warnings: usize) -> String {
    let found = count(policies, "policy", "policies");
    match warnings {
        0 => format!("{found}, no problems"),
        warnings => format!("{found}, {}", count(warnings, "warning", "warnings")),
    }
}
