//! What becomes of a request, in the words of the vectors.

use accesspolicy::engine::enforcement::{
    LocalReply, Permitted, Reason, Step, Stream, StreamAttributes,
};
use accesspolicy::engine::mcp::{Message, MessageReader, Object};
use accesspolicy::engine::policy::Policies;
use accesspolicy::engine::request::{Caller, Head, Headers};

use super::{BODY_LIMIT, DEPTH_LIMIT, Http, Vector};

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its last piece is marked as the last.
    OnLastPiece,
    /// An empty piece is.
    OnEmptyPiece,
    /// No piece is: trailers follow.
    WithTrailers,
}

impl Ending {
    pub const ALL: [Self; 3] = [Self::OnLastPiece, Self::OnEmptyPiece, Self::WithTrailers];
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Of a refused one: status, JSON-RPC code if the answer has one, and kind of
    /// fault. Of one that passes, what was understood: `ID METHOD`, and of each thing
    /// its kind and what it is called; `-` for the id of a notification; `response`;
    /// the HTTP method where there is no message; `http` where there is no MCP.
    pub text: String,
    /// The id token of an error response.
    pub id: Option<String>,
    /// The answer to a refused one.
    pub answer: Option<LocalReply>,
    /// Where the fault is said to be.
    pub offset: Option<usize>,
    /// Whether the headers alone refuse it.
    pub is_of_headers: bool,
}

/// A vector, ready to be judged again and again.
pub struct Judge {
    policies: Policies,
    lines: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Judge {
    pub fn new(vector: &Vector) -> Self {
        let Http {
            method,
            path,
            headers,
            body,
        } = vector.http();
        let policy = vector.policy().to_string();
        let pseudo = [
            (":method".to_owned(), method.into_bytes()),
            (":path".to_owned(), path.into_bytes()),
        ];
        Self {
            policies: Policies::from_json(policy.as_bytes()).expect("policy"),
            lines: pseudo.into_iter().chain(headers).collect(),
            body,
        }
    }

    /// The body, or nothing.
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The verdict on a body that comes whole.
    pub fn whole(&self) -> Verdict {
        self.pieces(&[self.body()], Ending::OnLastPiece)
    }

    /// The verdict on a body, if there is one, that comes in these pieces.
    pub fn pieces(&self, pieces: &[&[u8]], ending: Ending) -> Verdict {
        let facts = StreamAttributes {
            headers: Headers::from_lines(self.lines.iter().map(|(name, value)| (name, value))),
            caller: Caller::Anonymous,
            cluster: None,
            ..StreamAttributes::default()
        };
        let mut stream = Stream::default();
        let mut step = stream.headers(&self.policies, facts, self.body.is_none());
        if self.body.is_none() {
            return self.of_step(&step, &[]);
        }
        for (number, piece) in pieces.iter().enumerate() {
            let last = number + 1 == pieces.len() && ending == Ending::OnLastPiece;
            if matches!(step, Step::Wait) {
                step = stream.body(&self.policies, piece, last);
            } else if stream.is_bodiless()
                && let refused @ Step::Block(_) = stream.body(&self.policies, piece, last)
            {
                step = refused;
            }
        }
        if matches!(step, Step::Wait) {
            step = match ending {
                Ending::WithTrailers => stream.trailers(&self.policies),
                _ => stream.body(&self.policies, &[], true),
            };
        }
        self.of_step(&step, pieces)
    }

    fn of_step(&self, step: &Step<'_>, pieces: &[&[u8]]) -> Verdict {
        let passes_unknown = !self.policies.settings().unknown_members.is_reject();
        Verdict::of_step(step, || understood(&self.lines, pieces, passes_unknown))
    }
}

impl Verdict {
    /// Judges a vector whose body comes whole.
    pub fn of(vector: &Vector) -> Self {
        Judge::new(vector).whole()
    }

    fn of_step(step: &Step<'_>, understood: impl Fn() -> String) -> Self {
        let text = |text: String| Self {
            text,
            id: None,
            answer: None,
            offset: None,
            is_of_headers: false,
        };
        match step {
            Step::Continue(Permitted::Now(..)) => text(understood()),
            Step::Block(refusal) => {
                let answer = refusal.answer.clone();
                let (code, id) = error(&answer).unzip();
                let code = code.map(|code| format!("{code} ")).unwrap_or_default();
                let (kind, offset) = kind(&refusal.reason);
                Self {
                    text: format!("{} {code}{kind}", answer.status),
                    id,
                    answer: Some(answer),
                    offset,
                    is_of_headers: matches!(refusal.reason, Reason::Head(_)),
                }
            }
            other => text(format!("unsettled: {other:?}")),
        }
    }
}

/// The kind of fault, and where in the body it is.
fn kind(reason: &Reason<'_>) -> (String, Option<usize>) {
    match reason {
        Reason::Head(fault) => (fault.as_str().to_owned(), None),
        Reason::TooLarge => ("body is too large".to_owned(), None),
        Reason::Malformed(fault, offset) => (fault.to_string(), *offset),
        Reason::Denied(_)
        | Reason::DeniedByHeaders(_)
        | Reason::Rerouted(_)
        | Reason::DeniedByAuthorizer(_)
        | Reason::Unanswered(_) => ("denied".to_owned(), None),
        Reason::Unshown(unshown) => (unshown.as_str().to_owned(), None),
        Reason::TimedOut => ("timeout".to_owned(), None),
        Reason::Superseded => ("superseded".to_owned(), None),
        Reason::Overloaded | Reason::Crowded => ("overloaded".to_owned(), None),
        Reason::OutOfOrder => ("out of order".to_owned(), None),
    }
}

/// Code and id token of an error response.
fn error(answer: &LocalReply) -> Option<(i64, String)> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    let rest = text.strip_prefix(r#"{"jsonrpc":"2.0","id":"#)?;
    let (id, _) = rest.rsplit_once(r#","error":"#)?;
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    Some((value["error"]["code"].as_i64()?, id.to_owned()))
}

/// What the reader makes of a request that passes.
fn understood(lines: &[(String, Vec<u8>)], pieces: &[&[u8]], passes_unknown: bool) -> String {
    let headers = &Headers::from_lines(lines.iter().map(|(name, value)| (name, value)));
    let paths = ["/mcp".to_owned()];
    let ended = pieces.is_empty();
    match Head::read(headers, Some(&paths), BODY_LIMIT, ended) {
        Ok(Head::Post) => {}
        Ok(Head::Http) => return "http".to_owned(),
        Ok(Head::Get) => return "GET".to_owned(),
        Ok(Head::Delete { session: false }) => return "DELETE".to_owned(),
        Ok(Head::Delete { session: true }) => return "DELETE with a session".to_owned(),
        Ok(Head::Options) => return "OPTIONS".to_owned(),
        Err(fault) => return format!("headers disagree: {fault:?}"),
    }
    let mut envelope = MessageReader::new(DEPTH_LIMIT);
    envelope.pass_unknown_members(passes_unknown);
    for piece in pieces {
        if let Err(fault) = envelope.push(piece) {
            return format!("body disagrees: {fault:?}");
        }
    }
    match envelope.message(&headers.claims()) {
        Ok(message) => describe(&message),
        Err(fault) => format!("message disagrees: {fault:?}"),
    }
}

fn describe(message: &Message<'_>) -> String {
    let Some(call) = message.call() else {
        return "response".to_owned();
    };
    let id = message.id().map_or("-".into(), |id| {
        String::from_utf8(id.token().to_vec()).expect("checked")
    });
    let things = call.objects.iter().map(|thing| {
        let kind = match thing {
            Object::Tool(_) => "tool",
            Object::Prompt(_) => "prompt",
            Object::Resource(_) => "resource",
            Object::Task(_) => "task",
        };
        format!(" {kind} {}", thing.as_str())
    });
    format!("{id} {}{}", call.name, things.collect::<String>())
}
