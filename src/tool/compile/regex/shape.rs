//! What an expression looks like: what its matches can begin with, and whether it says where
//! they end.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// What a match can be in front.
struct Front {
    /// Whether it can begin with the character.
    begins: bool,
    /// Whether it can be empty.
    is_empty: bool,
}

/// Whether a match can begin with an ASCII character.
pub(super) fn may_begin_with(expression: &Hir, first: u8) -> bool {
    front(expression, first).begins
}

fn front(expression: &Hir, first: u8) -> Front {
    let (begins, is_empty) = match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => (false, true),
        HirKind::Literal(literal) => (literal.0.first() == Some(&first), false),
        HirKind::Class(class) => (contains(class, first), false),
        HirKind::Repetition(repetition) => {
            let sub = front(&repetition.sub, first);
            (sub.begins, sub.is_empty || repetition.min == 0)
        }
        HirKind::Capture(capture) => return front(&capture.sub, first),
        HirKind::Alternation(subs) => {
            let fronts = || subs.iter().map(|sub| front(sub, first));
            (
                fronts().any(|sub| sub.begins),
                fronts().any(|sub| sub.is_empty),
            )
        }
        HirKind::Concat(subs) => {
            let mut begins = false;
            for sub in subs {
                let sub = front(sub, first);
                begins |= sub.begins;
                if !sub.is_empty {
                    return Front {
                        begins,
                        is_empty: false,
                    };
                }
            }
            (begins, true)
        }
    };
    Front { begins, is_empty }
}

fn contains(class: &Class, byte: u8) -> bool {
    match class {
        Class::Unicode(class) => {
            let c = char::from(byte);
            class
                .ranges()
                .iter()
                .any(|range| (range.start()..=range.end()).contains(&c))
        }
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&byte)),
    }
}

/// Whether every match has a character of a kind.
pub(super) fn needs(expression: &Hir, is_of_kind: fn(char) -> bool) -> bool {
    match expression.kind() {
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).is_ok_and(|text| text.contains(is_of_kind))
        }
        HirKind::Class(class) => is_within(class, is_of_kind),
        HirKind::Repetition(repetition) => repetition.min > 0 && needs(&repetition.sub, is_of_kind),
        HirKind::Capture(capture) => needs(&capture.sub, is_of_kind),
        HirKind::Concat(subs) => subs.iter().any(|sub| needs(sub, is_of_kind)),
        HirKind::Alternation(subs) => subs.iter().all(|sub| needs(sub, is_of_kind)),
        HirKind::Empty | HirKind::Look(_) => false,
    }
}

/// Whether a class has only ASCII characters, and all are of a kind.
fn is_within(class: &Class, is_of_kind: fn(char) -> bool) -> bool {
    let are_of_kind = |start: char, end: char| end.is_ascii() && (start..=end).all(is_of_kind);
    match class {
        Class::Unicode(class) => {
            let mut ranges = class.ranges().iter();
            !class.ranges().is_empty()
                && ranges.all(|range| are_of_kind(range.start(), range.end()))
        }
        Class::Bytes(class) => {
            let mut ranges = class.ranges().iter();
            let are_of_kind = |start: u8, end: u8| are_of_kind(start.into(), end.into());
            !class.ranges().is_empty()
                && ranges.all(|range| are_of_kind(range.start(), range.end()))
        }
    }
}

/// Whether every match begins where the value does.
pub(super) fn is_of_front(expression: &Hir) -> bool {
    match expression.kind() {
        HirKind::Look(look) => matches!(look, Look::Start),
        HirKind::Capture(capture) => is_of_front(&capture.sub),
        HirKind::Concat(subs) => subs.first().is_some_and(is_of_front),
        HirKind::Alternation(subs) => subs.iter().all(is_of_front),
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => false,
    }
}

/// Whether an expression says where its matches end: by `$`, or by what goes on without end.
pub(super) fn says_its_end(expression: &Hir) -> bool {
    match expression.kind() {
        HirKind::Look(look) => matches!(look, Look::End | Look::EndLF | Look::EndCRLF),
        HirKind::Repetition(repetition) => {
            repetition.max.is_none() || says_its_end(&repetition.sub)
        }
        HirKind::Capture(capture) => says_its_end(&capture.sub),
        HirKind::Concat(subs) => subs.last().is_some_and(says_its_end),
        HirKind::Alternation(subs) => subs.iter().any(says_its_end),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => false,
    }
}
