//! `accesspolicy compile`

use std::path::PathBuf;
use std::process::ExitCode;

use super::{REFUSED, diagnostics, fail, mention_skipped, output};
use crate::engine::json::shown_json;
use crate::tool::compile::{Compiled, FilesError, STANDARD_INPUT, compile_files};

/// Compile policies for one enforcement point
///
/// Reads every XAccessPolicy in the given files and folders, refuses what is invalid
/// or not enforced, and writes the compiled policy as JSON. Every problem is
/// reported, with file, line and column; if there is any, nothing is written.
///
/// Policies for other Gateways and for backends that the enforcement point does not
/// list are skipped with a note, objects of other kinds as well; where such a name is
/// nearly one of the enforcement point's, with a warning.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 written, 1 invalid, 2 wrong usage.")]
pub(super) struct CompileArguments {
    /// Manifests: files, folders (*.yaml, *.yml and *.json in them and below) or `-` for
    /// standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Where the policies will run: an EnforcementPoint file
    #[arg(long, value_name = "FILE")]
    enforcement_point: PathBuf,

    /// Write there instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Refuse what there are warnings about, for CI
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &CompileArguments) -> ExitCode {
    let CompileArguments {
        paths,
        enforcement_point,
        output,
        deny_warnings,
    } = arguments;
    let stdin = |path: &PathBuf| path.as_os_str() == STANDARD_INPUT;
    if stdin(enforcement_point) && paths.iter().any(stdin) {
        return fail("standard input can be either the policies or the enforcement point");
    }
    let has_skipped = mention_skipped(paths);
    let Compiled { policy, report, .. } = match compile_files(paths, enforcement_point) {
        Ok(compiled) => compiled,
        Err(error @ (FilesError::Unreadable(_) | FilesError::Nothing)) => return fail(error),
        Err(FilesError::Invalid(report)) => {
            diagnostics::print(&report);
            diagnostics::refused(&report, "nothing was written");
            return ExitCode::from(REFUSED);
        }
    };
    diagnostics::print(&report);
    if *deny_warnings && (diagnostics::warned(&report, "nothing was written") || has_skipped) {
        return ExitCode::from(REFUSED);
    }
    let written = serde_json::to_string_pretty(&policy)
        .map_err(std::io::Error::from)
        .and_then(|json| output::write(&(shown_json(&json) + "\n"), output.as_deref()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match output {
            Some(path) => fail(format_args!("cannot write `{}`: {error}", path.display())),
            None => output::unwritten(&error),
        },
    }
}
