//! No grant is missed by whoever compares two configurations.
//!
//! Law: where a request is denied under one and allowed under the other, `may_grant` says
//! that the other may grant what the first does not.

use std::cell::Cell;

use accesspolicy::engine::policy::{
    Action, AllowPolicies, BaseProtocol, CompiledPolicy, ExternalAuth, Mode, ObjectName, Policies,
    Policy, RequestHeaders, Rule, Target, Unlisted, Unprotected,
};
use accesspolicy::tool::effective::may_grant;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use serde_json::{Value, json};

use super::change::{self, Numbers};
use super::engine;
use super::generate::{Case, cases, configuration, policy};

/// How many pairs, unless more are asked for.
const PAIRS: u32 = 200;

/// How many requests are judged by both.
const REQUESTS: usize = 24;

/// Of how many pairs one is compared though no request is granted.
const COMPARED: usize = 16;

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    pairs: u64,
    granting: u64,
    compared: u64,
    silent: u64,
}

#[test]
fn no_grant_is_missed() {
    let mut runner = TestRunner::new(configuration(PAIRS));
    let counts = Cell::new(Counts::default());
    let others = [policy(), policy(), policy()];
    let result = runner.run(
        &(cases(REQUESTS), others, any::<u64>()),
        |(case, others, seed)| {
            let mut numbers = Numbers::new(seed);
            let [first, others @ ..] = others;
            let mut old = case.document.clone();
            if numbers.below(2) == 0 {
                change::add(&mut old, asking(first, &mut numbers), &mut numbers);
            }
            let mut new = old.clone();
            for other in others.iter().take(1 + numbers.below(2)) {
                alter(&mut new, other, &mut numbers);
            }
            let (Ok(before), Ok(after)) = (Policies::new(old.clone()), Policies::new(new.clone()))
            else {
                return Ok(());
            };
            let lets = [numbers.below(3) > 0, numbers.below(3) > 0];
            let lets = |cluster: &str| lets[usize::from(cluster == AUTHORIZERS[1])];
            let mut requests = case.requests.iter();
            let granted = requests.find(|request| {
                !engine::is_allowed(&before, request, lets)
                    && engine::is_allowed(&after, request, lets)
            });
            let mut count = counts.get();
            count.pairs += 1;
            count.granting += u64::from(granted.is_some());
            if let Some(request) = granted {
                prop_assert!(
                    may_grant(&old, &new).expect("both are valid"),
                    "\nbefore:\n{}\nafter:\n{}\n",
                    Case::of(old).shown(request),
                    Case::of(new).shown(request)
                );
            } else if numbers.below(COMPARED) == 0 {
                count.compared += 1;
                let grants = may_grant(&old, &new).expect("both are valid");
                count.silent += u64::from(!grants);
            }
            counts.set(count);
            Ok(())
        },
    );
    if let Err(TestError::Fail(told, _)) = result {
        panic!("{told}");
    }
    result.expect("a run to its end");
    said(counts.get());
}

/// A law that is never put to the test says nothing, and neither does who sees a grant
/// everywhere.
#[expect(clippy::print_stdout, reason = "tests may say what they counted")]
fn said(counts: Counts) {
    println!("{counts:?}");
    assert!(counts.granting * 50 > counts.pairs, "{counts:?}");
    assert!(counts.silent * 4 > counts.compared, "{counts:?}");
}

/// A Deny policy that asks about a header grants nothing, nor does an Audit policy, where an
/// authorizer takes that header away.
#[test]
fn what_a_rule_asks_about_grants_nothing() {
    let mut runner = TestRunner::new(configuration(PAIRS));
    let rerouted = Cell::new(0_u64);
    let strategy = (cases(REQUESTS), policy(), policy(), any::<u64>());
    let result = runner.run(&strategy, |(case, first, other, seed)| {
        let mut numbers = Numbers::new(seed);
        let mut old = case.document.clone();
        old.settings.request_headers = RequestHeaders::Hold;
        let asks_about_all = Policy {
            targets: vec![Target::Gateway],
            rules: None,
            external_auth: Some(over_grpc()),
            ..asking(first, &mut numbers)
        };
        change::add(&mut old, asks_about_all, &mut numbers);
        let asks_about_team = Policy {
            policy: ObjectName {
                namespace: "n".to_owned(),
                name: "about-team".to_owned(),
            },
            action: Action::Deny,
            mode: [Mode::Enforce, Mode::Audit][numbers.below(2)],
            rules: Some(vec![of_nobodys_team()]),
            ..other
        };
        let mut new = old.clone();
        new.policies.push(asks_about_team);
        let load = |document: &CompiledPolicy| Policies::new(document.clone());
        let (Ok(before), Ok(after)) = (load(&old), load(&new)) else {
            return Ok(());
        };
        for request in &case.requests {
            let goes_on = engine::is_allowed(&before, request, |_| true);
            let is_rerouted = engine::is_rerouted(&before, request);
            rerouted.set(rerouted.get() + u64::from(is_rerouted));
            prop_assert!(
                goes_on || !engine::is_allowed(&after, request, |_| true),
                "\nbefore:\n{}\nafter:\n{}\n",
                Case::of(old).shown(request),
                Case::of(new).shown(request)
            );
        }
        Ok(())
    });
    if let Err(TestError::Fail(told, _)) = result {
        panic!("{told}");
    }
    result.expect("a run to its end");
    assert!(rerouted.get() > 0, "nothing is led elsewhere");
}

/// A rule for a header that an authorizer takes away, with a value that no request has.
fn of_nobodys_team() -> Rule {
    let headers = json!([{"name": "x-team", "value": {"Exact": "nobody"}}]);
    serde_json::from_value(json!({"name": "r", "http": {"headers": headers}})).expect("a rule")
}

/// The clusters of authorizers.
const AUTHORIZERS: [&str; 2] = ["judge", "jury"];

fn asking(policy: Policy, numbers: &mut Numbers) -> Policy {
    Policy {
        action: Action::ExternalAuth,
        mode: Mode::Enforce,
        external_auth: Some(authorizer(numbers)),
        ..policy
    }
}

fn authorizer(numbers: &mut Numbers) -> ExternalAuth {
    let cluster = AUTHORIZERS[numbers.below(2)];
    match numbers.below(2) {
        0 => asked(
            cluster,
            &json!({"Http": {"path": "", "allowedHeaders": []}}),
        ),
        _ => ExternalAuth {
            cluster: cluster.to_owned(),
            ..over_grpc()
        },
    }
}

/// One that takes away what rules ask about, and is not shown it.
fn over_grpc() -> ExternalAuth {
    let protocol = json!({"Grpc": {"allowedHeaders": ["authorization"]}});
    asked(AUTHORIZERS[0], &protocol)
}

fn asked(cluster: &str, protocol: &Value) -> ExternalAuth {
    serde_json::from_value(json!({
        "protocol": protocol,
        "cluster": cluster, "authority": "judge.test:80", "order": 0
    }))
    .expect("an authorizer")
}

/// Changes one word; or a few.
fn alter(document: &mut CompiledPolicy, other: &Policy, numbers: &mut Numbers) -> Option<()> {
    let chosen = numbers.below(document.policies.len());
    let settings = &mut document.settings;
    match numbers.below(16) {
        0 => {
            settings.allow_policies = match settings.allow_policies {
                AllowPolicies::All => AllowPolicies::Any,
                AllowPolicies::Any => AllowPolicies::All,
            }
        }
        1 => {
            settings.unprotected = match settings.unprotected {
                Unprotected::Allow => Unprotected::Deny,
                Unprotected::Deny => Unprotected::Allow,
            }
        }
        2 => {
            settings.unlisted = match settings.unlisted {
                Unlisted::Deny => Unlisted::Gateway,
                Unlisted::Gateway => Unlisted::Deny,
            }
        }
        3 => change::add(document, other.clone(), numbers),
        4 => {
            let policy = asking(other.clone(), numbers);
            change::add(document, policy, numbers);
        }
        5 => {}
        6 => {
            let backends = document.backends.len();
            let backend = document.backends.get_mut(numbers.below(backends))?;
            let place = numbers.below(backend.clusters.len());
            drop((backend.clusters.len() > 1).then(|| backend.clusters.remove(place)));
        }
        7 => {
            document
                .policies
                .remove(document.policies.get(chosen).map(|_| chosen)?);
        }
        number => return alter_policy(document.policies.get_mut(chosen)?, other, number, numbers),
    }
    Some(())
}

fn alter_policy(
    policy: &mut Policy,
    other: &Policy,
    number: usize,
    numbers: &mut Numbers,
) -> Option<()> {
    match number {
        8 => {
            policy.action = match policy.action {
                Action::Allow => Action::Deny,
                Action::Deny | Action::ExternalAuth => Action::Allow,
            };
            policy.external_auth = None;
        }
        9 => {
            policy.mode = match policy.mode {
                Mode::Enforce => Mode::Audit,
                Mode::Audit => Mode::Enforce,
            }
        }
        10 => policy.targets.clone_from(&other.targets),
        11 if policy.external_auth.is_some() => policy.external_auth = Some(authorizer(numbers)),
        11 => policy.targets = vec![Target::Gateway],
        12 => policy.rules = None,
        _ => {
            let rules = policy.rules.as_mut()?;
            let chosen = numbers.below(rules.len());
            if numbers.below(6) == 0 && rules.len() > 1 {
                rules.remove(chosen);
                return Some(());
            }
            let of_other = other.rules.as_deref().unwrap_or_default();
            return alter_rule(&mut rules[chosen], of_other.first(), numbers);
        }
    }
    Some(())
}

fn alter_rule(rule: &mut Rule, other: Option<&Rule>, numbers: &mut Numbers) -> Option<()> {
    match numbers.below(8) {
        0 => rule.http = other.and_then(|other| other.http.clone()),
        1 => rule.mcp = other.and_then(|other| other.mcp.clone()),
        2 => {
            rule.cel = other.and_then(|other| other.cel.clone());
            rule.message = None;
        }
        3 => rule.source = other.and_then(|other| other.source.clone()),
        4 => {
            let mcp = rule.mcp.as_mut()?;
            mcp.base_protocol = match mcp.base_protocol {
                BaseProtocol::None => BaseProtocol::Session,
                BaseProtocol::Session => BaseProtocol::Full,
                BaseProtocol::Full => BaseProtocol::None,
            }
        }
        5 => {
            let mut methods = rule.mcp.as_mut()?.methods.iter_mut().flatten();
            let method = methods.find(|method| method.params.is_some())?;
            match method.params.as_mut()? {
                params if params.len() > 1 => drop(params.pop()),
                _ => method.params = None,
            }
        }
        6 => {
            let methods = rule.mcp.as_mut()?.methods.as_mut()?;
            let place = numbers.below(methods.len());
            drop((methods.len() > 1).then(|| methods.remove(place)));
        }
        _ => {
            let headers = rule.http.as_mut()?.headers.as_mut()?;
            drop((headers.len() > 1).then(|| headers.pop()));
        }
    }
    Some(())
}
