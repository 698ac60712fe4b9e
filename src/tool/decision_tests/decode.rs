//! From YAML to requests.

use super::AuthorizerReply;
use super::request::{self, TestBody, TestRequest, call_body};
use crate::tool::api::decode::{
    EmptyList, MappingDecoder, Optional, Problem, StringForm, Undecoded, integer, list, text,
};
use crate::tool::api::names;
use crate::tool::compile::{Report, Source, read_document};

/// The members of a request that say what its body is.
const BODIES: [&str; 3] = ["call", "message", "body"];

const HTTP: StringForm = StringForm {
    is: "an HTTP request",
    min: 1,
    max: usize::MAX,
    matches: |text| text.split_once(' ').is_some(),
    help: "a method and a path, such as `GET /mcp`",
};

const TIME: StringForm = StringForm {
    is: "a point in time",
    min: 1,
    max: 64,
    matches: |text| request::nanos(text).is_some(),
    help: "as RFC 3339 has it, such as `2027-01-15T08:00:00Z`",
};

/// Reads a file with one request, and what authorizers answer about it.
///
/// # Errors
/// When it is none; the report has every problem.
pub fn read_request(source: Source) -> Result<(TestRequest, Vec<AuthorizerReply>), Report> {
    let root = read_document(&source, "Request")?;
    let mut problems = Vec::new();
    let request = MappingDecoder::root(&root, &mut problems).and_then(|mut object| {
        object.ignore(&["apiVersion", "kind", "name", "description"]);
        let request = TestRequest::decode(&mut object);
        let answers = given(&mut object);
        object.finish();
        request.zip(Some(answers))
    });
    match request.filter(|_| problems.is_empty()) {
        Some(request) => Ok(request),
        None => Err(Report::refusal(vec![source], problems)),
    }
}

impl TestRequest {
    /// Reads the members of an object that make a request.
    pub(super) fn decode(object: &mut MappingDecoder<'_, '_>) -> Option<Self> {
        let caller = object.optional("caller", text(&names::SPIFFE));
        let http = object.optional("http", text(&HTTP));
        let http = http.given().and_then(|http| http.value.split_once(' '));
        let (method, path) = http.unzip();
        let time = object.optional("time", text(&TIME));
        let headers = object.optional("headers", list(usize::MAX, EmptyList::Meant, header));
        let headers = headers.or(Vec::new()).unwrap_or_default();
        Some(Self {
            caller: caller.given().map(|caller| caller.value.clone()),
            cluster: string(object, "cluster"),
            host: string(object, "host"),
            port: number(object, "port", u16::MAX),
            address: string(object, "address"),
            time: time.given().and_then(|time| request::nanos(&time.value)),
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
            headers: headers.into_iter().map(|header| header.value).collect(),
            body: body(object)?,
        })
    }
}

/// What authorizers answer, in order; nothing where it is left out.
pub(super) fn given(object: &mut MappingDecoder<'_, '_>) -> Vec<AuthorizerReply> {
    let answers = list(usize::MAX, EmptyList::Meant, AuthorizerReply::decode);
    let answers = object.optional("answers", answers);
    let answers = answers.or(Vec::new()).unwrap_or_default();
    answers.into_iter().map(|answer| answer.value).collect()
}

/// What is sent: at most one of the members that say it.
fn body(object: &mut MappingDecoder<'_, '_>) -> Option<TestBody> {
    let call = object.optional("call", call);
    let message = object.optional("message", |value, _| Some(value.node.to_json()));
    let bytes = object.optional("body", text(&names::ANY));
    let given = [&call, &message, &bytes].into_iter();
    let given: Vec<_> = given.filter_map(Optional::given).collect();
    match given.as_slice() {
        [] => Some(TestBody::None),
        [one] if bytes.is_written() => Some(TestBody::Bytes(one.value.clone().into_bytes())),
        [one] => Some(TestBody::Message(one.value.clone())),
        [_, second, ..] => {
            let message = format!("a request has one of `{}`", BODIES.join("`, `"));
            object.report(Problem::new(&second.at, message).help("leave the others out"));
            None
        }
    }
}

fn call(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let at = value.at.clone();
    let call = text(&names::ANY)(value, problems)?;
    match call_body(&call) {
        Ok(body) => Some(body),
        Err(what) => {
            let help = "write it out as `message: {jsonrpc: '2.0', ...}`";
            problems.push(Problem::new(&at, what).help(help));
            None
        }
    }
}

pub(super) fn header(
    value: Undecoded<'_>,
    problems: &mut Vec<Problem>,
) -> Option<(String, String)> {
    let at = value.at.clone();
    let pair = list(2, EmptyList::Meant, text(&names::ANY))(value, problems)?;
    match <[_; 2]>::try_from(pair) {
        Ok([name, value]) => Some((name.value, value.value)),
        Err(_) => {
            let problem = Problem::new(&at, "a header is a list of its name and its value");
            problems.push(problem.help("such as `[x-team, blue]`"));
            None
        }
    }
}

/// A list of any strings; empty where it is left out.
pub(super) fn strings(object: &mut MappingDecoder<'_, '_>, name: &'static str) -> Vec<String> {
    let found = object.optional(name, list(usize::MAX, EmptyList::Meant, text(&names::ANY)));
    let found = found.or(Vec::new()).unwrap_or_default();
    found.into_iter().map(|text| text.value).collect()
}

/// Any string.
pub(super) fn string(object: &mut MappingDecoder<'_, '_>, name: &'static str) -> Option<String> {
    let found = object.optional(name, text(&names::ANY));
    found.given().map(|text| text.value.clone())
}

/// A whole number from 1 to a bound.
pub(super) fn number(
    object: &mut MappingDecoder<'_, '_>,
    name: &'static str,
    max: u16,
) -> Option<u16> {
    let found = object.optional(name, integer(1, max.into()));
    let number = found.given()?;
    u16::try_from(number.value).ok()
}
