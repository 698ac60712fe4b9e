//! How many calls of authorizers each caller may have open.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The time in nanoseconds, where there is a clock.
pub type Clock = fn() -> Option<u64>;

/// The calls that are open, by caller; shared by the streams of a module.
#[derive(Debug, Default)]
pub(super) struct Callouts {
    clock: Option<Clock>,
    open: RefCell<BTreeMap<String, usize>>,
    all: Cell<usize>,
    /// Calls of streams that have ended, and when each is over.
    left: RefCell<VecDeque<(u64, String)>>,
}

/// A caller may have as many calls open as are left of so many: alone, half of them.
///
/// SECURITY: what a cluster takes at once is for all callers: 1024, unless it says
/// otherwise. With a share of what is left, one that opens all it can leaves as much to the
/// next.
const LIMIT: usize = 1024;

impl Callouts {
    /// Calls that last by a clock also where nobody waits for them.
    ///
    /// SECURITY: the host does not end a call with its stream. A client that goes away and
    /// comes again would have any number open.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock: Some(clock),
            ..Self::default()
        }
    }

    /// A place for a call of a caller that may take so many milliseconds; `None` when
    /// there is none left for that caller. All callers without a name are one.
    pub(super) fn take(self: &Rc<Self>, caller: Option<&str>, milliseconds: u32) -> Option<Place> {
        let now = self.clock.and_then(|clock| clock());
        self.forget(now);
        let caller = caller.unwrap_or_default();
        let mut open = self.open.try_borrow_mut().ok()?;
        let own = open.get(caller).copied().unwrap_or_default();
        if own >= LIMIT.saturating_sub(self.all.get()) {
            return None;
        }
        match open.get_mut(caller) {
            Some(own) => *own = own.saturating_add(1),
            None => drop(open.insert(caller.to_owned(), 1)),
        }
        self.all.set(self.all.get().saturating_add(1));
        let lasts = u64::from(milliseconds).saturating_mul(1_000_000);
        Some(Place {
            home: Rc::clone(self),
            caller: caller.to_owned(),
            until: now.map(|now| now.saturating_add(lasts)),
        })
    }

    /// Gives back what streams have left that is over by now. All last equally long, so
    /// that they are over about in the order in which they were left; one that is not
    /// only waits for those before it.
    fn forget(&self, now: Option<u64>) {
        let Ok(mut left) = self.left.try_borrow_mut() else {
            return;
        };
        while let Some((until, _)) = left.front()
            && now.is_none_or(|now| *until <= now)
        {
            if let Some((_, caller)) = left.pop_front() {
                self.give_back(&caller);
            }
        }
    }

    fn give_back(&self, caller: &str) {
        self.all.set(self.all.get().saturating_sub(1));
        let Ok(mut open) = self.open.try_borrow_mut() else {
            return;
        };
        if let Some(own) = open.get_mut(caller) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(caller);
            }
        }
    }
}

/// The place of a call that is open.
#[derive(Debug)]
pub(super) struct Place {
    home: Rc<Callouts>,
    caller: String,
    /// When the call is over at the latest; `None` when that is now, or nobody knows.
    until: Option<u64>,
}

impl Place {
    /// The call has ended, whichever way.
    pub(super) fn ended(mut self) {
        self.until = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let caller = std::mem::take(&mut self.caller);
        match (self.until, self.home.left.try_borrow_mut()) {
            (Some(until), Ok(mut left)) => left.push_back((until, caller)),
            _ => self.home.give_back(&caller),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    fn taken(callouts: &Rc<Callouts>, caller: Option<&str>, most: usize) -> Vec<Place> {
        let places = (0..most).map_while(|_| callouts.take(caller, 1));
        places.collect()
    }

    #[test]
    fn each_caller_has_a_share_of_what_is_left() {
        let callouts = Rc::new(Callouts::default());
        let first = taken(&callouts, Some("a"), LIMIT);
        assert_eq!(first.len(), LIMIT / 2);
        // Nobody's name is no caller's.
        let nobody = taken(&callouts, None, LIMIT);
        assert_eq!(nobody.len(), LIMIT / 4);
        assert_eq!(taken(&callouts, Some("b"), LIMIT).len(), LIMIT / 8);
        assert!(callouts.take(Some("a"), 1).is_none());
        assert!(callouts.take(None, 1).is_none());
        drop(nobody);
        assert_eq!(taken(&callouts, Some("b"), LIMIT).len(), LIMIT / 4);
        for place in first {
            place.ended();
        }
        assert_eq!(callouts.all.get(), 0);
        assert!(callouts.open.borrow().is_empty());
    }

    #[test]
    fn a_call_that_nobody_waits_for_is_open_until_its_time_is_over() {
        let callouts = Rc::new(Callouts::new(|| Some(NOW.get())));
        drop(taken(&callouts, Some("a"), LIMIT));
        assert!(callouts.take(Some("a"), 1).is_none());
        NOW.set(999_999);
        assert!(callouts.take(Some("a"), 1).is_none());
        NOW.set(1_000_000);
        let place = callouts.take(Some("a"), 1).unwrap();
        assert_eq!(callouts.all.get(), 1);
        place.ended();
        assert_eq!(callouts.all.get(), 0);
    }
}
