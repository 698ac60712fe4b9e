//! `accesspolicy validate`

use std::path::PathBuf;
use std::process::ExitCode;

use super::{REFUSED, count, fail, render, say};
use crate::compile::{Severity, Validated, read_sources, validate};

/// Check policies without an enforcement point
///
/// Makes the same checks as `compile`, except for what only an enforcement point
/// knows: gateways, backends, trust domain and settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 valid, 1 refused, 2 wrong usage.")]
pub(super) struct Arguments {
    /// Manifests: files, folders (*.yaml, *.yml and *.json in them and below) or `-` for
    /// standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let sources = match read_sources(&arguments.paths) {
        Ok(sources) => sources,
        Err(unreadable) => return fail(unreadable),
    };
    match validate(sources) {
        Ok(Validated { policies, report }) => {
            render::print(&report);
            say(summary(policies, report.count(Severity::Warning)));
            ExitCode::SUCCESS
        }
        Err(report) => {
            render::print(&report);
            render::refused(&report, "the policies are refused");
            ExitCode::from(REFUSED)
        }
    }
}

fn summary(policies: usize, warnings: usize) -> String {
    let found = count(policies, "policy", "policies");
    match (policies, warnings) {
        (0, _) => "no XAccessPolicy found".to_owned(),
        (_, 0) => format!("{found}, no problems"),
        (_, warnings) => format!("{found}, {}", count(warnings, "warning", "warnings")),
    }
}
