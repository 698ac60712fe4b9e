use std::borrow::Cow;

use serde_json::json;

use super::*;
use crate::engine::expr::attribute::AttributeValue;
use crate::engine::expr::{Attribute, Timestamp};

/// A request that has what it is given.
struct Request<'r> {
    facts: &'r [(Attribute, AttributeValue<'r>)],
    headers: &'r [(&'r str, &'r [u8])],
}

const NOTHING: Request<'static> = Request {
    facts: &[],
    headers: &[],
};

impl Attributes for Request<'_> {
    fn fact(&self, fact: Attribute) -> Option<AttributeValue<'_>> {
        let mut facts = self.facts.iter();
        let (_, given) = facts.find(|(known, _)| *known == fact)?;
        Some(given.clone())
    }

    fn header(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| *known == name);
        Ok(found.map(|(_, value)| Cow::Borrowed(*value)))
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError> {
        let names = self.headers.iter();
        Ok(names
            .map(|(name, _)| Cow::Borrowed(name.as_bytes()))
            .collect())
    }
}

fn program(nodes: &[&str]) -> CelProgram {
    let document = json!({"text": "", "nodes": nodes, "patterns": []});
    serde_json::from_value(document).unwrap()
}

fn condition(nodes: &[&str]) -> CelCondition {
    CelCondition::new(program(nodes)).unwrap()
}

/// What has no value where nothing is there.
const FAILS: &str = "fact request.method";

#[test]
fn an_operand_that_decides_makes_up_for_one_without_value() {
    for (operator, deciding, other) in [("or 0 1", "true", "false"), ("and 0 1", "false", "true")] {
        let decided = Ok(deciding == "true");
        for [a, b] in [[FAILS, deciding], [deciding, FAILS]] {
            assert_eq!(condition(&[a, b, operator]).evaluate(&NOTHING), decided);
        }
        for [a, b] in [[FAILS, other], [other, FAILS]] {
            let value = condition(&[a, b, operator]).evaluate(&NOTHING);
            assert_eq!(value, Err(EvalError::NoSuchKey));
        }
    }
}

#[test]
fn only_a_boolean_is_a_result() {
    let value = condition(&["int 1"]).evaluate(&NOTHING);
    assert_eq!(value, Err(EvalError::NoSuchOverload));
}

#[test]
fn facts_are_there_or_missing() {
    let request = Request {
        facts: &[
            (
                Attribute::Method,
                AttributeValue::Text(Cow::Borrowed(b"GET")),
            ),
            (
                Attribute::Path,
                AttributeValue::Text(Cow::Borrowed(b"/\xff")),
            ),
            (
                Attribute::Time,
                AttributeValue::Time(Timestamp::new(0, 0).unwrap()),
            ),
        ],
        headers: &[("x-a", b"1")],
    };
    let is_get = condition(&["fact request.method", "string GET", "equal 0 1"]);
    assert_eq!(is_get.evaluate(&request), Ok(true));
    assert_eq!(is_get.evaluate(&NOTHING), Err(EvalError::NoSuchKey));
    let has = condition(&["has request.method"]);
    assert_eq!(has.evaluate(&request), Ok(true));
    assert_eq!(has.evaluate(&NOTHING), Ok(false));
    let not_text = condition(&["fact request.path", "size 0", "int 2", "equal 1 2"]);
    assert_eq!(not_text.evaluate(&request), Err(EvalError::NotText));
    let header = condition(&["fact request.headers", "hasField 0 x-a"]);
    assert_eq!(header.evaluate(&request), Ok(true));
    assert_eq!(header.evaluate(&NOTHING), Ok(false));
}

#[test]
fn what_takes_too_long_ends_in_an_error_that_nothing_makes_up_for() {
    let items: Vec<String> = (0..1000).map(|item| item.to_string()).collect();
    let text = format!("[{}]", items.join(","));
    let request = Request {
        facts: &[(Attribute::Params, AttributeValue::Json(text.as_bytes()))],
        headers: &[],
    };
    let params = "fact request.mcp.params";
    let nodes = [
        params,
        params,
        params,
        "false",
        "exists 2 3",
        "exists 1 4",
        "exists 0 5",
        "true",
        "or 6 7",
    ];
    assert_eq!(
        condition(&nodes).evaluate(&request),
        Err(EvalError::Exhausted)
    );
}

#[test]
fn what_is_made_on_the_way_is_bounded() {
    // Doubled again and again: `[text].map(x, x + x)[0]`.
    let mut nodes = vec!["string aaaaaaaaaaaaaaaa".to_owned()];
    for _ in 0..20 {
        let last = nodes.len() - 1;
        nodes.extend([
            format!("list {last}"),
            "item 0".to_owned(),
            "item 0".to_owned(),
            format!("add {} {}", last + 2, last + 3),
            format!("transform {} {}", last + 1, last + 4),
            "int 0".to_owned(),
            format!("index {} {}", last + 5, last + 6),
        ]);
    }
    nodes.push(format!("size {}", nodes.len() - 1));
    let lines: Vec<&str> = nodes.iter().map(String::as_str).collect();
    assert_eq!(
        condition(&lines).evaluate(&NOTHING),
        Err(EvalError::Exhausted)
    );
}

#[test]
fn what_is_no_program_is_refused() {
    let unsound = |nodes: &[&str]| CelCondition::new(program(nodes)).unwrap_err();
    assert_eq!(unsound(&[]), UnsoundError::Empty);
    // Not used, used twice, used before it is there, used by itself, not there.
    assert_eq!(unsound(&["true", "true"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["true", "or 0 0"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["not 1", "not 0"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["not 0"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["true", "not 7"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["item 0"]), UnsoundError::Unbound);
    assert_eq!(
        unsound(&["item 0", "true", "all 0 1"]),
        UnsoundError::Unbound
    );
    assert_eq!(unsound(&["list", "true", "all 0 0"]), UnsoundError::NoTree);
    assert_eq!(unsound(&["true", "equal 0"]), UnsoundError::Arguments);
    assert_eq!(unsound(&["true", "matches 0 0"]), UnsoundError::Pattern);
    assert_eq!(unsound(&["has request.headers"]), UnsoundError::Presence);
    let deep = |depth: usize| {
        let lines: Vec<String> = (0..depth).map(|node| format!("not {node}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        CelCondition::new(program(&[&["true"], &lines[..]].concat())).err()
    };
    assert_eq!(deep(MAX_DEPTH - 1), None);
    assert_eq!(deep(MAX_DEPTH), Some(UnsoundError::TooDeep));
    assert_eq!(
        unsound(&["true"; MAX_NODES + 1]),
        UnsoundError::TooManyNodes
    );
}

#[test]
fn documents_of_another_form_are_refused() {
    for document in [
        json!({"text": "", "nodes": ["nil"], "patterns": []}),
        json!({"text": "", "nodes": [1], "patterns": []}),
        json!({"text": "", "nodes": null, "patterns": []}),
        json!({"text": "", "nodes": ["true"]}),
        json!({"text": "", "nodes": ["true"], "patterns": [], "more": 1}),
    ] {
        let read = serde_json::from_value::<CelProgram>(document.clone());
        assert!(read.is_err(), "{document}");
    }
}

#[test]
fn needs_name_what_is_read() {
    let condition_of_parts = condition(&[
        "fact request.mcp.params",
        "field 0 arguments",
        "string x",
        "index 1 2",
        "fact request.mcp.params",
        "field 4 arguments",
        "hasField 5 y",
        "fact request.headers",
        "string x-a",
        "index 7 8",
        "string x-b",
        "fact request.headers",
        "in 10 11",
        "has identity.spiffe_id",
        "list 3 6 9 12 13",
    ]);
    let needs = condition_of_parts.needs();
    assert_eq!(needs.headers().collect::<Vec<_>>(), ["x-a", "x-b"]);
    assert!(needs.has(Attribute::Params) && needs.has(Attribute::SpiffeId));
    assert!(!needs.all_headers() && !needs.has(Attribute::Time));

    let whole = condition(&[
        "fact request.mcp.params",
        "fact request.headers",
        "size 1",
        "in 2 0",
    ]);
    assert!(whole.needs().all_headers());
}
