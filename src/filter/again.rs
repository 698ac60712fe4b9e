//! Calls of the plugin by itself, as soon as the host has done with the one at hand.

use std::cell::Cell;

use super::host;

/// How many calls follow each other before the host does something else: what it ends in them
/// keeps other clients waiting.
const IN_A_ROW: u32 = 16;

/// The calls of a plugin by itself.
///
/// A queue of the host's that nobody else knows calls whose it is, by the loop of the thread:
/// each call is one of its own, none within another, and none waits for a clock, of which the
/// hosts' has steps of some milliseconds.
#[derive(Debug, Default)]
pub(super) struct Again {
    queue: Cell<Option<u32>>,
    in_a_row: Cell<u32>,
    is_awaited: Cell<bool>,
}

impl Again {
    /// Others have had their turn.
    pub(super) fn rested(&self) {
        self.in_a_row.set(0);
    }

    /// Asks for a call, unless there were enough, or one is yet to come. Where the host does
    /// not call, its clock has to do.
    pub(super) fn ask(&self) {
        let in_a_row = self.in_a_row.get();
        if self.is_awaited.get() || in_a_row >= IN_A_ROW {
            return;
        }
        let queue = self.queue.get().or_else(made);
        self.queue.set(queue);
        if queue.and_then(host::enqueue).is_some() {
            self.in_a_row.set(in_a_row.saturating_add(1));
            self.is_awaited.set(true);
        }
    }

    /// The call has come.
    pub(super) fn came(&self) {
        if let Some(queue) = self.queue.get() {
            host::dequeue(queue);
        }
        self.is_awaited.set(false);
    }
}

/// A queue of the plugin at hand. The host has one for a name, whichever thread's.
fn made() -> Option<u32> {
    let mut name = [0; 16];
    getrandom::fill(&mut name).ok()?;
    host::queue(&name)
}
