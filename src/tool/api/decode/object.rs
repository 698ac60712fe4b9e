//! Objects, field by field.

use super::problem::{FieldPlace, Located, Problem};
use super::suggest::closest;
use super::value::{Undecoded, listed};
use crate::tool::api::yaml::{Entry, NodeKind, YamlNode};

/// A field that has to be there; `None` when a problem with it was reported.
pub type Required<T> = Option<Located<T>>;

/// A field that may be left out.
///
/// "Left out" and "there, but unreadable" are told apart: what follows from the
/// first must not be concluded from the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Optional<T> {
    /// Left out.
    Absent,
    /// There, and a problem with it was reported.
    Unreadable,
    /// There.
    Given(Located<T>),
}

impl<T> Optional<T> {
    /// The value and its place, where it was given.
    pub fn given(&self) -> Option<&Located<T>> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Whether the field is in the manifest at all.
    pub fn is_written(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The value or, where the field was left out, its default; `None` when unreadable.
    pub fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent => Some(default),
            Self::Unreadable => None,
            Self::Given(value) => Some(value.value),
        }
    }
}

/// So many unknown fields of an object are named.
const UNKNOWN: usize = 100;

/// An object whose fields are being read.
pub struct MappingDecoder<'n, 'p> {
    entries: &'n [Entry],
    known: Vec<&'static str>,
    at: FieldPlace,
    problems: &'p mut Vec<Problem>,
}

impl<'n, 'p> MappingDecoder<'n, 'p> {
    /// Starts to read a value as an object.
    pub fn open(value: Undecoded<'n>, problems: &'p mut Vec<Problem>) -> Option<Self> {
        if value.untagged(problems).is_some() {
            return None;
        }
        match &value.node.kind {
            NodeKind::Mapping(entries) => Some(Self {
                entries,
                known: Vec::new(),
                at: value.at,
                problems,
            }),
            _ => {
                problems.push(value.mistyped("an object"));
                None
            }
        }
    }

    /// Starts to read the root of a document.
    pub fn root(node: &'n YamlNode, problems: &'p mut Vec<Problem>) -> Option<Self> {
        let at = FieldPlace {
            span: node.span,
            field: String::new(),
        };
        Self::open(Undecoded { node, at }, problems)
    }

    /// Where the object is.
    pub fn at(&self) -> &FieldPlace {
        &self.at
    }

    /// Reports a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Reads a field that has to be there; `example` is how to write it.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        example: &str,
        decode: impl FnOnce(Undecoded<'_>, &mut Vec<Problem>) -> Option<T>,
    ) -> Required<T> {
        match self.optional(name, decode) {
            Optional::Given(value) => Some(value),
            Optional::Unreadable => None,
            Optional::Absent => {
                self.problems.push(
                    Problem::new(
                        &self.at,
                        format!("the field `{}` is missing", self.path(name)),
                    )
                    .help(format!("add it, such as `{example}`")),
                );
                None
            }
        }
    }

    /// Reads a field that may be left out.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        decode: impl FnOnce(Undecoded<'_>, &mut Vec<Problem>) -> Option<T>,
    ) -> Optional<T> {
        self.known.push(name);
        let Some(entry) = self.entries.iter().find(|entry| entry.key == name) else {
            return Optional::Absent;
        };
        let at = FieldPlace {
            span: pointer(entry),
            field: self.path(name),
        };
        match decode(
            Undecoded {
                node: &entry.value,
                at: at.clone(),
            },
            self.problems,
        ) {
            Some(value) => Optional::Given(Located { value, at }),
            None => Optional::Unreadable,
        }
    }

    /// Knows fields that are read by nobody.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Refuses the fields that were not asked for.
    pub fn finish(self) {
        let is_unknown = |entry: &&Entry| !self.known.contains(&entry.key.as_str());
        let mut unknown = self.entries.iter().filter(is_unknown);
        for entry in unknown.by_ref().take(UNKNOWN) {
            let help = match closest(&entry.key, self.known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the fields here are {}", listed(&self.known)),
            };
            let at = FieldPlace {
                span: entry.key_span,
                field: self.path(&entry.key),
            };
            self.problems
                .push(Problem::new(&at, format!("unknown field `{}`", entry.key)).help(help));
        }
        let more = unknown.count();
        if more > 0 {
            let problem = Problem::new(&self.at, format!("{more} more fields are unknown"));
            self.problems.push(problem);
        }
    }

    fn path(&self, name: &str) -> String {
        match self.at.field.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// Where to look for a field: its value if that has no parts, otherwise its name.
fn pointer(entry: &Entry) -> crate::tool::api::yaml::Span {
    match &entry.value.kind {
        NodeKind::Scalar(scalar) if !scalar.text.is_empty() => entry.value.span,
        _ => entry.key_span,
    }
}
