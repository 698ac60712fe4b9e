//! Regular expressions as automata.

use base64ct::{Base64, Encoding};
use regex_automata::dfa::{Automaton, sparse};
use regex_automata::{Anchored, Input};
use serde::{Deserialize, Serialize};

/// A regular expression and the automaton it was compiled to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompiledRegex {
    /// As it was written, in RE2's syntax.
    pub text: String,
    /// A sparse automaton of `regex-automata`, little endian, anchored at the start, in
    /// base64. One for whole values is anchored at the end too, and one that searches
    /// begins with whatever comes before what it looks for.
    pub automaton: String,
}

/// A regular expression that is ready to match. Takes linear time.
#[derive(Debug)]
pub struct Pattern {
    // Boxed: it is many times as big as what else a condition can be.
    automaton: Box<sparse::DFA<Vec<u8>>>,
}

impl Pattern {
    /// The automaton of an expression; `None` when it is none.
    pub fn new(expression: &CompiledRegex) -> Option<Self> {
        let bytes = Base64::decode_vec(&expression.automaton).ok()?;
        let (automaton, rest) = sparse::DFA::from_bytes(&bytes).ok()?;
        (rest == bytes.len()).then(|| Self {
            automaton: Box::new(automaton.to_owned()),
        })
    }

    /// Whether it matches the whole of a value; `None` when that cannot be said.
    pub fn matches(&self, value: &[u8]) -> Option<bool> {
        let input = Input::new(value).anchored(Anchored::Yes);
        let found = self.automaton.try_search_fwd(&input).ok()?;
        Some(found.is_some_and(|end| end.offset() == value.len()))
    }

    /// Whether an expression that searches finds something in a value; `None` when that
    /// cannot be said.
    pub fn finds(&self, value: &[u8]) -> Option<bool> {
        let input = Input::new(value).anchored(Anchored::Yes).earliest(true);
        Some(self.automaton.try_search_fwd(&input).ok()?.is_some())
    }
}
