//! Which policies a command is about: compiled ones, or manifests that are compiled first.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{REFUSED, diagnostics, fail, mention_skipped};
use crate::engine::policy::{CompiledPolicy, NumberedPolicy, Policies};
use crate::tool::compile::{
    FilesError, Report, STANDARD_INPUT, Source, compile_files, read_source,
};

/// Where the policies are.
#[derive(Debug, clap::Args)]
pub(super) struct Subject {
    /// Manifests, as for `compile`; with --enforcement-point, and instead of --config
    #[arg(
        value_name = "PATH",
        conflicts_with = "config",
        requires = "enforcement_point"
    )]
    pub(super) paths: Vec<PathBuf>,

    /// A compiled policy: what `compile` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "enforcement_point")]
    pub(super) config: Option<PathBuf>,

    /// Where the policies of PATH will run
    #[arg(long, value_name = "FILE")]
    pub(super) enforcement_point: Option<PathBuf>,
}

/// Policies, ready to be asked and in words.
pub(super) struct LoadedPolicy {
    pub(super) document: NumberedPolicy,
    pub(super) policies: Policies,
    /// What the compiler said about them, where they were compiled here.
    pub(super) report: Option<Report>,
}

impl LoadedPolicy {
    /// Says that there are warnings; what was skipped may be just what is asked about.
    pub(super) fn mention_warnings(&self) {
        if let Some(report) = &self.report {
            diagnostics::warned(report, "`accesspolicy validate` shows them");
        }
    }
}

impl Subject {
    /// Loads the policies; where that is not possible, says so, and what follows from it.
    pub(super) fn load(&self, consequence: &str) -> Result<LoadedPolicy, ExitCode> {
        match (&self.config, &self.enforcement_point) {
            (Some(config), _) => read(config),
            (None, Some(point)) => compiled(&self.paths, point, consequence),
            (None, None) => Err(fail(
                "say which policies: --config, or PATH and --enforcement-point",
            )),
        }
    }

    /// Whether standard input is one of them.
    pub(super) fn reads_stdin(&self) -> bool {
        let files = self.config.iter().chain(&self.enforcement_point);
        files
            .chain(&self.paths)
            .any(|path| path.as_os_str() == STANDARD_INPUT)
    }
}

/// Loads a compiled policy.
pub(super) fn read(path: &Path) -> Result<LoadedPolicy, ExitCode> {
    let source = read_source(path).map_err(fail)?;
    // The errors of the filter are better than serde's: they name the version.
    let checked = Policies::from_json(source.text().as_bytes());
    let read = checked.map(|_| serde_json::from_str::<CompiledPolicy>(source.text()));
    match read {
        Ok(Ok(policy)) if !policy.is_sealed() => Err(fail(format_args!(
            "`{}` was changed after it was compiled: it has no seal that fits; change the policies, \
             and compile them again",
            source.name()
        ))),
        Ok(Ok(policy)) => load(policy, &source),
        Ok(Err(error)) => Err(fail(format_args!("`{}`: {error}", source.name()))),
        Err(_) if is_manifest(source.text()) => Err(fail(format_args!(
            "`{}` is no compiled policy: run `accesspolicy compile`, and give what it writes",
            source.name()
        ))),
        Err(error) => Err(fail(format_args!("`{}`: {error}", source.name()))),
    }
}

/// Whether a text is one to be compiled: an object of Kubernetes, or YAML at least.
fn is_manifest(text: &str) -> bool {
    let text = text.trim_start();
    let is_object = text.starts_with('{');
    !text.is_empty() && (!is_object || text.contains("\"apiVersion\""))
}

fn load(policy: CompiledPolicy, source: &Source) -> Result<LoadedPolicy, ExitCode> {
    match NumberedPolicy::load(policy) {
        Ok((document, policies)) => Ok(LoadedPolicy {
            document,
            policies,
            report: None,
        }),
        Err(error) => Err(fail(format_args!("`{}`: {error}", source.name()))),
    }
}

fn compiled(paths: &[PathBuf], point: &Path, consequence: &str) -> Result<LoadedPolicy, ExitCode> {
    mention_skipped(paths);
    match compile_files(paths, point) {
        Ok(compiled) => {
            let (document, policies) = NumberedPolicy::load(compiled.policy).map_err(fail)?;
            Ok(LoadedPolicy {
                document,
                policies,
                report: Some(compiled.report),
            })
        }
        Err(error @ (FilesError::Unreadable(_) | FilesError::Nothing)) => Err(fail(error)),
        Err(FilesError::Invalid(report)) => {
            diagnostics::print(&report);
            diagnostics::refused(&report, consequence);
            Err(ExitCode::from(REFUSED))
        }
    }
}
