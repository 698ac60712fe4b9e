//! Compiled policies.

use accesspolicy::engine::policy::{
    Action, AllowPolicies, AskSettings, Backend, BaseProtocol, CompiledPolicy, DenialForm,
    IdentitySource, Limits, Listener, Mcp, MethodMatch, MethodName, Mode, ObjectName, Policy,
    RequestHeaders, ResourceParam, Rule, SCHEMA_VERSION, SafeInteger, Settings, Target,
    UnknownMembers, Unlisted, Unprotected,
};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::http::http;
use super::words::{BACKENDS, CALLERS, LISTENERS, MCP_PATH, PROMPTS, TOOLS, URIS};
use crate::cel;

/// Policies in an order of their own; every path carries MCP, or only one.
pub fn document(every_path: bool) -> impl Strategy<Value = CompiledPolicy> {
    (settings(every_path), policies()).prop_map(|(settings, policies)| CompiledPolicy {
        schema_version: SafeInteger::from(SCHEMA_VERSION),
        digest: format!("sha256:{}", "0".repeat(64)),
        seal: None,
        gateway: name("n", "g"),
        settings,
        listeners: LISTENERS
            .iter()
            .map(|(name, port)| Listener {
                name: (*name).to_owned(),
                port: SafeInteger::from(*port),
            })
            .collect(),
        backends: BACKENDS
            .iter()
            .map(|(backend, clusters)| Backend {
                backend: name("n", backend),
                clusters: clusters.iter().map(|it| (*it).to_owned()).collect(),
            })
            .collect(),
        policies,
    })
}

fn settings(every_path: bool) -> impl Strategy<Value = Settings> {
    let headers = select(&[RequestHeaders::Hold, RequestHeaders::Stream][..]);
    let denial = select(&[DenialForm::JsonRpc, DenialForm::Http403, DenialForm::Hide][..]);
    (
        select(&[AllowPolicies::All, AllowPolicies::Any][..]),
        select(&[Unprotected::Deny, Unprotected::Allow][..]),
        select(&[Unlisted::Deny, Unlisted::Gateway, Unlisted::Gateway][..]),
        headers,
        denial,
        select(&[UnknownMembers::Reject, UnknownMembers::Pass][..]),
    )
        .prop_map(
            move |(
                allow_policies,
                unprotected,
                unlisted,
                request_headers,
                denial,
                unknown_members,
            )| {
                Settings {
                    identity: IdentitySource::PeerCertificate,
                    allow_policies,
                    unprotected,
                    unlisted,
                    on_revocation: accesspolicy::engine::policy::OnRevocation::Keep,
                    resource_param: ResourceParam::Uri,
                    request_headers,
                    mcp_paths: match (every_path, request_headers) {
                        (false, _) => Some(vec![MCP_PATH.to_owned()]),
                        (true, RequestHeaders::Stream) => Some(vec!["/".to_owned()]),
                        (true, RequestHeaders::Hold) => None,
                    },
                    unknown_members,
                    denial,
                    limits: Limits {
                        body_bytes: SafeInteger::from(1 << 20),
                        depth: SafeInteger::from(64),
                        keys: SafeInteger::from(Limits::KEYS),
                        body_timeout: Limits::BODY_TIMEOUT,
                    },
                    external_auth: AskSettings::default(),
                    edge: true,
                    ports: Vec::new(),
                    log_allowed_per_million: SafeInteger::default(),
                }
            },
        )
}

/// Names in no order, which differ by namespace or by name.
const POLICIES: [(&str, &str); 4] = [("m", "q"), ("n", "p"), ("m", "r"), ("m-", "a")];

/// Up to as many policies as there are names.
fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let there = |chance| weighted(chance, policy());
    (there(0.9), there(0.6), there(0.4), there(0.25))
        .prop_map(|(a, b, c, d)| {
            let there = POLICIES.into_iter().zip([a, b, c, d]);
            there
                .filter_map(|((namespace, of), policy)| {
                    let policy: Policy = policy?;
                    Some(Policy {
                        policy: name(namespace, of),
                        ..policy
                    })
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// A policy that any name can be given to.
pub fn policy() -> BoxedStrategy<Policy> {
    let action = prop_oneof![3 => Just(Action::Allow), 1 => Just(Action::Deny)];
    let mode = prop_oneof![5 => Just(Mode::Enforce), 1 => Just(Mode::Audit)];
    (action, mode, targets(), weighted(0.93, rules()))
        .prop_map(|(action, mode, targets, rules)| Policy {
            policy: name("n", "any"),
            action,
            mode,
            external_auth: None,
            targets,
            rules,
        })
        .boxed()
}

fn targets() -> impl Strategy<Value = Vec<Target>> {
    let listeners = LISTENERS.map(|(listener, _)| Target::Listener(listener.to_owned()));
    let backends = BACKENDS.map(|(backend, _)| Target::Backend(name("n", backend)));
    prop_oneof![
        5 => Just(vec![Target::Gateway]),
        2 => subsequence(listeners.to_vec(), 1..=2).prop_shuffle(),
        5 => subsequence(backends.to_vec(), 1..=2).prop_shuffle(),
        1 => Just(vec![Target::Gateway, Target::Listener("inside".to_owned())]),
    ]
}

/// Names in no order.
const RULES: [&str; 3] = ["s", "r", "s-1"];

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let there = |chance| weighted(chance, rule());
    (rule(), there(0.6), there(0.4))
        .prop_map(|(first, second, third)| {
            let rules = [Some(first), second, third].into_iter().flatten();
            rules
                .zip(RULES)
                .map(|(rule, name)| Rule {
                    name: name.to_owned(),
                    ..rule
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// A rule that any name can be given to.
fn rule() -> BoxedStrategy<Rule> {
    let source = select(&CALLERS[..]).prop_map(str::to_owned);
    (
        weighted(0.5, source),
        weighted(0.3, http()),
        weighted(0.75, mcp()),
        weighted(0.2, select(cel::programs())),
    )
        .prop_map(|(source, http, mcp, cel)| Rule {
            name: String::new(),
            source,
            http: http.map(Box::new),
            mcp,
            cel: cel.map(Box::new),
            message: None,
        })
        .boxed()
}

fn mcp() -> BoxedStrategy<Mcp> {
    let methods = proptest::collection::vec(method(), 1..=3);
    (weighted(0.85, methods), base_protocol())
        .prop_map(|(mut methods, base_protocol)| {
            // A document has each method once.
            if let Some(methods) = &mut methods {
                methods.sort_by_key(|method| method.name);
                methods.dedup_by_key(|method| method.name);
            }
            Mcp {
                methods,
                base_protocol,
            }
        })
        .boxed()
}

fn base_protocol() -> impl Strategy<Value = BaseProtocol> {
    select(
        &[
            BaseProtocol::None,
            BaseProtocol::Session,
            BaseProtocol::Full,
        ][..],
    )
}

fn method() -> BoxedStrategy<MethodMatch> {
    let names = |names: &'static [&str]| {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        weighted(0.75, subsequence(names, 1..=2).prop_shuffle())
    };
    let with = |name, params: BoxedStrategy<Option<Vec<String>>>| {
        params.prop_map(move |params| MethodMatch { name, params })
    };
    use MethodName::*;
    prop_oneof![
        4 => with(ToolsCall, names(&TOOLS).boxed()),
        3 => with(PromptsGet, names(&PROMPTS).boxed()),
        3 => with(ResourcesRead, names(&URIS).boxed()),
        2 => with(ResourcesSubscribe, names(&URIS).boxed()),
        1 => with(ResourcesUnsubscribe, names(&URIS).boxed()),
        4 => select(&MethodName::ALL[..]).prop_map(|name| MethodMatch { name, params: None }),
    ]
    .boxed()
}

fn name(namespace: &str, name: &str) -> ObjectName {
    ObjectName {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}
