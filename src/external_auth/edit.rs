//! What of an authorizer's changes is carried out.

use super::names::may_be_changed;
use super::{Changes, Header};

/// A change to a request's headers.
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
}

impl Obligations {
    /// Adds what one authorizer wants changed. A later one has the last word.
    pub fn add(&mut self, changes: &Changes) {
        self.request.extend(edits(changes));
    }
}

/// The changes to a request's headers, in order: what is removed goes last, as behind
/// Envoy's own filter.
fn edits(changes: &Changes) -> Vec<Edit> {
    let Changes {
        set,
        append,
        remove,
        response_add: _,
        response_set: _,
        query_set: _,
        query_remove: _,
    } = changes;
    let may = |header: &&Header| may_be_changed(&header.0) && is_line(&header.1);
    let set = set.iter().filter(may).cloned().map(Edit::Set);
    let append = append.iter().filter(may).cloned().map(Edit::Append);
    let removed = remove.iter().filter(|name| may_be_changed(name)).cloned();
    set.chain(append).chain(removed.map(Edit::Remove)).collect()
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
            ..Changes::default()
        };
        assert_eq!(
            edits(&changes),
            [
                Edit::Set(header("x-user", "a")),
                Edit::Append(header("x-role", "b")),
                Edit::Remove(b"authorization".to_vec()),
            ]
        );
    }
}
