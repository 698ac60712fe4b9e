//! Templates that were not rendered: `{{ .Values.name }}`.
//!
//! SECURITY: a name that is still a template names nobody and no tool, so that a policy which
//! refuses would refuse nothing.

use std::ops::Range;

use crate::tool::api::decode::{FieldPlace, Problem};
use crate::tool::api::yaml::{NodeKind, YamlNode};

/// How to mend it.
pub(super) const HELP: &str =
    "render it first, and give what comes of it: `helm template CHART | accesspolicy validate -`";

/// How what stands in braces begins, in Helm's charts: a field, a variable, or one of these.
const WORDS: [&str; 22] = [
    "/*", "and", "block", "coalesce", "default", "define", "else", "end", "eq", "if", "include",
    "index", "ne", "not", "or", "printf", "quote", "range", "required", "template", "toYaml",
    "with",
];

/// Where the first of them is in a text.
pub(super) fn first(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("{{") {
        let start = from + found;
        let rest = text.get(start + 2..)?;
        if let Some(length) = rest.split('\n').next()?.find("}}")
            && is_action(rest.get(..length)?)
        {
            return Some(start..start + 2 + length + 2);
        }
        from = start + 2;
    }
    None
}

fn is_action(inner: &str) -> bool {
    let inner = inner.trim_start_matches('-').trim_start();
    let word = inner
        .split(|letter: char| letter.is_whitespace() || letter == '-')
        .next()
        .unwrap_or_default();
    let is_field = inner.starts_with(['.', '$']) && !inner.starts_with("..");
    is_field || WORDS.contains(&word) || inner.starts_with("/*")
}

/// The warnings about the values of an object at a place that are still templates.
pub(super) fn values(node: &YamlNode, field: &str) -> Vec<Problem> {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let found = first(&scalar.text).and_then(|range| scalar.text.get(range));
            let at = FieldPlace {
                span: node.span,
                field: field.to_owned(),
            };
            let problem = found.map(|found| {
                let message = format!("`{found}` is a template that was not rendered");
                Problem::new(&at, message).help(HELP)
            });
            problem.into_iter().collect()
        }
        NodeKind::Sequence(items) => {
            let items = items.iter().enumerate();
            let items = items.flat_map(|(index, item)| values(item, &format!("{field}[{index}]")));
            items.collect()
        }
        NodeKind::Mapping(entries) => {
            let entries = entries.iter();
            let values =
                entries.flat_map(|entry| values(&entry.value, &format!("{field}.{}", entry.key)));
            values.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn actions_are_found_where_they_are() {
        for (text, action) in [
            ("name: {{ .Values.name }}", "{{ .Values.name }}"),
            ("{{- if .Values.x }}\nname: x", "{{- if .Values.x }}"),
            ("{a: {b: {{c: 1}}}} {{end}}", "{{end}}"),
            ("é: {{ $x | quote }}", "{{ $x | quote }}"),
            ("{{/* what */}}", "{{/* what */}}"),
        ] {
            assert_eq!(first(text).and_then(|range| text.get(range)), Some(action));
        }
    }

    #[test]
    fn other_braces_are_none() {
        for text in [
            "a: {b: {c: 1}}",
            "a: {{",
            "a: '{{x}}'",
            "a: [{b: {}}, {}]",
            "a: {{ .x\n}}",
            "[{a: {{1: 2}}}]",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
