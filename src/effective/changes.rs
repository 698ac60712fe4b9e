//! What a change of policies grants and takes away.

use super::ask::{Effective, Grant, effective};
use super::universe::Universe;
use crate::policy::{CompiledPolicy, LoadError, Settings};

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
    let universe = Universe::of(&[old, new]);
    let before = effective(old, universe.clone())?;
    let now = effective(new, universe)?;
    let Effective { universe, grants } = now;
    let changes = before.grants.into_iter().zip(grants).map(|(before, now)| {
        let callers = before.into_iter().zip(now).map(|(before, now)| {
            let asks = before.into_iter().zip(now);
            asks.map(|(before, now)| Change::of(before, now)).collect()
        });
        callers.collect()
    });
    Ok(Changes {
        changes: changes.collect(),
        universe,
        settings: settings(&old.settings, &new.settings)
            .into_iter()
            .chain(asking(old, new))
            .collect(),
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
    fn of(before: Grant, now: Grant) -> Self {
        match (&before, &now) {
            (Grant::Never, Grant::Never) | (Grant::Always { .. }, Grant::Always { .. }) => {
                Self::Same
            }
            (Grant::Depends { on: before, .. }, Grant::Depends { on: now, .. })
                if before == now =>
            {
                Self::Same
            }
            (Grant::Depends { .. }, Grant::Depends { .. }) => Self::Conditions { before, now },
            (Grant::Never, _) | (Grant::Depends { .. }, Grant::Always { .. }) => Self::Granted(now),
            (_, Grant::Never) | (Grant::Always { .. }, Grant::Depends { .. }) => Self::Taken(now),
        }
    }
}

impl Changes {
    /// Whether anything may be allowed that was not. What only may be counts: conditions
    /// that changed may be met by other requests.
    pub fn may_grant(&self) -> bool {
        let all = self.changes.iter().flatten().flatten();
        let mut granting =
            all.filter(|change| matches!(change, Change::Granted(_) | Change::Conditions { .. }));
        granting.next().is_some() || self.settings.iter().any(|setting| setting.is_meaning)
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
        "requestHeaders", request_headers, &new.request_headers, false;
        "mcp.paths", mcp_paths, &new.mcp_paths, true;
        "mcp.unknownMembers", unknown_members, &new.unknown_members, true;
        "denial.mcp", denial, &new.denial, false;
        "limits", limits, &new.limits, false;
        "externalAuth", external_auth, &new.external_auth, true;
        "edge", edge, &new.edge, true;
        "ports", ports, &new.ports, true;
        "log.allowed", log_allowed_per_million, &new.log_allowed_per_million, false;
    ];
    all.into_iter()
        .filter(|setting| setting.before != setting.now)
        .collect()
}
