//! What an evaluation may take.

use std::cell::Cell;

use super::EvalError;

/// The steps that an evaluation may take: one for each node and item visited, and one
/// for every 32 bytes looked at.
pub const STEPS: u32 = 250_000;

/// The bytes that values made on the way may take.
const BYTES: u32 = 1 << 20;

/// Bytes looked at in one step.
const BYTES_PER_STEP: usize = 32;

/// The steps that all evaluations for one decision may take together.
const STEPS_TOGETHER: u32 = 1_000_000;

/// What all that serves one judgement of a request may take together.
///
/// SECURITY: a request chooses how many things it acts on and how long what it says is, and
/// a policy how many rules are asked of each, at how many places.
#[derive(Debug)]
pub struct Allowance(Cell<u32>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Cell::new(STEPS_TOGETHER))
    }
}

impl Allowance {
    /// Takes off what it is to look at some bytes outside of evaluations. Fewer than a step's
    /// are free: they are paid for by what looks at them.
    ///
    /// # Errors
    /// When there is less; then there is nothing left.
    pub fn look(&self, bytes: usize) -> Result<(), EvalError> {
        let left = self.0.get().checked_sub(steps_of(bytes));
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(EvalError::Exhausted)
    }
}

/// The steps that it is to look at some bytes.
fn steps_of(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES_PER_STEP).unwrap_or(u32::MAX)
}

/// What is left.
///
/// INVARIANT: once something did not fit nothing else does, so that an expression
/// cannot go on past the error by `||`.
#[derive(Debug)]
pub(super) struct Budget {
    granted: u32,
    steps: Cell<u32>,
    bytes: Cell<u32>,
}

impl Budget {
    /// For one evaluation: what it may take, and no more than is left of the allowance.
    pub(super) fn of(allowance: &Allowance) -> Self {
        let granted = STEPS.min(allowance.0.get());
        Self {
            granted,
            steps: Cell::new(granted),
            bytes: Cell::new(BYTES),
        }
    }

    /// Takes what was used off the allowance.
    pub(super) fn settle(&self, allowance: &Allowance) {
        let used = self.granted.saturating_sub(self.steps.get());
        allowance.0.set(allowance.0.get().saturating_sub(used));
    }

    /// Takes a step.
    pub(super) fn step(&self) -> Result<(), EvalError> {
        self.steps(1)
    }

    /// Looks at some bytes.
    pub(super) fn scan(&self, bytes: usize) -> Result<(), EvalError> {
        self.steps(steps_of(bytes).saturating_add(1))
    }

    /// Looks for a name of a length among some lines of headers.
    pub(super) fn search(&self, lines: usize, name: usize) -> Result<(), EvalError> {
        let bytes = name.saturating_add(8).saturating_mul(lines);
        self.steps(steps_of(bytes))
    }

    /// Makes a value of some bytes.
    pub(super) fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        self.scan(bytes)?;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(
            left.ok_or(EvalError::Exhausted)
                .inspect_err(|_| self.exhaust())?,
        );
        Ok(())
    }

    fn steps(&self, steps: u32) -> Result<(), EvalError> {
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(
            left.ok_or(EvalError::Exhausted)
                .inspect_err(|_| self.exhaust())?,
        );
        Ok(())
    }

    fn exhaust(&self) {
        self.steps.set(0);
    }
}
