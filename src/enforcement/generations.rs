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

    /// The next configuration.
    pub fn next(self: &Rc<Self>, content: T) -> Rc<Generation<T>> {
        let number = self.count.get().saturating_add(1);
        self.count.set(number);
        let generation = Rc::new(Generation {
            lineage: Rc::clone(self),
            number,
            own: RefCell::new(Some(Rc::new(content))),
            ports: RefCell::default(),
        });
        if let Ok(mut live) = self.live.try_borrow_mut() {
            live.retain(|one| one.strong_count() > 0);
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

impl<T> Generation<T> {
    /// A request begins. `port` is where it arrived, and is asked only where it matters.
    pub fn begin(&self, port: impl FnOnce() -> Option<u64>) -> Begun {
        let is_first = self.ports.try_borrow().is_ok_and(|ports| ports.is_empty());
        if (is_first || !self.is_alone())
            && let Some(port) = port()
        {
            self.seen_at(port);
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
        let port = port();
        let is_here = |it: &&Rc<Self>| port.is_some_and(|port| it.is_seen_at(port));
        let is_elsewhere = |it: &Rc<Self>| {
            let is_seen = it.ports.try_borrow().is_ok_and(|ports| !ports.is_empty());
            is_seen && !is_here(&it)
        };
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
            if is_replaced && let Ok(mut own) = one.own.try_borrow_mut() {
                *own = None;
            }
            !is_replaced
        });
    }

    fn is_seen_at(&self, port: u64) -> bool {
        let ports = self.ports.try_borrow();
        ports.is_ok_and(|ports| ports.contains(&port))
    }

    /// Whether requests are known to arrive for it, and only where some do for another.
    fn is_only_where(&self, other: &Self) -> bool {
        let ports = self.ports.try_borrow();
        ports.is_ok_and(|ports| {
            !ports.is_empty() && ports.iter().all(|port| other.is_seen_at(*port))
        })
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
        let only = lineage.next("only");
        let begun = only.begin(at(1));
        assert_eq!(only.begin(never), begun);
        assert_eq!(only.judge(begun, never).as_deref(), Some(&"only"));
    }

    #[test]
    fn what_is_read_when_another_comes_is_judged_by_that() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old");
        let begun = old.begin(at(1));
        let new = lineage.next("new");
        assert_eq!(judged(&old, begun, 1), Some("new"));
        // One that has come and gone is not asked.
        drop(new);
        let newest = lineage.next("newest");
        assert_eq!(judged(&old, begun, 1), Some("newest"));
        drop(newest);
        assert_eq!(judged(&old, begun, 1), Some("old"));
    }

    #[test]
    fn connections_that_outlive_a_configuration_follow_the_next() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old");
        let before = old.begin(at(1));
        let new = lineage.next("new");
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
        let newest = lineage.next("newest");
        newest.begin(at(1));
        assert_eq!(judged(&old, later, 1), Some("newest"));
        assert_eq!(judged(&new, begun, 1), Some("newest"));
    }

    #[test]
    fn listeners_beside_each_other_keep_their_own() {
        let lineage = Rc::new(Lineage::default());
        let (first, second) = (lineage.next("first"), lineage.next("second"));
        let one = first.begin(at(1));
        assert_eq!(judged(&first, one, 1), Some("first"));
        let two = second.begin(at(2));
        assert_eq!(judged(&first, one, 1), Some("first"));
        assert_eq!(judged(&second, two, 2), Some("second"));
        // The second changes: nothing of the first is judged by that.
        let newer = lineage.next("newer");
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
        let old = lineage.next("old");
        old.begin(at(1));
        let new = lineage.next("new");
        let second = old.begin(at(2));
        new.begin(at(1));
        assert_eq!(judged(&old, second, 2), Some("old"));
        new.begin(at(2));
        assert_eq!(judged(&old, second, 2), Some("new"));
    }

    #[test]
    fn many_leave_nothing_behind() {
        let lineage = Rc::new(Lineage::default());
        let mut all = Vec::new();
        for number in 0..1000_u64 {
            let next = lineage.next(number);
            next.begin(at(1));
            all.push(next);
            assert_eq!(lineage.live.borrow().len(), 1);
        }
        let kept = all.iter().filter(|one| one.own.borrow().is_some());
        assert_eq!(kept.count(), 1);
    }
}
