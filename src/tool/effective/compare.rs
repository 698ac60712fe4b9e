//! Two configurations, side by side: whether one allows what the other denies.
//!
//! What rules want besides caller, method and thing, and what authorizers say, is assumed:
//! each distinct condition to be met or not, alike in both. Every assignment is tried that
//! makes a difference, up to a bound.
//!
//! INVARIANT: no request that is denied under one and allowed under the other is missed, but
//! where expressions run out of the steps that they have together, and for uris in other
//! spellings that unknown methods name. Beyond the bound it is taken for granted that there
//! is one.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::probe::Probe;
use super::universe::{Destination, ObjectPattern, Query, RESPONSE, Universe};
use crate::engine::decision::{Assumed, CompletedCalls, Decision, Holds, decide_assuming};
use crate::engine::policy::{
    Action, CompiledPolicy, ExternalAuth, HttpMatch, LoadError, NumberedPolicy, Policies, PolicyId,
    Rule, RuleRef,
};
use crate::engine::request::Request;

/// How often the engine is asked about one caller, place and ask.
const TRIES: usize = 2_000;

/// Whether something is decided otherwise under the second configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// It is allowed there where it was denied.
    pub(super) grants: bool,
    /// It is denied there where it was allowed.
    pub(super) takes: bool,
}

/// Two configurations, and all that their rules want.
pub(super) struct Pair {
    /// What may make a difference.
    pub(super) universe: Universe,
    known: Assumables,
    sides: [Side; 2],
    is_same: bool,
}

/// One of them.
struct Side {
    policies: Policies,
    /// What the rules want, of those that want anything.
    wanted: BTreeMap<RuleRef, Vec<usize>>,
    authorizers: BTreeMap<PolicyId, usize>,
}

impl Pair {
    pub(super) fn new(old: &CompiledPolicy, new: &CompiledPolicy) -> Result<Self, LoadError> {
        let mut known = Assumables::default();
        let sides = [
            Side::new(old.clone(), &mut known)?,
            Side::new(new.clone(), &mut known)?,
        ];
        Ok(Self {
            universe: Universe::compared(&[old, new]),
            known,
            sides,
            is_same: old == new,
        })
    }

    /// Whether anything is allowed by the second that the first denies.
    pub(super) fn grants_anything(&self) -> bool {
        let Universe {
            callers,
            places,
            asks,
        } = &self.universe;
        places.iter().any(|place| {
            callers.iter().any(|caller| {
                let mut asks = asks.iter();
                asks.any(|ask| self.difference(place, caller.as_deref(), ask).grants)
            })
        })
    }

    /// What is different about an ask.
    pub(super) fn difference(
        &self,
        place: &Destination,
        caller: Option<&str>,
        ask: &Query,
    ) -> Difference {
        if self.is_same {
            return Difference::default();
        }
        let questions = self.sides.each_ref().map(|side| {
            let settings = side.policies.settings();
            Probe::new(&self.universe, place, caller, settings)
        });
        let requests = questions.each_ref().map(|question| question.request(ask));
        let mut found = Difference::default();
        let mut tries = 0;
        let mut open = vec![Assignment::default()];
        while let Some(assignment) = open.pop() {
            let mut decided = [None; 2];
            for (number, side) in self.sides.iter().enumerate() {
                tries += 1;
                match side.is_allowed(&requests[number], ask, &assignment) {
                    Ok(is_allowed) => decided[number] = Some(is_allowed),
                    Err(wanted) => {
                        let next = self.known.values(wanted, ask, &assignment);
                        open.extend(next.map(|holds| assignment.with(wanted, holds)));
                        break;
                    }
                }
            }
            found.grants |= decided == [Some(false), Some(true)];
            found.takes |= decided == [Some(true), Some(false)];
            if found.grants && found.takes {
                break;
            }
            if tries > TRIES {
                return Difference {
                    grants: true,
                    takes: true,
                };
            }
        }
        found
    }
}

impl Side {
    fn new(compiled: CompiledPolicy, known: &mut Assumables) -> Result<Self, LoadError> {
        let (document, policies) = NumberedPolicy::load(compiled)?;
        let mut wanted = BTreeMap::new();
        let mut authorizers = BTreeMap::new();
        for id in document.ids() {
            let Some(policy) = document.policy(id) else {
                continue;
            };
            if let Some(auth) = &policy.external_auth {
                authorizers.insert(id, known.authorizer(auth));
            }
            for reference in document.rules(id) {
                let wants = document.rule(reference).map(conditions).unwrap_or_default();
                let wants = wants.into_iter();
                let wants: Vec<usize> = wants
                    .map(|condition| known.place(condition, policy.action))
                    .collect();
                if !wants.is_empty() {
                    wanted.insert(reference, wants);
                }
            }
        }
        Ok(Self {
            policies,
            wanted,
            authorizers,
        })
    }

    /// Whether a request is allowed; or a condition without which that cannot be said.
    fn is_allowed(
        &self,
        request: &Request<'_>,
        ask: &Query,
        assignment: &Assignment,
    ) -> Result<bool, usize> {
        let missing = Cell::new(None);
        let conditions = |rule: RuleRef| {
            let mut all = Holds {
                allows: true,
                refuses: true,
            };
            for wanted in self.wanted.get(&rule).into_iter().flatten() {
                let Some(holds) = assignment.of(*wanted) else {
                    missing.set(missing.get().or(Some(*wanted)));
                    continue;
                };
                all.allows &= holds.allows;
                all.refuses &= holds.refuses;
            }
            all
        };
        let assumed = Assumed {
            conditions: &conditions,
            spelling_of: match &ask.acted {
                ObjectPattern::Respelt(uri) => Some(uri),
                _ => None,
            },
        };
        let mut progress = CompletedCalls::default();
        loop {
            let decision = decide_assuming(&self.policies, request, &progress, assumed);
            if let Some(missing) = missing.get() {
                return Err(missing);
            }
            let asked = match decision {
                Decision::Allow(_) => return Ok(true),
                Decision::Deny(_) => return Ok(false),
                Decision::Ask(asked) => asked,
            };
            let Some(authorizer) = self.authorizers.get(&asked.policy()) else {
                return Ok(false);
            };
            match assignment.of(*authorizer) {
                None => return Err(*authorizer),
                Some(Holds { allows: false, .. }) => return Ok(false),
                Some(_) => progress = asked.wait(progress).allowed(),
            }
        }
    }
}

/// What conditions are taken for, of those that have been met.
#[derive(Debug, Clone, Default)]
struct Assignment(Vec<(usize, Holds)>);

impl Assignment {
    fn of(&self, condition: usize) -> Option<Holds> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == condition)
            .map(|(_, holds)| *holds)
    }

    fn with(&self, condition: usize, holds: Holds) -> Self {
        let mut all = self.0.clone();
        all.push((condition, holds));
        Self(all)
    }
}

/// What a rule, or an authorizer, has to say about a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Assumable {
    /// One of some values, such as paths.
    OneOf(&'static str, BTreeSet<String>),
    /// A header, or an expression.
    One(&'static str, String),
    /// An authorizer, by how it is asked.
    Authorizer(String),
}

impl Assumable {
    /// Whether whatever meets this meets the other one.
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(what, these), Self::OneOf(of, those)) => {
                what == of && these.is_subset(those)
            }
            _ => false,
        }
    }
}

/// Every distinct condition, each at a place of its own.
#[derive(Debug, Default)]
struct Assumables {
    places: BTreeMap<Assumable, usize>,
    all: Vec<(Assumable, Uses)>,
}

/// In which policies a condition stands.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    allow: bool,
    refuse: bool,
}

impl Assumables {
    fn place(&mut self, condition: Assumable, action: Action) -> usize {
        let next = self.all.len();
        let place = *self.places.entry(condition.clone()).or_insert(next);
        if place == next {
            self.all.push((condition, Uses::default()));
        }
        let uses = &mut self.all[place].1;
        match action {
            Action::Allow => uses.allow = true,
            Action::Deny | Action::ExternalAuth => uses.refuse = true,
        }
        place
    }

    /// An authorizer, whatever its place among those that are asked.
    fn authorizer(&mut self, auth: &ExternalAuth) -> usize {
        let auth = ExternalAuth {
            order: crate::engine::policy::SafeInteger::default(),
            ..auth.clone()
        };
        self.place(Assumable::Authorizer(json(&auth)), Action::Allow)
    }

    /// What a condition can be taken for beside what others are.
    fn values(
        &self,
        condition: usize,
        ask: &Query,
        assignment: &Assignment,
    ) -> impl Iterator<Item = Holds> {
        let (own, uses) = &self.all[condition];
        let of = |allows, refuses| Holds { allows, refuses };
        let mut values = vec![of(false, false), of(true, true)];
        if uses.allow && uses.refuse {
            values.push(of(false, true));
            // Of a response, what allows is whether any message could meet it.
            if ask.name == RESPONSE {
                values.push(of(true, false));
            }
        }
        values.retain(|holds| {
            assignment.0.iter().all(|(known, other)| {
                let (known, others) = &self.all[*known];
                // Where one only allows and the other only refuses, nothing is the same of them.
                let both = Uses {
                    allow: uses.allow && others.allow,
                    refuse: uses.refuse && others.refuse,
                };
                (!own.implies(known) || both.are_within(*holds, *other))
                    && (!known.implies(own) || both.are_within(*other, *holds))
            })
        });
        values.into_iter()
    }
}

impl Uses {
    /// Whether what holds of one condition holds of the other, as far as it is used.
    const fn are_within(self, holds: Holds, other: Holds) -> bool {
        (!self.allow || !holds.allows || other.allows)
            && (!self.refuse || !holds.refuses || other.refuses)
    }
}

/// What a rule wants besides caller, method and thing.
fn conditions(rule: &Rule) -> Vec<Assumable> {
    let mut all = Vec::new();
    if let Some(http) = &rule.http {
        // Destructured, so that a new member cannot be forgotten here.
        let HttpMatch {
            methods,
            paths,
            headers,
            hosts,
            ports,
        } = &**http;
        all.extend(one_of("methods", methods.as_deref()));
        all.extend(one_of("paths", paths.as_deref()));
        all.extend(one_of("hosts", hosts.as_deref()));
        all.extend(one_of("ports", ports.as_deref()));
        let headers = headers.iter().flatten();
        all.extend(headers.map(|header| Assumable::One("header", json(header))));
    }
    if let Some(program) = &rule.cel {
        let meaning = json(&(&program.nodes, &program.patterns));
        all.push(Assumable::One("cel", meaning));
    }
    all
}

fn one_of<T: serde::Serialize>(what: &'static str, items: Option<&[T]>) -> Option<Assumable> {
    let items = items?.iter().map(json).collect();
    Some(Assumable::OneOf(what, items))
}

/// Strings, lists and objects of them always serialize.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
