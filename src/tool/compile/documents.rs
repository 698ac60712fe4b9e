//! Texts to the policies in them.
//!
//! Every document is accounted for: it is a policy, a list of objects, one of
//! the project's own files, or it is skipped with a note. What looks like a
//! policy and is none is refused, because skipping it would leave something open.

use super::diagnostic::{Report, Severity};
use super::malformed::with_help;
use crate::tool::api::decode::{FieldPlace, Problem, closest};
use crate::tool::api::yaml::{
    FileId, NodeKind, PlainScalar, RUN, Span, YamlDocument, YamlNode, YamlText, load, plain,
    too_much_of_a_run,
};
use crate::tool::api::{self, v0alpha0, v1alpha1};

/// The `apiVersion` of the project's own files.
pub(super) const OWN: &str = "accesspolicy/v1";

/// The project's own kinds, which are read elsewhere.
pub(super) const OWN_KINDS: [&str; 2] = ["EnforcementPoint", "DecisionTests"];

/// A version of the API that is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1alpha1,
    V0alpha0,
}

/// A policy, not yet read.
pub(super) struct Manifest {
    /// Its version.
    pub(super) version: Version,
    /// The object.
    pub(super) root: YamlNode,
    /// What is wrong with its YAML.
    pub(super) problems: Vec<Problem>,
}

/// What an object is, by its `apiVersion` and `kind`.
enum ObjectType {
    Policy(Version),
    List,
    Own,
    Compiled,
    Other(String),
    Wrong(Problem),
}

impl Version {
    const ALL: [Self; 2] = [Self::V1alpha1, Self::V0alpha0];

    const fn name(self) -> &'static str {
        match self {
            Self::V1alpha1 => v1alpha1::VERSION,
            Self::V0alpha0 => v0alpha0::VERSION,
        }
    }
}

/// Reads the documents of a text, or reports why it has none.
pub(super) fn documents(file: FileId, report: &mut Report) -> Vec<YamlDocument> {
    let Some(source) = report.sources.get(file.0) else {
        return Vec::new();
    };
    if let Some(at) = source.invalid() {
        let span = Span {
            file,
            start: at,
            end: at + 1,
        };
        let place = FieldPlace {
            span,
            field: String::new(),
        };
        let problem = Problem::new(&place, "the text is not UTF-8").help("convert it to UTF-8");
        report.add(Severity::Error, None, [problem]);
        return Vec::new();
    }
    // What is beyond is said once.
    if report.read > RUN {
        return Vec::new();
    }
    let YamlText {
        documents,
        broken,
        size,
    } = load(file, source.text());
    let broken = broken.map(|broken| with_help(broken, source.text()));
    report.read = report.read.saturating_add(size);
    if report.read > RUN {
        let problem = too_much_of_a_run(&start_of(file));
        report.add(Severity::Error, None, [problem]);
        return Vec::new();
    }
    report.add(Severity::Error, None, broken);
    documents
}

fn start_of(file: FileId) -> FieldPlace {
    FieldPlace {
        span: Span {
            file,
            start: 0,
            end: 0,
        },
        field: String::new(),
    }
}

/// Reads the only document of a text that is to hold one of the project's own `kind`, or
/// reports why there is none.
pub(super) fn only(file: FileId, kind: &str, report: &mut Report) -> Option<YamlDocument> {
    let before = report.diagnostics.len();
    let mut documents = documents(file, report);
    if report.diagnostics.len() > before {
        return None;
    }
    let document = documents.pop().filter(|_| documents.is_empty());
    if document.is_none() {
        let start = start_of(file);
        let problem = Problem::new(&start, "the file does not hold exactly one document")
            .help(format!("such a file is one document of `kind: {kind}`"));
        report.add(Severity::Error, None, [problem]);
    }
    document
}

/// Finds the policies in an object that stands in a file of another kind.
pub(super) fn manifests_in(root: YamlNode, report: &mut Report) -> Vec<Manifest> {
    let mut found = Vec::new();
    sort(root, Vec::new(), None, &mut found, report);
    found
}

/// Finds the policies in a text, and says what else there is.
pub(super) fn manifests(file: FileId, report: &mut Report) -> Vec<Manifest> {
    let mut found = Vec::new();
    for YamlDocument { root, problems } in documents(file, report) {
        if let NodeKind::Scalar(scalar) = &root.kind
            && plain(&scalar.text) == PlainScalar::Null
        {
            continue;
        }
        sort(root, problems, None, &mut found, report);
    }
    found
}

/// Puts an object where it belongs. An item of a list comes with the list's version.
fn sort(
    root: YamlNode,
    problems: Vec<Problem>,
    listed: Option<&str>,
    found: &mut Vec<Manifest>,
    report: &mut Report,
) {
    match kind(&root, listed) {
        ObjectType::Policy(version) => found.push(Manifest {
            version,
            root,
            problems,
        }),
        ObjectType::List => {
            report.add(Severity::Error, None, problems);
            list(root, found, report);
        }
        ObjectType::Own => {}
        ObjectType::Compiled => {
            let problem = Problem::new(
                &place(&root),
                "skipped a compiled policy: it is no manifest",
            )
            .help("to ask about it, give it by `--config`, where a command has that");
            report.add(Severity::Warning, None, [problem]);
        }
        ObjectType::Other(what) => {
            // What is wrong with the YAML of something else changes no policy,
            // unless it leaves open what it is.
            let decisive = ["apiVersion", "kind", "<<"];
            let unclear = problems
                .into_iter()
                .filter(|problem| decisive.contains(&problem.at.field.as_str()));
            report.add(Severity::Error, None, unclear);
            let message = format!("skipped {what}");
            report.add(Severity::Note, None, [Problem::new(&place(&root), message)]);
        }
        ObjectType::Wrong(problem) => report.add(Severity::Error, None, [problem]),
    }
}

fn list(root: YamlNode, found: &mut Vec<Manifest>, report: &mut Report) {
    let typed = text(&root, "kind") == Some(api::LIST_KIND);
    let version = text(&root, "apiVersion").filter(|_| typed);
    let version = version.map(str::to_owned);
    let at = place(&root);
    let NodeKind::Mapping(entries) = root.kind else {
        return;
    };
    let mut entries = entries.into_iter();
    let items = entries.find(|entry| entry.key == "items");
    let Some(NodeKind::Sequence(items)) = items.map(|entry| entry.value.kind) else {
        let problem = Problem::new(&at, "the list has no `items`");
        report.add(Severity::Error, None, [problem.help("add `items: [...]`")]);
        return;
    };
    for item in items {
        sort(item, Vec::new(), version.as_deref(), found, report);
    }
}

/// Says what an object is; the items of a typed list may leave it to the list.
fn kind(root: &YamlNode, listed: Option<&str>) -> ObjectType {
    let wrong = |message: &str, help: &str| {
        ObjectType::Wrong(Problem::new(&place(root), message).help(help))
    };
    match &root.kind {
        NodeKind::Mapping(_) => {}
        NodeKind::Scalar(_) => {
            let what = "a document that is no object: it is no";
            return ObjectType::Other(format!("{what} `{}`", api::KIND));
        }
        NodeKind::Sequence(_) => {
            return wrong(
                "a list of objects that is no object itself",
                "put it under `items` of a `kind: List`",
            );
        }
    }
    match (text(root, "apiVersion"), text(root, "kind"), listed) {
        (None, None, Some(version)) => classify(root, version, api::KIND),
        (Some(version), Some(kind), _) => classify(root, version, kind),
        (None, None, None) if is_compiled(root) => ObjectType::Compiled,
        (None, None, None) if root.get("spec").is_none() => {
            let what = "an object without `apiVersion` and `kind`: it is no";
            ObjectType::Other(format!("{what} `{}`", api::KIND))
        }
        (None, ..) => wrong(
            "the object has no `apiVersion`",
            "add `apiVersion` and `kind`",
        ),
        (_, None, _) => wrong("the object has no `kind`", "add `kind`"),
    }
}

/// Whether it is what `compile` writes.
fn is_compiled(root: &YamlNode) -> bool {
    let members = ["schemaVersion", "policies"];
    members.iter().all(|member| root.get(member).is_some())
}

fn classify(root: &YamlNode, api_version: &str, kind: &str) -> ObjectType {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if kind == "List" && api_version == "v1" {
        return ObjectType::List;
    }
    if api_version == OWN && OWN_KINDS.contains(&kind) {
        return ObjectType::Own;
    }
    let is_policy = kind == api::KIND || kind == api::LIST_KIND;
    let wrong = |key: &str, message: String, help: String| {
        let span = root.get(key).map_or(root.span, |entry| entry.value.span);
        let at = FieldPlace {
            span,
            field: key.to_owned(),
        };
        ObjectType::Wrong(Problem::new(&at, message).help(help))
    };
    if is_policy && group != api::GROUP {
        let help = format!("the group is `{}`", api::GROUP);
        return wrong(
            "apiVersion",
            format!("`{kind}` of the group `{group}` is not known"),
            help,
        );
    }
    if is_policy {
        return match Version::ALL.iter().find(|known| known.name() == version) {
            Some(version) if kind == api::KIND => ObjectType::Policy(*version),
            Some(_) => ObjectType::List,
            None => {
                let names = Version::ALL.map(|version| format!("`{}`", version.name()));
                wrong(
                    "apiVersion",
                    format!("the version `{version}` is not known"),
                    format!("the versions are {}", names.join(" and ")),
                )
            }
        };
    }
    if group == api::GROUP && closest(kind, [api::KIND, api::LIST_KIND]).is_some() {
        let help = format!("did you mean `{}`?", api::KIND);
        return wrong("kind", format!("`{kind}` is not known"), help);
    }
    let name = root
        .get("metadata")
        .and_then(|metadata| text(&metadata.value, "name"));
    let what = match name {
        Some(name) => format!("`{kind}` `{name}`"),
        None => format!("`{kind}`"),
    };
    let own = OWN.split_once('/').map_or("", |(group, _)| group);
    if group == own {
        let kinds = OWN_KINDS.join("` and `");
        let what = format!("{what} of `{api_version}`: there are `{kinds}` of `{OWN}`");
        return ObjectType::Other(what);
    }
    ObjectType::Other(format!("{what}: it is no `{}`", api::KIND))
}

fn text<'n>(node: &'n YamlNode, key: &str) -> Option<&'n str> {
    node.get(key)?.value.text()
}

fn place(node: &YamlNode) -> FieldPlace {
    FieldPlace {
        span: node.span,
        field: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::compile::Source;

    #[test]
    fn what_the_files_of_a_run_hold_is_bounded_together() {
        let sources = ["a", "b", "c"].map(|name| Source::new(name, "a: 0\n"));
        let mut report = Report::new(sources.to_vec());
        assert_eq!(documents(FileId(0), &mut report).len(), 1);
        report.read = RUN;
        for file in [1, 2] {
            assert!(documents(FileId(file), &mut report).is_empty());
        }
        let [said] = report.diagnostics.as_slice() else {
            panic!("{report}");
        };
        assert_eq!(said.at.span.file, FileId(1));
        assert!(said.message.starts_with("too many values with those"));
    }
}
