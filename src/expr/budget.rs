//! What an evaluation may take.

use std::cell::Cell;

use super::Error;

/// The steps that an evaluation may take: one for each node and item visited, and one
/// for every 32 bytes looked at.
pub const STEPS: u32 = 250_000;

/// The bytes that values made on the way may take.
const BYTES: u32 = 1 << 20;

/// Bytes looked at in one step.
const BYTES_PER_STEP: usize = 32;

/// The steps that all evaluations for one decision may take together.
const STEPS_TOGETHER: u32 = 1_000_000;

/// What evaluations that serve one decision may take together.
///
/// SECURITY: a request chooses how many things it acts on, and a policy how many rules
/// are asked of each.
#[derive(Debug)]
pub struct Allowance(Cell<u32>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Cell::new(STEPS_TOGETHER))
    }
}

/// What is left.
///
/// INVARIANT: once something did not fit nothing else does, so that an expression
/// cannot go on past the error by `||`.
#[derive(Debug)]
pub(super) struct Budget {
    steps: Cell<u32>,
    bytes: Cell<u32>,
}

impl Budget {
    /// For one evaluation: what it may take, and no more than is left of the allowance.
    pub(super) fn of(allowance: &Allowance) -> Self {
        Self {
            steps: Cell::new(STEPS.min(allowance.0.get())),
            bytes: Cell::new(BYTES),
        }
    }

    /// Takes what was used off the allowance.
    pub(super) fn settle(&self, allowance: &Allowance) {
        let granted = STEPS.min(allowance.0.get());
        let used = granted.saturating_sub(self.steps.get());
        allowance.0.set(allowance.0.get().saturating_sub(used));
    }

    /// Takes a step.
    pub(super) fn step(&self) -> Result<(), Error> {
        self.steps(1)
    }

    /// Looks at some bytes.
    pub(super) fn scan(&self, bytes: usize) -> Result<(), Error> {
        let steps = (bytes / BYTES_PER_STEP).saturating_add(1);
        self.steps(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// Makes a value of some bytes.
    pub(super) fn keep(&self, bytes: usize) -> Result<(), Error> {
        self.scan(bytes)?;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(
            left.ok_or(Error::Exhausted)
                .inspect_err(|_| self.exhaust())?,
        );
        Ok(())
    }

    fn steps(&self, steps: u32) -> Result<(), Error> {
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(
            left.ok_or(Error::Exhausted)
                .inspect_err(|_| self.exhaust())?,
        );
        Ok(())
    }

    fn exhaust(&self) {
        self.steps.set(0);
    }
}
