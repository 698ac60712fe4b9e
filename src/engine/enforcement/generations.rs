//! Configurations of one plugin that follow each other, or are there side by side.
//!
//! A host that gets a new configuration keeps the one before for what it has begun: a body
//! that is still coming, an event stream, in Envoy whole connections of a listener that is
//! drained. It does not say which configuration takes the place of which: two may as well
//! belong to two listeners, and one that comes back is the one that was there.
//!
//! SECURITY: so a request is always judged by the configuration that it came to. One that
//! came while it was still being read can only forbid more.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// The configurations of one plugin, in the order in which they came.
#[derive(Debug)]
pub struct Lineage<T> {
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
    /// How much memory it takes, in bytes.
    weight: usize,
    content: RefCell<Option<Rc<T>>>,
    /// Which configuration was the newest when a request last came to it.
    used: Cell<Begun>,
}

/// Which configuration was the newest when something began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begun(u64);

/// How much memory configurations may take together that are kept beside the newest: what is
/// open for long keeps its configuration, and that would fill the memory of a module.
const KEPT_BYTES: usize = 64 << 20;

impl<T> Lineage<T> {
    /// Whether any of its configurations is there.
    pub fn is_live(&self) -> bool {
        let live = self.live.try_borrow();
        live.is_ok_and(|live| live.iter().any(|one| one.strong_count() > 0))
    }

    /// The next configuration, which takes so many bytes of memory.
    pub fn next(self: &Rc<Self>, content: T, weight: usize) -> Rc<Generation<T>> {
        let number = self.count.get().saturating_add(1);
        self.count.set(number);
        let generation = Rc::new(Generation {
            lineage: Rc::clone(self),
            number,
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
    /// A request begins, or something else that newer ones concern.
    pub fn begin(&self) -> Begun {
        let begun = Begun(self.lineage.count.get());
        self.used.set(begun);
        begun
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

    #[test]
    fn what_is_read_when_another_comes_is_judged_by_that_as_well() {
        let lineage = Rc::new(Lineage::default());
        let old = lineage.next("old", 1);
        let begun = old.begin();
        assert_eq!(judged(&old, begun), ("old", None));
        let new = lineage.next("new", 1);
        assert_eq!(judged(&old, begun), ("old", Some("new")));
        // What begins afterwards is not: it may be of another listener.
        assert_eq!(judged(&old, old.begin()), ("old", None));
        assert_eq!(judged(&new, new.begin()), ("new", None));
        // One that has come and gone is not asked.
        drop(new);
        let newest = lineage.next("newest", 1);
        assert_eq!(judged(&old, begun), ("old", Some("newest")));
        drop(newest);
        assert_eq!(judged(&old, begun), ("old", None));
    }

    #[test]
    fn one_that_comes_back_judges_again() {
        let lineage = Rc::new(Lineage::default());
        let strict = lineage.next("strict", 1);
        let lax = lineage.next("lax", 1);
        lax.begin();
        // The host takes the first again, and says nothing.
        assert_eq!(judged(&strict, strict.begin()), ("strict", None));
        assert_eq!(judged(&lax, lax.begin()), ("lax", None));
    }

    #[test]
    fn those_that_are_not_used_are_let_go_when_they_are_too_large() {
        let lineage = Rc::new(Lineage::default());
        let all: Vec<_> = (0..5)
            .map(|number| lineage.next(number, KEPT_BYTES / 4))
            .collect();
        let kept = |all: &[Rc<Generation<i32>>]| -> Vec<bool> {
            all.iter().map(|one| one.content().is_some()).collect()
        };
        assert_eq!(kept(&all), [true; 5]);
        all[0].begin();
        let newest = lineage.next(5, 1);
        // The second was the one that was used the longest ago.
        assert_eq!(kept(&all), [true, false, true, true, true]);
        assert!(all[1].newer(Begun(9)).is_none());
        // One at a time, for one that is not there yet.
        assert!(all[0].lineage.let_go(1));
        assert_eq!(kept(&all), [true, false, false, true, true]);
        assert!(!all[0].lineage.let_go(4));
        // The newest is there, however large.
        let huge = lineage.next(6, 2 * KEPT_BYTES);
        assert!(huge.content().is_some() && newest.content().is_some());
        lineage.next(7, 1);
        assert!(huge.content().is_none());
    }
}
