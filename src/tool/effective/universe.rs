//! What there is to ask about.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::names::quoted;
use crate::engine::mcp::Method;
use crate::engine::policy::{CompiledPolicy, MethodName, Policy};
use crate::engine::uri;

/// Callers, places and things: all that policies name, and what they do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Universe {
    /// SPIFFE IDs, in order; `None`, the last, is anybody else.
    pub callers: Vec<Option<String>>,
    /// Where requests arrive and go to.
    pub places: Vec<Destination>,
    /// What can be asked, in the order in which it is shown.
    pub asks: Vec<Query>,
}

/// Where requests arrive and go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// A cluster of some backend.
    pub cluster: At<String>,
    /// The port of a listener.
    pub port: At<u64>,
}

/// One of what there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum At<T> {
    /// One that the policies know.
    Known(T),
    /// Another one.
    Other,
    /// Envoy does not say which.
    Unsaid,
}

impl<T> At<T> {
    /// That which the policies know.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Other | Self::Unsaid => None,
        }
    }
}

/// Something that a request can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The method as it is called; of what is no message, what it is.
    pub name: &'static str,
    /// The same, as a request calls it.
    pub called: String,
    /// What it acts on.
    pub acted: ObjectPattern,
    /// What it is shown with.
    pub group: Section,
}

/// What a method acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectPattern {
    /// Nothing that is named.
    Nothing,
    /// A thing that some policy names.
    Named(QueryKind, String),
    /// A thing that none does, by a name that stands for all such.
    Other(QueryKind, String),
    /// A resource without a name, where resources are judged by their names.
    Unnamed,
    /// A resource by another spelling of a uri that some policy names.
    Respelt(String),
    /// Whatever a method that no version knows names.
    Something,
}

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueryKind {
    /// `tools/…`
    Tool,
    /// `prompts/…`
    Prompt,
    /// `resources/…`
    Resource,
}

/// What belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What begins and ends sessions, and lists tools.
    Session,
    /// The rest of the base protocol.
    Base,
    /// Completion, which is base protocol, and acts on things.
    Completion,
    /// Methods of tools, prompts and resources.
    Things(QueryKind),
    /// Methods that no version knows.
    Unknown,
    /// What else no rule can name.
    Rest,
    /// What is not MCP.
    Http,
}

impl QueryKind {
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
        let tools = named(policies(), &[MethodName::ToolsCall]);
        let prompts = named(policies(), &[MethodName::PromptsGet]);
        let resources = named(
            policies(),
            &[
                MethodName::ResourcesRead,
                MethodName::ResourcesSubscribe,
                MethodName::ResourcesUnsubscribe,
            ],
        );
        let has_http = compiled.iter().any(|one| one.settings.mcp_paths.is_some());
        let mut compiled_by_name = compiled.iter();
        let by_name = compiled_by_name.any(|one| !one.settings.resource_param.is_uri());
        let mut asks = asks(&tools, &prompts, &resources, has_http, by_name);
        call_unknown(&mut asks, [&tools, &prompts, &resources]);
        Self {
            callers: callers.into_iter().map(Some).chain([None]).collect(),
            places: places(compiled),
            asks,
        }
    }

    /// The same, with all that may make a difference between them: requests of which Envoy
    /// does not say where they go, other spellings of what is named, and methods that no
    /// version knows, which policies that refuse take for what they name.
    pub fn compared(compiled: &[&CompiledPolicy]) -> Self {
        let Self {
            callers,
            mut places,
            mut asks,
        } = Self::of(compiled);
        let clusters: BTreeSet<At<String>> = places.iter().map(|at| at.cluster.clone()).collect();
        let ports: BTreeSet<At<u64>> = places.iter().map(|at| at.port.clone()).collect();
        places.extend(ports.into_iter().map(|port| Destination {
            cluster: At::Unsaid,
            port,
        }));
        places.extend(clusters.into_iter().map(|cluster| Destination {
            cluster,
            port: At::Unsaid,
        }));
        let named = |kind| {
            let of_kind = asks.iter().filter_map(move |ask| match &ask.acted {
                ObjectPattern::Named(known, name) if *known == kind => Some(name.clone()),
                _ => None,
            });
            of_kind.collect::<BTreeSet<String>>()
        };
        let resources = named(QueryKind::Resource);
        let things: BTreeSet<String> = [QueryKind::Tool, QueryKind::Prompt]
            .into_iter()
            .flat_map(named)
            .chain(resources.iter().cloned())
            .collect();
        let mut more = vec![Query {
            name: "tools/call",
            called: String::new(),
            acted: ObjectPattern::Other(QueryKind::Tool, DIGEST.to_owned()),
            group: Section::Things(QueryKind::Tool),
        }];
        for (name, group) in RESPELT {
            more.extend(resources.iter().map(|uri| Query {
                name,
                called: String::new(),
                acted: ObjectPattern::Respelt(uri.clone()),
                group,
            }));
        }
        // Base protocol, but only where it names nothing.
        more.extend(
            [ObjectPattern::Nothing, ObjectPattern::Something].map(|acted| Query {
                name: "completion/other",
                called: String::new(),
                acted,
                group: Section::Unknown,
            }),
        );
        asks.extend(more);
        call_unknown(&mut asks, [&things]);
        Self {
            callers,
            places,
            asks,
        }
    }
}

/// A tool by the other name that `FastMCP` has for each, which may be any.
const DIGEST: &str = "000000000000_name";

/// Methods that act on resources.
const RESPELT: [(&str, Section); 4] = [
    ("completion/complete", Section::Completion),
    ("resources/read", Section::Things(QueryKind::Resource)),
    ("resources/subscribe", Section::Things(QueryKind::Resource)),
    (
        "resources/unsubscribe",
        Section::Things(QueryKind::Resource),
    ),
];

fn places(compiled: &[&CompiledPolicy]) -> Vec<Destination> {
    let backends = compiled.iter().flat_map(|compiled| &compiled.backends);
    let clusters: BTreeSet<&String> = backends.flat_map(|backend| &backend.clusters).collect();
    let listeners = compiled.iter().flat_map(|compiled| &compiled.listeners);
    let ports: BTreeSet<u64> = listeners.map(|listener| listener.port.get()).collect();
    let clusters = clusters.into_iter().cloned().map(At::Known);
    clusters
        .chain([At::Other])
        .flat_map(|cluster| {
            let ports = ports.iter().copied().map(At::Known).chain([At::Other]);
            ports.map(move |port| Destination {
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
) -> Vec<Query> {
    let mut asks = Vec::new();
    let mut plain = |group, names: &[&'static str]| {
        asks.extend(names.iter().map(|name| Query {
            name,
            called: String::new(),
            acted: ObjectPattern::Nothing,
            group,
        }));
    };
    plain(
        Section::Session,
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
        Section::Base,
        &["ping", "logging/setLevel", "notifications/cancelled"],
    );
    let mut acting = |group, name, kind, named: &BTreeSet<String>| {
        let things = named
            .iter()
            .map(|thing| ObjectPattern::Named(kind, thing.clone()));
        let things = things.chain([ObjectPattern::Other(kind, other(kind, named))]);
        let unnamed = (by_name && kind == QueryKind::Resource).then_some(ObjectPattern::Unnamed);
        let things = things.chain(unnamed);
        asks.extend(things.map(|acted| Query {
            name,
            called: String::new(),
            acted,
            group,
        }));
    };
    acting(
        Section::Completion,
        "completion/complete",
        QueryKind::Prompt,
        prompts,
    );
    acting(
        Section::Completion,
        "completion/complete",
        QueryKind::Resource,
        resources,
    );
    acting(
        Section::Things(QueryKind::Tool),
        "tools/call",
        QueryKind::Tool,
        tools,
    );
    acting(
        Section::Things(QueryKind::Prompt),
        "prompts/get",
        QueryKind::Prompt,
        prompts,
    );
    for name in [
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
    ] {
        acting(
            Section::Things(QueryKind::Resource),
            name,
            QueryKind::Resource,
            resources,
        );
    }
    let mut plain = |group, names: &[&'static str]| {
        asks.extend(names.iter().map(|name| Query {
            name,
            called: String::new(),
            acted: ObjectPattern::Nothing,
            group,
        }));
    };
    plain(Section::Things(QueryKind::Prompt), &["prompts/list"]);
    plain(
        Section::Things(QueryKind::Resource),
        &["resources/list", "resources/templates/list"],
    );
    plain(
        Section::Unknown,
        &["tools/other", "prompts/other", "resources/other", "other"],
    );
    plain(Section::Rest, &["tasks/list", RESPONSE, OPTIONS]);
    if has_http {
        plain(Section::Http, &[HTTP]);
    }
    asks
}

/// A name that is none of these, nor another spelling of one.
fn other(kind: QueryKind, named: &BTreeSet<String>) -> String {
    let is_named = |name: &String| {
        let forms = uri::asked_among_others(name);
        named.contains(name)
            || named.iter().any(|known| {
                let known = uri::listed(known);
                forms.iter().any(|form| known.contains(form))
            })
    };
    // SECURITY: whoever writes the policies knows these names. Each that is listed is one of
    // them, or of one scheme, but for uris that may be any: of those there is no other.
    let names = (0..=named.len()).map(|number| match kind {
        QueryKind::Resource => format!("any-other{number}:resource"),
        QueryKind::Tool | QueryKind::Prompt => format!("any other {} {number}", kind.as_str()),
    });
    let mut last = String::new();
    for name in names {
        if !is_named(&name) {
            return name;
        }
        last = name;
    }
    last
}

/// Calls methods that stand for others by a word that is in no name.
fn call_unknown<const N: usize>(asks: &mut [Query], named: [&BTreeSet<String>; N]) {
    let mut word = UNKNOWN_WORD.to_owned();
    let is_in_one = |word: &str| {
        let mut named = named.iter().copied().flatten();
        named.any(|name| name.contains(word))
    };
    while is_in_one(&word) {
        word.push('x');
    }
    for ask in asks {
        ask.called = ask.name.replace(UNKNOWN_WORD, &word);
    }
}

/// What stands in methods for any other word.
const UNKNOWN_WORD: &str = "other";

impl Query {
    /// What the method means.
    pub(super) fn method(&self) -> Method {
        Method::new(&self.called)
    }

    /// The thing that it acts on, in words.
    pub fn thing(&self) -> Option<Cow<'_, str>> {
        let named: &str = match &self.acted {
            ObjectPattern::Nothing => return None,
            ObjectPattern::Named(_, name) => return Some(quoted(name)),
            ObjectPattern::Other(_, name) if name == DIGEST => name,
            ObjectPattern::Other(kind, _) => {
                return Some(Cow::Owned(format!("any other {}", kind.as_str())));
            }
            ObjectPattern::Unnamed => "any resource without name",
            ObjectPattern::Respelt(uri) => {
                return Some(format!("other spellings of {}", quoted(uri)).into());
            }
            ObjectPattern::Something => "that name something",
        };
        Some(Cow::Borrowed(named))
    }
}
