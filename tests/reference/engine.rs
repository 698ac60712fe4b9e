//! What becomes of a request by the engine, the whole way that it takes in the filter:
//! headers and body are read, and nobody tells it what the request asks.

use accesspolicy::engine::decision::{Audit, Basis, Denial, DenialReason, Determining, LevelName};
use accesspolicy::engine::enforcement::{
    Permitted, Reason as Refusal, Step, Stream, StreamAttributes,
};
use accesspolicy::engine::external_auth::{CalloutRequest, CalloutResponse};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Headers, Scheme, SpiffeId};

use super::outcome::{Level, Outcome, Reason, Verdict};
use super::request::{Asks, Request};

fn is_type((name, _): &(String, String)) -> bool {
    name.to_lowercase().replace('_', "-") == "content-type"
}

/// What becomes of a request whose body comes in one piece.
pub fn judge(policies: &Policies, request: &Request) -> Outcome {
    let body = body(request);
    judge_pieces(policies, request, &[body.as_bytes()])
}

/// The body of a request.
pub fn body(request: &Request) -> String {
    match &request.asks {
        Asks::Message(message) => message.to_string(),
        Asks::Nonsense { body } => body.clone(),
        // What has a type has a body.
        Asks::Http if request.headers.iter().any(is_type) => "a=b".to_owned(),
        _ => String::new(),
    }
}

/// What an authorizer over gRPC answers that wants `x-team` taken away.
const WITHOUT_TEAM: &[u8] = b"\x1a\x08\x2a\x06x-team";

/// What one answers that lets nothing go on.
const NO: &[u8] = b"\x0a\x02\x08\x07";

/// Whether a request goes on in the end, where the authorizers of some clusters let it.
pub fn is_allowed(policies: &Policies, request: &Request, lets: impl Fn(&str) -> bool) -> bool {
    refused(policies, request, lets).is_none()
}

/// Whether it is denied because of where authorizers that let it may have led it.
pub fn is_rerouted(policies: &Policies, request: &Request) -> bool {
    refused(policies, request, |_| true) == Some("rerouted")
}

/// Why it is refused in the end, in a word.
fn refused(
    policies: &Policies,
    request: &Request,
    lets: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let body = body(request);
    let mut stream = Stream::default();
    let mut step = stream.headers(policies, facts(request), body.is_empty());
    if let Step::Wait | Step::PassHeaders = step {
        step = stream.body(policies, body.as_bytes(), true);
    }
    loop {
        match step {
            Step::Continue(_) => return None,
            Step::Block(refusal) => return Some(refusal.reason.kind()),
            Step::Ask(question) if matches!(question.call, CalloutRequest::Grpc { .. }) => {
                let message = match lets(&question.cluster) {
                    true => WITHOUT_TEAM,
                    false => NO,
                };
                step = stream.answer(policies, &CalloutResponse::Message(message));
            }
            Step::Ask(question) => {
                let status = if lets(&question.cluster) {
                    "200"
                } else {
                    "403"
                };
                let headers = Headers::from_lines([(":status", status)]);
                let response = CalloutResponse::Http {
                    headers: &headers,
                    body: b"",
                };
                step = stream.answer(policies, &response);
            }
            unsettled => panic!("no verdict at the end: {unsettled:?}"),
        }
    }
}

/// What becomes of a request whose body comes in these pieces.
pub fn judge_pieces(policies: &Policies, request: &Request, pieces: &[&[u8]]) -> Outcome {
    let is_empty = pieces.iter().all(|piece| piece.is_empty());
    let mut stream = Stream::default();
    let mut step = stream.headers(policies, facts(request), is_empty);
    for (number, piece) in pieces.iter().enumerate() {
        if let Step::Wait | Step::PassHeaders = step {
            step = stream.body(policies, piece, number + 1 == pieces.len());
        }
    }
    outcome(&step)
}

fn facts(request: &Request) -> StreamAttributes {
    let id = request.caller.as_deref().map(SpiffeId::new);
    StreamAttributes {
        headers: headers(request),
        caller: id.map_or(Caller::Anonymous, |id| Caller::Spiffe(id.expect("an ID"))),
        cluster: request.cluster.clone(),
        port: request.port,
        address: request.connection.as_ref().map(|(from, _)| from.clone()),
        scheme: request.connection.as_ref().map(|(_, tls)| match tls {
            true => Scheme::Https,
            false => Scheme::Http,
        }),
        ..StreamAttributes::default()
    }
}

fn headers(request: &Request) -> Headers {
    let pseudo = [
        (":method", Some(&request.method)),
        (":path", Some(&request.path)),
        (":authority", request.authority.as_ref()),
    ];
    // What a client says of its connection is not what the connection is.
    let lies = request.connection.iter().flat_map(|(from, tls)| {
        let is_near = from.starts_with("10.");
        let address = if is_near { "192.0.2.1" } else { "10.0.0.1" };
        let scheme = if *tls { "http" } else { "https" };
        [
            (":scheme", scheme),
            ("x-forwarded-proto", scheme),
            ("x-forwarded-for", address),
        ]
    });
    let pseudo = pseudo
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_str())));
    let own = match &request.asks {
        Asks::Message(_) | Asks::Nonsense { .. } => Some(("content-type", "application/json")),
        Asks::Delete { session: true } => Some(("mcp-session-id", "s")),
        _ => None,
    };
    let further = request.headers.iter();
    let further = further.map(|(name, value)| (name.as_str(), value.as_str()));
    Headers::from_lines(pseudo.chain(lies).chain(own).chain(further))
}

fn outcome(step: &Step<'_>) -> Outcome {
    match step {
        Step::Continue(Permitted::Now(permit, _)) => Outcome::Judged {
            verdict: allowed(permit.basis()),
            audit: permit.audit().map(audited),
        },
        Step::Block(refusal) => match refusal.reason {
            Refusal::Denied(denial) => Outcome::Judged {
                verdict: denied(denial.reason),
                audit: denial.audit.map(audited),
            },
            Refusal::DeniedByHeaders(Denial { reason, .. }) => {
                Outcome::DeniedByHeaders(reason_of(reason))
            }
            Refusal::Head(_) | Refusal::Malformed(..) => Outcome::Refused,
            other => panic!("nothing of this kind is generated: {other:?}"),
        },
        unsettled => panic!("no verdict at the end: {unsettled:?}"),
    }
}

fn audited(audit: Audit<'_>) -> Verdict {
    match audit {
        Audit::Allow(basis) => allowed(basis),
        Audit::Deny(reason) => denied(reason),
        Audit::Ask(by) => panic!("nobody that is generated asks: {by}"),
    }
}

fn allowed(basis: Basis<'_>) -> Verdict {
    let name = |by: Option<Determining<'_>>| by.map(|by| by.to_string());
    match basis {
        Basis::Unprotected => Verdict::Unprotected,
        Basis::Policies { gateway, backend } => Verdict::Allow {
            gateway: name(gateway),
            backend: name(backend),
        },
    }
}

fn denied(reason: DenialReason<'_>) -> Verdict {
    Verdict::Deny(reason_of(reason))
}

fn reason_of(reason: DenialReason<'_>) -> Reason {
    match reason {
        DenialReason::Unprotected => Reason::Unprotected,
        DenialReason::NoPort => Reason::NoPort,
        DenialReason::NoCluster => Reason::NoCluster,
        DenialReason::Unlisted => Reason::Unlisted,
        DenialReason::DenyRule { level, by, .. } => Reason::Refused {
            level: level_of(level),
            by: by.to_string(),
        },
        DenialReason::NotAllowed { level, policy, .. } => Reason::NotAllowed {
            level: level_of(level),
            policy: policy.map(ToString::to_string),
        },
    }
}

const fn level_of(level: LevelName) -> Level {
    match level {
        LevelName::Gateway => Level::Gateway,
        LevelName::Backend => Level::Backend,
    }
}
