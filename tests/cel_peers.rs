//! Expressions that nobody wrote, through our compiler and evaluator and through an
//! independent implementation.
//!
//! Both must come to the same boolean, or both to none. Intended differences, which the
//! generator keeps away from:
//!
//! - a number of JSON without fraction is an int here, and so it is given to the other;
//! - what can be known to be wrong is refused when compiled: operands of other types,
//!   names that are not known. There the other fails when it evaluates, or does not;
//! - order across the types of numbers, and the arithmetic of doubles that are no numbers:
//!   the other compares neither;
//! - time zones by name, and `matches` with an expression that is not literal.
#![cfg(not(target_arch = "wasm32"))]

mod expression_vectors;
#[path = "cel_peers/generate.rs"]
mod generate;

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Env, Value};
use expression_vectors::{Request, evaluate};
use generate::Generator;
use serde_json::Value as Json;

/// How many expressions are compared.
const COUNT: u64 = 4000;

const PARAMS: &str = r#"{"name": "transfer", "arguments": {"n": 7, "d": 2.5, "t": true, "s": "caf\u00e9",
    "big": 9007199254740993, "none": null, "list": [1, 2, 3], "words": ["a", "ab", ""],
    "inner": {"x": 1, "y": [{"z": 0}, {"z": 1}]}}}"#;

fn request() -> Request {
    let facts = [
        ("request.method", "POST"),
        ("request.path", "/mcp?a=1"),
        ("request.size", "512"),
        ("request.mcp.tool_name", "transfer"),
        ("request.mcp.params", PARAMS),
    ];
    let headers = [("x-tenant", "blue,green"), ("x-empty", "")];
    Request {
        facts: facts
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    let entries: HashMap<Key, Value> = entries
        .into_iter()
        .map(|(key, value)| (Key::String(Arc::new(key)), value))
        .collect();
    Value::Map(Map {
        map: Arc::new(entries),
    })
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        Json::Object(members) => map(members
            .iter()
            .map(|(key, member)| (key.clone(), value(member)))),
    }
}

/// The request as the other implementation takes it: maps, in which missing is missing.
fn variables(request: &Request) -> Value {
    let text = |name: &str| Value::String(Arc::new(request.facts[name].clone()));
    let headers = request.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.clone(), Value::String(Arc::new(value.clone()))));
    let mcp = map([
        ("tool_name".to_owned(), text("request.mcp.tool_name")),
        (
            "params".to_owned(),
            value(&serde_json::from_str(PARAMS).unwrap()),
        ),
    ]);
    map([
        ("method".to_owned(), text("request.method")),
        ("path".to_owned(), text("request.path")),
        ("size".to_owned(), Value::Int(512)),
        ("headers".to_owned(), map(headers)),
        ("mcp".to_owned(), mcp),
    ])
}

#[test]
fn both_implementations_come_to_the_same() {
    let request = request();
    let mut env = Env::stdlib();
    env.add_extension(cel::extensions::strings).unwrap();
    let env = Arc::new(env);
    let mut context = Context::with_env(Arc::clone(&env));
    context.add_variable_from_value("request", variables(&request));
    let (mut valued, mut without, mut refused) = (0, 0, 0);
    let mut differences = Vec::new();
    for seed in 0..COUNT {
        let expression = Generator::new(seed).expression();
        let ours = evaluate(&expression, &request);
        if ours
            .as_ref()
            .is_err_and(|error| error.starts_with("refused"))
        {
            refused += 1;
            println!("{expression}: {ours:?}");
            continue;
        }
        let program = env.compile(&expression);
        let theirs = match program.map(|program| program.execute(&context)) {
            Ok(Ok(Value::Bool(value))) => Ok(value),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => panic!("{expression}: {error}"),
        };
        match (&ours, &theirs) {
            (Ok(a), Ok(b)) if a == b => valued += 1,
            (Err(_), Err(_)) => without += 1,
            _ => differences.push(format!(
                "{expression}\n    ours {ours:?}, theirs {theirs:?}"
            )),
        }
    }
    println!("{valued} with a value, {without} without, {refused} refused");
    let shown = differences.len().min(40);
    assert!(
        differences.is_empty(),
        "{}: {}",
        differences.len(),
        differences[..shown].join("\n")
    );
    assert!(valued > COUNT / 2 && without > COUNT / 50 && refused < COUNT / 50);
}
