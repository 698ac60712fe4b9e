//! From valid policies to the compiled form, for one enforcement point.
//!
//! Names are resolved: targets to this gateway and its backends (`resolve`), service
//! accounts to SPIFFE IDs.

use super::check::{Checked, CheckedAuth, CheckedRule, ServicePort, SourceCaller};
use super::edge;
use super::enforcement_point::EnforcementPoint;
use super::resolve::{Resolved, resolve};
use crate::engine::policy::{
    ExternalAuth, GrpcAuth, ObjectName, Oversize, Policy, Protocol, RequestHeaders, Rule,
    SafeInteger, Target,
};
use crate::tool::api::decode::{FieldPlace, Located, Problem};

/// A compiled policy, and where its parts are written.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) policy: Policy,
    /// Where the policy is named.
    pub(super) at: FieldPlace,
    /// Whether it says when it asks.
    pub(super) has_order: bool,
    /// Its rules as they are written, in the order of those of the policy.
    pub(super) written: Vec<Located<CheckedRule>>,
}

/// What is said of targets that are not here.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// Of those that are somewhere else.
    pub(super) notes: Vec<Problem>,
    /// Of those that are nearly here.
    pub(super) warnings: Vec<Problem>,
}

/// Compiles a policy. `None` when it is for other gateways, or when problems were
/// reported; `skipped` says which of its targets are.
pub(super) fn lower(
    checked: &Checked,
    point: &EnforcementPoint,
    skipped: &mut Skipped,
    problems: &mut Vec<Problem>,
) -> Option<Lowered> {
    let mut targets = Vec::new();
    for target in &checked.targets {
        match resolve(target, point) {
            Resolved::Here(target) => targets.push(target),
            Resolved::Elsewhere(note) => skipped.notes.push(note),
            Resolved::Misspelt(warning) => skipped.warnings.push(warning),
            Resolved::Nowhere(problem) => problems.push(problem),
        }
    }
    targets.sort_by(|a, b| order(a).cmp(&order(b)));
    targets.dedup();
    if targets.is_empty() {
        return None;
    }
    let rules = match &checked.rules {
        None => None,
        Some(rules) => {
            let rules: Vec<_> = rules
                .iter()
                .map(|rule| lower_rule(&rule.value, point, problems))
                .collect();
            Some(rules.into_iter().collect::<Option<Vec<Rule>>>()?)
        }
    };
    if let Some(auth) = &checked.external_auth {
        check_forwarding(auth, rules.as_deref(), point, problems);
    }
    let order = checked.order.as_ref();
    let place = order.map_or(0, |order| order.value);
    let external_auth = match &checked.external_auth {
        None => None,
        Some(auth) => Some(lower_auth(auth, place, point, problems)?),
    };
    let Located { value: policy, at } = checked.name.clone();
    Some(Lowered {
        policy: Policy {
            policy,
            action: checked.action,
            mode: checked.mode,
            external_auth,
            targets,
            rules,
        },
        at,
        has_order: order.is_some(),
        written: checked.rules.clone().unwrap_or_default(),
    })
}

/// The Gateway first, then listeners and backends by name.
fn order(target: &Target) -> (u8, Option<&str>, Option<&ObjectName>) {
    match target {
        Target::Gateway => (0, None, None),
        Target::Listener(name) => (1, Some(name), None),
        Target::Backend(backend) => (2, None, Some(backend)),
    }
}

fn lower_rule(
    rule: &CheckedRule,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let CheckedRule {
        name,
        source,
        http,
        mcp,
        cel,
        message,
        is_implied: _,
    } = rule;
    let source = match source {
        None => None,
        Some(source) => Some(spiffe_id(source, point, problems)?),
    };
    if let Some(cel) = cel.as_ref().filter(|_| !point.settings.edge) {
        let reported = problems.len();
        problems.extend(edge::facts_of_clients(cel));
        if problems.len() > reported {
            return None;
        }
    }
    let mcp = mcp.as_ref().map(|mcp| mcp.value.clone());
    Some(Rule {
        name: name.clone(),
        source,
        http: http.clone().map(Box::new),
        mcp,
        cel: cel.as_ref().map(|cel| Box::new(cel.value.clone())),
        message: message.clone(),
    })
}

/// SPEC: semantics of `source.serviceAccount`: the SPIFFE ID that Istio, among
/// others, gives to a service account.
fn spiffe_id(
    caller: &Located<SourceCaller>,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    match (&caller.value, &point.trust_domain) {
        (SourceCaller::Spiffe(id), _) => Some(id.clone()),
        (SourceCaller::ServiceAccount(ObjectName { namespace, name }), Some(domain)) => {
            Some(format!("spiffe://{domain}/ns/{namespace}/sa/{name}"))
        }
        (SourceCaller::ServiceAccount(_), None) => {
            let message = "the enforcement point does not say whose service account this is";
            problems.push(
                Problem::new(&caller.at, message)
                    .help("add `trustDomain: ...` to the enforcement point file"),
            );
            None
        }
    }
}

/// SECURITY: where headers are streamed, no body is awaited of a request that is not MCP:
/// its headers would have gone on, and many servers act on headers alone.
fn check_forwarding(
    auth: &CheckedAuth,
    rules: Option<&[Rule]>,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) {
    let settings = &point.settings;
    let asks_about_others = rules.is_none_or(|rules| rules.iter().any(|rule| rule.mcp.is_none()));
    let mut paths = settings.mcp_paths.iter().flatten();
    if let Some(max_body) = &auth.max_body
        && settings.request_headers == RequestHeaders::Stream
        && settings.external_auth.oversize == Oversize::Reject
        && asks_about_others
        && !paths.any(|path| path == "/")
    {
        let message = "the authorizer is to see bodies of requests that are not MCP, which \
                       `requestHeaders: Stream` does not wait for: they are all rejected";
        problems.push(Problem::new(&max_body.at, message).help(
            "give every rule an `mcp` part (`mcp: {}` is every MCP request), leave `forwardBody` \
             out, say `externalAuth.oversize: Truncate` to ask without the body, or hold headers: \
             `requestHeaders: Hold`",
        ));
    }
}

/// SECURITY: a service of another namespace is asked only where the enforcement point
/// lists it: that entry is what a ReferenceGrant would be.
fn lower_auth(
    auth: &CheckedAuth,
    place: u32,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) -> Option<ExternalAuth> {
    let CheckedAuth {
        protocol,
        service:
            Located {
                value: ServicePort { service, port },
                at,
            },
        max_body,
        copying,
    } = auth;
    let streams = point.settings.request_headers == RequestHeaders::Stream;
    if let Some(at) = copying.as_ref().filter(|_| streams) {
        let message = "headers of the answer are to be copied, and `requestHeaders: Stream` lets \
                       the request's headers go on before";
        problems.push(
            Problem::new(at, message).help(
                "leave `allowedResponseHeaders` out, or hold headers: `requestHeaders: Hold`",
            ),
        );
    }
    let mut services = point.services.iter();
    let Some(known) = services.find(|known| known.service == *service && known.port == *port)
    else {
        let message = format!("the enforcement point does not list the service `{service}:{port}`");
        let ObjectName { namespace, name } = service;
        problems.push(Problem::new(at, message).help(format!(
            "add `services: [{{namespace: {namespace}, name: {name}, port: {port}, cluster: ...}}]` \
             to the enforcement point file, with the Envoy cluster that it is reached by"
        )));
        return None;
    };
    if matches!(protocol, Protocol::Grpc(_)) && known.cluster.len() > GrpcAuth::CLUSTER_LIMIT {
        let limit = GrpcAuth::CLUSTER_LIMIT;
        let message = format!(
            "the name of the Envoy cluster of `{service}:{port}` is longer than {limit} \
             bytes, and none such can be called over gRPC"
        );
        problems.push(Problem::new(at, message).help("give the cluster a shorter name"));
        return None;
    }
    Some(ExternalAuth {
        protocol: protocol.clone(),
        cluster: known.cluster.clone(),
        authority: format!("{}.{}:{port}", service.name, service.namespace),
        max_body: max_body.as_ref().map(|max| max.value),
        order: SafeInteger::from(place),
    })
}
