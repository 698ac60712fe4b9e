//! Manifests to a compiled policy, with everything that is wrong with them.
//!
//! A policy passes these forms, each of which says more than the one before:
//!
//! 1. [`Source`]: a text (`files` reads them);
//! 2. a document (`documents` finds the policies among them);
//! 3. [`XAccessPolicy`](crate::api::v1alpha1::XAccessPolicy): as written, by the CRD;
//! 4. `Checked`: valid, and enforced in full (`check`);
//! 5. [`Policy`](crate::policy::Policy): for one enforcement point (`lower`).
//!
//! Every problem is reported, not just the first; with any error there is no
//! compiled policy. Nothing that a policy says is left out silently.

mod check;
mod diagnostic;
mod digest;
mod documents;
mod enforcement_point;
mod files;
mod lint;
mod lower;
mod pointless;
mod source;
mod survey;

use std::collections::HashMap;

use check::Checked;
pub use diagnostic::{Diagnostic, Report, Severity};
use documents::Manifest;
use enforcement_point::EnforcementPoint;
pub use files::{FilesError, STANDARD_INPUT, Unreadable, compile_files, read_source, read_sources};
use lower::Lowered;
pub use source::Source;

use crate::api::decode::{Located, Place, Problem, Value};
use crate::api::v1alpha1::XAccessPolicy;
use crate::api::yaml::{FileId, Span};
use crate::policy::{CompiledPolicy, ObjectName, SCHEMA_VERSION, Whole};

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// The compiled policy.
    pub policy: CompiledPolicy,
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
pub fn compile(sources: Vec<Source>, enforcement_point: Source) -> Result<Compiled, Report> {
    let count = sources.len();
    let mut report = Report::new(sources);
    report.sources.push(enforcement_point);
    let point = enforcement_point::read(FileId(count), &mut report);
    let checked = read_policies(count, &mut report);
    let lowered = point
        .as_ref()
        .map(|point| lower_all(&checked, point, &mut report));
    let (Some(point), Some(mut lowered), 0) = (point, lowered, report.count(Severity::Error))
    else {
        return Err(report.finish().unwrap_or_else(|refused| refused));
    };
    report.add(Severity::Warning, None, survey::survey(&lowered, &point));
    lowered.sort_by(|a, b| a.policy.policy.cmp(&b.policy.policy));
    let policy = digest::sealed(CompiledPolicy {
        schema_version: Whole::from(SCHEMA_VERSION),
        digest: String::new(),
        gateway: point.gateway.value,
        settings: point.settings,
        backends: point.backends,
        policies: lowered.into_iter().map(|lowered| lowered.policy).collect(),
    });
    Ok(Compiled {
        policy,
        report: report.finish()?,
    })
}

/// Checks the policies in `sources` as far as that goes without an enforcement point.
///
/// # Errors
/// When anything in them is refused; the report then has every problem.
pub fn validate(sources: Vec<Source>) -> Result<Validated, Report> {
    let count = sources.len();
    let mut report = Report::new(sources);
    let policies = read_policies(count, &mut report).len();
    Ok(Validated {
        policies,
        report: report.finish()?,
    })
}

/// The valid policies of the first `count` sources.
fn read_policies(count: usize, report: &mut Report) -> Vec<Checked> {
    let mut names = HashMap::new();
    let mut checked = Vec::new();
    for file in 0..count {
        for manifest in documents::manifests(FileId(file), report) {
            checked.extend(read_policy(manifest, &mut names, report));
        }
    }
    checked
}

/// Reads and checks one policy, and says all that is to say about it.
fn read_policy(
    manifest: Manifest,
    names: &mut HashMap<ObjectName, Span>,
    report: &mut Report,
) -> Option<Checked> {
    let Manifest { root, mut problems } = manifest;
    let at = Place {
        span: root.span,
        field: String::new(),
    };
    let policy = XAccessPolicy::decode(Value { node: &root, at }, &mut problems);
    let metadata = policy.as_ref().and_then(|policy| policy.metadata.as_ref());
    let name = metadata.and_then(|metadata| check::policy_name(&metadata.value));
    if let Some(metadata) = metadata {
        check::check_metadata(&metadata.value, &mut problems);
    }
    if let Some(name) = &name
        && let Some(first) = names.insert(name.value.clone(), name.at.span)
    {
        let message = format!("the policy `{}` is given twice", name.value);
        problems.push(
            Problem::new(&name.at, message)
                .help("rename one of the two, or leave it out")
                .related(first, "first given here"),
        );
    }
    let subject = name.as_ref().map(|name| name.value.to_string());
    let spec = policy.as_ref().and_then(|policy| policy.spec.as_ref());
    let mut warnings = Vec::new();
    let checked = spec.and_then(|spec| {
        warnings.extend(lint::long_params(&spec.value));
        let unnamed = ObjectName {
            namespace: String::new(),
            name: String::new(),
        };
        let checked = match name {
            Some(name) => check::check(name, &spec.value, &mut problems),
            None => {
                let unnamed = Located {
                    value: unnamed,
                    at: spec.at.clone(),
                };
                check::check(unnamed, &spec.value, &mut problems);
                None
            }
        }?;
        warnings.extend(lint::lint(&checked));
        Some(checked)
    });
    report.add(Severity::Warning, subject.as_deref(), warnings);
    report.add(Severity::Error, subject.as_deref(), problems);
    checked
}

fn lower_all(checked: &[Checked], point: &EnforcementPoint, report: &mut Report) -> Vec<Lowered> {
    let mut lowered = Vec::new();
    for policy in checked {
        let (mut notes, mut problems) = (Vec::new(), Vec::new());
        lowered.extend(lower::lower(policy, point, &mut notes, &mut problems));
        let subject = policy.name.value.to_string();
        report.add(Severity::Note, Some(&subject), notes);
        report.add(Severity::Error, Some(&subject), problems);
    }
    lowered
}
