//! The HTTP fields of an authorization.

use super::super::decode::{
    Choice, EmptyList, Located, MappingDecoder, Optional, Problem, Required, Undecoded, choice,
    integer, list, refuse_duplicates, text,
};
use super::super::names;

/// `spec.rules[].authorization.methods[]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the method it is spelt like
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

/// `spec.rules[].authorization.paths[]`
#[derive(Debug, Clone)]
pub struct PathMatch {
    /// How the value is meant.
    pub kind: Optional<PathMatchType>,
    /// The path, its beginning, or a regular expression.
    pub value: Optional<String>,
}

/// `spec.rules[].authorization.paths[].type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathMatchType {
    /// The whole path.
    Exact,
    /// Its first segments. The default.
    PathPrefix,
    /// A regular expression.
    RegularExpression,
}

/// `spec.rules[].authorization.headers[]`
#[derive(Debug, Clone)]
pub struct HeaderMatch {
    /// How the value is meant.
    pub kind: Optional<HeaderMatchType>,
    /// The header's name, in any case.
    pub name: Required<String>,
    /// Its value, or a regular expression.
    pub value: Required<String>,
}

/// `spec.rules[].authorization.headers[].type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMatchType {
    /// The whole value. The default.
    Exact,
    /// A regular expression.
    RegularExpression,
}

impl Choice for HttpMethod {
    const ALL: &'static [(&'static str, Self)] = &[
        ("GET", Self::Get),
        ("HEAD", Self::Head),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("DELETE", Self::Delete),
        ("CONNECT", Self::Connect),
        ("OPTIONS", Self::Options),
        ("TRACE", Self::Trace),
        ("PATCH", Self::Patch),
    ];
}

impl Choice for PathMatchType {
    const ALL: &'static [(&'static str, Self)] = &[
        ("Exact", Self::Exact),
        ("PathPrefix", Self::PathPrefix),
        ("RegularExpression", Self::RegularExpression),
    ];
}

impl Choice for HeaderMatchType {
    const ALL: &'static [(&'static str, Self)] = &[
        ("Exact", Self::Exact),
        ("RegularExpression", Self::RegularExpression),
    ];
}

impl HttpMethod {
    /// The method as HTTP spells it.
    pub fn as_str(self) -> &'static str {
        let spelt = Self::ALL.iter().find(|(_, method)| *method == self);
        spelt.map_or("", |(spelling, _)| spelling)
    }
}

type LocatedItems<T> = Option<Vec<Located<T>>>;

pub(super) fn methods(
    value: Undecoded<'_>,
    problems: &mut Vec<Problem>,
) -> LocatedItems<HttpMethod> {
    let empty = EmptyList::Refused("leave `methods` out to match every method, or list one");
    let methods = list(9, empty, choice::<HttpMethod>)(value, problems)?;
    let names = methods
        .iter()
        .map(|method| (method.value.as_str(), &method.at));
    refuse_duplicates("method", names, problems);
    Some(methods)
}

pub(super) fn paths(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> LocatedItems<PathMatch> {
    let empty = EmptyList::Refused("leave `paths` out to match every path, or list one");
    list(10, empty, PathMatch::decode)(value, problems)
}

pub(super) fn headers(
    value: Undecoded<'_>,
    problems: &mut Vec<Problem>,
) -> LocatedItems<HeaderMatch> {
    let empty = EmptyList::Refused("leave `headers` out to ask for no header, or list one");
    list(10, empty, HeaderMatch::decode)(value, problems)
}

pub(super) fn hosts(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> LocatedItems<String> {
    let empty = EmptyList::Refused("leave `hosts` out to match every host, or list one");
    let hosts = list(10, empty, text(&names::HOST))(value, problems)?;
    let names = hosts.iter().map(|host| (&host.value, &host.at));
    refuse_duplicates("host", names, problems);
    Some(hosts)
}

pub(super) fn ports(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> LocatedItems<u64> {
    let empty = EmptyList::Refused("leave `ports` out to match every port, or list one");
    let ports = list(10, empty, integer(1, 65535))(value, problems)?;
    let numbers = ports.iter().map(|port| (port.value, &port.at));
    refuse_duplicates("port", numbers, problems);
    Some(ports)
}

impl PathMatch {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let path = Self {
            kind: object.optional("type", choice),
            value: object.optional("value", text(&names::PATH)),
        };
        object.finish();
        Some(path)
    }
}

impl HeaderMatch {
    fn decode(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let header = Self {
            kind: object.optional("type", choice),
            name: object.required("name", "name: x-tenant", text(&names::HEADER_NAME)),
            value: object.required("value", "value: blue", text(&names::HEADER_VALUE)),
        };
        object.finish();
        Some(header)
    }
}
