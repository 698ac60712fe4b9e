//! Configurations of one plugin that follow each other, and which of them judges a request.
//!
//! A host that gets a new configuration keeps the one before for what it has begun: a body
//! that is still coming, an event stream, in Envoy whole connections of a listener that is
//! drained. And it does not say which configuration takes the place of which: two that are
//! there at the same time may as well belong to two listeners. Two things tell: a request
//! that is still read when another configuration comes, and the ports at which requests
//! arrive.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// The configurations of one plugin, in the order in which they came.
#[derive(Debug)]
pub struct Lineage<T> {
    /// Without those whose place a newer one has taken.
    live: RefCell<Vec<Weak<Generation<T>>>>,
    count: Cell<u64>,
}

impl<T> Default for Lineage<T> {
    fn default() -> Self {
        Self {
            live: RefCell::default(),
            count: Cell::default(),
        }
    }
}

/// One configuration of a plugin.
#[derive(Debug)]
pub struct Generation<T> {
    lineage: Rc<Lineage<T>>,
    number: u64,
    /// About how large it is, in bytes.
    weight: usize,
    /// Gone when a newer one has taken its place.
    own: RefCell<Option<Rc<T>>>,
    /// Where requests are known to have arrived for it.
    ports: RefCell<Vec<u64>>,
}

/// Which configuration was the newest when a request began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begun(u64);

impl<T> Lineage<T> {
    /// Whether any of its configurations is there.
    pub fn is_live(&self) -> bool {
        let live = self.live.try_borrow();
        live.is_ok_and(|live| live.iter().any(|one| one.strong_count() > 0))
    }

    /// The next configuration, of a text of so many bytes.
    pub fn next(self: &Rc<Self>, content: T, weight: usize) -> Rc<Generation<T>> {
        let number = self.count.get().saturating_add(1);
        self.count.set(number);
        let generation = Rc::new(Generation {
            lineage: Rc::clone(self),
            number,
            weight,
            own: RefCell::new(Some(Rc::new(content))),
            ports: RefCell::default(),
        });
        if let Ok(mut live) = self.live.try_borrow_mut() {
            live.retain(|one| one.strong_count() > 0);
            drop_unseen(&mut live);
            live.push(Rc::downgrade(&generation));
        }
        generation
    }

    fn live(&self) -> Vec<Rc<Generation<T>>> {
        let live = self.live.try_borrow();
        let live = live.map(|live| live.iter().filter_map(Weak::upgrade).collect());
        live.unwrap_or_default()
    }
}

/// Of those that no request ever arrived for, the oldest are dropped that together are too
/// large.
///
/// Open streams keep what a host has of their configuration on all of its threads, also on
/// those where nothing happens, and that would fill the memory of a module.
fn drop_unseen<T>(live: &mut Vec<Weak<Generation<T>>>) {
    let mut left = UNSEEN_BYTES;
    let mut kept: Vec<_> = std::mem::take(live);
    kept.reverse();
    kept.retain(|one| {
        let Some(one) = one.upgrade().filter(|one| !one.is_seen()) else {
            return true;
        };
        match left.checked_sub(one.weight) {
            Some(rest) => left = rest,
            None => one.replace(),
        }
        one.own().is_some()
    });
    kept.reverse();
    *live = kept;
}

/// How large texts may be together of configurations that no request ever arrived for.
const UNSEEN_BYTES: usize = 4 << 20;

/// The port of what arrives at none.
const NO_PORT: u64 = 0;

impl<T> Generation<T> {
    /// A request begins. `port` is where it arrived, and is asked only where it matters.
    pub fn begin(&self, port: impl FnOnce() -> Option<u64>) -> Begun {
        if !self.is_seen() || !self.is_alone() {
            self.seen_at(port().unwrap_or(NO_PORT));
        }
        Begun(self.lineage.count.get())
    }

    /// Its own content, unless a newer one has taken its place.
    pub fn own(&self) -> Option<Rc<T>> {
        self.own.try_borrow().ok()?.clone()
    }

    /// What judges a request of this configuration now: what is newest of
    ///
    /// - its own,
    /// - a newer one for which requests arrive at the same port,
    /// - one that came after the request began, unless some configuration is known to
    ///   belong to another listener.
    pub fn judge(&self, begun: Begun, port: impl FnOnce() -> Option<u64>) -> Option<Rc<T>> {
        let own = self.own();
        if own.is_some() && self.is_alone() {
            return own;
        }
        let live = self.lineage.live();
        let newer = || live.iter().rev().filter(|it| it.number > self.number);
        let port = port().unwrap_or(NO_PORT);
        let is_here = |it: &&Rc<Self>| it.is_seen_at(port);
        let is_elsewhere = |it: &Rc<Self>| it.is_seen() && !is_here(&it);
        let others = || live.iter().filter(|it| it.number != self.number);
        let newest = newer().next();
        let found = newer().find(is_here);
        let found = found.or_else(|| {
            let came_meanwhile = newest?.number > begun.0;
            let is_update = own.is_none() || (came_meanwhile && !others().any(is_elsewhere));
            newest.filter(|_| is_update)
        });
        match found {
            Some(newer) => newer.own(),
            None => own,
        }
    }

    /// A request arrived at a port. Older ones of which all requests arrived where this
    /// one's do are not needed any more.
    fn seen_at(&self, port: u64) {
        if self.is_seen_at(port) {
            return;
        }
        if let Ok(mut ports) = self.ports.try_borrow_mut() {
            ports.push(port);
        }
        let Ok(mut live) = self.lineage.live.try_borrow_mut() else {
            return;
        };
        live.retain(|one| {
            let Some(one) = one.upgrade() else {
                return false;
            };
            let is_replaced = one.number < self.number && one.is_only_where(self);
            if is_replaced {
                one.replace();
            }
            !is_replaced
        });
    }

    /// A newer one has taken its place.
    fn replace(&self) {
        if let Ok(mut own) = self.own.try_borrow_mut() {
            *own = None;
        }
    }

    /// Whether requests are known to arrive for it.
    fn is_seen(&self) -> bool {
        self.ports.try_borrow().is_ok_and(|ports| !ports.is_empty())
    }

    fn is_seen_at(&self, port: u64) -> bool {
        let ports = self.ports.try_borrow();
        ports.is_ok_and(|ports| ports.contains(&port))
    }

    /// Whether requests are known to arrive for it, and only where some do for another.
    fn is_only_where(&self, other: &Self) -> bool {
        let ports = self.ports.try_borrow();
        self.is_seen() && ports.is_ok_and(|ports| ports.iter().all(|port| other.is_seen_at(*port)))
    }

    /// Whether there is no other.
    fn is_alone(&self) -> bool {
        let live = self.lineage.live.try_borrow();
        live.is_ok_and(|live| {
            live.iter()
                .all(|one| one.strong_count() == 0 || std::ptr::eq(one.as_ptr(), self))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Option<u64> {
        panic!("the host is asked for nothing")
    }

    fn at(port: u64) -> impl FnOnce() -> Option<u64> {
        move || Some(port)
    }

    fn judged(by: &Generation<&'static str>, begun: Begun, port: u64) -> Option<&'static str> {
        by.judge(begun, at(port)).map(|found| *found)
    }

    #[test]
    fn one_that_is_alone_asks_the_host_once() {
        let lineage = Rc::new(Lineage::default());
        let only = lineage.next("only", 1);
        let begun = only.begin(at(1));
        assert_eq!(only.begin(never), begun);
        assert_eq!(only.judge(begun, never).as_deref(), Some(&"only"));
    }

    #[test]
    fn what_is_read_when_another_comes_is_judged_by_that() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1);
        let begun = old.begin(at(1));
        let new = lineage.next("new", 1);
        assert_eq!(judged(&old, begun, 1), Some("new"));
        // One that has come and gone is not asked.
        drop(new);
        let newest = lineage.next("newest", 1);
        assert_eq!(judged(&old, begun, 1), Some("newest"));
        drop(newest);
        assert_eq!(judged(&old, begun, 1), Some("old"));
    }

    #[test]
    fn connections_that_outlive_a_configuration_follow_the_next() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1);
        let before = old.begin(at(1));
        let new = lineage.next("new", 1);
        // It may be another listener's.
        let later = old.begin(at(1));
        assert_eq!(judged(&old, later, 1), Some("old"));
        // It is not.
        new.begin(at(1));
        assert_eq!(judged(&old, later, 1), Some("new"));
        assert_eq!(judged(&old, before, 1), Some("new"));
        // What is not needed is gone, and the host is not asked any more.
        assert!(old.own.borrow().is_none());
        let begun = new.begin(never);
        assert_eq!(new.judge(begun, never).as_deref(), Some(&"new"));
        let newest = lineage.next("newest", 1);
        newest.begin(at(1));
        assert_eq!(judged(&old, later, 1), Some("newest"));
        assert_eq!(judged(&new, begun, 1), Some("newest"));
    }

    #[test]
    fn listeners_beside_each_other_keep_their_own() {
        let lineage = Rc::new(Lineage::default());
        let (first, second) = (lineage.next("first", 1), lineage.next("second", 1));
        let one = first.begin(at(1));
        assert_eq!(judged(&first, one, 1), Some("first"));
        let two = second.begin(at(2));
        assert_eq!(judged(&first, one, 1), Some("first"));
        assert_eq!(judged(&second, two, 2), Some("second"));
        // The second changes: nothing of the first is judged by that.
        let newer = lineage.next("newer", 1);
        assert_eq!(judged(&first, one, 1), Some("first"));
        newer.begin(at(2));
        assert_eq!(judged(&first, one, 1), Some("first"));
        assert_eq!(judged(&second, two, 2), Some("newer"));
        assert!(second.own.borrow().is_none());
        assert!(first.own.borrow().is_some());
    }

    #[test]
    fn one_that_serves_several_ports_is_needed_until_all_are_served() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1);
        old.begin(at(1));
        let new = lineage.next("new", 1);
        let second = old.begin(at(2));
        new.begin(at(1));
        assert_eq!(judged(&old, second, 2), Some("old"));
        new.begin(at(2));
        assert_eq!(judged(&old, second, 2), Some("new"));
    }

    #[test]
    fn those_that_no_request_arrived_for_are_kept_while_they_are_small() {
        let lineage = Rc::new(Lineage::default());
        let mut all: Vec<_> = (0..5)
            .map(|number| lineage.next(number, UNSEEN_BYTES / 4))
            .collect();
        let kept = |all: &[Rc<Generation<i32>>]| -> Vec<bool> {
            all.iter().map(|one| one.own().is_some()).collect()
        };
        assert_eq!(kept(&all), [true; 5]);
        all.push(lineage.next(5, 1));
        assert_eq!(kept(&all), [false, true, true, true, true, true]);
        // The newest judges what arrives for one that is gone.
        let begun = all[0].begin(at(1));
        assert_eq!(all[0].judge(begun, at(1)).as_deref(), Some(&5));
        // One that requests arrived for is kept, however large.
        all[1].begin(at(2));
        all.extend((6..20).map(|number| lineage.next(number, UNSEEN_BYTES)));
        assert_eq!(all.iter().filter(|one| one.own().is_some()).count(), 3);
        assert_eq!(all[1].own().as_deref(), Some(&1));
    }

    #[test]
    fn many_leave_nothing_behind() {
        let lineage = Rc::new(Lineage::default());
        let mut all = Vec::new();
        for number in 0..1000_u64 {
            let next = lineage.next(number, 1);
            next.begin(at(1));
            all.push(next);
            assert_eq!(lineage.live.borrow().len(), 1);
        }
        let kept = all.iter().filter(|one| one.own.borrow().is_some());
        assert_eq!(kept.count(), 1);
    }
}
