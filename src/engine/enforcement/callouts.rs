//! How many calls of authorizers each caller may have open.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::open_bodies::Owner;

/// The time in nanoseconds, where there is a clock.
pub type Clock = fn() -> Option<u64>;

/// The calls that are open, by caller; shared by the streams of a module.
#[derive(Debug, Default)]
pub(super) struct Callouts {
    clock: Option<Clock>,
    open: RefCell<BTreeMap<Owner, usize>>,
    all: Cell<usize>,
    /// Of all, those of nobody.
    nobodys: Cell<usize>,
    /// Calls of streams that have ended, and when each is over.
    left: RefCell<VecDeque<(u64, Owner)>>,
}

/// A caller may have as many calls open as are left of so many: alone, half of them.
///
/// SECURITY: what a cluster takes at once is for all callers: 1024, unless it says
/// otherwise. With a share of what is left, one that opens all it can leaves as much to the
/// next.
const LIMIT: usize = 1024;

/// All callers without a name are one, of whose places each connection may have as many as
/// this part of what is left.
///
/// SECURITY: a call is open until its time is over where nobody waits for it, so that one who
/// comes and goes has all it may have: not what is for others without a name as well.
const OF_NOBODY: usize = 4;

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

    /// A place for a call that may take so many milliseconds; `None` when there is none left
    /// for whose it is.
    pub(super) fn take(self: &Rc<Self>, owner: Owner, milliseconds: u32) -> Option<OpenCallout> {
        let now = self.clock.and_then(|clock| clock());
        self.forget(now);
        let mut open = self.open.try_borrow_mut().ok()?;
        let own = open.get(&owner).copied().unwrap_or_default();
        let left = LIMIT.saturating_sub(self.all.get());
        let has_its_share = match owner.is_named {
            true => own >= left,
            false => {
                let left = left.saturating_sub(self.nobodys.get());
                own.saturating_mul(OF_NOBODY) >= left
            }
        };
        if has_its_share {
            return None;
        }
        open.insert(owner, own.saturating_add(1));
        self.count(owner, |all| all.saturating_add(1));
        let lasts = u64::from(milliseconds).saturating_mul(1_000_000);
        Some(OpenCallout {
            home: Rc::clone(self),
            owner,
            until: now.map(|now| now.saturating_add(lasts)),
        })
    }

    /// One more, or less, is open.
    fn count(&self, owner: Owner, by_one: fn(usize) -> usize) {
        self.all.set(by_one(self.all.get()));
        if !owner.is_named {
            self.nobodys.set(by_one(self.nobodys.get()));
        }
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
            if let Some((_, owner)) = left.pop_front() {
                self.give_back(owner);
            }
        }
    }

    fn give_back(&self, owner: Owner) {
        self.count(owner, |all| all.saturating_sub(1));
        let Ok(mut open) = self.open.try_borrow_mut() else {
            return;
        };
        if let Some(own) = open.get_mut(&owner) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&owner);
            }
        }
    }
}

/// The place of a call that is open.
#[derive(Debug)]
pub(super) struct OpenCallout {
    home: Rc<Callouts>,
    owner: Owner,
    /// When the call is over at the latest; `None` when that is now, or nobody knows.
    until: Option<u64>,
}

impl OpenCallout {
    /// The call has ended, whichever way.
    pub(super) fn ended(mut self) {
        self.until = None;
    }
}

impl Drop for OpenCallout {
    fn drop(&mut self) {
        match (self.until, self.home.left.try_borrow_mut()) {
            (Some(until), Ok(mut left)) => left.push_back((until, self.owner)),
            _ => self.home.give_back(self.owner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    fn taken(callouts: &Rc<Callouts>, owner: Owner, most: usize) -> Vec<OpenCallout> {
        let places = (0..most).map_while(|_| callouts.take(owner, 1));
        places.collect()
    }

    fn named(name: &str) -> Owner {
        Owner::new(Some(name), None)
    }

    fn nobody(connection: u64) -> Owner {
        Owner::new(None, Some(connection))
    }

    #[test]
    fn each_caller_has_a_share_of_what_is_left() {
        let callouts = Rc::new(Callouts::default());
        let first = taken(&callouts, named("a"), LIMIT);
        assert_eq!(first.len(), LIMIT / 2);
        assert_eq!(taken(&callouts, named("b"), LIMIT).len(), LIMIT / 4);
        let second = taken(&callouts, named("b"), LIMIT);
        assert_eq!(second.len(), LIMIT / 4);
        assert!(callouts.take(named("a"), 1).is_none());
        assert!(callouts.take(named("b"), 1).is_none());
        assert!(callouts.take(named("c"), 1).is_some());
        for place in first.into_iter().chain(second) {
            place.ended();
        }
        assert_eq!(callouts.all.get(), 0);
        assert!(callouts.open.borrow().is_empty());
    }

    #[test]
    fn a_connection_of_nobody_leaves_as_much_to_others() {
        let callouts = Rc::new(Callouts::default());
        let first = taken(&callouts, nobody(1), LIMIT);
        assert_eq!(first.len(), LIMIT / 6 + 1);
        let second = taken(&callouts, nobody(2), LIMIT);
        assert!(second.len() > LIMIT / 10);
        assert!(callouts.take(nobody(1), 1).is_none());
        // However many connections, callers with a name have half.
        let others: Vec<OpenCallout> = (3..LIMIT as u64)
            .flat_map(|connection| taken(&callouts, nobody(connection), LIMIT))
            .collect();
        assert!(callouts.all.get() <= LIMIT / 2);
        assert_eq!(taken(&callouts, named("a"), LIMIT).len(), LIMIT / 4);
        drop((first, second, others));
        assert_eq!((callouts.all.get(), callouts.nobodys.get()), (0, 0));
    }

    #[test]
    fn a_call_that_nobody_waits_for_is_open_until_its_time_is_over() {
        let callouts = Rc::new(Callouts::new(|| Some(NOW.get())));
        drop(taken(&callouts, named("a"), LIMIT));
        assert!(callouts.take(named("a"), 1).is_none());
        NOW.set(999_999);
        assert!(callouts.take(named("a"), 1).is_none());
        NOW.set(1_000_000);
        let place = callouts.take(named("a"), 1).unwrap();
        assert_eq!(callouts.all.get(), 1);
        place.ended();
        assert_eq!(callouts.all.get(), 0);
    }
}
