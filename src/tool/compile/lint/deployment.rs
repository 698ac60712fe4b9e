//! Warnings about all policies of an enforcement point together.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::policy::{
    Action, CalloutHost, Mode, ObjectName, Policy, Protocol, RequestHeaders, Routing, Target,
    Unlisted, Unprotected,
};
use crate::tool::api::decode::{FieldPlace, Located, Problem};
use crate::tool::compile::edge;
use crate::tool::compile::enforcement_point::EnforcementPoint;
use crate::tool::compile::lower::Lowered;

/// More policies on one target than that are hard to keep in mind.
///
/// SPEC: GEP-3779 asks for no more than a handful of policies on a target.
const POLICIES_ON_A_TARGET: usize = 5;

/// What policies are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Site<'p> {
    Gateway,
    Listener(&'p str),
    Backend(&'p ObjectName),
}

impl<'p> From<&'p Target> for Site<'p> {
    fn from(target: &'p Target) -> Self {
        match target {
            Target::Gateway => Self::Gateway,
            Target::Listener(name) => Self::Listener(name),
            Target::Backend(backend) => Self::Backend(backend),
        }
    }
}

/// The policies of each site.
type Sites<'p> = BTreeMap<Site<'p>, Vec<&'p Lowered>>;

/// The warnings about the policies of an enforcement point.
pub(in crate::tool::compile) fn survey(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Vec<Problem> {
    let mut all = Sites::new();
    for lowered in policies {
        for target in &lowered.policy.targets {
            all.entry(target.into()).or_default().push(lowered);
        }
    }
    let mut warnings = Vec::new();
    let of_gateway = all.get(&Site::Gateway).map_or(&[][..], Vec::as_slice);
    for (site, own) in &all {
        let gateway = &point.gateway.value;
        let (name, inherited) = match site {
            Site::Gateway => (format!("Gateway `{gateway}`"), &[][..]),
            Site::Listener(name) => {
                let name = format!("the listener `{name}` of Gateway `{gateway}`");
                (name, of_gateway)
            }
            Site::Backend(backend) => (format!("XBackend `{backend}`"), &[][..]),
        };
        warnings.extend(several_allow(&name, own, inherited, point));
        warnings.extend(many(&name, own));
        warnings.extend(only_asks(&name, own, inherited));
    }
    warnings.extend(unprotected(policies, point));
    warnings.extend(only_refused(policies, point));
    warnings.extend(unjudged(policies, point));
    warnings.extend(point.by_name.as_ref().map(by_name));
    warnings.extend(edge::behind_a_hop(point));
    warnings.extend(point.open_on_error.as_ref().map(open_on_error));
    warnings.extend(not_copied(policies, point));
    warnings.extend(rerouted(policies, point));
    warnings.extend(chosen_by_clients(policies, point));
    warnings
}

/// A Deny policy alone does not turn on default deny, nor does `unprotected` count where
/// there is a policy.
fn only_refused(policies: &[Lowered], point: &EnforcementPoint) -> Option<Problem> {
    let mut enforced = policies
        .iter()
        .filter(|lowered| is_enforced(lowered))
        .peekable();
    enforced.peek()?;
    let refuse = enforced.all(|lowered| lowered.policy.action == Action::Deny);
    refuse.then(|| {
        let message = "every policy refuses: what none of them matches is allowed";
        Problem::new(&point.gateway.at, message).help("add an Allow policy that says what may pass")
    })
}

/// The sites that something is enforced at, and those that are left open.
fn unjudged(policies: &[Lowered], point: &EnforcementPoint) -> Vec<Problem> {
    let enforced = policies.iter().filter(|lowered| is_enforced(lowered));
    let targets = enforced.flat_map(|lowered| &lowered.policy.targets);
    let protected: BTreeSet<Site<'_>> = targets.map(Site::from).collect();
    if protected.contains(&Site::Gateway) {
        open_backends(&protected, point).into_iter().collect()
    } else if protected.is_empty() {
        Vec::new()
    } else {
        vec![open_gateway(&protected, point)]
    }
}

fn is_enforced(lowered: &Lowered) -> bool {
    lowered.policy.mode == Mode::Enforce
}

/// `own` are for the target itself, `inherited` for what it is a part of.
fn several_allow(
    target: &str,
    own: &[&Lowered],
    inherited: &[&Lowered],
    point: &EnforcementPoint,
) -> Option<Problem> {
    let is_allow =
        |lowered: &&&Lowered| is_enforced(lowered) && lowered.policy.action == Action::Allow;
    let first = *own.iter().find(is_allow)?;
    let is_other = |lowered: &&&Lowered| lowered.policy.policy != first.policy.policy;
    let all = own.iter().chain(inherited).filter(is_allow);
    let rest: BTreeMap<&ObjectName, &Lowered> = all
        .filter(is_other)
        .map(|lowered| (&lowered.policy.policy, *lowered))
        .collect();
    if point.says_allow_policies || rest.is_empty() {
        return None;
    }
    let names: Vec<String> = std::iter::once(first)
        .chain(rest.values().copied())
        .map(|l| format!("`{}`", l.policy.policy))
        .collect();
    let count = names.len();
    let message = format!("{target} has {count} Allow policies: {}", names.join(", "));
    let mut problem = Problem::new(&first.at, message).help(
        "say in the enforcement point how they combine: `allowPolicies: All` (as now): a request \
         needs all of them; `allowPolicies: Any`: it needs one of them",
    );
    for lowered in rest.values() {
        problem = problem.related(lowered.at.span, "and this one");
    }
    Some(problem)
}

fn many(target: &str, policies: &[&Lowered]) -> Option<Problem> {
    let first = policies.first()?;
    let names: BTreeSet<_> = policies
        .iter()
        .map(|lowered| &lowered.policy.policy)
        .collect();
    let count = names.len();
    (count > POLICIES_ON_A_TARGET).then(|| {
        Problem::new(&first.at, format!("{target} has {count} policies")).help(format!(
            "more than {POLICIES_ON_A_TARGET} are hard to keep in mind; merge some"
        ))
    })
}

fn unprotected(policies: &[Lowered], point: &EnforcementPoint) -> Option<Problem> {
    let gateway = &point.gateway;
    match (point.settings.unprotected, &point.unprotected) {
        (Unprotected::Allow, at) => {
            let at = at.as_ref().unwrap_or(&gateway.at);
            let message = match policies {
                [] => "there is no policy, and `unprotected: Allow`: everything is allowed",
                _ => "with `unprotected: Allow` everything is allowed when the last policy goes",
            };
            Some(Problem::new(at, message).help("`unprotected: Deny` is the default"))
        }
        (Unprotected::Deny, _) if !policies.is_empty() && !policies.iter().any(is_enforced) => {
            let message = format!(
                "every policy for Gateway `{}` and what is behind it is in Audit mode, which \
                 enforces nothing: everything is refused",
                gateway.value
            );
            Some(
                Problem::new(&gateway.at, message)
                    .help("say `unprotected: Allow` for as long as nothing is to be enforced"),
            )
        }
        (Unprotected::Deny, _) if policies.is_empty() => {
            let message = format!(
                "no policy is for Gateway `{}` or a backend behind it: everything is refused",
                gateway.value
            );
            Some(Problem::new(&gateway.at, message).help(
                "check the `targetRefs` and namespaces of the policies, and this file's `gateway` \
                 and `backends`",
            ))
        }
        (Unprotected::Deny, _) => None,
    }
}

/// Servers act on the uri, and nobody makes sure that the name is its own.
fn by_name(at: &FieldPlace) -> Problem {
    let message = "resources are judged by `params.name`, which servers ignore: a caller can get \
                   any resource under a name that is listed";
    Problem::new(at, message).help("`resourceParam: Uri` is the default, and lists of uris hold")
}

/// Whoever can keep an authorizer from answering gets round it.
fn open_on_error(at: &FieldPlace) -> Problem {
    let message = "with `onError: Allow` requests go on that an authorizer was to judge and did \
                   not: whoever can make it unreachable or slow gets past it";
    Problem::new(at, message).help("`onError: Deny` is the default")
}

/// What matches no rule of a policy that asks is not refused by it.
fn only_asks(target: &str, own: &[&Lowered], inherited: &[&Lowered]) -> Option<Problem> {
    let has = |action| {
        let mut all = own.iter().chain(inherited);
        all.any(|lowered| is_enforced(lowered) && lowered.policy.action == action)
    };
    let narrow = own.iter().find(|lowered| {
        let Policy { action, rules, .. } = &lowered.policy;
        is_enforced(lowered) && *action == Action::ExternalAuth && rules.is_some()
    })?;
    (!has(Action::Allow)).then(|| {
        let message = format!(
            "{target} has no Allow policy: what matches no rule of `{}` goes on unasked",
            narrow.policy.policy
        );
        Problem::new(&narrow.at, message)
            .help("add an Allow policy that says what may pass, or leave `rules` out")
    })
}

/// SPEC: without a list all headers of an answer are to be copied. Where the request's
/// headers have gone on that cannot be done, and hosts that always stream could ask nobody.
fn not_copied(policies: &[Lowered], point: &EnforcementPoint) -> Vec<Problem> {
    let streams = point.settings.request_headers == RequestHeaders::Stream;
    let asking = policies
        .iter()
        .filter(|lowered| streams && is_enforced(lowered));
    asking
        .filter_map(|lowered| {
            let (message, help) = match lowered.policy.external_auth.as_ref()?.protocol {
                Protocol::Http(_) => (
                    "with `requestHeaders: Stream` no header of the authorizer's answer reaches \
                     the server, and what the client sends under such a name does",
                    "let the server trust none of them, or hold headers: `requestHeaders: Hold`",
                ),
                Protocol::Grpc(_) => (
                    "with `requestHeaders: Stream` a request is refused when the authorizer's \
                     answer changes its headers or its query",
                    "let it change nothing, or hold headers: `requestHeaders: Hold`",
                ),
            };
            Some(Problem::new(&lowered.at, message).help(help))
        })
        .collect()
}

/// By the client's host the authorizer's cluster may choose who is asked, where it serves
/// more than the authorizer: another service, or a backend.
fn chosen_by_clients(policies: &[Lowered], point: &EnforcementPoint) -> Vec<Problem> {
    let is_clients = point.settings.external_auth.host == CalloutHost::Client;
    let asking = policies
        .iter()
        .filter(|lowered| is_clients && is_enforced(lowered));
    asking
        .filter_map(|lowered| {
            let auth = lowered.policy.external_auth.as_ref()?;
            matches!(auth.protocol, Protocol::Http(_)).then_some(())?;
            let services = point.services.iter();
            let services: BTreeSet<&ObjectName> = services
                .filter(|service| service.cluster == auth.cluster)
                .map(|service| &service.service)
                .collect();
            let mut backends = point.backends.iter();
            let serves_backend = backends.any(|backend| backend.clusters.contains(&auth.cluster));
            (services.len() > 1 || serves_backend).then_some(())?;
            let message = format!(
                "the authorizer's cluster `{}` serves others too, and the authorizer is called \
                 with the client's `Host`: by it a client may choose who is asked",
                auth.cluster
            );
            let help = "`externalAuth: {host: Service}` in the enforcement point names the \
                        authorizer itself; or give it a cluster of its own";
            Some(Problem::new(&lowered.at, message).help(help))
        })
        .collect()
}

/// SECURITY: Envoy chooses a route again when a header changes, and does not say which, so
/// that requests which authorizers change have to be allowed wherever one may lead.
fn rerouted(policies: &[Lowered], point: &EnforcementPoint) -> Option<Problem> {
    let settings = &point.settings;
    let asks = |lowered: &&Lowered| is_enforced(lowered) && lowered.policy.external_auth.is_some();
    let asking = policies.iter().find(asks)?;
    let name = &asking.policy.policy;
    let mut enforced = policies.iter().filter(|lowered| is_enforced(lowered));
    let backends_differ = point.backends.len() > 1
        && enforced.any(|lowered| {
            let mut targets = lowered.policy.targets.iter();
            targets.any(|target| matches!(target, Target::Backend(_)))
        });
    let leaves_others = settings.unlisted == Unlisted::Gateway && !point.backends.is_empty();
    let consequence = match (backends_differ, leaves_others) {
        (_, true) => "denied, because a route may lead them to a cluster that is not listed",
        (true, false) => {
            "denied unless every listed backend allows them, because a route may lead them to any"
        }
        (false, false) => return None,
    };
    let matters = settings.external_auth.routing == Routing::Unknown
        && settings.request_headers == RequestHeaders::Hold;
    matters.then(|| {
        let message = format!("requests that the authorizer of `{name}` changes are {consequence}");
        Problem::new(&asking.at, message).help(
            "say `externalAuth: {routing: Fixed}` if no route matches on a header or query \
             parameter that authorizers set or remove",
        )
    })
}

/// A level without policies passes. A backend may be left to the Gateway's policies;
/// or the policy meant for it names it wrongly.
fn open_backends(protected: &BTreeSet<Site<'_>>, point: &EnforcementPoint) -> Option<Problem> {
    let open = unprotected_backends(protected, point);
    if open.is_empty() {
        return None;
    }
    let message = format!(
        "no policy is for XBackend {}: what passes the Gateway may do everything there",
        open.join(", ")
    );
    let is_open = |known: &&Located<ObjectName>| !protected.contains(&Site::Backend(&known.value));
    let mut places = point.backend_names.iter().filter(is_open);
    let first = places.next().map_or(&point.gateway.at, |known| &known.at);
    let problem = Problem::new(first, message)
        .help("check the names in `targetRefs`, or add a policy for it");
    Some(places.fold(problem, |problem, known| {
        problem.related(known.at.span, "and this one")
    }))
}

/// The backends that nothing is enforced at, quoted.
fn unprotected_backends(protected: &BTreeSet<Site<'_>>, point: &EnforcementPoint) -> Vec<String> {
    let backends = point.backends.iter().map(|backend| &backend.backend);
    backends
        .filter(|backend| !protected.contains(&Site::Backend(backend)))
        .map(|backend| format!("`{backend}`"))
        .collect()
}

/// A level without policies passes: without one on the Gateway, only requests to
/// listeners and backends that have policies are judged at all.
fn open_gateway(protected: &BTreeSet<Site<'_>>, point: &EnforcementPoint) -> Problem {
    let gateway = &point.gateway;
    let has_listeners = protected
        .iter()
        .any(|site| matches!(site, Site::Listener(_)));
    let has_backends = protected
        .iter()
        .any(|site| matches!(site, Site::Backend(_)));
    let listeners = point.listeners.iter().map(|listener| &listener.name);
    let open_listeners: Vec<String> = listeners
        .filter(|name| has_listeners && !protected.contains(&Site::Listener(name)))
        .map(|name| format!("on the listener `{name}`"))
        .collect();
    let open_backends: Vec<String> = unprotected_backends(protected, point)
        .into_iter()
        .map(|backend| format!("to {backend}"))
        .collect();
    let open = [open_listeners, open_backends].concat();
    let open = match open.as_slice() {
        [] => String::new(),
        open => format!(
            "requests {} are allowed there without being judged, and ",
            open.join(", ")
        ),
    };
    let unknown = match (has_listeners, has_backends) {
        (true, true) => "ports and clusters",
        (true, false) => "ports",
        (false, _) => "clusters",
    };
    let message = format!(
        "no policy is for Gateway `{}` itself: {open}for {unknown} that are not listed \
         `unprotected` decides",
        gateway.value
    );
    Problem::new(&gateway.at, message)
        .help("add a policy for the Gateway that says what may pass it")
}
