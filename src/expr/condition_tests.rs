use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::*;
use crate::expr::fact::Given;
use crate::expr::{Fact, Timestamp};

/// A request that has what it is given.
struct Request<'r> {
    facts: &'r [(Fact, Given<'r>)],
    headers: &'r [(&'r str, &'r [u8])],
}

const NOTHING: Request<'static> = Request {
    facts: &[],
    headers: &[],
};

impl Variables for Request<'_> {
    fn fact(&self, fact: Fact) -> Option<Given<'_>> {
        let mut facts = self.facts.iter();
        let (_, given) = facts.find(|(known, _)| *known == fact)?;
        Some(given.clone())
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| *known == name)?;
        Some(Cow::Borrowed(value))
    }

    fn header_names(&self) -> Vec<Cow<'_, [u8]>> {
        let names = self.headers.iter();
        names
            .map(|(name, _)| Cow::Borrowed(name.as_bytes()))
            .collect()
    }
}

fn program(nodes: Json) -> Program {
    let document = json!({"text": "", "nodes": nodes, "patterns": []});
    serde_json::from_value(document).unwrap()
}

fn condition(nodes: Json) -> Condition {
    Condition::new(program(nodes)).unwrap()
}

fn yes() -> Json {
    json!({"constant": {"bool": true}})
}

fn fails() -> Json {
    json!({"fact": "request.method"})
}

#[test]
fn an_operand_that_decides_makes_up_for_one_without_value() {
    let no = json!({"constant": {"bool": false}});
    for (operator, deciding, other) in [("or", yes(), no.clone()), ("and", no, yes())] {
        let decided = Ok(operator == "or");
        for nodes in [[fails(), deciding.clone()], [deciding, fails()]] {
            let [a, b] = nodes;
            let nodes = json!([a, b, {operator: [0, 1]}]);
            assert_eq!(condition(nodes).evaluate(&NOTHING), decided);
        }
        for [a, b] in [[fails(), other.clone()], [other, fails()]] {
            let nodes = json!([a, b, {operator: [0, 1]}]);
            assert_eq!(condition(nodes).evaluate(&NOTHING), Err(Error::NoSuchKey));
        }
    }
}

#[test]
fn only_a_boolean_is_a_result() {
    let nodes = json!([{"constant": {"int": "1"}}]);
    assert_eq!(
        condition(nodes).evaluate(&NOTHING),
        Err(Error::NoSuchOverload)
    );
}

#[test]
fn facts_are_there_or_missing() {
    let request = Request {
        facts: &[
            (Fact::Method, Given::Text(Cow::Borrowed(b"GET"))),
            (Fact::Path, Given::Text(Cow::Borrowed(b"/\xff"))),
            (Fact::Time, Given::Time(Timestamp::new(0, 0).unwrap())),
        ],
        headers: &[("x-a", b"1")],
    };
    let is_get = json!([
        {"fact": "request.method"},
        {"constant": {"string": "GET"}},
        {"call": {"function": "equal", "arguments": [0, 1]}},
    ]);
    assert_eq!(condition(is_get.clone()).evaluate(&request), Ok(true));
    assert_eq!(condition(is_get).evaluate(&NOTHING), Err(Error::NoSuchKey));
    let has = json!([{"hasFact": "request.method"}]);
    assert_eq!(condition(has.clone()).evaluate(&request), Ok(true));
    assert_eq!(condition(has).evaluate(&NOTHING), Ok(false));
    let not_text = json!([
        {"fact": "request.path"},
        {"call": {"function": "size", "arguments": [0]}},
        {"constant": {"int": "2"}},
        {"call": {"function": "equal", "arguments": [1, 2]}},
    ]);
    assert_eq!(condition(not_text).evaluate(&request), Err(Error::NotText));
    let header = json!([{"fact": "request.headers"}, {"hasField": {"operand": 0, "name": "x-a"}}]);
    assert_eq!(condition(header.clone()).evaluate(&request), Ok(true));
    assert_eq!(condition(header).evaluate(&NOTHING), Ok(false));
}

#[test]
fn what_takes_too_long_ends_in_an_error_that_nothing_makes_up_for() {
    let items: Vec<String> = (0..1000).map(|item| item.to_string()).collect();
    let text = format!("[{}]", items.join(","));
    let request = Request {
        facts: &[(Fact::Params, Given::Json(text.as_bytes()))],
        headers: &[],
    };
    let params = || json!({"fact": "request.mcp.params"});
    let nodes = json!([
        params(), params(), params(), {"constant": {"bool": false}},
        {"loop": {"kind": "exists", "range": 2, "body": 3}},
        {"loop": {"kind": "exists", "range": 1, "body": 4}},
        {"loop": {"kind": "exists", "range": 0, "body": 5}},
        yes(),
        {"or": [6, 7]},
    ]);
    assert_eq!(condition(nodes).evaluate(&request), Err(Error::Exhausted));
}

#[test]
fn a_program_may_travel_as_a_protobuf_struct() {
    let nodes = json!([
        {"fact": "request.headers"},
        {"constant": {"int": "9007199254740993"}},
        {"constant": {"double": "0.1"}},
        {"constant": {"bytes": "AP8="}},
        {"constant": "null"},
        {"constant": {"type": "timestamp"}},
        {"list": [1, 2, 3, 4, 5]},
        {"map": [[0, 6]]},
        {"item": 0},
        {"loop": {"kind": "all", "range": 7, "body": 8}},
    ]);
    let program = program(nodes);
    let written = serde_json::to_string(&program).unwrap();
    let doubles = written
        .replace("[0,6]", "[0.0,6e0]")
        .replace("\"item\":0", "\"item\":0.0");
    assert_ne!(written, doubles);
    assert_eq!(serde_json::from_str::<Program>(&doubles).unwrap(), program);
    assert!(Condition::new(program).is_ok());
}

#[test]
fn what_is_no_program_is_refused() {
    let unsound = |nodes: Json| Condition::new(program(nodes)).unwrap_err();
    let not = |node: u64| json!({"call": {"function": "not", "arguments": [node]}});
    assert_eq!(unsound(json!([])), Unsound::Empty);
    // Not used, used twice, used before it is there, used by itself.
    assert_eq!(unsound(json!([yes(), yes()])), Unsound::NoTree);
    assert_eq!(unsound(json!([yes(), {"or": [0, 0]}])), Unsound::NoTree);
    assert_eq!(unsound(json!([not(1), not(0)])), Unsound::NoTree);
    assert_eq!(unsound(json!([not(0)])), Unsound::NoTree);
    assert_eq!(unsound(json!([yes(), not(7)])), Unsound::NoTree);
    assert_eq!(unsound(json!([{"item": 0}])), Unsound::Unbound);
    let in_range = json!([
        {"item": 0}, yes(), {"loop": {"kind": "all", "range": 0, "body": 1}},
    ]);
    assert_eq!(unsound(in_range), Unsound::Unbound);
    let call = json!([yes(), {"call": {"function": "equal", "arguments": [0]}}]);
    assert_eq!(unsound(call), Unsound::Arguments);
    let matches = json!([yes(), {"matches": {"operand": 0, "pattern": 0}}]);
    assert_eq!(unsound(matches), Unsound::Pattern);
    assert_eq!(
        unsound(json!([{"hasFact": "request.headers"}])),
        Unsound::Presence
    );
    let deep = |depth: u64| {
        let nodes: Vec<Json> = std::iter::once(yes()).chain((0..depth).map(not)).collect();
        Json::Array(nodes)
    };
    let most = u64::try_from(MAX_DEPTH).unwrap();
    assert!(Condition::new(program(deep(most - 1))).is_ok());
    assert_eq!(unsound(deep(most)), Unsound::TooDeep);
    let many = vec![yes(); MAX_NODES + 1];
    assert_eq!(unsound(Json::Array(many)), Unsound::TooManyNodes);
}

#[test]
fn documents_of_another_form_are_refused() {
    for node in [
        json!({"constant": null}),
        json!({"constant": {"int": 1}}),
        json!({"constant": {"int": "1.5"}}),
        json!({"constant": {"bytes": "?"}}),
        json!({"fact": "request.mothod"}),
        json!({"item": -1}),
        json!({"item": 0.5}),
        json!({"field": {"operand": 0, "name": "a", "other": 1}}),
        json!({"field": {"operand": 0}}),
        json!({"call": {"function": "exec", "arguments": []}}),
        json!("item"),
        json!({}),
    ] {
        let document = json!({"text": "", "nodes": [node], "patterns": []});
        let read = serde_json::from_value::<Program>(document.clone());
        assert!(read.is_err(), "{document}");
    }
}

#[test]
fn needs_name_what_is_read() {
    let constant = |text: &str| json!({"constant": {"string": text}});
    let needs = condition(json!([
        {"fact": "request.mcp.params"},
        {"field": {"operand": 0, "name": "arguments"}},
        constant("x"),
        {"call": {"function": "index", "arguments": [1, 2]}},
        {"fact": "request.mcp.params"},
        {"field": {"operand": 4, "name": "arguments"}},
        {"hasField": {"operand": 5, "name": "y"}},
        {"fact": "request.headers"},
        constant("x-a"),
        {"call": {"function": "index", "arguments": [7, 8]}},
        constant("x-b"),
        {"fact": "request.headers"},
        {"call": {"function": "in", "arguments": [10, 11]}},
        {"hasFact": "identity.spiffe_id"},
        {"list": [3, 6, 9, 12, 13]},
    ]));
    let needs = needs.needs();
    let paths: Vec<String> = needs.params().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["arguments.x", "arguments.y"]);
    assert_eq!(needs.headers().collect::<Vec<_>>(), ["x-a", "x-b"]);
    assert!(needs.mcp() && needs.has(Fact::SpiffeId));
    assert!(!needs.all_headers() && !needs.has(Fact::Time));

    let whole = condition(json!([
        {"fact": "request.mcp.params"},
        {"fact": "request.headers"},
        {"call": {"function": "size", "arguments": [1]}},
        {"call": {"function": "in", "arguments": [2, 0]}},
    ]));
    assert_eq!(
        whole.needs().params().collect::<Vec<_>>(),
        [&[] as &[String]]
    );
    assert!(whole.needs().all_headers());
    let mut both = whole.needs().clone();
    both.join(needs);
    assert!(both.all_headers() && both.params().count() == 3);
}
