//! What a request does, in the terms rules are filed under.

use crate::engine::json::trimmed;
use crate::engine::mcp::{BasePart, Call, Message, Method, NamesObjects, Object, Objects};
use crate::engine::policy::{Category, MethodName, Policies, ResourceParam, SelectorId, selector};
use crate::engine::request::{Operation, Request};

/// One thing that a request does. Most requests do one.
#[derive(Debug, Default)]
pub(super) struct Access<'m> {
    /// Any rule filed under one of these matches.
    pub(super) selectors: Vec<SelectorId>,
    /// A rule filed here matches only as `completion` says.
    pub(super) completion: Option<Completion>,
    /// A rule filed here could match if it were known what the thing is called.
    pub(super) unnamed: Option<SelectorId>,
    /// Rules filed here that refuse, or ask, are about another spelling of the thing, or of
    /// what a method does that no version knows.
    pub(super) respelt: Vec<SelectorId>,
    /// What it acts on.
    pub(super) thing: Option<Object<'m>>,
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

/// Where rules are filed that match what carries a session: GET and DELETE.
const SESSION: [SelectorId; 3] = [
    selector::ANY_MCP,
    selector::BASE_PROTOCOL,
    selector::SESSION,
];

/// Everything that a request does; all of it must be allowed.
#[derive(Debug, Default)]
pub(super) struct Accesses<'m>(Vec<Access<'m>>);

impl<'m> Accesses<'m> {
    pub(super) fn new(policies: &Policies, request: &Request<'m>) -> Self {
        let mut acts = match request.operation {
            Operation::Http => vec![Access::of(&[])],
            Operation::Get | Operation::Delete { session: true } => vec![Access::of(&SESSION)],
            Operation::Delete { session: false } | Operation::Options => {
                vec![Access::of(&[selector::ANY_MCP])]
            }
            // SPEC: a response has no method and can call nothing; it needs a rule
            // of the level whose source is the caller, and whose HTTP part matches.
            Operation::Message(Message::Response) => {
                vec![Access {
                    any_rule: true,
                    ..Access::by_source()
                }]
            }
            Operation::Message(Message::Request { call, .. } | Message::Notification { call }) => {
                of_call(policies, &call)
            }
        };
        // SECURITY: a path that only some servers take for MCP's is another one to the rest,
        // where a body that says `ping` may do anything: `/mcp/..%2Fadmin`.
        if request.operation != Operation::Http && !is_surely_mcp(policies, request) {
            acts.push(Access::of(&[]));
        }
        Self(acts)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Access<'m>> {
        self.0.iter()
    }

    /// Takes the resource for another spelling of a uri as well.
    #[cfg(not(target_os = "wasi"))]
    pub(super) fn respell(&mut self, policies: &Policies, request: &Request<'_>, uri: &str) {
        let Operation::Message(message) = request.operation else {
            return;
        };
        let method = match message.call().map(|call| call.method) {
            Some(Method::CompletionComplete) => Some(MethodName::ResourcesRead),
            Some(method) => method_name(method),
            None => None,
        };
        for act in &mut self.0 {
            if let (Some(method), Some(Object::Resource(_))) = (method, act.thing) {
                // Only of that: the one in the request stands for any spelling.
                act.respelt = policies.thing(method, uri).into_iter().collect();
            }
        }
    }
}

impl<'m> Access<'m> {
    /// An act that unconditional rules match, and those under some selectors.
    fn of(selectors: &[SelectorId]) -> Self {
        // As many as an act has, that of a completion aside.
        let mut all = Vec::with_capacity(8);
        all.push(selector::ANYTHING);
        all.extend_from_slice(selectors);
        Self {
            selectors: all,
            ..Self::default()
        }
    }

    /// An act that every rule of the caller's matches, whatever it asks for.
    fn by_source() -> Self {
        Self {
            selectors: vec![selector::SOURCE],
            ..Self::default()
        }
    }

    /// What is asked by it, of a request that asks for an operation: where only some
    /// servers take a path for MCP's, it is also something that is not MCP.
    pub(super) fn operation(&self, whole: Operation<'m>) -> Operation<'m> {
        match self.selectors.as_slice() {
            [selector::ANYTHING] => Operation::Http,
            _ => whole,
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
        selectors.extend(self.unnamed);
        selectors.extend(&self.respelt);
        selectors
    }

    /// That it acts on a thing by a method.
    fn on(
        mut self,
        policies: &Policies,
        method: MethodName,
        thing: Object<'m>,
        name: Option<&'m str>,
    ) -> Self {
        self.thing = Some(thing);
        self.respelt = respelt(policies, method, thing);
        match called(policies, thing, name) {
            Some(called) => self.selectors.extend(policies.thing(method, called)),
            None => self.unnamed = Some(selector::listed(method)),
        }
        self
    }
}

/// Whether every server takes the request's path for one that carries MCP.
pub(super) fn is_surely_mcp(policies: &Policies, request: &Request<'_>) -> bool {
    let Some(prefixes) = &policies.settings().mcp_paths else {
        return true;
    };
    let path = request.http.path();
    path.is_some_and(|path| path.is_surely_under_any(prefixes))
}

fn of_call<'m>(policies: &Policies, call: &Call<'m>) -> Vec<Access<'m>> {
    match (call.method, call.objects) {
        (Method::SubscriptionsListen, things) => of_subscriptions(policies, things),
        (Method::CompletionComplete, Objects::One(thing)) => vec![of_completion(policies, thing)],
        (method, things) => {
            let mut act = Access::of(&[selector::ANY_MCP]);
            // SECURITY: what names something and is known by its front alone may act on it.
            let base = method.base_protocol();
            act.selectors.extend_from_slice(
                match base.filter(|_| call.unknown != Some(NamesObjects::Something)) {
                    Some(BasePart::Session) => &[selector::BASE_PROTOCOL, selector::SESSION],
                    Some(BasePart::Rest) => &[selector::BASE_PROTOCOL],
                    None => &[],
                },
            );
            act.selectors
                .extend(category(method).map(selector::category));
            let name = method_name(method);
            act.selectors.extend(name.map(selector::method));
            // SECURITY: public servers call tools by `call`, `execute` and whatever else, have a
            // method for each, and list them by `list_tools`. What no version knows may do
            // whatever a rule refuses, or asks about.
            if call.unknown.is_some() {
                act.respelt.push(selector::SOURCE);
            }
            vec![match (name, things) {
                (Some(name), Objects::One(thing)) => {
                    act.on(policies, name, thing, call.resource_name)
                }
                (None, Objects::One(thing)) => Access {
                    thing: Some(thing),
                    ..act
                },
                _ => act,
            }]
        }
    }
}

/// A subscription is judged on every uri and task it names; one that names none, or more than
/// these, listens for changes of lists, as HTTP GET does in older versions.
fn of_subscriptions<'m>(policies: &Policies, things: Objects<'m>) -> Vec<Access<'m>> {
    let mut acts: Vec<Access<'m>> = things
        .iter()
        .map(|thing| match thing {
            Object::Resource(_) => {
                let method = MethodName::ResourcesSubscribe;
                let act = Access::of(&[
                    selector::ANY_MCP,
                    selector::category(Category::Resources),
                    selector::method(method),
                ]);
                act.on(policies, method, thing, None)
            }
            thing => Access {
                thing: Some(thing),
                ..Access::of(&[selector::ANY_MCP])
            },
        })
        .collect();
    let listens = matches!(things, Objects::Subscriptions { changes: true, .. });
    if listens || acts.is_empty() {
        acts.push(Access::of(&SESSION));
    }
    acts
}

fn of_completion<'m>(policies: &Policies, thing: Object<'m>) -> Access<'m> {
    let (method, category) = match thing {
        Object::Prompt(_) | Object::Tool(_) => (MethodName::PromptsGet, Category::Prompts),
        Object::Resource(_) | Object::Task(_) => (MethodName::ResourcesRead, Category::Resources),
    };
    let mut things = vec![
        selector::ANYTHING,
        selector::ANY_MCP,
        selector::category(category),
        selector::method(method),
    ];
    let called = called(policies, thing, None);
    things.extend(called.and_then(|called| policies.thing(method, called)));
    Access {
        completion: Some(Completion {
            listed: selector::listed(method),
            things,
        }),
        thing: Some(thing),
        unnamed: called.is_none().then_some(selector::listed(method)),
        respelt: respelt(policies, method, thing),
        ..Access::of(&[selector::ANY_MCP])
    }
}

/// What rules call a thing.
///
/// SPEC: with `resourceParam: Name` a resource is what the message calls it, and may
/// have no name.
fn called<'m>(policies: &Policies, thing: Object<'m>, name: Option<&'m str>) -> Option<&'m str> {
    match (thing, policies.settings().resource_param) {
        (Object::Resource(_), ResourceParam::Name) => name,
        _ => Some(thing.as_str()),
    }
}

/// Where rules are filed that refuse, or ask, about a tool or prompt by its other names, or a
/// resource in any spelling of its uri.
fn respelt(policies: &Policies, method: MethodName, thing: Object<'_>) -> Vec<SelectorId> {
    let name = match (thing, policies.settings().resource_param) {
        (Object::Resource(uri), ResourceParam::Uri) => return policies.forms(method, uri),
        (Object::Tool(name) | Object::Prompt(name), _) => name,
        _ => return Vec::new(),
    };
    let trimmed = trimmed(name);
    // Whatever it is called elsewhere, it may be any that is listed.
    if matches!(thing, Object::Tool(_)) && has_digest(trimmed.unwrap_or(name)) {
        return vec![selector::listed(method)];
    }
    let trimmed = trimmed.and_then(|name| policies.thing(method, name));
    trimmed.into_iter().collect()
}

/// Whether a tool has the digest before its name that `FastMCP` puts there.
///
/// SECURITY: its applications have each of their tools under two names, of which the other
/// one can be computed, and stays when the first is changed.
fn has_digest(name: &str) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let (digest, rest) = name.as_bytes().split_at_checked(12).unwrap_or_default();
    matches!(rest, [b'_', _, ..]) && digest.iter().all(is_digit)
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
