//! What of an authorizer's changes is carried out.

use std::collections::BTreeSet;

use super::names::{may_be_answered, may_be_changed};
use super::query::edited;
use super::{Header, RequestedChanges};
use crate::engine::request::{Headers, is_alike};

/// A change to the headers of a request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// This line takes the place of every line of its name.
    Set(Header),
    /// This line comes besides those of its name.
    Append(Header),
    /// No line of this name stays.
    Remove(Vec<u8>),
    /// This line comes if there is none of its name.
    AddIfAbsent(Header),
    /// This line takes the place of every line of its name, if there is one.
    SetIfThere(Header),
}

impl Edit {
    /// Whether the headers have to be known to carry it out.
    const fn is_conditional(&self) -> bool {
        matches!(self, Self::AddIfAbsent(_) | Self::SetIfThere(_))
    }
}

/// What has to be done to a request that authorizers let go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obligations {
    /// What is changed about the request's headers, in order.
    pub request: Vec<Edit>,
    /// What is changed about those of the response, in order.
    pub response: Vec<Edit>,
    /// Path and query, once they have changed.
    target: Option<Vec<u8>>,
}

impl Obligations {
    /// The memory that they hold, in bytes.
    pub fn memory(&self) -> usize {
        let target = self.target.as_ref().map_or(0, Vec::capacity);
        memory(&self.request)
            .saturating_add(memory(&self.response))
            .saturating_add(target)
    }

    /// The memory of those of the response, in bytes.
    pub fn response_memory(&self) -> usize {
        memory(&self.response)
    }

    /// Adds what one authorizer wants changed about a request for `target`, which is path
    /// and query. A later one has the last word.
    pub fn add(&mut self, changes: RequestedChanges, target: &[u8]) {
        let RequestedChanges {
            set,
            append,
            add_if_absent,
            set_if_there,
            remove,
            response_add,
            response_set,
            response_add_if_absent,
            response_set_if_there,
            query_set,
            query_remove,
        } = changes;
        if !query_set.is_empty() || !query_remove.is_empty() {
            let target = self.target.as_deref().unwrap_or(target);
            let target = edited(target, &query_set, &query_remove);
            self.request
                .push(Edit::Set((b":path".to_vec(), target.clone())));
            self.target = Some(target);
        }
        // What is removed goes last, as behind Envoy's own filter.
        let removed = remove.into_iter().filter(|name| may_be_changed(name));
        let request = &mut self.request;
        request.extend(lines(set, append, may_be_changed));
        request.extend(if_there(add_if_absent, set_if_there, may_be_changed));
        request.extend(removed.map(Edit::Remove));
        let response = &mut self.response;
        response.extend(lines(response_set, response_add, may_be_answered));
        response.extend(if_there(
            response_add_if_absent,
            response_set_if_there,
            may_be_answered,
        ));
    }
}

impl Obligations {
    /// The changes of a request that has these headers: what takes the place of a name, or
    /// removes it, takes with it what some servers take for that name.
    pub fn edits(&self, headers: &Headers) -> Vec<Edit> {
        let mut edits = Vec::new();
        for edit in &self.request {
            // SECURITY: to some servers a line under a name that is alike is there.
            let Some(edit) = settled(edit, headers, &edits) else {
                continue;
            };
            if let Edit::Set((name, _)) | Edit::Remove(name) = &edit {
                let others = headers
                    .names()
                    .filter(|other| is_alike(other, name) && other != name);
                let others: BTreeSet<&[u8]> = others.collect();
                edits.extend(others.into_iter().map(|other| Edit::Remove(other.to_vec())));
            }
            edits.push(edit);
        }
        edits
    }
}

impl Obligations {
    /// Whether anything about a request may change that has these headers.
    ///
    /// SECURITY: of the headers, all are kept that authorizers may take away, whatever rules
    /// ask about. Otherwise a rule, even one that denies, could make it known that a header is
    /// not there, and a request go on that is denied without that rule.
    pub fn may_change(&self, headers: &Headers) -> bool {
        let mut edits = self.request.iter();
        edits.any(|edit| match edit {
            Edit::Set(_) | Edit::Append(_) | Edit::AddIfAbsent(_) => true,
            Edit::Remove(name) | Edit::SetIfThere((name, _)) => is_there(name, headers, &[]),
        })
    }
}

fn memory(edits: &[Edit]) -> usize {
    let of = |edit: &Edit| match edit {
        Edit::Set((name, value))
        | Edit::Append((name, value))
        | Edit::AddIfAbsent((name, value))
        | Edit::SetIfThere((name, value)) => name.capacity().saturating_add(value.capacity()),
        Edit::Remove(name) => name.capacity(),
    };
    let own = std::mem::size_of_val(edits);
    edits.iter().map(of).fold(own, usize::saturating_add)
}

/// Whether the headers of a response have to be known to change them like this.
pub fn needs_headers(edits: &[Edit]) -> bool {
    edits.iter().any(Edit::is_conditional)
}

/// The changes of a response that has these headers.
pub fn settled_edits(edits: &[Edit], headers: &Headers) -> Vec<Edit> {
    let mut settled_edits = Vec::new();
    for edit in edits {
        settled_edits.extend(settled(edit, headers, &settled_edits));
    }
    settled_edits
}

/// What a change comes to where the headers are these, and have been changed like this
/// before; `None` where it changes nothing.
fn settled(edit: &Edit, headers: &Headers, before: &[Edit]) -> Option<Edit> {
    match edit {
        Edit::AddIfAbsent(header) => {
            (!is_there(&header.0, headers, before)).then(|| Edit::Append(header.clone()))
        }
        Edit::SetIfThere(header) => {
            is_there(&header.0, headers, before).then(|| Edit::Set(header.clone()))
        }
        Edit::Remove(name) => is_there(name, headers, before).then(|| edit.clone()),
        edit => Some(edit.clone()),
    }
}

/// Whether there is a line of a name, or of one that is alike.
fn is_there(name: &[u8], headers: &Headers, before: &[Edit]) -> bool {
    let mut names: Vec<&[u8]> = headers
        .names()
        .filter(|other| is_alike(other, name))
        .collect();
    for edit in before {
        match edit {
            Edit::Set((other, _)) | Edit::Append((other, _)) if is_alike(other, name) => {
                names.push(other);
            }
            Edit::Remove(other) => names.retain(|held| !held.eq_ignore_ascii_case(other)),
            _ => {}
        }
    }
    !names.is_empty()
}

/// Lines that depend on what is there, where their names may.
fn if_there(
    add: Vec<Header>,
    set: Vec<Header>,
    may: fn(&[u8]) -> bool,
) -> impl Iterator<Item = Edit> {
    let may = move |header: &Header| may(&header.0) && is_line(&header.1);
    let add = add.into_iter().filter(may).map(Edit::AddIfAbsent);
    add.chain(set.into_iter().filter(may).map(Edit::SetIfThere))
}

/// Lines that are set, and lines that come besides, where their names may.
fn lines(set: Vec<Header>, add: Vec<Header>, may: fn(&[u8]) -> bool) -> impl Iterator<Item = Edit> {
    let may = move |header: &Header| may(&header.0) && is_line(&header.1);
    let set = set.into_iter().filter(may).map(Edit::Set);
    set.chain(add.into_iter().filter(may).map(Edit::Append))
}

/// Whether a value stays in its line.
fn is_line(value: &[u8]) -> bool {
    !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Header {
        (name.into(), value.into())
    }

    #[test]
    fn what_was_judged_stays() {
        let changes = RequestedChanges {
            set: vec![
                header("x-user", "a"),
                header(":path", "/other"),
                header("Mcp-Name", "other"),
                header("x-lines", "a\r\nb: c"),
            ],
            append: vec![header("x-role", "b"), header("content-length", "0")],
            remove: vec![b"authorization".to_vec(), b"host".to_vec()],
            response_set: vec![header(":status", "500"), header("x-of", "a")],
            response_add: vec![header("content-length", "0"), header("set-cookie", "b")],
            ..RequestedChanges::default()
        };
        let mut obligations = Obligations::default();
        obligations.add(changes, b"/");
        assert_eq!(
            obligations.request,
            [
                Edit::Set(header("x-user", "a")),
                Edit::Append(header("x-role", "b")),
                Edit::Remove(b"authorization".to_vec()),
            ]
        );
        assert_eq!(
            obligations.response,
            [
                Edit::Set(header("x-of", "a")),
                Edit::Append(header("set-cookie", "b")),
            ]
        );
    }

    #[test]
    fn what_servers_take_for_a_name_goes_with_it() {
        let changes = RequestedChanges {
            set: vec![header("x-user", "a")],
            remove: vec![b"x-role".to_vec()],
            ..RequestedChanges::default()
        };
        let mut obligations = Obligations::default();
        obligations.add(changes, b"/");
        let sent = [
            ("x_user", "b"),
            ("x-user", "c"),
            ("x_role", "d"),
            ("y", "e"),
        ];
        assert_eq!(
            obligations.edits(&Headers::from_lines(sent)),
            [
                Edit::Remove(b"x_user".to_vec()),
                Edit::Set(header("x-user", "a")),
                Edit::Remove(b"x_role".to_vec()),
                Edit::Remove(b"x-role".to_vec()),
            ]
        );
    }

    #[test]
    fn what_depends_on_what_is_there() {
        let sent = [("x-user", "a"), ("x_team", "b"), ("x-gone", "c")];
        let changes = RequestedChanges {
            add_if_absent: ["x-user", "x-team", "x-new", "x-new", "mcp-name"]
                .map(|name| header(name, "1"))
                .to_vec(),
            set_if_there: ["X-User", "x-team", "x-none"]
                .map(|name| header(name, "2"))
                .to_vec(),
            response_add_if_absent: vec![header("x-of", "3"), header("content-length", "0")],
            response_set_if_there: vec![header("x-of", "4"), header("x-none", "5")],
            ..RequestedChanges::default()
        };
        let mut obligations = Obligations::default();
        obligations.add(changes, b"/");
        let later = RequestedChanges {
            remove: vec![b"x-gone".to_vec()],
            ..RequestedChanges::default()
        };
        obligations.add(later, b"/");
        let last = RequestedChanges {
            add_if_absent: vec![header("x-gone", "6")],
            ..RequestedChanges::default()
        };
        obligations.add(last, b"/");
        assert_eq!(
            obligations.edits(&Headers::from_lines(sent)),
            [
                Edit::Append(header("x-new", "1")),
                Edit::Remove(b"x-user".to_vec()),
                Edit::Set(header("X-User", "2")),
                Edit::Remove(b"x_team".to_vec()),
                Edit::Set(header("x-team", "2")),
                Edit::Remove(b"x-gone".to_vec()),
                Edit::Append(header("x-gone", "6")),
            ]
        );
        assert!(needs_headers(&obligations.response));
        for (sent, expected) in [
            (
                &[("x-none", "")][..],
                vec![
                    Edit::Append(header("x-of", "3")),
                    Edit::Set(header("x-of", "4")),
                    Edit::Set(header("x-none", "5")),
                ],
            ),
            (&[("x-of", "")], vec![Edit::Set(header("x-of", "4"))]),
        ] {
            let headers = Headers::from_lines(sent.iter().copied());
            assert_eq!(settled_edits(&obligations.response, &headers), expected);
        }
    }

    #[test]
    fn a_later_change_of_the_query_keeps_the_earlier() {
        let of = |key: &str| RequestedChanges {
            query_set: vec![(key.to_owned(), "1".to_owned())],
            ..RequestedChanges::default()
        };
        let mut obligations = Obligations::default();
        obligations.add(of("a"), b"/mcp?x");
        obligations.add(of("b"), b"/mcp?x");
        assert_eq!(
            obligations.request,
            [
                Edit::Set(header(":path", "/mcp?x&a=1")),
                Edit::Set(header(":path", "/mcp?x&a=1&b=1")),
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_not_changed_by_taking_it_away() {
        let obligations = |request| Obligations {
            request,
            ..Obligations::default()
        };
        let removes = obligations(vec![Edit::Remove(b"x-user".to_vec())]);
        let (without, with) = ([("x-other", "a")], [("x_user", "a")]);
        assert!(!removes.may_change(&Headers::from_lines(without)));
        assert!(removes.may_change(&Headers::from_lines(with)));
        let sets = obligations(vec![Edit::Set(header("x-user", "a"))]);
        assert!(sets.may_change(&Headers::from_lines(without)));
        assert!(!Obligations::default().may_change(&Headers::from_lines(with)));
    }
}
