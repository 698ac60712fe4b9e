//! What there is to ask about.

use std::collections::BTreeSet;

use crate::mcp::Method;
use crate::policy::{CompiledPolicy, MethodName, Policy};

/// Callers, places and things: all that policies name, and what they do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Universe {
    /// SPIFFE IDs, in order; `None`, the last, is anybody else.
    pub callers: Vec<Option<String>>,
    /// Where requests arrive and go to.
    pub places: Vec<Place>,
    /// What can be asked, in the order in which it is shown.
    pub asks: Vec<Ask>,
}

/// Where requests arrive and go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// A cluster; `None` is one of no backend.
    pub cluster: Option<String>,
    /// The port of a listener; `None` is another one.
    pub port: Option<u64>,
}

/// Something that a request can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The method as it is called; of what is no message, what it is.
    pub name: &'static str,
    /// What it acts on.
    pub acted: Acted,
    /// What it is shown with.
    pub group: Group,
}

/// What a method acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// Nothing that is named.
    Nothing,
    /// A thing that some policy names.
    Named(Kind, String),
    /// A thing that none does. The name is one of these.
    Other(Kind, String),
    /// A resource without a name, where resources are judged by their names.
    Unnamed,
}

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `tools/…`
    Tool,
    /// `prompts/…`
    Prompt,
    /// `resources/…`
    Resource,
}

/// What belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What begins and ends sessions, and lists tools.
    Session,
    /// The rest of the base protocol.
    Base,
    /// Completion, which is base protocol, and acts on things.
    Completion,
    /// Methods of tools, prompts and resources.
    Things(Kind),
    /// Methods that no rule can name.
    Rest,
    /// What is not MCP.
    Http,
}

impl Kind {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }
}

impl Universe {
    /// All that some compiled policies name.
    pub fn of(compiled: &[&CompiledPolicy]) -> Self {
        let policies = || compiled.iter().flat_map(|compiled| &compiled.policies);
        let rules = policies().flat_map(|policy| policy.rules.iter().flatten());
        let callers: BTreeSet<String> = rules.filter_map(|rule| rule.source.clone()).collect();
        Self {
            callers: callers.into_iter().map(Some).chain([None]).collect(),
            places: places(compiled),
            asks: asks(
                &named(policies(), &[MethodName::ToolsCall]),
                &named(policies(), &[MethodName::PromptsGet]),
                &named(
                    policies(),
                    &[
                        MethodName::ResourcesRead,
                        MethodName::ResourcesSubscribe,
                        MethodName::ResourcesUnsubscribe,
                    ],
                ),
                compiled.iter().any(|one| one.settings.mcp_paths.is_some()),
                compiled
                    .iter()
                    .any(|one| !one.settings.resource_param.is_uri()),
            ),
        }
    }
}

fn places(compiled: &[&CompiledPolicy]) -> Vec<Place> {
    let backends = compiled.iter().flat_map(|compiled| &compiled.backends);
    let clusters: BTreeSet<&String> = backends.flat_map(|backend| &backend.clusters).collect();
    let listeners = compiled.iter().flat_map(|compiled| &compiled.listeners);
    let ports: BTreeSet<u64> = listeners.map(|listener| listener.port.get()).collect();
    let clusters = clusters.into_iter().cloned().map(Some).chain([None]);
    clusters
        .flat_map(|cluster| {
            let ports = ports.iter().copied().map(Some).chain([None]);
            ports.map(move |port| Place {
                cluster: cluster.clone(),
                port,
            })
        })
        .collect()
}

/// The things that rules list for some methods.
fn named<'p>(
    policies: impl Iterator<Item = &'p Policy>,
    methods: &[MethodName],
) -> BTreeSet<String> {
    let rules = policies.flat_map(|policy| policy.rules.iter().flatten());
    let listed =
        rules.flat_map(|rule| rule.mcp.iter().flat_map(|mcp| mcp.methods.iter().flatten()));
    let of_these = listed.filter(|method| methods.contains(&method.name));
    of_these
        .flat_map(|method| method.params.iter().flatten().cloned())
        .collect()
}

/// What stands for requests that are no MCP message.
pub(super) const GET: &str = "GET";
pub(super) const DELETE: &str = "DELETE";
pub(super) const OPTIONS: &str = "OPTIONS";
pub(super) const RESPONSE: &str = "responses to the server";
pub(super) const HTTP: &str = "requests that are not MCP";

fn asks(
    tools: &BTreeSet<String>,
    prompts: &BTreeSet<String>,
    resources: &BTreeSet<String>,
    has_http: bool,
    by_name: bool,
) -> Vec<Ask> {
    let mut asks = Vec::new();
    let mut plain = |group, names: &[&'static str]| {
        asks.extend(names.iter().map(|name| Ask {
            name,
            acted: Acted::Nothing,
            group,
        }));
    };
    plain(
        Group::Session,
        &[
            "initialize",
            "server/discover",
            "notifications/initialized",
            "tools/list",
            GET,
            DELETE,
        ],
    );
    plain(
        Group::Base,
        &[
            "ping",
            "logging/setLevel",
            "notifications/cancelled",
            "completion/other",
        ],
    );
    let mut acting = |group, name, kind, named: &BTreeSet<String>| {
        let things = named.iter().map(|thing| Acted::Named(kind, thing.clone()));
        let things = things.chain([Acted::Other(kind, other(kind, named))]);
        let unnamed = (by_name && kind == Kind::Resource).then_some(Acted::Unnamed);
        let things = things.chain(unnamed);
        asks.extend(things.map(|acted| Ask { name, acted, group }));
    };
    acting(
        Group::Completion,
        "completion/complete",
        Kind::Prompt,
        prompts,
    );
    acting(
        Group::Completion,
        "completion/complete",
        Kind::Resource,
        resources,
    );
    acting(Group::Things(Kind::Tool), "tools/call", Kind::Tool, tools);
    acting(
        Group::Things(Kind::Prompt),
        "prompts/get",
        Kind::Prompt,
        prompts,
    );
    for name in [
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
    ] {
        acting(
            Group::Things(Kind::Resource),
            name,
            Kind::Resource,
            resources,
        );
    }
    let mut plain = |group, names: &[&'static str]| {
        asks.extend(names.iter().map(|name| Ask {
            name,
            acted: Acted::Nothing,
            group,
        }));
    };
    plain(Group::Things(Kind::Tool), &["tools/other"]);
    plain(
        Group::Things(Kind::Prompt),
        &["prompts/list", "prompts/other"],
    );
    plain(
        Group::Things(Kind::Resource),
        &[
            "resources/list",
            "resources/templates/list",
            "resources/other",
        ],
    );
    plain(Group::Rest, &["tasks/list", "other", RESPONSE, OPTIONS]);
    if has_http {
        plain(Group::Http, &[HTTP]);
    }
    asks
}

/// A name that is none of these.
fn other(kind: Kind, named: &BTreeSet<String>) -> String {
    let mut name = format!("any other {}", kind.as_str());
    while named.contains(&name) {
        name.push('\'');
    }
    name
}

impl Ask {
    /// What the method means.
    pub(super) fn method(&self) -> Method {
        Method::new(self.name)
    }

    /// The thing's name, if it acts on one.
    pub fn thing(&self) -> Option<&str> {
        match &self.acted {
            Acted::Nothing => None,
            Acted::Named(_, name) | Acted::Other(_, name) => Some(name),
            Acted::Unnamed => Some("any resource without name"),
        }
    }
}
