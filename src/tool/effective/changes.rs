//! What a change of policies grants and takes away.

use super::ask::{Effective, Grant, effective};
use super::compare::{Difference, Pair};
use super::universe::Universe;
use crate::engine::policy::{Action, CompiledPolicy, LoadError, Mode, Settings, Target};

/// What changes for one caller, place and ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Same,
    /// It was refused, or depended on conditions, and no longer so.
    Granted(Grant),
    /// It was allowed, on conditions or always, and is refused now, or only allowed on
    /// conditions.
    Taken(Grant),
    /// It depends on other conditions.
    Conditions {
        /// On which it did.
        before: Grant,
        /// On which it does.
        now: Grant,
        /// Whether it is allowed now where it was not.
        grants: bool,
    },
}

/// What changes.
#[derive(Debug)]
pub struct Changes {
    /// What was asked.
    pub universe: Universe,
    /// By place, caller and ask.
    pub changes: Vec<Vec<Vec<Change>>>,
    /// Settings that changed.
    pub settings: Vec<SettingChange>,
}

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Its name.
    pub name: String,
    /// What it was, as JSON.
    pub before: String,
    /// What it is, as JSON.
    pub now: String,
    /// Whether it changes what requests mean: who the caller is, or what is acted on.
    /// What follows from that no table shows.
    pub is_meaning: bool,
}

/// Compares two compiled policies.
///
/// # Errors
/// When one contradicts itself.
pub fn changes(old: &CompiledPolicy, new: &CompiledPolicy) -> Result<Changes, LoadError> {
    let pair = Pair::new(old, new)?;
    let before = effective(old, pair.universe.clone())?;
    let now = effective(new, pair.universe.clone())?;
    let Effective { universe, grants } = now;
    let mut changes = Vec::with_capacity(universe.places.len());
    for ((place, before), now) in universe.places.iter().zip(before.grants).zip(grants) {
        let mut of_place = Vec::with_capacity(universe.callers.len());
        for ((caller, before), now) in universe.callers.iter().zip(before).zip(now) {
            let asks = universe.asks.iter().zip(before).zip(now);
            let of_caller = asks.map(|((ask, before), now)| {
                Change::of(before, now, pair.difference(place, caller.as_deref(), ask))
            });
            of_place.push(of_caller.collect());
        }
        changes.push(of_place);
    }
    let mut all = Changes {
        changes,
        universe,
        settings: of_settings(old, new),
    };
    all.leave_out(&Universe::of(&[old, new]));
    Ok(all)
}

/// Whether the second configuration may allow what the first does not: what
/// [`Changes::may_grant`] says, without the rest.
///
/// # Errors
/// When one contradicts itself.
pub fn may_grant(old: &CompiledPolicy, new: &CompiledPolicy) -> Result<bool, LoadError> {
    if old == new {
        return Ok(false);
    }
    let pair = Pair::new(old, new)?;
    let changes_meaning = of_settings(old, new)
        .iter()
        .any(|setting| setting.is_meaning);
    Ok(changes_meaning || pair.grants_anything())
}

fn of_settings(old: &CompiledPolicy, new: &CompiledPolicy) -> Vec<SettingChange> {
    let settings = settings(&old.settings, &new.settings);
    settings
        .into_iter()
        .chain(asking(old, new))
        .chain(places(old, new))
        .collect()
}

/// Other places to which what authorizers change may lead a request.
fn places(old: &CompiledPolicy, new: &CompiledPolicy) -> Option<SettingChange> {
    let asks = |compiled: &CompiledPolicy| {
        let mut policies = compiled.policies.iter();
        policies.any(|policy| policy.external_auth.is_some())
    };
    // Where no Allow policy is for a whole Gateway, authorizers alone let requests to other
    // places go on, of which each may be several uris.
    let is_open = |compiled: &CompiledPolicy| {
        let mut policies = compiled.policies.iter();
        let has_places = !(compiled.backends.is_empty() && compiled.listeners.is_empty());
        has_places
            && !policies.any(|policy| {
                policy.action == Action::Allow
                    && policy.mode == Mode::Enforce
                    && policy.targets.contains(&Target::Gateway)
            })
    };
    let refuses_count = is_open(new);
    let is_led = old.backends.len().max(new.backends.len()) > 1
        || old.backends != new.backends
        || old.settings.unlisted != new.settings.unlisted;
    // Where policies are is where a request is judged that is led elsewhere; and which rules ask
    // there, whose authorizers have answered.
    let of = |compiled: &CompiledPolicy| {
        let policies = compiled.policies.iter();
        let policies: Vec<_> = policies
            .map(|policy| {
                let counts = policy.external_auth.is_some()
                    || (refuses_count && policy.action == Action::Deny);
                let rules = counts.then_some((policy.mode, &policy.rules));
                let targets = is_led.then_some(&policy.targets);
                (policy.policy.to_string(), targets, rules)
            })
            .filter(|(_, targets, rules)| targets.is_some() || rules.is_some())
            .collect();
        let places = (&compiled.backends, compiled.settings.unlisted, policies);
        serde_json::to_string(&places).unwrap_or_default()
    };
    let (before, now) = (of(old), of(new));
    ((is_led || refuses_count) && asks(new) && before != now).then(|| SettingChange {
        name: "backends".to_owned(),
        before,
        now,
        is_meaning: true,
    })
}

/// Policies that ask somebody else, or something else.
fn asking(old: &CompiledPolicy, new: &CompiledPolicy) -> Vec<SettingChange> {
    let json = |auth| serde_json::to_string(auth).unwrap_or_default();
    let changed = new.policies.iter().filter_map(|now| {
        let mut before = old.policies.iter();
        let before = before.find(|before| before.policy == now.policy)?;
        let (before, now_asks) = (before.external_auth.as_ref()?, now.external_auth.as_ref()?);
        (before != now_asks).then(|| SettingChange {
            name: format!("externalAuth of {}", now.policy),
            before: json(before),
            now: json(now_asks),
            // What another authorizer says, or says of something else, nobody can know.
            is_meaning: true,
        })
    });
    changed.collect()
}

impl Change {
    /// Whether anything is allowed that was not.
    const fn grants(&self) -> bool {
        matches!(
            self,
            Self::Granted(_) | Self::Conditions { grants: true, .. }
        )
    }

    fn of(before: Grant, now: Grant, difference: Difference) -> Self {
        let Difference { grants, takes } = difference;
        match (&before, &now) {
            _ if !grants && !takes => Self::Same,
            (Grant::Depends { .. }, Grant::Depends { .. }) => Self::Conditions {
                before,
                now,
                grants,
            },
            _ if grants => Self::Granted(now),
            _ => Self::Taken(now),
        }
    }
}

/// Keeps the items at some places.
fn retain<T>(items: &mut Vec<T>, is_kept: impl Fn(usize) -> bool) {
    let mut place = 0..;
    items.retain(|_| place.next().is_some_and(&is_kept));
}

impl Changes {
    /// Whether anything may be allowed that was not.
    pub fn may_grant(&self) -> bool {
        self.granting().next().is_some() || self.settings.iter().any(|setting| setting.is_meaning)
    }

    /// Leaves out what is beyond the usual, which comes first: all of it where the usual
    /// grants something, or else what grants nothing.
    fn leave_out(&mut self, usual: &Universe) {
        let (places, asks) = (usual.places.len(), usual.asks.len());
        let granting: Vec<(usize, usize)> = self.granting().collect();
        let is_usual = |(place, ask): &(usize, usize)| *place < places && *ask < asks;
        let is_told = granting.iter().any(is_usual);
        let grants = |of: &dyn Fn(&(usize, usize)) -> usize, number: usize| {
            !is_told && granting.iter().any(|found| of(found) == number)
        };
        let place = |number: usize| number < places || grants(&|found| found.0, number);
        let ask = |number: usize| number < asks || grants(&|found| found.1, number);
        retain(&mut self.universe.places, place);
        retain(&mut self.universe.asks, ask);
        retain(&mut self.changes, place);
        for changes in self.changes.iter_mut().flatten() {
            retain(changes, ask);
        }
    }

    /// The places and asks at which anybody is granted anything.
    fn granting(&self) -> impl Iterator<Item = (usize, usize)> {
        self.changes
            .iter()
            .enumerate()
            .flat_map(|(place, callers)| {
                callers.iter().flat_map(move |asks| {
                    let asks = asks.iter().enumerate();
                    let granting = asks.filter(|(_, change)| change.grants());
                    granting.map(move |(ask, _)| (place, ask))
                })
            })
    }

    /// Whether there is anything to tell.
    pub fn is_empty(&self) -> bool {
        let mut all = self.changes.iter().flatten().flatten();
        self.settings.is_empty() && all.all(|change| *change == Change::Same)
    }
}

fn settings(old: &Settings, new: &Settings) -> Vec<SettingChange> {
    // Destructured, so that a new setting cannot be forgotten here.
    let Settings {
        identity,
        allow_policies,
        unprotected,
        unlisted,
        on_revocation,
        resource_param,
        request_headers,
        mcp_paths,
        unknown_members,
        denial,
        limits,
        external_auth,
        edge,
        ports,
        log_allowed_per_million,
    } = old;
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    macro_rules! compared {
        ($($name:literal, $old:expr, $new:expr, $is_meaning:literal;)*) => {
            [$(SettingChange {
                name: $name.to_owned(),
                before: json(serde_json::to_string($old)),
                now: json(serde_json::to_string($new)),
                is_meaning: $is_meaning,
            }),*]
        };
    }
    let all = compared![
        "identity", identity, &new.identity, true;
        "allowPolicies", allow_policies, &new.allow_policies, false;
        "unprotected", unprotected, &new.unprotected, false;
        "unlisted", unlisted, &new.unlisted, false;
        "onRevocation", on_revocation, &new.on_revocation, true;
        "resourceParam", resource_param, &new.resource_param, true;
        "requestHeaders", request_headers, &new.request_headers, true;
        "mcp.paths", mcp_paths, &new.mcp_paths, true;
        "mcp.unknownMembers", unknown_members, &new.unknown_members, true;
        "denial.mcp", denial, &new.denial, false;
        "limits", limits, &new.limits, true;
        "externalAuth", external_auth, &new.external_auth, true;
        "edge", edge, &new.edge, true;
        "ports", ports, &new.ports, true;
        "log.allowed", log_allowed_per_million, &new.log_allowed_per_million, false;
    ];
    all.into_iter()
        .filter(|setting| setting.before != setting.now)
        .collect()
}
