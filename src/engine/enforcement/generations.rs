//! Configurations of one plugin that follow each other, or are there side by side.
//!
//! A host that gets a new configuration keeps the one before for what it has begun: a body
//! that is still coming, an event stream, in Envoy whole connections of a listener that is
//! drained. It does not say which configuration takes the place of which: two may as well
//! belong to two listeners, and one that comes back is the one that was there.
//!
//! SECURITY: so a request is always judged by the configuration that it came to. One that
//! came while it was still being read can only forbid more.
//!
//! SECURITY: a host does not send requests to a configuration as soon as that has come: Envoy
//! loads it once more, on its main thread, and what comes meanwhile comes to the one before, to
//! be held for as long as a body may take. So for a time a new one concerns what begins at
//! older ones as well; what comes to these later comes to them on purpose.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// The configurations of one plugin, in the order in which they came.
#[derive(Debug)]
pub struct Lineage<T> {
    live: RefCell<Vec<Weak<Generation<T>>>>,
    count: Cell<u64>,
    /// When the first came.
    began: Cell<Option<u64>>,
    /// Whether any request has come.
    is_asked: Cell<bool>,
}

impl<T> Default for Lineage<T> {
    fn default() -> Self {
        Self {
            live: RefCell::default(),
            count: Cell::default(),
            began: Cell::default(),
            is_asked: Cell::default(),
        }
    }
}

/// One configuration of a plugin.
#[derive(Debug)]
pub struct Generation<T> {
    lineage: Rc<Lineage<T>>,
    number: u64,
    /// When it came, where it may take the place of others.
    came: Came,
    /// How much memory it takes, in bytes.
    weight: usize,
    content: RefCell<Option<Rc<T>>>,
    /// Which configuration was the newest when a request last came to it.
    used: Cell<Begun>,
}

/// Which configuration was the newest when something began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begun(u64);

/// When a configuration came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// Together with others, before any request.
    AtFirst,
    /// By the clock, where there is one.
    At(Option<u64>),
}

/// For how long a new configuration concerns what begins at older ones, in nanoseconds: until
/// a host has surely put it in their place, if it does.
const SETTLES: u64 = 30_000_000_000;

impl Came {
    /// Whether it is known that so much time has passed.
    ///
    /// SECURITY: without a clock it never has.
    fn is_settled(self, now: Option<u64>) -> bool {
        match (self, now) {
            (Self::AtFirst, _) => true,
            (Self::At(Some(came)), Some(now)) => now.saturating_sub(came) >= SETTLES,
            _ => false,
        }
    }
}

/// How much memory configurations may take together that are kept beside the newest: what is
/// open for long keeps its configuration, and that would fill the memory of a module.
const KEPT_BYTES: usize = 64 << 20;

impl<T> Lineage<T> {
    /// Whether any of its configurations is there.
    pub fn is_live(&self) -> bool {
        let live = self.live.try_borrow();
        live.is_ok_and(|live| live.iter().any(|one| one.strong_count() > 0))
    }

    /// The next configuration, which takes so many bytes of memory and has come now, by a clock
    /// in nanoseconds.
    pub fn next(self: &Rc<Self>, content: T, weight: usize, now: Option<u64>) -> Rc<Generation<T>> {
        let came = self.comes(now);
        let number = self.count.get().saturating_add(1);
        self.count.set(number);
        let generation = Rc::new(Generation {
            lineage: Rc::clone(self),
            number,
            came,
            weight,
            content: RefCell::new(Some(Rc::new(content))),
            used: Cell::new(Begun(number)),
        });
        if let Ok(mut live) = self.live.try_borrow_mut() {
            live.retain(|one| one.strong_count() > 0);
            lighten(&live);
            live.push(Rc::downgrade(&generation));
        }
        generation
    }

    /// How another comes now. Where a host begins, those of all its listeners come one after the
    /// other, and none takes the place of any.
    fn comes(&self, now: Option<u64>) -> Came {
        let is_first = self.began.get().is_none();
        if is_first {
            self.began.set(now);
        }
        let began = Came::At(self.began.get());
        let is_beginning = !self.is_asked.get() && now.is_some() && !began.is_settled(now);
        match is_beginning {
            true => Came::AtFirst,
            false => Came::At(now),
        }
    }

    /// The first after one of a number that may still be about to take its place.
    fn unsettled(&self, number: u64, now: Option<u64>) -> Option<u64> {
        let Ok(live) = self.live.try_borrow() else {
            return Some(number.saturating_add(1));
        };
        let mut live = live.iter().filter_map(Weak::upgrade);
        let next = live.find(|one| one.number > number && !one.came.is_settled(now));
        next.map(|next| next.number)
    }

    /// Lets go of one configuration, of all but so many that are the newest; whether there
    /// was any.
    pub fn let_go(&self, newest: usize) -> bool {
        let Ok(live) = self.live.try_borrow() else {
            return false;
        };
        let mut kept = kept(&live);
        kept.truncate(kept.len().saturating_sub(newest));
        let was_any = !kept.is_empty();
        let_go(&mut kept);
        was_any
    }

    /// The newest that came after something began.
    fn since(&self, begun: Begun) -> Option<Rc<Generation<T>>> {
        if self.count.get() <= begun.0 {
            return None;
        }
        let live = self.live.try_borrow().ok()?;
        let newest = live.iter().rev().find_map(Weak::upgrade)?;
        (newest.number > begun.0).then_some(newest)
    }
}

/// Those that have not been let go.
fn kept<T>(live: &[Weak<Generation<T>>]) -> Vec<Rc<Generation<T>>> {
    let live = live.iter().filter_map(Weak::upgrade);
    live.filter(|one| one.content().is_some()).collect()
}

/// Lets go of the one that requests came to the longest ago.
fn let_go<T>(kept: &mut Vec<Rc<Generation<T>>>) {
    let oldest = kept.iter().enumerate();
    let oldest = oldest.min_by_key(|(_, one)| (one.used.get(), one.number));
    if let Some((at, _)) = oldest
        && let Ok(mut content) = kept.swap_remove(at).content.try_borrow_mut()
    {
        *content = None;
    }
}

/// Lets go of those that are too large together.
fn lighten<T>(live: &[Weak<Generation<T>>]) {
    let mut kept = kept(live);
    let weight = |kept: &[Rc<Generation<T>>]| {
        let weights = kept.iter().map(|one| one.weight);
        weights.fold(0, usize::saturating_add)
    };
    while weight(&kept) > KEPT_BYTES {
        let_go(&mut kept);
    }
}

impl<T> Generation<T> {
    /// A request begins, now: those concern it that come from now on, and those that have come
    /// so recently that the host may not have put them in the place of this one yet.
    pub fn begin(&self, now: Option<u64>) -> Begun {
        let newest = self.newest();
        self.lineage.is_asked.set(true);
        if newest.0 == self.number {
            return newest;
        }
        let next = self.lineage.unsettled(self.number, now);
        next.map_or(newest, |next| Begun(next.saturating_sub(1)))
    }

    /// Something begins that is allowed by the newest as well: only those concern it that come
    /// from now on.
    pub fn newest(&self) -> Begun {
        let newest = Begun(self.lineage.count.get());
        self.used.set(newest);
        newest
    }

    /// What was in force before this, where this came last.
    pub fn former(&self) -> Option<Rc<T>> {
        if self.number < self.lineage.count.get() {
            return None;
        }
        let live = self.lineage.live.try_borrow().ok()?;
        let mut live = live.iter().rev().filter_map(Weak::upgrade);
        live.find(|one| one.number != self.number)?.content()
    }

    /// What judges a request of this configuration; `None` where it had to be let go.
    pub fn content(&self) -> Option<Rc<T>> {
        self.content.try_borrow().ok()?.clone()
    }

    /// What also has to allow it, where one came since the request began: the newest, `None`
    /// where it had to be let go.
    pub fn newer(&self, begun: Begun) -> Option<Option<Rc<T>>> {
        Some(self.lineage.since(begun)?.content())
    }

    /// Whether any has come since something began.
    pub fn has_newer(&self, begun: Begun) -> bool {
        self.lineage.since(begun).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(by: &Generation<&'static str>, begun: Begun) -> (&'static str, Option<&'static str>) {
        let own = by.content().unwrap();
        (*own, by.newer(begun).map(|newer| *newer.unwrap()))
    }

    const START: Option<u64> = Some(1);
    /// When whatever came at the start is settled.
    const LATER: Option<u64> = Some(1 + SETTLES);

    #[test]
    fn what_is_read_when_another_comes_is_judged_by_that_as_well() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1, START);
        let begun = old.begin(START);
        assert_eq!(judged(&old, begun), ("old", None));
        let new = lineage.next("new", 1, START);
        assert_eq!(judged(&old, begun), ("old", Some("new")));
        // What begins long afterwards is not: it may be of another listener.
        assert_eq!(judged(&old, old.begin(LATER)), ("old", None));
        assert_eq!(judged(&new, new.begin(START)), ("new", None));
        // One that has come and gone is not asked.
        drop(new);
        let newest = lineage.next("newest", 1, START);
        assert_eq!(judged(&old, begun), ("old", Some("newest")));
        drop(newest);
        assert_eq!(judged(&old, begun), ("old", None));
    }

    #[test]
    fn what_begins_soon_after_another_came_is_judged_by_that_as_well() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1, START);
        old.begin(START);
        let new = lineage.next("new", 1, LATER);
        let at = |passed: u64| LATER.map(|later| later + passed);
        for now in [LATER, at(1), at(SETTLES - 1), START, None] {
            let begun = old.begin(now);
            assert_eq!(judged(&old, begun), ("old", Some("new")), "{now:?}");
            assert!(old.has_newer(begun));
            // What the newest has allowed goes on until the next comes.
            assert!(!old.has_newer(old.newest()));
            assert_eq!(judged(&new, new.begin(now)), ("new", None));
        }
        assert_eq!(judged(&old, old.begin(at(SETTLES))), ("old", None));
        // One that the host did not keep counts no longer.
        let rejected = lineage.next("rejected", 1, at(SETTLES));
        let begun = old.begin(at(SETTLES));
        assert_eq!(judged(&old, begun), ("old", Some("rejected")));
        drop(rejected);
        assert_eq!(judged(&old, begun), ("old", None));
        // Of several the newest counts, and of those before it what has not settled.
        let third = lineage.next("third", 1, at(SETTLES));
        let fourth = lineage.next("fourth", 1, at(2 * SETTLES - 1));
        let begun = old.begin(at(2 * SETTLES - 1));
        assert_eq!(judged(&old, begun), ("old", Some("fourth")));
        drop(fourth);
        assert_eq!(judged(&old, begun), ("old", Some("third")));
        assert_eq!(judged(&third, third.begin(at(SETTLES))), ("third", None));
    }

    #[test]
    fn without_a_clock_nothing_settles() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1, None);
        let _new = lineage.next("new", 1, None);
        assert_eq!(judged(&old, old.begin(None)), ("old", Some("new")));
        assert_eq!(judged(&old, old.begin(LATER)), ("old", Some("new")));
    }

    #[test]
    fn those_of_the_beginning_are_side_by_side() {
        let lineage = Rc::new(Lineage::default());
        let first = lineage.next("first", 1, START);
        let second = lineage.next("second", 1, START);
        assert_eq!(judged(&first, first.begin(START)), ("first", None));
        assert_eq!(judged(&second, second.begin(START)), ("second", None));
        // No longer, once a request has come.
        let _third = lineage.next("third", 1, START);
        let begun = first.begin(START);
        assert_eq!(judged(&first, begun), ("first", Some("third")));
        // Nor long after the first.
        let lineage = Rc::new(Lineage::default());
        let first = lineage.next("first", 1, START);
        let _late = lineage.next("late", 1, LATER);
        assert_eq!(judged(&first, first.begin(LATER)), ("first", Some("late")));
    }

    #[test]
    fn one_that_comes_back_judges_again() {
        let lineage = Rc::new(Lineage::default());
        let strict = lineage.next("strict", 1, START);
        let lax = lineage.next("lax", 1, START);
        lax.begin(START);
        // The host takes the first again, and says nothing.
        assert_eq!(judged(&strict, strict.begin(LATER)), ("strict", None));
        assert_eq!(judged(&lax, lax.begin(LATER)), ("lax", None));
    }

    #[test]
    fn what_was_before_the_last_is_known_when_that_goes() {
        let lineage = Rc::new(Lineage::default());
        let first = lineage.next("first", 1, START);
        assert_eq!(first.former(), None);
        let second = lineage.next("second", 1, START);
        assert_eq!(second.former().as_deref(), Some(&"first"));
        // Where an older one goes, the last is still there.
        assert_eq!(first.former(), None);
        drop(first);
        assert_eq!(second.former(), None);
    }

    #[test]
    fn those_that_are_not_used_are_let_go_when_they_are_too_large() {
        let lineage = Rc::new(Lineage::default());
        let all: Vec<_> = (0..5)
            .map(|number| lineage.next(number, KEPT_BYTES / 4, START))
            .collect();
        let kept = |all: &[Rc<Generation<i32>>]| -> Vec<bool> {
            all.iter().map(|one| one.content().is_some()).collect()
        };
        assert_eq!(kept(&all), [true; 5]);
        all[0].begin(START);
        let newest = lineage.next(5, 1, START);
        // The second was the one that was used the longest ago.
        assert_eq!(kept(&all), [true, false, true, true, true]);
        assert!(all[1].newer(Begun(9)).is_none());
        // One at a time, for one that is not there yet.
        assert!(all[0].lineage.let_go(1));
        assert_eq!(kept(&all), [true, false, false, true, true]);
        assert!(!all[0].lineage.let_go(4));
        // The newest is there, however large.
        let huge = lineage.next(6, 2 * KEPT_BYTES, START);
        assert!(huge.content().is_some() && newest.content().is_some());
        lineage.next(7, 1, START);
        assert!(huge.content().is_none());
    }
}
