//! The bound on what all regular expressions of some policies come to.
//!
//! SECURITY: to build an automaton takes far longer than to read its pattern; policies that
//! are beyond the bound are refused before the rest of them is built.

use std::cell::Cell;

use super::{AUTOMATON_BYTES, RegexError};

/// The most bytes of all automata together.
const TOTAL_BYTES: usize = 4 << 20;

thread_local! {
    /// What is left of it for the policies at hand, where there is a bound.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What was left before, which is left again when this goes.
struct Restored(Option<usize>);

impl Drop for Restored {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// Does some work with one bound on all regular expressions in it.
pub(in crate::tool::compile) fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Restored(LEFT.replace(Some(TOTAL_BYTES)));
    work()
}

/// Whether nothing is left, which was said then.
pub(in crate::tool::compile) fn is_spent() -> bool {
    LEFT.get() == Some(0)
}

/// Whether a problem is that nothing is left.
pub(in crate::tool::compile) fn is_about_it(message: &str) -> bool {
    message == message_of_it()
}

/// Builds an automaton within what is left. One that becomes too big for itself has cost as
/// much as the biggest.
pub(super) fn spend(
    build: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, RegexError> {
    if is_spent() {
        return Err(refusal());
    }
    let built = build();
    let cost = built.as_ref().map_or(AUTOMATON_BYTES, Vec::len);
    match LEFT.get() {
        None => Ok(built),
        Some(left) => {
            let left = left.saturating_sub(cost);
            LEFT.set(Some(left));
            if left == 0 { Err(refusal()) } else { Ok(built) }
        }
    }
}

fn message_of_it() -> String {
    let most = TOTAL_BYTES >> 20;
    format!("the regular expressions up to here need automata of more than {most} MiB together")
}

fn refusal() -> RegexError {
    RegexError {
        message: message_of_it(),
        help: Some(
            "compare by `Exact` or `PathPrefix` where that will do, use `*`, `+` or classes of \
             ASCII characters instead of counted repetitions and `.`, or give fewer policies at \
             once"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_bounded_in_sum() {
        let one = || spend(|| Some(vec![0; 1 << 20]));
        let failed = || spend(|| None);
        bounded(|| {
            assert_eq!((0..9).take_while(|_| one().is_ok()).count(), 3);
            assert!(is_spent());
            assert!(is_about_it(&failed().unwrap_err().message));
            // Each work has its own bound.
            bounded(|| assert!((0..63).all(|_| failed() == Ok(None))));
            assert!(is_spent());
        });
        assert!(!is_spent() && (0..9).all(|_| one().is_ok()));
    }
}
