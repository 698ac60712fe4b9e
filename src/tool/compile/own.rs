//! Whether a text holds one of the project's own kinds, or was to hold it.

use super::Source;
use super::diagnostic::{Report, Severity};
use super::documents::{OWN, OWN_KINDS, documents};
use crate::tool::api::decode::{FieldPlace, Problem, closest};
use crate::tool::api::yaml::{Entry, FileId, NodeKind, YamlDocument, YamlNode};

/// What leaves open what a document is, when it stands there twice or by reference.
const DECISIVE: [&str; 3] = ["apiVersion", "kind", "<<"];

/// Whether a text holds a document of this kind.
///
/// # Errors
/// When that is open: it cannot be read, or has a document that is nearly one of this kind,
/// or of the project's `apiVersion` and of no kind that there is.
pub fn holds(source: &Source, kind: &str) -> Result<bool, Report> {
    let mut report = Report::new(vec![source.clone()]);
    let documents = documents(FileId(0), &mut report);
    let mut holds = false;
    for YamlDocument { root, problems } in documents {
        let unclear = problems
            .into_iter()
            .filter(|problem| DECISIVE.contains(&problem.at.field.as_str()));
        report.add(Severity::Error, None, unclear);
        report.add(Severity::Error, None, listed(&root, kind));
        let of = |key| root.get(key).and_then(|entry| entry.value.text());
        match of("kind") == Some(kind) {
            true => holds = true,
            false => report.add(Severity::Error, None, misspelt(&root, kind)),
        }
    }
    report.finish().map(|_| holds)
}

/// What is wrong with a list of objects of which some are of this kind, or meant to be.
fn listed(root: &YamlNode, kind: &str) -> Vec<Problem> {
    let of = |node: &YamlNode, key| {
        node.get(key)
            .and_then(|e| e.value.text())
            .map(str::to_owned)
    };
    let is_list = of(root, "kind").as_deref() == Some("List");
    let items = root.get("items").filter(|_| is_list);
    let Some(NodeKind::Sequence(items)) = items.map(|entry| &entry.value.kind) else {
        return Vec::new();
    };
    let wrong = |item: &YamlNode| match of(item, "kind").as_deref() == Some(kind) {
        true => {
            let place = FieldPlace {
                span: item.span,
                field: String::new(),
            };
            let problem = Problem::new(&place, format!("`{kind}` in a list is not read"));
            Some(problem.help(format!("such a file is one document of `kind: {kind}`")))
        }
        false => misspelt(item, kind),
    };
    items.iter().filter_map(wrong).collect()
}

/// What is wrong with an object that is not of this kind, and was perhaps meant to be.
fn misspelt(root: &YamlNode, kind: &str) -> Option<Problem> {
    let found = nearly(root, "kind");
    let said = found.and_then(|entry| entry.value.text());
    let version = nearly(root, "apiVersion").and_then(|entry| entry.value.text());
    let (group, _) = OWN.split_once('/')?;
    let is_own = version.is_some_and(|version| version.split('/').next() == Some(group));
    let is_known = said.is_some_and(|said| OWN_KINDS.contains(&said));
    let is_near = said.is_some_and(|said| closest(said, [kind]).is_some());
    let is_spelt = found.is_none_or(|entry| entry.key == "kind");
    if !is_near && (!is_own || is_known && is_spelt) {
        return None;
    }
    let at = |entry: &Entry| FieldPlace {
        span: entry.key_span,
        field: entry.key.clone(),
    };
    let (place, message) = match (found, said) {
        (Some(entry), Some(_)) if !is_spelt => {
            (at(entry), format!("unknown field `{}`", entry.key))
        }
        (Some(entry), Some(said)) => {
            let mut place = at(entry);
            place.span = entry.value.span;
            (place, format!("`{said}` is not known"))
        }
        (Some(entry), None) => (at(entry), "`kind` is no text".to_owned()),
        (None, _) => {
            let place = FieldPlace {
                span: root.span,
                field: String::new(),
            };
            (place, "the object has no `kind`".to_owned())
        }
    };
    let help = match is_spelt || said != Some(kind) {
        true => {
            let kinds = OWN_KINDS.map(|kind| format!("`kind: {kind}`"));
            format!("there are {} of `{OWN}`", kinds.join(" and "))
        }
        false => format!("write `kind: {kind}`"),
    };
    Some(Problem::new(&place, message).help(help))
}

/// The field that is written so, or nearly so.
fn nearly<'n>(root: &'n YamlNode, key: &str) -> Option<&'n Entry> {
    let NodeKind::Mapping(entries) = &root.kind else {
        return None;
    };
    let near = || entries.iter().find(|e| closest(&e.key, [key]).is_some());
    root.get(key).or_else(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<bool, String> {
        let source = Source::new("a.yaml", text);
        holds(&source, "DecisionTests").map_err(|report| report.to_string())
    }

    #[test]
    fn what_is_nearly_of_the_kind_is_refused() {
        for text in [
            "apiVersion: accesspolicy/v1\nkind: DecisionTest\n",
            "apiVersion: accesspolicy/v1\nkind: decisiontests\n",
            "kind: DecisonTests\n",
            "apiVersion: accesspolicy/v1\nKind: DecisionTests\n",
            "ApiVersion: accesspolicy/v1\nkid: DecisionTests\n",
            "apiVersion: accesspolicy/v1\nkind: Tests\n",
            "apiVersion: accesspolicy/v2\ntests: []\n",
            "apiVersion: accesspolicy/v1\nkind: [DecisionTests]\n",
            "kind: DecisionTests\n---\nkind: DecisionTest\n",
            "kind: Service\nkind: DecisionTests\n",
            "kind: DecisionTests\ntests: [\n",
            "a: [\n",
            "apiVersion: v1\nkind: List\nitems: [{kind: Service}, {kind: DecisionTests}]\n",
            "kind: List\nitems:\n- kind: DecisionTest\n",
        ] {
            assert!(of(text).is_err(), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn what_is_something_else_is_not() {
        assert_eq!(of("kind: DecisionTests\n"), Ok(true));
        for text in [
            "",
            "null\n---\n- a\n",
            "apiVersion: accesspolicy/v1\nkind: EnforcementPoint\n",
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\n",
            "apiVersion: agentic.networking.x-k8s.io/v1alpha1\nkind: XAccessPolicy\n",
            "{\"name\": \"package\", \"find\": 1}",
            "kind: 1\n",
            "apiVersion: v1\nkind: List\nitems: [{kind: Service}, 1, {kind: XAccessPolicy}]\n",
        ] {
            assert_eq!(of(text), Ok(false), "{text}");
        }
    }
}
