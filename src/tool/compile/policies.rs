//! From texts to checked policies.

use std::collections::HashMap;

use super::check::{self, Checked, Extensions, check_extensions};
use super::diagnostic::{Report, Severity};
use super::documents::{Manifest, manifests, manifests_in};
use super::inputs::Input;
use super::lint;
use super::parsed::{ParsedPolicy, WrittenSpec};
use super::regex;
use super::template;
use crate::engine::policy::ObjectName;
use crate::tool::api::decode::{FieldPlace, Located, Problem, Undecoded};
use crate::tool::api::yaml::Span;

/// A policy as far as it is valid. Where something else is wrong with it that was
/// reported, so that it never gets compiled; but what is there can be checked further.
pub(super) struct ReadPolicy {
    /// The policy.
    pub(super) checked: Checked,
    /// The warnings about it, for whom it concerns.
    pub(super) warnings: Vec<Problem>,
}

/// Where each policy is named first.
type FirstNames = HashMap<ObjectName, Span>;

/// The policies of all parts; what is wrong with them is reported.
pub(super) fn read_policies(parts: Vec<Input>, report: &mut Report) -> Vec<ReadPolicy> {
    regex::bounded(|| read_parts(parts, report))
}

fn read_parts(parts: Vec<Input>, report: &mut Report) -> Vec<ReadPolicy> {
    let mut names = FirstNames::new();
    let mut read = Vec::new();
    for part in parts {
        let manifests = match part {
            Input::File(file) => manifests(file, report),
            Input::Node(root) => manifests_in(root, report),
        };
        for manifest in manifests {
            read.extend(read_policy(manifest, &mut names, report));
            // All is refused, and the rest is as expensive.
            if regex::is_spent() {
                return read;
            }
        }
    }
    read
}

fn read_policy(
    manifest: Manifest,
    names: &mut FirstNames,
    report: &mut Report,
) -> Option<ReadPolicy> {
    let Manifest {
        version,
        root,
        mut problems,
    } = manifest;
    let at = FieldPlace {
        span: root.span,
        field: String::new(),
    };
    let policy = ParsedPolicy::decode(version, Undecoded { node: &root, at }, &mut problems);
    let metadata = policy.as_ref().and_then(|policy| policy.metadata.as_ref());
    let name = metadata.and_then(|metadata| check::policy_name(&metadata.value));
    let subject = name.as_ref().map(|name| name.value.to_string());
    let extensions = metadata.map(|metadata| check_extensions(&metadata.value, &mut problems));
    let extensions = extensions.unwrap_or_default();
    if let Some(name) = &name {
        refuse_second(name, names, &mut problems);
    }
    let spec = policy.as_ref().and_then(|policy| policy.spec.as_ref());
    let checked = spec.and_then(|spec| check_spec(name, &extensions, spec, &mut problems));
    let mut warnings = spec.map_or(Vec::new(), WrittenSpec::warnings);
    if problems.is_empty() {
        // Whatever it is for: that may be the template.
        let templates = root
            .get("spec")
            .map(|spec| template::values(&spec.value, "spec"));
        let templates = templates.into_iter().flatten();
        report.add(Severity::Warning, subject.as_deref(), templates);
        warnings.extend(metadata.map_or(Vec::new(), |at| check::unread(&at.value, &extensions)));
        warnings.extend(checked.as_ref().map_or(Vec::new(), lint::rule::lint));
        warnings.extend(spec.map_or(Vec::new(), |spec| spec.warnings_of_valid(&extensions)));
    } else {
        report.add(Severity::Warning, subject.as_deref(), warnings.drain(..));
    }
    let mut is_said = false;
    problems.retain(|problem| {
        let is_again = is_said && regex::is_about_it(&problem.message);
        is_said |= regex::is_about_it(&problem.message);
        !is_again
    });
    let problems = problems
        .into_iter()
        .map(|problem| rendered(problem, report));
    let problems: Vec<Problem> = problems.collect();
    report.add(Severity::Error, subject.as_deref(), problems);
    checked.map(|checked| ReadPolicy { checked, warnings })
}

/// What is wrong with a value that is still a template is just that.
fn rendered(problem: Problem, report: &Report) -> Problem {
    let Span { file, start, end } = problem.at.span;
    let source = report.sources.get(file.0);
    let text = source.and_then(|source| source.text().get(start..end));
    let is_value = |text: &&str| !text.starts_with(['{', '[']) && !text.contains('\n');
    match text.filter(is_value).and_then(template::first) {
        Some(_) => problem.help(template::HELP),
        None => problem,
    }
}

fn refuse_second(name: &Located<ObjectName>, names: &mut FirstNames, problems: &mut Vec<Problem>) {
    match names.get(&name.value) {
        Some(first) => problems.push(
            Problem::new(
                &name.at,
                format!("the policy `{}` is given twice", name.value),
            )
            .help("rename one of the two, or leave it out")
            .related(*first, "first given here"),
        ),
        None => {
            names.insert(name.value.clone(), name.at.span);
        }
    }
}

/// Checks a policy. One without a name is checked as well, and goes no further.
fn check_spec(
    name: Option<Located<ObjectName>>,
    extensions: &Extensions,
    spec: &WrittenSpec,
    problems: &mut Vec<Problem>,
) -> Option<Checked> {
    let is_named = name.is_some();
    let name = name.unwrap_or_else(|| {
        let unnamed = ObjectName {
            namespace: String::new(),
            name: String::new(),
        };
        Located {
            value: unnamed,
            at: spec.at().clone(),
        }
    });
    spec.check(name, extensions, problems).filter(|_| is_named)
}
