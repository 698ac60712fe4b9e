//! The methods a client may call, and what each acts on.
//!
//! SPEC: MCP 2024-11-05 to 2026-07-28, client requests and notifications.

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

/// A part of the base protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasePart {
    /// What begins a session and lists tools: implied by XAccessPolicy v0alpha0.
    Session,
    /// What that leaves.
    Rest,
}
