//! Laws that decisions obey, whatever the policies and the requests.
//!
//! A law says what a change of the policies may do to what becomes of a request. Those
//! that would be false as they are said at first name the exception, and why.

use std::cell::Cell;

use accesspolicy::engine::policy::{
    Action, AllowPolicies, CompiledPolicy, Mode, Policies, Policy, Rule,
};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use serde_json::json;

use super::change::{self, Numbers};
use super::generate::{Case, cases, configuration, load, policy};
use super::outcome::Outcome;
use super::request::{Asks, Request, method, things};
use super::{engine, mcp, rule};

/// How many changes of policies, unless more are asked for.
const CHANGES: u32 = 300;

/// How many requests are judged before and after each.
const REQUESTS: usize = 8;

/// A policy that may be changed.
struct Change<'c> {
    document: &'c mut CompiledPolicy,
    /// Another policy, to be added perhaps.
    other: Policy,
    numbers: Numbers,
}

/// What became of a request before a change, and after it.
struct Effect<'c> {
    request: &'c Request,
    before: Outcome,
    after: Outcome,
}

impl Effect<'_> {
    fn none(&self) -> bool {
        self.before == self.after
    }

    fn allows_no_more(&self) -> bool {
        self.before.is_allowed() || !self.after.is_allowed()
    }

    fn refuses_no_more(&self) -> bool {
        self.after.is_allowed() || !self.before.is_allowed()
    }
}

/// Checks that wherever a change can be made, its effect is lawful. Some effect there
/// must be, unless the law is that there is none.
fn law<T>(
    change: impl Fn(&mut Change<'_>) -> Option<T>,
    is_lawful: impl Fn(&Effect<'_>, &T) -> bool,
) -> Counts {
    loaded_law(
        |change_of| {
            let told = change(change_of)?;
            Some((load(change_of.document.clone()), told))
        },
        is_lawful,
    )
}

/// As [`law`], where the changed policies are loaded in another way.
fn loaded_law<T>(
    change: impl Fn(&mut Change<'_>) -> Option<(Policies, T)>,
    is_lawful: impl Fn(&Effect<'_>, &T) -> bool,
) -> Counts {
    let mut runner = TestRunner::new(configuration(CHANGES));
    let counts = Cell::new(Counts::default());
    let result = runner.run(
        &(cases(REQUESTS), policy(), any::<u64>()),
        |(case, other, seed)| {
            let mut document = case.document.clone();
            let changed = change(&mut Change {
                document: &mut document,
                other,
                numbers: Numbers::new(seed),
            });
            let Some((policies, told)) = changed else {
                return Ok(());
            };
            let before = case.policies();
            for request in &case.requests {
                let effect = Effect {
                    request,
                    before: engine::judge(&before, request),
                    after: engine::judge(&policies, request),
                };
                counts.set(counts.get().add(&effect));
                prop_assert!(
                    is_lawful(&effect, &told),
                    "\nbefore: {:?}\n{}\nafter: {:?}\n{}\n",
                    effect.before,
                    case.shown(request),
                    effect.after,
                    Case::of(document).shown(request)
                );
            }
            Ok(())
        },
    );
    if let Err(TestError::Fail(told, _)) = result {
        panic!("{told}");
    }
    result.expect("a run to its end");
    counts.get()
}

/// How often a law was tried, and how often anything changed.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tried: u64,
    decisions: u64,
    outcomes: u64,
}

impl Counts {
    fn add(self, effect: &Effect<'_>) -> Self {
        let decided = effect.before.is_allowed() != effect.after.is_allowed();
        Self {
            tried: self.tried + 1,
            decisions: self.decisions + u64::from(decided),
            outcomes: self.outcomes + u64::from(!effect.none()),
        }
    }

    /// A law that is never put to the test says nothing.
    #[expect(clippy::print_stdout, reason = "tests may say what they counted")]
    fn are_many(self) -> Self {
        println!("{self:?}");
        assert!(self.tried >= 200, "{self:?}");
        self
    }

    fn change_decisions(self) {
        assert!(self.are_many().decisions >= 10, "{self:?}");
    }

    fn change_outcomes(self) {
        assert!(self.are_many().outcomes >= 10, "{self:?}");
    }
}

/// The order of policies, rules and items of lists, or that of listeners, backends and
/// clusters, changes nothing, not even which rule is told.
#[test]
fn order_never_matters() {
    let change = |change: &mut Change<'_>| {
        change::shuffle(change.document, &mut change.numbers);
        Some(())
    };
    law(change, |effect, ()| effect.none()).are_many();
}

/// Where one policy must allow, one more never refuses.
///
/// Only where it is attached to what has an enforced Allow policy already: the first one
/// of a target refuses what it does not allow, and the first one of any listener or any
/// backend makes those that are not known ones for `unprotected`.
#[test]
fn another_allow_policy_never_refuses_where_one_must_allow() {
    let change = |change: &mut Change<'_>| add_beside(change, AllowPolicies::Any);
    law(change, |effect, ()| effect.refuses_no_more()).change_decisions();
}

/// Where each must allow, one more never allows.
///
/// Only beside another, as above: the first policy of all ends that `unprotected`
/// decides. And not for posted responses: of those, one rule of the level is enough.
#[test]
fn another_allow_policy_never_allows_where_each_must() {
    let change = |change: &mut Change<'_>| add_beside(change, AllowPolicies::All);
    let lawful =
        |effect: &Effect<'_>, (): &()| rule::is_response(effect.request) || effect.allows_no_more();
    law(change, lawful).change_decisions();
}

/// Adds an Allow policy where there is one, if policies combine in this way.
fn add_beside(change: &mut Change<'_>, how: AllowPolicies) -> Option<()> {
    if change.document.settings.allow_policies != how {
        return None;
    }
    let policy = Policy {
        action: Action::Allow,
        mode: Mode::Enforce,
        targets: change::allowing_targets(change.document, &mut change.numbers)?,
        ..change.other.clone()
    };
    change::add(change.document, policy, &mut change.numbers);
    Some(())
}

/// A policy in Audit mode changes no decision, nor why it is made.
#[test]
fn an_audit_policy_changes_nothing() {
    let change = |change: &mut Change<'_>| {
        let policy = Policy {
            mode: Mode::Audit,
            ..change.other.clone()
        };
        change::add(change.document, policy, &mut change.numbers);
        Some(())
    };
    law(change, |effect, ()| {
        effect.before.verdict() == effect.after.verdict()
    })
    .change_outcomes();
}

/// What Audit reports is what becomes of requests once every policy is enforced; where
/// it reports nothing, the decision stays.
///
/// But for what headers alone deny: another policy might allow it, or not, by what the
/// body says, which is not read.
#[test]
fn what_audit_reports_comes_true() {
    let change = |change: &mut Change<'_>| {
        for policy in &mut change.document.policies {
            policy.mode = Mode::Enforce;
        }
        Some(())
    };
    let lawful = |effect: &Effect<'_>, (): &()| match &effect.before {
        Outcome::Judged {
            audit: Some(told), ..
        } => match &effect.after {
            Outcome::DeniedByHeaders(_) => !told.is_allowed(),
            after => after.verdict() == Some(told),
        },
        Outcome::DeniedByHeaders(_) => true,
        _ => effect.after.is_allowed() == effect.before.is_allowed(),
    };
    law(change, lawful).change_decisions();
}

/// A rule that allows refuses nothing more without one of its conditions.
///
/// The list of methods is none where the base protocol is beside it: it adds to that.
/// It only goes together with the whole MCP part. For the source, see below.
#[test]
fn a_condition_less_never_refuses() {
    let change =
        |change: &mut Change<'_>| change::drop_condition(change.document, &mut change.numbers);
    law(change, |effect, ()| effect.refuses_no_more()).change_decisions();
}

/// Nor without its source, but for completions of what the rule lists.
///
/// A list of prompts or of resources is a permission, and also what restricts the
/// completions that the base protocol lets through, for whoever the rule is for.
/// Without a source it is for everybody, so it restricts everybody.
#[test]
fn a_source_less_never_refuses_but_completions() {
    let change =
        |change: &mut Change<'_>| change::drop_source(change.document, &mut change.numbers);
    let lawful = |effect: &Effect<'_>, rule: &Rule| {
        effect.refuses_no_more() || restricts(rule, effect.request)
    };
    law(change, lawful).change_decisions();
}

fn restricts(rule: &Rule, request: &Request) -> bool {
    let (Asks::Message(message), Some(part)) = (&request.asks, &rule.mcp) else {
        return false;
    };
    let mut things = things(message).into_iter();
    method(message) == Some("completion/complete")
        && things.any(|thing| mcp::restricts(part, thing))
}

/// A rule that refuses allows nothing more where it is about all that a method acts on, and
/// not some of it only.
#[test]
fn a_list_less_never_allows() {
    let change =
        |change: &mut Change<'_>| change::drop_denied_list(change.document, &mut change.numbers);
    law(change, |effect, ()| effect.allows_no_more()).are_many();
}

/// A Deny policy more never allows.
///
/// Only where something was enforced before, or `unprotected` allows: the first policy
/// of all ends that `unprotected` refuses everything, and a Deny policy alone does not
/// refuse what it does not match.
#[test]
fn another_deny_policy_never_allows() {
    let change = |change: &mut Change<'_>| {
        let policy = Policy {
            action: Action::Deny,
            mode: Mode::Enforce,
            ..change.other.clone()
        };
        let settled = change::is_settled(change.document);
        change::add(change.document, policy, &mut change.numbers);
        settled.then_some(())
    };
    law(change, |effect, ()| effect.allows_no_more()).change_decisions();
}

/// A Deny policy less never refuses; only where something stays, as above.
#[test]
fn a_deny_policy_less_never_refuses() {
    let change = |change: &mut Change<'_>| {
        change::remove_denying(change.document, &mut change.numbers)?;
        change::is_settled(change.document).then_some(())
    };
    law(change, |effect, ()| effect.refuses_no_more()).change_decisions();
}

/// The trip through a protobuf `Struct` changes nothing: members come in any order, and
/// every number is a double.
#[test]
fn the_trip_through_a_struct_changes_nothing() {
    let change = |change: &mut Change<'_>| {
        let document = json!(change.document);
        let text = change::through_struct(&document, &mut change.numbers);
        let policies = Policies::from_json(text.as_bytes()).expect("the same document");
        Some((policies, ()))
    };
    loaded_law(change, |effect, ()| effect.none()).are_many();
}

proptest! {
    #![proptest_config(configuration(CHANGES))]

    /// However a body is split, the outcome is the same.
    #[test]
    fn no_splitting_changes_anything(
        case in cases(REQUESTS),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let policies = case.policies();
        for request in &case.requests {
            let body = engine::body(request);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            places.extend([0, body.len()]);
            places.sort_unstable();
            let body = body.as_bytes();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
            let found = engine::judge_pieces(&policies, request, &pieces);
            prop_assert_eq!(found, engine::judge(&policies, request), "{}", case.shown(request));
        }
    }
}
