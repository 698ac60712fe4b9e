//! Requests that do nothing but what is asked.

use super::universe::{
    At, DELETE, Destination, GET, HTTP, OPTIONS, ObjectPattern, Query, QueryKind, RESPONSE,
    Universe,
};
use crate::engine::mcp::{Call, Message, Method, NamesObjects, Object, Objects};
use crate::engine::policy::Settings;
use crate::engine::request::{Caller, Headers, HttpRequest, Operation, Request, SpiffeId};

/// Who asks, and where.
pub(super) struct Probe {
    headers: Headers,
    caller: Caller,
    cluster: Option<String>,
    port: Option<u64>,
}

impl Probe {
    pub(super) fn new(
        universe: &Universe,
        place: &Destination,
        caller: Option<&str>,
        settings: &Settings,
    ) -> Self {
        let paths = settings.mcp_paths.as_deref();
        let path = paths
            .and_then(|paths| {
                let is_sure = |path: &&String| {
                    let headers = Headers::from_lines([(":path", path.as_str())]);
                    let path = HttpRequest::new(&headers, None).path();
                    path.is_some_and(|path| path.is_surely_under_any(paths))
                };
                paths.iter().find(is_sure).or(paths.first())
            })
            .map_or("/", String::as_str);
        Self {
            headers: Headers::from_lines([
                (":method", "POST"),
                (":path", path),
                (":authority", "any.invalid"),
            ]),
            caller: caller
                .and_then(SpiffeId::new)
                .map_or(Caller::Anonymous, Caller::Spiffe),
            cluster: match &place.cluster {
                At::Known(cluster) => Some(cluster.clone()),
                At::Other => Some(elsewhere(universe)),
                At::Unsaid => None,
            },
            port: match place.port {
                At::Known(port) => Some(port),
                At::Other => Some(other_port(universe)),
                At::Unsaid => None,
            },
        }
    }

    pub(super) fn request<'q>(&'q self, ask: &'q Query) -> Request<'q> {
        Request {
            caller: &self.caller,
            cluster: self.cluster.as_deref(),
            http: HttpRequest::new(&self.headers, self.port),
            operation: operation(ask),
            body: b"",
            size: None,
            address: None,
            scheme: None,
            destination: None,
            protocol: None,
            arrived: None,
            time: None,
        }
    }
}

/// A cluster of no backend.
fn elsewhere(universe: &Universe) -> String {
    let is_known = |name: &String| {
        let mut places = universe.places.iter();
        places.any(|place| place.cluster.known() == Some(name))
    };
    let mut name = "elsewhere".to_owned();
    while is_known(&name) {
        name.push('\'');
    }
    name
}

/// A port of no listener.
fn other_port(universe: &Universe) -> u64 {
    let is_free = |port: &u64| {
        let mut places = universe.places.iter();
        places.all(|place| place.port.known() != Some(port))
    };
    (1..).find(is_free).unwrap_or_default()
}

fn operation(ask: &Query) -> Operation<'_> {
    match ask.name {
        GET => return Operation::Get,
        DELETE => return Operation::Delete { session: true },
        OPTIONS => return Operation::Options,
        HTTP => return Operation::Http,
        RESPONSE => return Operation::Message(Message::Response),
        _ => {}
    }
    let method = ask.method();
    let is_unknown = !method.has_one_name() && !Method::NAMES.contains(&&*ask.called);
    let mut call = Call {
        method,
        name: &ask.called,
        objects: Objects::None,
        resource_name: None,
        unknown: is_unknown.then_some(NamesObjects::Nothing),
    };
    match &ask.acted {
        ObjectPattern::Nothing => {}
        ObjectPattern::Named(kind, name) | ObjectPattern::Other(kind, name) => {
            call.objects = Objects::One(match kind {
                QueryKind::Tool => Object::Tool(name),
                QueryKind::Prompt => Object::Prompt(name),
                QueryKind::Resource => Object::Resource(name),
            });
            call.resource_name = Some(name);
        }
        ObjectPattern::Unnamed => call.objects = Objects::One(Object::Resource("any:uri")),
        ObjectPattern::Respelt(_) => {
            call.objects = Objects::One(Object::Resource(SPELLING));
            call.resource_name = Some(SPELLING);
        }
        ObjectPattern::Something => call.unknown = Some(NamesObjects::Something),
    }
    Operation::Message(Message::Notification { call })
}

/// A uri that no rule lists: no client can send it.
const SPELLING: &str = "any:spelling\n";
