//! What is found out about a request while it is judged, each thing once.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ptr;
use std::rc::Rc;

use crate::engine::expr::{Allowance, EvalError, Reading};
use crate::engine::mcp::Object;
use crate::engine::policy::RuleRef;
use crate::engine::request::{Derived, HttpRequest};

use super::access::Access;

/// What servers may read in the place of something; why that cannot be said.
pub(super) type Readings = Result<Rc<[Reading]>, EvalError>;

/// What is found out about a request while it is judged.
///
/// SECURITY: a client chooses how long what it says is, and how much it says, and a policy how
/// many rules ask for it. So nothing of it is made for each rule, nor for nothing: what
/// making it takes is taken off the allowance.
pub(super) struct AttributeCache<'r> {
    /// Of its head.
    pub(super) head: Derived<'r>,
    /// What is left of what judging it may take.
    pub(super) allowance: &'r Allowance,
    pub(super) readings: HeadReadings,
    /// Of the thing that was asked about last, by its place in memory.
    thing: RefCell<Option<(*const str, Readings)>>,
    found: RefCell<BTreeMap<(RuleRef, About), PartResult>>,
}

/// What of a rule something was found about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// Its HTTP part, which comes to the same for all that the request does.
    Http,
    /// Its expression, where the message has no value in it.
    Headers,
    /// Its expression, for the act at a place in memory, where acts stay.
    Act(usize),
}

impl About {
    pub(super) fn act(act: &Access<'_>) -> Self {
        Self::Act(ptr::from_ref(act).addr())
    }
}

/// What servers may read in the place of facts of the head.
#[derive(Default)]
pub(super) struct HeadReadings {
    pub(super) method: OnceCell<Readings>,
    pub(super) path: OnceCell<Readings>,
    pub(super) url_path: OnceCell<Readings>,
    pub(super) query: OnceCell<Readings>,
    pub(super) mcp_method: OnceCell<Readings>,
}

/// What a part of a rule came to.
pub(super) type PartResult = Result<bool, EvalError>;

/// How much is remembered of rules. What is beyond is found again, which is paid for.
const MOST: usize = 1 << 14;

impl<'r> AttributeCache<'r> {
    pub(super) fn new(head: HttpRequest<'r>, allowance: &'r Allowance) -> Self {
        Self {
            head: Derived::new(head),
            allowance,
            readings: HeadReadings::default(),
            thing: RefCell::default(),
            found: RefCell::default(),
        }
    }

    /// What there is to read, where making it begins with a text of a length.
    pub(super) fn made(
        &self,
        length: usize,
        make: &dyn Fn() -> Result<Vec<Reading>, EvalError>,
    ) -> Readings {
        self.allowance.look(length)?;
        let made = make()?;
        let lengths = made.iter().map(|reading| reading.text.len());
        self.allowance.look(lengths.sum())?;
        Ok(made.into())
    }

    /// The readings of a thing. Rules ask for those of one after the other.
    pub(super) fn of_thing(
        &self,
        thing: Object<'_>,
        make: &dyn Fn() -> Result<Vec<Reading>, EvalError>,
    ) -> Readings {
        let text = thing.as_str();
        let place = ptr::from_ref(text);
        if let Ok(known) = self.thing.try_borrow()
            && let Some((_, readings)) = known.as_ref().filter(|(at, _)| ptr::eq(*at, place))
        {
            return readings.clone();
        }
        let readings = self.made(text.len(), make);
        if let Ok(mut known) = self.thing.try_borrow_mut() {
            *known = Some((place, readings.clone()));
        }
        readings
    }

    /// What a part of a rule comes to.
    pub(super) fn of_rule(
        &self,
        rule: RuleRef,
        about: About,
        find: &dyn Fn() -> PartResult,
    ) -> PartResult {
        if let Some(found) = self.found(rule, about) {
            return found;
        }
        let value = find();
        if let Ok(mut found) = self.found.try_borrow_mut()
            && found.len() < MOST
        {
            found.insert((rule, about), value);
        }
        value
    }

    /// The same, where it was found already.
    pub(super) fn found(&self, rule: RuleRef, about: About) -> Option<PartResult> {
        let found = self.found.try_borrow().ok()?;
        found.get(&(rule, about)).copied()
    }
}
