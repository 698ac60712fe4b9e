//! What a request does, in the terms rules are filed under.

use crate::mcp::{Call, Message, Method, Thing, Things};
use crate::policy::{Category, MethodName, Policies, SelectorId, selector};
use crate::request::Operation;

/// One thing that a request does. Most requests do one.
#[derive(Debug, Default)]
pub(super) struct Act {
    /// Any rule filed under one of these matches.
    pub(super) selectors: Vec<SelectorId>,
    /// A rule filed here matches only as `completion` says.
    pub(super) completion: Option<Completion>,
    /// Whether one rule of the level is enough, whatever the policies require.
    pub(super) any_rule: bool,
}

/// `completion/complete` is base protocol, but completes the arguments of a prompt
/// or the template of a resource. Where the rules that apply list prompts or
/// resources, it must be one that they list.
#[derive(Debug)]
pub(super) struct Completion {
    /// Rules filed here have a list.
    pub(super) listed: SelectorId,
    /// Rules filed here let the caller get or read the thing.
    pub(super) things: Vec<SelectorId>,
}

/// Everything that a request does; all of it must be allowed.
#[derive(Debug)]
pub(super) struct Acts(Vec<Act>);

impl Acts {
    pub(super) fn new(policies: &Policies, operation: Operation<'_>) -> Self {
        Self(match operation {
            Operation::Http => vec![Act::of(&[])],
            Operation::Get | Operation::Delete { session: true } => {
                vec![Act::of(&[selector::ANY_MCP, selector::BASE_PROTOCOL])]
            }
            Operation::Delete { session: false } | Operation::Options => {
                vec![Act::of(&[selector::ANY_MCP])]
            }
            // SPEC: a response has no method and can call nothing; it needs a rule
            // of the level whose source is the caller, and no more.
            Operation::Message(Message::Response) => {
                vec![Act {
                    selectors: vec![selector::SOURCE],
                    completion: None,
                    any_rule: true,
                }]
            }
            Operation::Message(Message::Request { call, .. } | Message::Notification { call }) => {
                of_call(policies, &call)
            }
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Act> {
        self.0.iter()
    }
}

impl Act {
    /// An act that unconditional rules match, and those under some selectors.
    fn of(selectors: &[SelectorId]) -> Self {
        let mut all = vec![selector::ANYTHING];
        all.extend_from_slice(selectors);
        Self {
            selectors: all,
            ..Self::default()
        }
    }

    /// Where the rules are filed that match this where a match refuses.
    ///
    /// A response is more than its source there, and a completion is what it completes.
    pub(super) fn refusing(&self) -> Vec<SelectorId> {
        if self.any_rule {
            return vec![selector::ANYTHING, selector::ANY_MCP];
        }
        let mut selectors = self.selectors.clone();
        if let Some(Completion { listed: _, things }) = &self.completion {
            selectors.push(selector::BASE_PROTOCOL);
            selectors.extend(things);
        }
        selectors
    }
}

fn of_call(policies: &Policies, call: &Call<'_>) -> Vec<Act> {
    match (call.method, call.things) {
        (Method::SubscriptionsListen, things) => of_subscriptions(policies, things),
        (Method::CompletionComplete, Things::One(thing)) => vec![of_completion(policies, thing)],
        (method, things) => {
            let mut selectors = vec![selector::ANY_MCP];
            if method.is_base_protocol() {
                selectors.push(selector::BASE_PROTOCOL);
            }
            selectors.extend(category(method).map(selector::category));
            if let Some(name) = method_name(method) {
                selectors.push(selector::method(name));
                selectors.extend(
                    things
                        .iter()
                        .filter_map(|t| policies.thing(name, t.as_str())),
                );
            }
            vec![Act::of(&selectors)]
        }
    }
}

/// A subscription is judged on every uri and task it names; one that names none
/// listens for changes of lists, as HTTP GET does in older versions.
fn of_subscriptions(policies: &Policies, things: Things<'_>) -> Vec<Act> {
    let acts: Vec<Act> = things
        .iter()
        .map(|thing| match thing {
            Thing::Resource(uri) => {
                let method = MethodName::ResourcesSubscribe;
                let mut selectors = vec![
                    selector::ANY_MCP,
                    selector::category(Category::Resources),
                    selector::method(method),
                ];
                selectors.extend(policies.thing(method, uri));
                Act::of(&selectors)
            }
            _ => Act::of(&[selector::ANY_MCP]),
        })
        .collect();
    if acts.is_empty() {
        return vec![Act::of(&[selector::ANY_MCP, selector::BASE_PROTOCOL])];
    }
    acts
}

fn of_completion(policies: &Policies, thing: Thing<'_>) -> Act {
    let (method, category) = match thing {
        Thing::Prompt(_) | Thing::Tool(_) => (MethodName::PromptsGet, Category::Prompts),
        Thing::Resource(_) | Thing::Task(_) => (MethodName::ResourcesRead, Category::Resources),
    };
    let mut things = vec![
        selector::ANYTHING,
        selector::ANY_MCP,
        selector::category(category),
        selector::method(method),
    ];
    things.extend(policies.thing(method, thing.as_str()));
    Act {
        completion: Some(Completion {
            listed: selector::listed(method),
            things,
        }),
        ..Act::of(&[selector::ANY_MCP])
    }
}

/// The name under which rules can list a method.
const fn method_name(method: Method) -> Option<MethodName> {
    match method {
        Method::ToolsCall => Some(MethodName::ToolsCall),
        Method::ToolsList => Some(MethodName::ToolsList),
        Method::PromptsGet => Some(MethodName::PromptsGet),
        Method::PromptsList => Some(MethodName::PromptsList),
        Method::ResourcesRead => Some(MethodName::ResourcesRead),
        Method::ResourcesSubscribe => Some(MethodName::ResourcesSubscribe),
        Method::ResourcesUnsubscribe => Some(MethodName::ResourcesUnsubscribe),
        Method::ResourcesList => Some(MethodName::ResourcesList),
        Method::ResourcesTemplatesList => Some(MethodName::ResourcesTemplatesList),
        _ => None,
    }
}

/// The category that a method is under.
const fn category(method: Method) -> Option<Category> {
    match method {
        Method::ToolsCall | Method::ToolsList | Method::OtherTools => Some(Category::Tools),
        Method::PromptsGet | Method::PromptsList | Method::OtherPrompts => Some(Category::Prompts),
        Method::ResourcesRead
        | Method::ResourcesSubscribe
        | Method::ResourcesUnsubscribe
        | Method::ResourcesList
        | Method::ResourcesTemplatesList
        | Method::OtherResources => Some(Category::Resources),
        _ => None,
    }
}
