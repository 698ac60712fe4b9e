//! Tables of pages have what the code has: found by the first cell of their header.

use std::collections::BTreeSet;

use accesspolicy::engine::enforcement::Abandoned;
use accesspolicy::engine::observe::{AskRecord, AuditRecord, Grounds, Record};
use serde_json::{Value, json};

use crate::support::readme::{Page, Table, pages};

type Names = BTreeSet<String>;

#[test]
fn every_reason_is_described() {
    let refusals = arms("src/engine/enforcement/blocked.rs", "fn kind(");
    let permits = arms("src/filter/metrics.rs", "fn allowed(");
    let life = super::file("src/filter/life.rs");
    let mut reasons = between(&life, ".deny(\"", '"');
    reasons.extend(refusals.into_iter().chain(permits));
    reasons.extend([Abandoned::REASON, "policy"].map(str::to_owned));
    assert!(reasons.len() > 15, "{reasons:?}");
    // Errors of authorizers are reasons of another metric.
    let errors = arms("src/engine/external_auth/verdict.rs", "fn kind(");
    let pages = pages();
    let told = told(&pages, |table| table.header == "reason");
    assert_same(&told, &reasons, |name| errors.contains(name));
    for page in pages {
        for label in between(&super::file(&page.path), "reason=\"", '"') {
            let is_known = reasons.contains(&label) || errors.contains(&label);
            assert!(is_known, "{}: reason=\"{label}\"", page.path);
        }
    }
}

/// A metric may have labels behind it; statistics of Envoy's own may stand beside ours.
#[test]
fn every_metric_is_described() {
    let text = super::file("src/engine/observe/metrics.rs");
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let words = text.split(|letter| !is_name(letter));
    let names = words.filter(|word| word.starts_with("accesspolicy_"));
    let names: Names = names.map(str::to_owned).collect();
    assert!(names.len() > 5, "{names:?}");
    let told = told(&pages(), |table| table.header == "metric");
    let told = told.iter().filter_map(|name| name.split('{').next());
    let told = told.filter(|name| name.starts_with("accesspolicy_"));
    assert_same(&told.map(str::to_owned).collect(), &names, |_| false);
}

#[test]
fn every_field_of_the_decision_log_is_described() {
    let record = record();
    let members = |value: &Value| -> Names { value.as_object().unwrap().keys().cloned().collect() };
    let is_nested = |name: &str| {
        name.split_once('.').is_some_and(|(field, inner)| {
            let value = &record[field];
            let value = value.get(0).unwrap_or(value);
            value.get(inner).is_some()
        })
    };
    let is_log = |table: &Table| table.header == "field" && is_below(table, "decision log");
    assert_same(&told(&pages(), is_log), &members(&record), is_nested);
}

#[test]
fn every_field_of_an_enforcement_point_is_described() {
    let fields = fields("enforcement-point.json", "");
    assert!(fields.len() > 30, "{fields:?}");
    let is_point = |table: &Table| {
        let is_field = table.header == "field" && is_below(table, "enforcement point");
        table.header == "enforcement point" || is_field
    };
    assert_covers(&told(&pages(), is_point), &fields);
}

#[test]
fn every_field_of_a_decision_test_is_described() {
    let fields = fields("tests.json", "tests.");
    assert!(fields.len() > 20, "{fields:?}");
    let is_test = |table: &Table| {
        let is_field = table.header == "field" && is_below(table, "decision test");
        table.header == "of a test" || is_field
    };
    assert_covers(&told(&pages(), is_test), &fields);
}

#[test]
fn tables_are_read_as_they_are_written() {
    let text = "# Log\n\n## The Decision Log\n\n| field | is |\n|---|---|\n| `a`, `b.c` | 1 |\n\
                | `d[]` | `e` |\n\n### More\n\n| `field` | |\n| :-- | --- |\n| `f` | |\n\n\
                ## Other\n\n| field |\n|---|\n| `g` |\n```text\n| field |\n```\n";
    let page = [Page::new("page", text)];
    let is_log = |table: &Table| table.header == "field" && is_below(table, "decision log");
    let found: Vec<String> = told(&page, is_log).into_iter().collect();
    assert_eq!(found, ["a", "b.c", "d", "f"]);
    let names = |names: &[&str]| -> Names { names.iter().map(|name| (*name).to_owned()).collect() };
    let fails = |check: fn(&Names, &Names), told: &[&str], known: &[&str]| {
        let (told, known) = (names(told), names(known));
        std::panic::catch_unwind(move || check(&told, &known)).is_err()
    };
    let same: fn(&Names, &Names) = |told, known| assert_same(told, known, |_| false);
    assert!(!fails(same, &["a", "b"], &["a", "b"]));
    assert!(fails(same, &["a"], &["a", "b"]));
    assert!(fails(same, &["a", "b"], &["a"]));
    assert!(!fails(assert_covers, &["a", "b.c"], &["a.x", "a.y", "b.c"]));
    assert!(fails(assert_covers, &["a"], &["a.x", "b.c"]));
    assert!(fails(assert_covers, &["a", "c"], &["a.x"]));
}

/// Every name in the first cells of some tables.
fn told(pages: &[Page], is_meant: impl Fn(&Table) -> bool) -> Names {
    let tables = pages.iter().flat_map(Page::tables);
    let firsts = tables.filter(is_meant).flat_map(|table| table.firsts);
    let mut names = Names::new();
    for first in firsts {
        let code = first.split('`').skip(1).step_by(2);
        names.extend(code.map(|name| name.replace("[]", "")));
    }
    names
}

fn is_below(table: &Table, heading: &str) -> bool {
    let mut above = table.headings.iter();
    above.any(|above| above.to_lowercase().contains(heading))
}

/// What is told is what there is, but for what may be told besides.
fn assert_same(told: &Names, known: &Names, may: impl Fn(&str) -> bool) {
    assert!(!told.is_empty(), "no table");
    let missing: Vec<_> = known.difference(told).collect();
    let unknown = told.difference(known).filter(|name| !may(name));
    let unknown: Vec<_> = unknown.collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    assert!(unknown.is_empty(), "described, and not there: {unknown:?}");
}

/// Each field is told, or one that holds it; and nothing else is.
fn assert_covers(told: &Names, fields: &Names) {
    assert!(!told.is_empty(), "no table");
    let holds = |outer: &str, field: &str| {
        let rest = field.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_told = |field: &&String| told.iter().any(|outer| holds(outer, field));
    let is_known = |name: &&String| fields.iter().any(|field| holds(name, field));
    let missing: Vec<_> = fields.iter().filter(|field| !is_told(field)).collect();
    let unknown: Vec<_> = told.iter().filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    assert!(unknown.is_empty(), "described, and not there: {unknown:?}");
}

/// The texts that the arms of a function come to: `=> "text"`.
fn arms(path: &str, function: &str) -> Names {
    let text = super::file(path);
    let (_, body) = text.split_once(function).expect(function);
    let (body, _) = body.split_once("\n    }\n").expect("its end");
    let texts = between(body, "=> \"", '"');
    assert!(!texts.is_empty(), "{path}: {function}");
    texts
}

/// What stands between an opening and the next closing.
fn between(text: &str, opening: &str, closing: char) -> Names {
    let rests = text.split(opening).skip(1);
    let texts = rests.filter_map(|rest| rest.split(closing).next());
    texts.map(str::to_owned).collect()
}

/// A record with everything in it. No field can be forgotten here.
fn record() -> Value {
    let text = Some("text");
    let grounds = || Grounds {
        detail: Some("text".into()),
        level: text,
        policies: vec!["text".to_owned()],
        rules: vec!["text".to_owned()],
    };
    json!(Record {
        decision: "text",
        timestamp: Some("text".to_owned()),
        id: "text",
        caller: text,
        method: text,
        tool: text,
        prompt: text,
        resource: text,
        task: text,
        reason: "text",
        grounds: grounds(),
        asked: vec![AskRecord {
            policy: "text",
            answer: "text",
            detail: text,
            duration_ms: Some(1),
        }],
        audit: Some(AuditRecord {
            decision: "text",
            grounds: grounds(),
        }),
    })
}

/// The fields of a published schema below a path, those that hold no others.
fn fields(schema: &str, below: &str) -> Names {
    let text = super::file(&format!("src/tool/cli/schema/{schema}"));
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut fields = Names::new();
    let mut open = vec![(String::new(), &schema)];
    while let Some((path, node)) = open.pop() {
        let node = resolved(&schema, node);
        let node = node
            .get("items")
            .map_or(node, |items| resolved(&schema, items));
        match node.get("properties").and_then(Value::as_object) {
            Some(members) => {
                let inner = |name: &String| match path.as_str() {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                open.extend(members.iter().map(|(name, node)| (inner(name), node)));
            }
            None => _ = fields.insert(path),
        }
    }
    let ours = fields.iter().filter_map(|field| field.strip_prefix(below));
    let is_own = |field: &&str| *field != "apiVersion" && *field != "kind";
    ours.filter(is_own).map(str::to_owned).collect()
}

fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    let place = node["$ref"]
        .as_str()
        .and_then(|name| name.strip_prefix('#'));
    place.map_or(node, |place| schema.pointer(place).unwrap())
}
