//! Requests that do nothing but what is asked.

use super::universe::{
    Acted, Ask, At, DELETE, GET, HTTP, Kind, OPTIONS, Place, RESPONSE, Universe,
};
use crate::engine::mcp::{Call, Message, Method, Names, Thing, Things};
use crate::engine::policy::Settings;
use crate::engine::request::{Caller, Headers, HttpTarget, Operation, Request, SpiffeId};

/// Who asks, and where.
pub(super) struct Question {
    headers: Headers,
    caller: Caller,
    cluster: Option<String>,
    port: Option<u64>,
}

impl Question {
    pub(super) fn new(
        universe: &Universe,
        place: &Place,
        caller: Option<&str>,
        settings: &Settings,
    ) -> Self {
        let paths = settings.mcp_paths.as_deref();
        let path = paths
            .and_then(|paths| {
                let is_sure = |path: &&String| {
                    let headers = Headers::from_lines([(":path", path.as_str())]);
                    let path = HttpTarget::new(&headers, None).path();
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

    pub(super) fn request<'q>(&'q self, ask: &'q Ask) -> Request<'q> {
        Request {
            caller: &self.caller,
            cluster: self.cluster.as_deref(),
            http: HttpTarget::new(&self.headers, self.port),
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

fn operation(ask: &Ask) -> Operation<'_> {
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
        things: Things::None,
        resource_name: None,
        unknown: is_unknown.then_some(Names::Nothing),
    };
    match &ask.acted {
        Acted::Nothing => {}
        Acted::Named(kind, name) | Acted::Other(kind, name) => {
            call.things = Things::One(match kind {
                Kind::Tool => Thing::Tool(name),
                Kind::Prompt => Thing::Prompt(name),
                Kind::Resource => Thing::Resource(name),
            });
            call.resource_name = Some(name);
        }
        Acted::Unnamed => call.things = Things::One(Thing::Resource("any:uri")),
        Acted::Respelt(_) => {
            call.things = Things::One(Thing::Resource(SPELLING));
            call.resource_name = Some(SPELLING);
        }
        Acted::Something => call.unknown = Some(Names::Something),
    }
    Operation::Message(Message::Notification { call })
}

/// A uri that no rule lists: no client can send it.
const SPELLING: &str = "any:spelling\n";
