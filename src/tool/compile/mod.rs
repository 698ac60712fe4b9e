//! Manifests to a compiled policy, with everything that is wrong with them.
//!
//! A policy passes these forms, each of which says more than the one before:
//!
//! 1. [`Source`]: a text (`files` reads them);
//! 2. a document (`documents` finds the policies among them);
//! 3. `ParsedPolicy`: as written, by the CRD of its version (`parsed`);
//! 4. `Checked`: valid, and enforced in full (`check`; `policies` takes a policy up to here);
//! 5. [`Policy`]: for one enforcement point (`lower`).
//!
//! Every problem is reported, not just the first; with any error there is no
//! compiled policy. Nothing that a policy says is left out silently.
//!
//! Regular expressions become automata here (`regex`), and expressions programs (`cel`):
//! the filter compiles none.

mod automata;
mod cel;
mod check;
mod diagnostic;
mod documents;
mod edge;
mod enforcement_point;
mod files;
mod inputs;
mod lint;
mod lower;
mod malformed;
mod order;
mod own;
mod parsed;
mod policies;
mod read_file;
mod regex;
mod resolve;
mod source;
mod template;

pub use cel::{SyntaxError, expression};
pub use diagnostic::{Diagnostic, Report, Severity};
use enforcement_point::EnforcementPoint;
pub use files::{
    FilesError, ReadFileError, STANDARD_INPUT, compile_files, list_files, read_bytes,
    read_bytes_of, read_source, read_source_within, read_sources, read_sources_within,
    skipped_links,
};
pub use inputs::{Input, Inputs};
use lower::{Lowered, Skipped};
pub use own::holds;
use policies::{ReadPolicy, read_policies};
pub use source::Source;

use crate::engine::policy::{CompiledPolicy, ObjectName, Policy, SCHEMA_VERSION, SafeInteger};
use crate::tool::api::yaml::{FileId, YamlDocument, YamlNode};

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// The compiled policy.
    pub policy: CompiledPolicy,
    /// How many policies were read, whatever they are for.
    pub read: usize,
    /// Warnings and notes.
    pub report: Report,
}

/// What came of validating.
#[derive(Debug)]
pub struct Validated {
    /// How many policies there are.
    pub policies: usize,
    /// Warnings and notes.
    pub report: Report,
}

/// Compiles the policies in `sources` for the enforcement point that the text
/// `enforcement_point` describes.
///
/// # Errors
/// When anything in them is refused; the report then has every problem.
pub fn compile(mut sources: Vec<Source>, enforcement_point: Source) -> Result<Compiled, Report> {
    let policies = Input::files(sources.len());
    let point = Input::File(FileId(sources.len()));
    sources.push(enforcement_point);
    compile_parts(Inputs {
        sources,
        policies,
        point,
    })
}

/// Compiles what is a text of its own, or part of one that was read already.
///
/// # Errors
/// When anything in it is refused; the report then has every problem.
pub fn compile_parts(parts: Inputs) -> Result<Compiled, Report> {
    let Inputs {
        sources,
        policies,
        point,
    } = parts;
    let mut report = Report::new(sources);
    let point = enforcement_point::read(point, &mut report);
    let mut read = read_policies(policies, &mut report);
    let count = read.len();
    if report.count(Severity::Error) == 0 {
        let combine = point.as_ref().map(|point| point.settings.allow_policies);
        lint::base_protocol::nothing_else(&mut read, combine);
    }
    let lowered = point
        .as_ref()
        .map(|point| lower_all(read, point, &mut report));
    if let (Some(lowered), 0) = (&lowered, report.count(Severity::Error)) {
        report.add(Severity::Error, None, order::unordered(lowered));
        report.add(Severity::Error, None, automata::too_large(lowered));
    }
    let (Some(point), Some(mut lowered), 0) = (point, lowered, report.count(Severity::Error))
    else {
        return Err(report.finish().unwrap_or_else(|refused| refused));
    };
    report.add(
        Severity::Warning,
        None,
        lint::deployment::survey(&lowered, &point),
    );
    let combine = point.settings.allow_policies;
    let sessions = lint::base_protocol::no_session(&lowered, combine);
    let about_policies = sessions
        .into_iter()
        .chain(lint::mcp_paths::unsaid(&lowered, &point))
        .chain(lint::mcp_paths::elsewhere(&lowered, &point))
        .chain(lint::listener_ports::unheard(&lowered, &point))
        .chain(lint::objects::no_uris(&lowered, &point))
        .chain(edge::certificates_of_hops(&lowered, &point));
    for (name, warning) in about_policies {
        report.add(Severity::Warning, Some(&name.to_string()), [warning]);
    }
    let notes = lint::tool_names::further(&lowered, combine).into_iter();
    for (name, note) in notes.chain(lint::preflight::listed(&lowered)) {
        report.add(Severity::Note, Some(&name.to_string()), [note]);
    }
    lowered.sort_by(|a, b| key(&a.policy).cmp(&key(&b.policy)));
    let policy = CompiledPolicy {
        schema_version: SafeInteger::from(SCHEMA_VERSION),
        digest: String::new(),
        seal: None,
        gateway: point.gateway.value,
        settings: point.settings,
        listeners: point.listeners,
        backends: point.backends,
        policies: lowered.into_iter().map(|lowered| lowered.policy).collect(),
    }
    .digested();
    Ok(Compiled {
        policy,
        read: count,
        report: report.finish()?,
    })
}

/// A policy of v0alpha0 that asks somebody is two of one name.
fn key(policy: &Policy) -> (&ObjectName, bool) {
    (&policy.policy, policy.external_auth.is_some())
}

/// Checks the policies in `sources` as far as that goes without an enforcement point.
///
/// # Errors
/// When anything in them is refused; the report then has every problem.
pub fn validate(sources: Vec<Source>) -> Result<Validated, Report> {
    let policies = Input::files(sources.len());
    let mut report = Report::new(sources);
    let mut policies = read_policies(policies, &mut report);
    if report.count(Severity::Error) == 0 {
        lint::base_protocol::nothing_else(&mut policies, None);
    }
    for ReadPolicy { checked, warnings } in &policies {
        let subject = checked.name.value.to_string();
        report.add(Severity::Warning, Some(&subject), warnings.iter().cloned());
    }
    Ok(Validated {
        policies: policies.len(),
        report: report.finish()?,
    })
}

/// Reads the only document of a text that is to be one of the project's own `kind`.
///
/// # Errors
/// When it is none, or more than one, or its YAML is wrong.
pub fn read_document(source: &Source, kind: &str) -> Result<YamlNode, Report> {
    let mut report = Report::new(vec![source.clone()]);
    let document = documents::only(FileId(0), kind, &mut report);
    let Some(YamlDocument { root, problems }) = document.filter(|_| report.diagnostics.is_empty())
    else {
        return Err(report);
    };
    report.add(Severity::Error, None, problems);
    report.finish().map(|_| root)
}

/// Compiles what applies here; only of that there is anything to warn about.
fn lower_all(
    policies: Vec<ReadPolicy>,
    point: &EnforcementPoint,
    report: &mut Report,
) -> Vec<Lowered> {
    let mut all = Vec::new();
    for ReadPolicy { checked, warnings } in policies {
        let subject = checked.name.value.to_string();
        let (mut skipped, mut problems) = (Skipped::default(), Vec::new());
        if let Some(lowered) = lower::lower(&checked, point, &mut skipped, &mut problems) {
            report.add(Severity::Warning, Some(&subject), warnings);
            let near = lint::trust_domain::near(&checked, point);
            report.add(Severity::Warning, Some(&subject), near);
            all.push(lowered);
        }
        if let Some(beside) = &checked.beside {
            let near = lint::trust_domain::near(beside, point);
            report.add(Severity::Warning, Some(&subject), near);
            // Its targets are the same, and have been told of.
            all.extend(lower::lower(
                beside,
                point,
                &mut Skipped::default(),
                &mut problems,
            ));
        }
        let Skipped { notes, warnings } = skipped;
        report.add(Severity::Note, Some(&subject), notes);
        report.add(Severity::Warning, Some(&subject), warnings);
        report.add(Severity::Error, Some(&subject), problems);
    }
    all
}
