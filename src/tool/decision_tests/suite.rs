//! A file of decision tests: policies, an enforcement point and many requests.

use std::path::Path;

use super::{AuthorizerReply, Expected, Outcome, TestRequest, decode};
use crate::engine::enforcement::StreamAttributes;
use crate::engine::policy::Policies;
use crate::tool::api::decode::{
    EmptyList, FieldPlace, MappingDecoder, Optional, Problem, Undecoded, list, text,
};
use crate::tool::api::names;
use crate::tool::api::yaml::{FileId, NodeKind, Span, YamlNode, load};
use crate::tool::compile::{
    Compiled, FilesError, Input, Inputs, ReadFileError, Report, Source, compile_parts, holds,
    read_document, read_source_within, read_sources_within,
};

const KIND: &str = "DecisionTests";
const VERSION: &str = "accesspolicy/v1";

/// A file of decision tests.
#[derive(Debug, Clone)]
pub struct Suite {
    /// What the file shows, in a sentence.
    pub description: Option<String>,
    /// The tests.
    pub tests: Vec<Case>,
    sources: Vec<Source>,
    policies: Vec<Input>,
    point: Option<Input>,
}

/// One request and what is to become of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Where it stands in its file: the line.
    pub line: usize,
    /// The request.
    pub request: TestRequest,
    /// What authorizers answer, in order.
    pub answers: Vec<AuthorizerReply>,
    /// What is to become of it.
    pub expected: Expected,
}

/// A part of a suite as written: in place, or in a file of its own.
enum SuitePart {
    Here(YamlNode),
    File(String, FieldPlace),
}

impl Suite {
    /// Whether a text is one of decision tests, or is meant to be.
    pub fn is_meant(source: &Source) -> bool {
        let documents = load(FileId(0), source.text()).documents;
        let kinds = documents
            .iter()
            .filter_map(|document| document.root.get("kind"));
        let mut kinds = kinds.filter_map(|kind| kind.value.text());
        kinds.any(|kind| kind == KIND)
    }

    /// Whether a file is one of decision tests, and not one of something else.
    ///
    /// # Errors
    /// When that is open: it cannot be read, or is nearly one.
    pub fn is_one(source: &Source) -> Result<bool, Report> {
        holds(source, KIND)
    }

    /// Reads a file of decision tests. Other files that it names lie beside it, in
    /// `folder` or below, or in the working directory or below.
    ///
    /// # Errors
    /// When one cannot be read, and when this is no file of decision tests.
    pub fn read(source: Source, folder: &Path) -> Result<Self, FilesError> {
        let root = read_document(&source, KIND).map_err(FilesError::Invalid)?;
        let mut problems = Vec::new();
        let Some(written) =
            MappingDecoder::root(&root, &mut problems).and_then(|object| read(object, &source))
        else {
            return Err(refused(source, problems));
        };
        if !problems.is_empty() {
            return Err(refused(source, problems));
        }
        let (description, policies, point, tests) = written;
        let beside = [folder, Path::new(".")];
        let mut suite = Self {
            description,
            tests,
            sources: vec![source],
            policies: Vec::new(),
            point: None,
        };
        for written in policies {
            match written {
                SuitePart::Here(node) => suite.policies.push(Input::Node(node)),
                SuitePart::File(path, at) => {
                    let sources = read_sources_within(&folder.join(path), &beside);
                    for source in sources.map_err(|error| suite.unreadable(&at, &error))? {
                        let part = suite.add(source);
                        suite.policies.push(part);
                    }
                }
            }
        }
        suite.point = match point {
            None => None,
            Some(SuitePart::Here(node)) => Some(Input::Node(node)),
            Some(SuitePart::File(path, at)) => {
                let source = read_source_within(&folder.join(path), &beside);
                let source = source.map_err(|error| suite.unreadable(&at, &error))?;
                Some(suite.add(source))
            }
        };
        Ok(suite)
    }

    fn add(&mut self, source: Source) -> Input {
        self.sources.push(source);
        Input::File(FileId(self.sources.len() - 1))
    }

    fn unreadable(&self, at: &FieldPlace, error: &ReadFileError) -> FilesError {
        let problem = Problem::new(at, error.to_string()).help(
            "paths are relative to this file, and lead to files in its folder or in the working \
             directory, or below",
        );
        FilesError::Invalid(Report::refusal(self.sources.clone(), vec![problem]))
    }

    /// The enforcement point, where it stands in the file itself, as JSON text.
    pub fn point(&self) -> Option<String> {
        match &self.point {
            Some(Input::Node(node)) => Some(node.to_json()),
            _ => None,
        }
    }

    /// Compiles the policies, for another enforcement point where one is given.
    ///
    /// # Errors
    /// When anything in them is refused, and when there is no enforcement point.
    pub fn compile(&self, point: Option<Source>) -> Result<Compiled, Report> {
        let mut sources = self.sources.clone();
        let point = match (point, &self.point) {
            (Some(source), _) => {
                sources.push(source);
                Input::File(FileId(sources.len() - 1))
            }
            (None, Some(point)) => point.clone(),
            (None, None) => {
                let start = start("enforcementPoint");
                let problem = Problem::new(&start, "the tests name no enforcement point")
                    .help("add `enforcementPoint: enforcement-point.yaml`");
                return Err(Report::refusal(sources, vec![problem]));
            }
        };
        let compiled = compile_parts(Inputs {
            sources,
            policies: self.policies.clone(),
            point,
        })?;
        // To name nothing says that there are none.
        if compiled.read == 0 && !self.policies.is_empty() {
            let problem = Problem::new(
                &start("policies"),
                "no XAccessPolicy is in what `policies` names",
            )
            .help("check the paths, and `apiVersion` and `kind` of the manifests");
            return Err(Report::refusal(self.sources.clone(), vec![problem]));
        }
        Ok(compiled)
    }
}

/// The front of a file of tests, for what is not there.
fn start(field: &str) -> FieldPlace {
    FieldPlace {
        span: Span {
            file: FileId(0),
            start: 0,
            end: 0,
        },
        field: field.to_owned(),
    }
}

impl Case {
    /// What becomes of the request.
    pub fn judge(&self, policies: &Policies) -> Outcome {
        let StreamAttributes {
            caller, headers, ..
        } = self.request.facts(policies);
        let (step, asks) = self.request.judge(policies, &self.answers);
        Outcome {
            caller: caller.spiffe_id().map(str::to_owned),
            asks,
            ..Outcome::of(&step, &headers)
        }
    }

    /// What becomes of the request otherwise than expected, each in a sentence.
    pub fn differences(&self, found: &Outcome) -> Vec<String> {
        let mut wrong = self.expected.differences(found);
        if self.request.caller != found.caller {
            let name = |caller: &Option<String>| match caller {
                Some(caller) => format!("`{caller}`"),
                None => "nobody".to_owned(),
            };
            let (expected, found) = (name(&self.request.caller), name(&found.caller));
            wrong.push(format!("expected the caller to be {expected}, got {found}"));
        }
        wrong
    }
}

fn refused(source: Source, problems: Vec<Problem>) -> FilesError {
    FilesError::Invalid(Report::refusal(vec![source], problems))
}

type SuiteContents = (Option<String>, Vec<SuitePart>, Option<SuitePart>, Vec<Case>);

fn read(mut object: MappingDecoder<'_, '_>, source: &Source) -> Option<SuiteContents> {
    let version = object.required(
        "apiVersion",
        "apiVersion: accesspolicy/v1",
        text(&names::ANY),
    );
    let kind = object.required("kind", "kind: DecisionTests", text(&names::ANY));
    for (found, expected) in [(version, VERSION), (kind, KIND)] {
        if let Some(found) = found.filter(|found| found.value != expected) {
            let message = format!("expected `{expected}`, found `{}`", found.value);
            object.report(Problem::new(&found.at, message));
        }
    }
    let description = decode::string(&mut object, "description");
    let policies = list(usize::MAX, EmptyList::Meant, written);
    let policies = object.required("policies", "policies: [policy.yaml]", policies);
    let point = object.optional("enforcementPoint", written);
    let tests = list(usize::MAX, EmptyList::Meant, |value, problems| {
        case(value, source, problems)
    });
    let tests = object.required(
        "tests",
        "tests: [{name: ..., call: ..., expect: allow}]",
        tests,
    );
    object.finish();
    let policies = policies?.value.into_iter().map(|policy| policy.value);
    let point = match point {
        Optional::Absent => None,
        Optional::Unreadable => return None,
        Optional::Given(point) => Some(point.value),
    };
    let tests = tests?.value.into_iter().map(|test| test.value);
    Some((description, policies.collect(), point, tests.collect()))
}

fn written(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<SuitePart> {
    if let NodeKind::Mapping(_) = value.node.kind {
        return Some(SuitePart::Here(value.node.clone()));
    }
    let at = value.at.clone();
    let path = text(&names::ANY)(value, problems)?;
    Some(SuitePart::File(path, at))
}

fn case(value: Undecoded<'_>, source: &Source, problems: &mut Vec<Problem>) -> Option<Case> {
    let (line, _) = source.position(value.at.span.start);
    let mut object = MappingDecoder::open(value, problems)?;
    let name = object.required("name", "name: the reader may echo", text(&names::ANY));
    let request = TestRequest::decode(&mut object);
    let answers = decode::given(&mut object);
    let expected = Expected::decode(&mut object);
    object.finish();
    Some(Case {
        name: name?.value,
        line,
        request: request?,
        answers,
        expected: expected?,
    })
}
