//! What expressions come to where there are other readings.

use std::borrow::Cow;

use serde_json::json;

use crate::engine::expr::{
    Attribute, AttributeValue, Attributes, CelCondition, CelProgram, EvalError, Reading,
    ReadingKind, STEPS,
};

/// A request with one text, and the others that may be read in its place.
struct Read(Attribute, &'static str, Vec<Reading>);

fn others(all: &[(&str, ReadingKind)]) -> Vec<Reading> {
    let all = all.iter().map(|(text, kind)| Reading {
        text: (*text).to_owned(),
        kind: *kind,
    });
    all.collect()
}

impl Attributes for Read {
    fn fact(&self, fact: Attribute) -> Option<AttributeValue<'_>> {
        match fact {
            Attribute::Params => Some(AttributeValue::Json(br#"{"uri":"FILE:///a","Key":"/b"}"#)),
            _ => (fact == self.0).then_some(AttributeValue::Text(Cow::Borrowed(self.1.as_bytes()))),
        }
    }

    fn readings(&self, fact: Attribute) -> Result<&[Reading], EvalError> {
        let all = (fact == self.0).then_some(&*self.2);
        Ok(all.unwrap_or_default())
    }

    fn header(&self, _: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError> {
        Ok(None)
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError> {
        Ok(Vec::new())
    }
}

fn value(nodes: &[&str], request: &Read) -> Result<bool, EvalError> {
    let document = json!({"text": "", "nodes": nodes, "patterns": []});
    let program: CelProgram = serde_json::from_value(document).unwrap();
    CelCondition::new(program).unwrap().evaluate(request)
}

const PATH: &str = "fact request.url_path";
const AMBIGUOUS: Result<bool, EvalError> = Err(EvalError::Ambiguous);

fn path(text: &'static str, lower: &'static str) -> Read {
    Read(
        Attribute::UrlPath,
        text,
        others(&[(lower, ReadingKind::LowerCase)]),
    )
}

#[test]
fn a_spelling_is_what_it_spells_and_may_be_another() {
    let is = [PATH, "string /Admin", "equal 0 1"];
    assert_eq!(value(&is, &path("/Admin", "/admin")), Ok(true));
    assert_eq!(value(&is, &path("/ADMIN", "/admin")), AMBIGUOUS);
    assert_eq!(value(&is, &path("/x", "/x")), Ok(false));
    let is_not = [PATH, "string /Admin", "notEqual 0 1"];
    assert_eq!(value(&is_not, &path("/Admin", "/admin")), Ok(false));
    assert_eq!(value(&is_not, &path("/ADMIN", "/admin")), AMBIGUOUS);
    assert_eq!(value(&is_not, &path("/x", "/x")), Ok(true));
    // Through `!` as well, and through a comparison with what it comes to.
    let negated = [PATH, "string /admin", "equal 0 1", "not 2"];
    assert_eq!(value(&negated, &path("/ADMIN", "/admin")), AMBIGUOUS);
    let compared = [PATH, "string /admin", "equal 0 1", "false", "equal 2 3"];
    assert_eq!(value(&compared, &path("/ADMIN", "/admin")), AMBIGUOUS);
}

#[test]
fn what_decides_without_it_makes_up_for_it() {
    for (operand, operator, expected) in [("true", "or", true), ("false", "and", false)] {
        let operator = format!("{operator} 2 3");
        let nodes = [PATH, "string /admin", "equal 0 1", operand, &operator];
        assert_eq!(value(&nodes, &path("/ADMIN", "/admin")), Ok(expected));
    }
}

#[test]
fn what_functions_make_of_a_spelling_has_to_agree() {
    let is_absent = [PATH, "string admin", "indexOf 0 1", "int -1", "equal 2 3"];
    assert_eq!(value(&is_absent, &path("/ADMIN", "/admin")), AMBIGUOUS);
    assert_eq!(value(&is_absent, &path("/X", "/x")), Ok(true));
    let some = [
        PATH,
        "string /",
        "split 0 1",
        "item 0",
        "string admin",
        "equal 3 4",
        "exists 2 5",
    ];
    assert_eq!(value(&some, &path("/ADMIN", "/admin")), AMBIGUOUS);
    assert_eq!(value(&some, &path("/X", "/x")), Ok(false));
}

#[test]
fn keys_are_found_as_they_are_written() {
    let nodes = [
        PATH,
        "fact request.mcp.params",
        "string Key",
        "index 1 2",
        "equal 0 3",
    ];
    assert_eq!(value(&nodes, &path("/B", "/b")), AMBIGUOUS);
    assert_eq!(value(&nodes, &path("/C", "/c")), Ok(false));
}

#[test]
fn what_takes_its_place_has_to_agree() {
    let is_post = ["fact request.method", "string POST", "equal 0 1"];
    let post = |other: &str| {
        let others = others(&[(other, ReadingKind::Instead)]);
        Read(Attribute::Method, "POST", others)
    };
    assert_eq!(value(&is_post, &post("DELETE")), AMBIGUOUS);
    let is_put = ["fact request.method", "string PUT", "equal 0 1"];
    assert_eq!(value(&is_put, &post("DELETE")), Ok(false));
    assert_eq!(value(&is_put, &post("PUT")), AMBIGUOUS);
}

#[test]
fn a_uri_is_read_where_it_is_a_parameter_too() {
    let request = Read(
        Attribute::ResourceUri,
        "FILE:///a",
        others(&[("file:///a", ReadingKind::Uri)]),
    );
    for nodes in [
        &[
            "fact request.mcp.resource_uri",
            "string file://localhost/a",
            "equal 0 1",
        ][..],
        &[
            "fact request.mcp.params",
            "field 0 uri",
            "string file:/a",
            "equal 1 2",
        ],
        &[
            "fact request.mcp.params",
            "string uri",
            "index 0 1",
            "string file:///%61",
            "equal 2 3",
        ],
    ] {
        assert_eq!(value(nodes, &request), AMBIGUOUS, "{nodes:?}");
    }
    let other = [
        "fact request.mcp.params",
        "field 0 uri",
        "string file:///b",
        "equal 1 2",
    ];
    assert_eq!(value(&other, &request), Ok(false));
}

#[test]
fn readings_are_paid_for() {
    let long = "x".repeat(STEPS as usize);
    let readings = others(&vec![(&*long, ReadingKind::Spelling); 100]);
    let request = Read(Attribute::UrlPath, "/x", readings);
    let nodes = [PATH, "string /y", "equal 0 1"];
    assert_eq!(value(&nodes, &request), Err(EvalError::Exhausted));
}

#[test]
fn a_uri_of_any_host_is_only_told_from_other_schemes() {
    let request = Read(
        Attribute::ResourceUri,
        "http://\u{ff41}/",
        others(&[("http://\u{ff41}", ReadingKind::AnyHost)]),
    );
    const URI: &str = "fact request.mcp.resource_uri";
    for (text, wanted) in [
        ("http://a/", AMBIGUOUS),
        ("HTTP://b/", AMBIGUOUS),
        ("a", AMBIGUOUS),
        ("https://a/", Ok(false)),
        ("file:///a", Ok(false)),
    ] {
        let text = format!("string {text}");
        let found = value(&[URI, &text, "equal 0 1"], &request);
        assert_eq!(found, wanted, "{text}");
    }
    let own = value(&[URI, "string http://\u{ff41}/", "equal 0 1"], &request);
    assert_eq!(own, Ok(true));
}
