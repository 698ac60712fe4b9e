//! Whether something matches, where that cannot always be said.

/// Whether a condition, or a rule, matches a request.
///
/// SPEC: a condition that cannot be decided does not match where a match allows, and
/// does where a match refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody can say.
    Undecided,
}

impl Match {
    /// What is known.
    pub(super) const fn decided(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }

    /// This where all ways to look at it agree; else nobody can say.
    pub(super) const fn if_agreed(self, all_agree: bool) -> Self {
        if all_agree { self } else { Self::Undecided }
    }

    /// Both must match. What does not match decides, whatever the other is.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Undecided,
        }
    }

    /// One must match.
    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Undecided,
        }
    }
}
