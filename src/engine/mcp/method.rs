//! The methods a client may call, and what each acts on.
//!
//! SPEC: MCP 2024-11-05 to 2026-07-28, client requests and notifications.

use crate::engine::json::folded;

/// A method by its meaning. What it is called is kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `tools/call`: acts on a tool, `params.name`.
    ToolsCall,
    /// `prompts/get`: acts on a prompt, `params.name`.
    PromptsGet,
    /// `resources/read`: acts on a resource, `params.uri`.
    ResourcesRead,
    /// `resources/subscribe`: acts on a resource, `params.uri`.
    ResourcesSubscribe,
    /// `resources/unsubscribe`: acts on a resource, `params.uri`.
    ResourcesUnsubscribe,
    /// `completion/complete`: acts on the prompt or resource that `params.ref` names.
    CompletionComplete,
    /// `subscriptions/listen`: acts on every uri and task it names.
    SubscriptionsListen,
    /// `tasks/get`, `tasks/result`, `tasks/update`, `tasks/cancel`: acts on `params.taskId`.
    Task,
    /// `tools/list`
    ToolsList,
    /// `prompts/list`
    PromptsList,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    ResourcesTemplatesList,
    /// `initialize`
    Initialize,
    /// `server/discover`, which takes the place of `initialize` in 2026-07-28.
    ServerDiscover,
    /// `ping`
    Ping,
    /// Everything under `logging/`.
    Logging,
    /// Everything under `completion/` but `completion/complete`.
    OtherCompletion,
    /// `notifications/initialized`: has no id.
    Initialized,
    /// Everything else under `notifications/`: has no id.
    Notification,
    /// Something under `tools/` that no version knows.
    OtherTools,
    /// Something under `prompts/` that no version knows.
    OtherPrompts,
    /// Something under `resources/` that no version knows.
    OtherResources,
    /// Anything else, `tasks/list` included: acts on nothing that could be named.
    Other,
}

impl Method {
    /// The methods that are known by name.
    pub const NAMES: &[&str] = &[
        "tools/call",
        "prompts/get",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
        "subscriptions/listen",
        "tasks/get",
        "tasks/result",
        "tasks/update",
        "tasks/cancel",
        "tasks/list",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "initialize",
        "server/discover",
        "ping",
        "logging/setLevel",
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    ];

    /// The meaning of a method name, which is compared byte for byte.
    pub fn new(name: &str) -> Self {
        match name {
            "tools/call" => Self::ToolsCall,
            "prompts/get" => Self::PromptsGet,
            "resources/read" => Self::ResourcesRead,
            "resources/subscribe" => Self::ResourcesSubscribe,
            "resources/unsubscribe" => Self::ResourcesUnsubscribe,
            "completion/complete" => Self::CompletionComplete,
            "subscriptions/listen" => Self::SubscriptionsListen,
            "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => Self::Task,
            "tools/list" => Self::ToolsList,
            "prompts/list" => Self::PromptsList,
            "resources/list" => Self::ResourcesList,
            "resources/templates/list" => Self::ResourcesTemplatesList,
            "initialize" => Self::Initialize,
            "server/discover" => Self::ServerDiscover,
            "ping" => Self::Ping,
            "notifications/initialized" => Self::Initialized,
            _ => Self::of_prefix(name),
        }
    }

    /// Whether it is known by its whole name, not by the front of it or by none.
    pub const fn has_one_name(self) -> bool {
        !matches!(
            self,
            Self::Logging
                | Self::OtherCompletion
                | Self::Notification
                | Self::OtherTools
                | Self::OtherPrompts
                | Self::OtherResources
                | Self::Other
        )
    }

    /// Whether some server takes a name that no version knows for that of a method which acts
    /// on something: its words in another order or form, or with others around them.
    ///
    /// SECURITY: public servers run `callTool`, `call_tool`, `tools.call`, `tools/call/x`
    /// and `x/tools/call` like `tools/call`, with the tool in `params`.
    pub fn is_like_known(self, name: &str) -> bool {
        if self.has_one_name() || Self::NAMES.contains(&name) {
            return false;
        }
        let name = folded(&apart(name));
        let words: Vec<&str> = words(&name).collect();
        ACTS.iter().any(|(noun, verbs)| {
            let has_noun = words.contains(noun);
            verbs.iter().any(|verb| {
                let is_both = |word: &&str| {
                    let rest = word.strip_prefix(noun);
                    let rest = rest.map(|rest| rest.strip_prefix('s').unwrap_or(rest));
                    rest == Some(verb) || word.strip_prefix(verb) == Some(noun)
                };
                (has_noun && words.contains(verb)) || words.iter().any(is_both)
            })
        })
    }

    fn of_prefix(name: &str) -> Self {
        match name.split_once('/') {
            Some(("notifications", _)) => Self::Notification,
            Some(("logging", _)) => Self::Logging,
            Some(("completion", _)) => Self::OtherCompletion,
            Some(("tools", _)) => Self::OtherTools,
            Some(("prompts", _)) => Self::OtherPrompts,
            Some(("resources", _)) => Self::OtherResources,
            _ => Self::Other,
        }
    }

    /// Whether the method, as far as any version knows it, expects an answer.
    pub const fn is_request(self) -> bool {
        !matches!(
            self,
            Self::Initialized
                | Self::Notification
                | Self::OtherCompletion
                | Self::OtherTools
                | Self::OtherPrompts
                | Self::OtherResources
                | Self::Other
        )
    }

    /// Whether the method is a notification, which has no id.
    pub const fn is_notification(self) -> bool {
        matches!(self, Self::Initialized | Self::Notification)
    }

    /// Whether the method acts on the resource of `params.uri`.
    pub const fn acts_on_resource(self) -> bool {
        matches!(
            self,
            Self::ResourcesRead | Self::ResourcesSubscribe | Self::ResourcesUnsubscribe
        )
    }

    /// The part of the base protocol that the method belongs to, if to any.
    ///
    /// SPEC: XAccessPolicy v1alpha1, `mcpBaseProtocolMethodsOption`; and
    /// `server/discover`, which is what 2026-07-28 has instead of `initialize`.
    ///
    /// DEVIATION: XAccessPolicy v0alpha0 is older than `server/discover` and implies
    /// `initialize` only. A client learns the same from both; without either it could
    /// not begin.
    pub const fn base_protocol(self) -> Option<BasePart> {
        match self {
            Self::Initialize | Self::ServerDiscover | Self::Initialized | Self::ToolsList => {
                Some(BasePart::Session)
            }
            Self::Ping
            | Self::Logging
            | Self::CompletionComplete
            | Self::OtherCompletion
            | Self::Notification => Some(BasePart::Rest),
            _ => None,
        }
    }
}

/// What methods act on, and what they do, in any of the words that servers have for it.
const ACTS: &[(&str, &[&str])] = &[
    ("tool", &["call", "run", "execute", "exec", "invoke", "use"]),
    ("prompt", &["get", "render"]),
    (
        "resource",
        &["read", "get", "fetch", "subscribe", "unsubscribe"],
    ),
    ("completion", &["complete"]),
    ("subscription", &["listen"]),
    ("task", &["get", "result", "update", "cancel"]),
];

/// A name with its words apart where only a capital letter says so.
fn apart(name: &str) -> String {
    let mut apart = String::with_capacity(name.len());
    let mut was_small = false;
    for char in name.chars() {
        if was_small && char.is_uppercase() {
            apart.push(' ');
        }
        was_small = char.is_lowercase();
        apart.push(char);
    }
    apart
}

/// The words of a name, in the singular.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(|char: char| !char.is_alphanumeric());
    words.map(|word| word.strip_suffix('s').unwrap_or(word))
}

/// A part of the base protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasePart {
    /// What begins a session and lists tools: implied by XAccessPolicy v0alpha0.
    Session,
    /// What that leaves.
    Rest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_server_takes_for_a_method_that_acts() {
        for name in [
            "callTool",
            "call_tool",
            "CallTool",
            "CALL_TOOL",
            "calltool",
            "tools.call",
            "tools_call",
            "toolsCall",
            "toolscall",
            "tool/call",
            "tools/call/danger",
            "notifications/tools/call",
            "logging/tools/call",
            "completion/tools/call",
            "tools//call",
            "tools/call/",
            "/tools/call",
            "mcp.tools.call",
            "tools/v2/call",
            "tools/execute",
            "executeTool",
            "run-tool",
            "invoke tool",
            "tool\u{17f}/call",
            "tools/ca\u{200b}ll",
            "getPrompt",
            "prompts_get",
            "readResource",
            "resource.read",
            "resourcesSubscribe",
            "tasks-cancel",
            "completionComplete",
        ] {
            assert!(Method::new(name).is_like_known(name), "{name}");
        }
        let others = [
            "tools/other",
            "tools/callback",
            "tools/search",
            "prompts/other",
            "resources/other",
            "notifications/tools/list_changed",
            "notifications/resources/updated",
            "notifications/anything",
            "logging/level",
            "elicitation/create",
            "sampling/createMessage",
            "roots/list",
            "x-vendor/status",
            "",
        ];
        for name in Method::NAMES.iter().copied().chain(others) {
            assert!(!Method::new(name).is_like_known(name), "{name}");
        }
    }
}
