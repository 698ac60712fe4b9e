//! The differences that are meant, each with its reason.

use std::fmt;

/// Something that looks otherwise on the two sides.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) key: String,
    pub(super) theirs: Option<String>,
    pub(super) ours: Option<String>,
}

/// A difference that is meant.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    /// Whether every scenario may show it, and not only those that say so.
    pub(super) everywhere: bool,
    /// Whether a difference is of this row.
    pub(super) is: fn(&Difference) -> bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, theirs, ours } = self;
        write!(f, "{key}: Envoy's own {theirs:?}, ours {ours:?}")
    }
}

impl Difference {
    /// What of a question it is, whichever question.
    fn asked(&self) -> &str {
        let rest = self.key.strip_prefix("asked.");
        let of = rest.and_then(|rest| rest.split_once('.'));
        of.map_or("", |(_, of)| of)
    }

    /// Both sides, with nothing for what there is not.
    fn pair(&self) -> (&str, &str) {
        (
            self.theirs.as_deref().unwrap_or(NOTHING),
            self.ours.as_deref().unwrap_or(NOTHING),
        )
    }

    fn is(&self, key: &str, theirs: &str, ours: &str) -> bool {
        self.key == key && self.pair() == (theirs, ours)
    }

    /// Theirs goes on, ours is refused with a status.
    fn is_refused(&self, status: &str) -> bool {
        self.is("server", "1", "0") || self.is("client.status", "200", status)
    }

    /// The same, and the authorizer is not asked.
    fn is_unasked(&self, status: &str) -> bool {
        self.is("asked", "1", "0") || self.is_refused(status)
    }
}

/// No value of anything.
const NOTHING: &str = "\0";

/// The lines that ours keeps apart and theirs joins.
fn are_lines((theirs, ours): (&str, &str)) -> bool {
    ours.contains(" | ") && theirs == ours.replace(" | ", ",")
}

/// Path, and parameters in some order; `c` and `c=` are one.
fn parameters(target: &str) -> Option<(&str, Vec<&str>)> {
    let (path, query) = target.split_once('?')?;
    let mut parameters: Vec<_> = query
        .split('&')
        .map(|it| it.trim_end_matches('='))
        .collect();
    parameters.sort_unstable();
    Some((path, parameters))
}

/// What a JSON-RPC request gets instead of the authorizer's own refusal.
fn is_json_rpc(it: &Difference) -> bool {
    match (it.key.as_str(), it.pair()) {
        ("client.status", (theirs, "200")) => ["302", "403"].contains(&theirs),
        ("client.body", ("as I say", ours)) => {
            ours.contains(r#""data":{"status":403}"#) || ours.contains(r#""data":{"status":302}"#)
        }
        ("client.header.content-type", (_, "application/json")) => true,
        ("client.header.location" | "client.header.x-why", (_, NOTHING)) => true,
        _ => false,
    }
}

const NONE: Row = Row {
    id: "",
    what: "",
    why: "",
    everywhere: false,
    is: |_| false,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "decision-id",
        what: "a refusal names its record",
        why: "to find it in the log",
        everywhere: true,
        is: |it| it.is("client.header.x-accesspolicy-decision-id", NOTHING, "mine"),
    },
    Row {
        id: "request-id",
        what: "the request's id is sent with every question, listed or not",
        why: "the authorizer's log and ours name a request alike",
        everywhere: true,
        is: |it| {
            ["header.x-request-id", "call.header.x-request-id"].contains(&it.asked())
                && it.pair() == (NOTHING, "mine")
        },
    },
    Row {
        id: "http-id",
        what: "`http.id` is `x-request-id`",
        why: "a filter is not told Envoy's number of the stream, and no log names it",
        everywhere: true,
        is: |it| it.asked() == "id" && it.pair() == ("a number", "mine"),
    },
    Row {
        id: "forwarded-for",
        what: "the call has no `x-forwarded-for`",
        why: "Envoy adds its own address to calls of its own filters only; it says nothing of the client",
        everywhere: true,
        is: |it| {
            it.asked() == "call.header.x-forwarded-for" && it.pair() == ("an address", NOTHING)
        },
    },
    Row {
        id: "route-metadata",
        what: "no empty `route_metadata_context`",
        why: "no route's metadata is shown, and none is not an empty one",
        everywhere: true,
        is: |it| it.asked() == "route_metadata_context" && it.pair().1 == "None",
    },
    Row {
        id: "mcp-metadata",
        what: "`metadata_context` has what the message says, under two names",
        why: "authorizers' configurations for MCP look there; Envoy's own filter needs another before it",
        everywhere: true,
        is: |it| {
            let names = ["metadata.mcp_proxy", "metadata.envoy.filters.http.mcp"];
            names.contains(&it.asked()) && it.pair().0 == NOTHING
        },
    },
    Row {
        id: "size",
        what: "`http.size` is the body's, also where none of it is shown; -1 where nobody knows",
        why: "as the field is described; 0 would say that there is no body",
        everywhere: true,
        is: |it| it.asked() == "size" && it.pair().0 == "0",
    },
    Row {
        id: "service-time",
        what: "a refusal is without `x-envoy-upstream-service-time`",
        why: "the time of another exchange; and `x-envoy-*` is never passed on",
        everywhere: true,
        is: |it| {
            it.is(
                "client.header.x-envoy-upstream-service-time",
                "a time",
                NOTHING,
            )
        },
    },
    Row {
        id: "unread",
        what: "what is no message that everybody reads alike is refused, and shown to nobody",
        why: "the authorizer would decide about another call than the server runs",
        is: |it| it.is_unasked("400") || it.is_unasked("405"),
        ..NONE
    },
    Row {
        id: "not-text",
        what: "a header that is to be shown over HTTP and is no text refuses",
        why: "calls carry text; without it the authorizer would decide about another request",
        is: |it| it.is_unasked("400"),
        ..NONE
    },
    Row {
        id: "too-long",
        what: "a body longer than what may be shown is 413, in whatever pieces it comes",
        why: "Envoy's own shows all of one that comes at once; the words are ours",
        is: |it| {
            it.is_unasked("413")
                || it.is(
                    "client.body",
                    "Payload Too Large",
                    "Invalid request: body is too large.\n",
                )
                || it.is(
                    "client.header.content-type",
                    "text/plain",
                    "text/plain; charset=utf-8",
                )
        },
        ..NONE
    },
    Row {
        id: "whole",
        what: "a message is shown, cut or not, when it has come",
        why: "what is malformed is shown to nobody; Envoy's own asks as soon as it has enough",
        is: |it| it.asked() == "size" && it.pair() == ("52", "71"),
        ..NONE
    },
    Row {
        id: "raw-body",
        what: "a body that is no text is also in `raw_body`",
        why: "where `!` stands for other bytes, those are there to be judged too",
        is: |it| it.asked() == "raw_body" && it.pair().0.is_empty(),
        ..NONE
    },
    Row {
        id: "own-name",
        what: "`destination.principal` is empty",
        why: "the name of the gateway's certificate, which is the listener's and not the request's",
        is: |it| it.asked() == "destination.principal" && it.pair() == ("localhost", ""),
        ..NONE
    },
    Row {
        id: "trace",
        what: "the client's trace goes on, with a span of its own for the call",
        why: "Envoy's own does so only where Envoy traces",
        is: |it| {
            let of = it.asked().trim_start_matches("call.");
            matches!(
                (of, it.pair()),
                (
                    "header.traceparent",
                    (NOTHING, "00-0af7651916cd43dd8448eb211c80319c-a span-01")
                ) | ("header.tracestate", (NOTHING, "a=1"))
            )
        },
        ..NONE
    },
    Row {
        id: "repeated",
        what: "a header that is to be shown over HTTP and has several lines refuses",
        why: "of several lines some take the first and some all of them, and the server gets them as they came",
        is: |it| it.is_unasked("400"),
        ..NONE
    },
    Row {
        id: "lines",
        what: "several lines of a header stay several on the way to the server",
        why: "as they came; joined, a comma within a line looks like the end of one",
        is: |it| it.key.contains(".header.") && are_lines(it.pair()),
        ..NONE
    },
    Row {
        id: "every-line",
        what: "of several lines of an answer's header all are set, and not the last alone",
        why: "nothing that the authorizer says is lost",
        is: |it| it.is("server.header.x-role", "b", "a | b"),
        ..NONE
    },
    Row {
        id: "unlisted",
        what: "without `allowedResponseHeaders` all headers of an answer are set",
        why: "Gateway API says so, but for those of the next rows",
        is: |it| {
            it.is("server.header.x-user", "client", "me")
                || it.is("server.header.date", NOTHING, "a date")
        },
        ..NONE
    },
    Row {
        id: "lacks",
        what: "what the client sends under the name of a listed header never arrives",
        why: "the server takes it for the authorizer's, also where the answer lacks it or there is none",
        is: |it| it.is("server.header.x-user", "client", NOTHING),
        ..NONE
    },
    Row {
        id: "judged",
        what: "an answer does not change `content-type`, `content-encoding`, `mcp-*` and the identity header",
        why: "the server would read another request than the one that was judged",
        is: |it| {
            it.is(
                "server.header.content-type",
                "text/plain",
                "application/json",
            ) || it.is("server.header.mcp-name", "other", NOTHING)
        },
        ..NONE
    },
    Row {
        id: "host-path",
        what: "an answer that sets `host` or `:path` refuses",
        why: "likewise; and what cannot be done as it was said is not what was allowed",
        is: |it| it.is_refused("403"),
        ..NONE
    },
    Row {
        id: "if-there",
        what: "a header of the request that is to be set only if there is one, or none, is set only then",
        why: "as the answer says; Envoy's own goes by that for responses, and sets it in requests whatever there is",
        is: |it| {
            it.is("server.header.x-there", "authorizer", "client")
                || it.is("server.header.x-new", "authorizer", NOTHING)
        },
        ..NONE
    },
    Row {
        id: "append-new",
        what: "a header that is appended is also set where there was none",
        why: "Envoy's own leaves it out; whoever sends it wants the server to have it",
        is: |it| it.is("server.header.x-new", NOTHING, "authorizer"),
        ..NONE
    },
    Row {
        id: "route",
        what: "the route is chosen again when an answer changes headers",
        why: "Envoy does so for this kind of filter; its own has a setting. Routes must not match on what authorizers set",
        is: |it| it.is("server.which", "server", "other"),
        ..NONE
    },
    Row {
        id: "later",
        what: "a later authorizer sees the client's request, not what an earlier one made of it",
        why: "policies and authorizers judge what the client sent",
        is: |it| it.key == "asked.1.header.x-user" && it.pair() == ("me", "client"),
        ..NONE
    },
    Row {
        id: "query",
        what: "a changed query keeps the rest as it was written; what is set comes last",
        why: "Envoy's own sorts it and writes it anew",
        is: |it| {
            let (theirs, ours) = it.pair();
            it.key == "server.target" && parameters(theirs) == parameters(ours)
        },
        ..NONE
    },
    Row {
        id: "one-parameter",
        what: "a query parameter that would be several refuses",
        why: "the server would read what nobody judged",
        is: |it| it.is_refused("403"),
        ..NONE
    },
    Row {
        id: "silence",
        what: "an answer without status that allows nothing in so many words refuses, also under `onError: Allow`",
        why: "an empty message is what a broken authorizer sends",
        is: |it| it.is_refused("403"),
        ..NONE
    },
    Row {
        id: "contradiction",
        what: "a refusal with the status OK refuses",
        why: "what contradicts itself is nothing in the request's favour",
        is: |it| it.is_refused("403"),
        ..NONE
    },
    Row {
        id: "refusal-append",
        what: "a header that a refusal appends reaches the client",
        why: "there is nothing that it could be appended to; Envoy's own loses it",
        is: |it| it.is("client.header.x-why", NOTHING, "so"),
        ..NONE
    },
    Row {
        id: "json-rpc",
        what: "a refused JSON-RPC request gets a JSON-RPC error, with the authorizer's status in `data`",
        why: "MCP clients show that to the agent, and take another status for a broken server",
        is: is_json_rpc,
        ..NONE
    },
    Row {
        id: "no-outage",
        what: "of errors, only timeouts, connections that cannot be made and 502 to 504 (gRPC: UNAVAILABLE and DEADLINE_EXCEEDED) allow where errors allow",
        why: "a client can bring about the others, by what it asks about or how often",
        is: |it| it.is_refused("403"),
        ..NONE
    },
    Row {
        id: "ambiguous",
        what: "a path that servers read in several ways is 400, and shown to nobody over HTTP",
        why: "behind a path of its own the authorizer would read another than the server",
        is: |it| it.is_unasked("400"),
        ..NONE
    },
    Row {
        id: "error-body",
        what: "a 403 for want of an answer has a body",
        why: "it says whose refusal it is; to a JSON-RPC request in its form",
        is: |it| match (it.key.as_str(), it.pair()) {
            ("client.body", ("", ours)) => {
                ours == "Access is forbidden.\n" || ours.contains(r#""error":{"code":403,"#)
            }
            ("client.header.content-type", (NOTHING, ours)) => {
                ["text/plain; charset=utf-8", "application/json"].contains(&ours)
            }
            _ => false,
        },
        ..NONE
    },
];
