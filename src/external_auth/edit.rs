//! What of an authorizer's changes is carried out.

use std::collections::BTreeSet;

use super::names::{may_be_answered, may_be_changed};
use super::query::edited;
use super::{Changes, Header};
use crate::request::{Headers, is_alike};

/// A change to the headers of a request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// This line takes the place of every line of its name.
    Set(Header),
    /// This line comes besides those of its name.
    Append(Header),
    /// No line of this name stays.
    Remove(Vec<u8>),
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
    /// Adds what one authorizer wants changed about a request for `target`, which is path
    /// and query. A later one has the last word.
    pub fn add(&mut self, changes: Changes, target: &[u8]) {
        let Changes {
            set,
            append,
            remove,
            response_add,
            response_set,
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
        self.request.extend(lines(set, append, may_be_changed));
        self.request.extend(removed.map(Edit::Remove));
        self.response
            .extend(lines(response_set, response_add, may_be_answered));
    }
}

impl Obligations {
    /// The changes of a request that has these headers: what takes the place of a name, or
    /// removes it, takes with it what some servers take for that name.
    pub fn edits(&self, headers: &Headers) -> Vec<Edit> {
        let mut edits = Vec::new();
        for edit in &self.request {
            if let Edit::Set((name, _)) | Edit::Remove(name) = edit {
                let others = headers
                    .names()
                    .filter(|other| is_alike(other, name) && other != name);
                let others: BTreeSet<&[u8]> = others.collect();
                edits.extend(others.into_iter().map(|other| Edit::Remove(other.to_vec())));
            }
            edits.push(edit.clone());
        }
        edits
    }
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
        let changes = Changes {
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
            ..Changes::default()
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
        let changes = Changes {
            set: vec![header("x-user", "a")],
            remove: vec![b"x-role".to_vec()],
            ..Changes::default()
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
    fn a_later_change_of_the_query_keeps_the_earlier() {
        let of = |key: &str| Changes {
            query_set: vec![(key.to_owned(), "1".to_owned())],
            ..Changes::default()
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
}
