//! What a rule asks of the HTTP request.

use crate::engine::policy::{self, CompiledRegex, HttpMatch, SafeInteger, ValueMatch};
use crate::tool::api::decode::{Located, Optional, Problem};
use crate::tool::api::v1alpha1::{
    Authorization, HeaderMatch, HeaderMatchType, PathMatch, PathMatchType,
};
use crate::tool::compile::regex;

/// What no path of a request that has been tidied up has within it.
///
/// SPEC: Gateway API, the validation of `HTTPPathMatch`.
pub(in crate::tool::compile) const NOT_IN_PATHS: [&str; 6] =
    ["//", "/./", "/../", "%2f", "%2F", "#"];

/// What none ends in.
const NOT_AT_THE_END: [&str; 2] = ["/.", "/.."];

/// The HTTP part of an authorization, `None` inside where it has none; `None` when
/// problems were reported.
pub(super) fn check_http(
    authorization: &Authorization,
    problems: &mut Vec<Problem>,
) -> Option<Option<HttpMatch>> {
    let Authorization {
        kind: _,
        methods,
        paths,
        headers,
        hosts,
        ports,
        mcp: _,
        cel: _,
    } = authorization;
    let methods = each(methods, |method| Some(method.value.as_str().to_owned()));
    let paths = each(paths, |path| check_path(path, problems));
    let headers = each(headers, |header| check_header(&header.value, problems));
    let hosts = each(hosts, |host| Some(host.value.clone()));
    let ports = each(ports, |port| SafeInteger::new(port.value));
    let http = HttpMatch {
        methods: methods?,
        paths: paths?,
        headers: headers?,
        hosts: hosts?,
        ports: ports?,
    };
    Some((http != HttpMatch::default()).then_some(http))
}

/// Every item of a list, `None` inside where it was left out; `None` when an item of
/// it is none.
fn each<T, U>(
    list: &Optional<Vec<Located<T>>>,
    check: impl FnMut(&Located<T>) -> Option<U>,
) -> Option<Option<Vec<U>>> {
    match list {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(items) => {
            // All of them, for all their problems.
            let items: Vec<_> = items.value.iter().map(check).collect();
            items.into_iter().collect::<Option<Vec<U>>>().map(Some)
        }
    }
}

fn check_path(path: &Located<PathMatch>, problems: &mut Vec<Problem>) -> Option<policy::PathMatch> {
    let PathMatch { kind, value } = &path.value;
    let at = value.given().map_or(&path.at, |value| &value.at);
    let kind = kind.clone().or(PathMatchType::PathPrefix)?;
    let value = value.clone().or(String::new())?;
    let value = Located {
        value,
        at: at.clone(),
    };
    match kind {
        PathMatchType::RegularExpression => {
            if value.value.is_empty() {
                let help = "write the expression, or leave the path out";
                problems.push(Problem::new(at, "the regular expression is empty").help(help));
                return None;
            }
            expression(&value, problems).map(policy::PathMatch::RegularExpression)
        }
        PathMatchType::Exact => {
            check_plain(&value, problems)?;
            Some(policy::PathMatch::Exact(value.value))
        }
        PathMatchType::PathPrefix if value.value.is_empty() => {
            Some(policy::PathMatch::PathPrefix(value.value))
        }
        PathMatchType::PathPrefix => {
            check_plain(&value, problems)?;
            let prefix = value.value.strip_suffix('/').unwrap_or(&value.value);
            Some(policy::PathMatch::PathPrefix(prefix.to_owned()))
        }
    }
}

/// A path or the beginning of one, as it stands.
fn check_plain(path: &Located<String>, problems: &mut Vec<Problem>) -> Option<()> {
    let Located { value, at } = path;
    let before = problems.len();
    if value.is_empty() {
        let help = "write the path, or `type: PathPrefix` to match every path";
        problems.push(Problem::new(at, "the exact path is empty").help(help));
    } else if !value.starts_with('/') {
        let message = format!("the path `{value}` does not start with `/`");
        let help = "every path does; to match them all, give an empty prefix";
        problems.push(Problem::new(at, message).help(help));
    }
    for part in NOT_IN_PATHS.iter().filter(|part| value.contains(**part)) {
        let message = format!("the path `{value}` has `{part}` in it");
        problems.push(Problem::new(at, message).help(
            "write the path as it is when Envoy has tidied it up: no empty and no dot segments, \
             no encoded slashes, no fragment",
        ));
    }
    for end in NOT_AT_THE_END.iter().filter(|end| value.ends_with(**end)) {
        let message = format!("the path `{value}` ends in `{end}`");
        problems.push(Problem::new(at, message).help("write the path that it leads to"));
    }
    (problems.len() == before).then_some(())
}

fn check_header(header: &HeaderMatch, problems: &mut Vec<Problem>) -> Option<policy::HeaderMatch> {
    let HeaderMatch { kind, name, value } = header;
    let kind = kind.clone().or(HeaderMatchType::Exact);
    let value = match (kind?, value.as_ref()?) {
        (HeaderMatchType::Exact, value) => ValueMatch::Exact(value.value.clone()),
        (HeaderMatchType::RegularExpression, value) => {
            ValueMatch::RegularExpression(expression(value, problems)?)
        }
    };
    Some(policy::HeaderMatch {
        name: name.as_ref()?.value.to_ascii_lowercase(),
        value,
    })
}

fn expression(text: &Located<String>, problems: &mut Vec<Problem>) -> Option<CompiledRegex> {
    match regex::compile(&text.value) {
        Ok(expression) => Some(expression),
        Err(refusal) => {
            let problem = Problem::new(&text.at, refusal.message);
            problems.push(match refusal.help {
                Some(help) => problem.help(help),
                None => problem,
            });
            None
        }
    }
}
