//! The state machine.

use std::rc::Rc;

use crate::decision::{Decision, Permit, decide};
use crate::mcp::{Envelope, Fault, Message};
use crate::policy::{Policies, RequestHeaders};
use crate::request::{Caller, Head, Headers, HttpTarget, Operation, Request};

use super::envelopes::{Borrowed, Envelopes};
use super::{Answer, Reason, Refusal};

/// What is known of a request when its headers have come.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The headers.
    pub headers: Headers,
    /// Who asks.
    pub caller: Caller,
    /// The Envoy cluster that the route chose.
    pub cluster: Option<String>,
    /// The port that the request arrived on, where a rule asks for it.
    pub port: Option<u64>,
    /// Where the connection comes from, address and port, where a rule asks for it.
    pub address: Option<String>,
    /// When the request arrived, in nanoseconds since 1970, where a rule asks for it.
    pub time: Option<u64>,
}

impl Facts {
    /// What waits for a body waits without what no rule asks for.
    pub(super) fn kept(self, policies: &Policies) -> Self {
        Self {
            headers: self.headers.kept(policies.needs().headers()),
            ..self
        }
    }

    /// A request whose body, if it has one, is not read.
    pub(super) fn request<'r>(&'r self, operation: Operation<'r>, ended: bool) -> Request<'r> {
        let announced = self.headers.only("content-length");
        let announced = announced.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
        Request {
            caller: &self.caller,
            cluster: self.cluster.as_deref(),
            http: HttpTarget::new(&self.headers, self.port),
            operation,
            body: b"",
            size: if ended { Some(0) } else { announced },
            address: self.address.as_deref(),
            time: self.time,
        }
    }
}

/// What is to be done next with a stream.
#[derive(Debug)]
pub enum Step<'p> {
    /// Hold what there is: the verdict needs more.
    Wait,
    /// Let the headers go on, hold the body: the verdict needs it.
    PassHeaders,
    /// Let everything go on.
    Continue(Permitted<'p>),
    /// Answer, and let nothing more go on.
    Refuse(Box<Refusal<'p>>),
}

/// Why everything may go on.
#[derive(Debug)]
pub enum Permitted<'p> {
    /// The engine permits it, now.
    Now(Permit<'p>),
    /// It was permitted before; this is the rest of it.
    Before,
}

#[derive(Debug, Default)]
enum State {
    /// No headers yet.
    #[default]
    New,
    /// An MCP message is being read.
    Reading(Box<Reading>),
    /// Permitted.
    Passed,
    /// Refused.
    Refused,
}

#[derive(Debug)]
struct Reading {
    facts: Facts,
    envelope: Borrowed,
    received: usize,
}

/// One request's life.
#[derive(Debug, Default)]
pub struct Stream {
    state: State,
    envelopes: Rc<Envelopes>,
    message_bytes: Option<usize>,
}

impl Stream {
    /// A stream that takes what it reads with from those that streams share.
    pub fn new(envelopes: Rc<Envelopes>) -> Self {
        Self {
            envelopes,
            ..Self::default()
        }
    }

    /// The headers have come; `ended` is whether the request ends with them.
    pub fn headers<'p>(&mut self, policies: &'p Policies, facts: Facts, ended: bool) -> Step<'p> {
        if !matches!(self.state, State::New) {
            return self.out_of_order();
        }
        let settings = policies.settings();
        let body_limit = settings.limits.body_bytes.size();
        let paths = settings.mcp_paths.as_deref();
        let operation = match Head::read(&facts.headers, paths, body_limit, ended) {
            Err(fault) => {
                return self.refuse(Answer::to_head(fault), Reason::Head(fault), None);
            }
            Ok(Head::Http) => Operation::Http,
            Ok(Head::Get) => Operation::Get,
            Ok(Head::Delete { session }) => Operation::Delete { session },
            Ok(Head::Options) => Operation::Options,
            Ok(Head::Post) => {
                let facts = facts.kept(policies);
                let mut envelope = self.envelopes.take(settings.limits.depth.size());
                envelope.keep_body(policies.needs().body);
                if envelope.account(facts.headers.memory()).is_none() {
                    return self.refuse(Answer::overloaded(), Reason::Overloaded, None);
                }
                self.state = State::Reading(Box::new(Reading {
                    facts,
                    envelope,
                    received: 0,
                }));
                return match (ended, settings.request_headers) {
                    (true, _) => self.judge_message(policies),
                    (false, RequestHeaders::Hold) => Step::Wait,
                    (false, RequestHeaders::Stream) => Step::PassHeaders,
                };
            }
        };
        let request = facts.request(operation, ended);
        match decide(policies, &request) {
            Decision::Allow(permit) => self.pass(permit),
            Decision::Deny(denial) => {
                self.refuse(Answer::forbidden(), Reason::Denied(denial), None)
            }
        }
    }

    /// How many bytes of the body have been taken. Those before are not needed again.
    pub fn received(&self) -> usize {
        match &self.state {
            State::Reading(reading) => reading.received,
            _ => 0,
        }
    }

    /// The length in bytes of the message that was read, once it was found well-formed.
    pub const fn message_bytes(&self) -> Option<usize> {
        self.message_bytes
    }

    /// Whether the stream still wants to see its body.
    pub const fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// The next piece of the body has come; `ended` is whether it is the last.
    pub fn body<'p>(&mut self, policies: &'p Policies, piece: &[u8], ended: bool) -> Step<'p> {
        let State::Reading(reading) = &mut self.state else {
            return self.settled();
        };
        reading.received = reading.received.saturating_add(piece.len());
        if reading.received > policies.settings().limits.body_bytes.size() {
            return self.too_large();
        }
        if let Err((fault, offset)) = reading.envelope.push(piece) {
            return self.malformed(fault, offset, None);
        }
        let beside = reading.facts.headers.memory();
        if reading.envelope.account(beside).is_none() {
            return self.refuse(Answer::overloaded(), Reason::Overloaded, None);
        }
        if ended {
            self.judge_message(policies)
        } else {
            Step::Wait
        }
    }

    /// The body is known to be longer than the limit, whatever is in it.
    pub fn body_too_large<'p>(&mut self) -> Step<'p> {
        if self.is_reading() {
            self.too_large()
        } else {
            self.settled()
        }
    }

    /// Trailers have come, so the body has ended.
    ///
    /// SECURITY: with trailers no piece of the body is ever marked as the last.
    pub fn trailers<'p>(&mut self, policies: &'p Policies) -> Step<'p> {
        if self.is_reading() {
            self.judge_message(policies)
        } else {
            self.settled()
        }
    }

    /// The body could not be read from the host.
    pub fn unreadable<'p>(&mut self) -> Step<'p> {
        if self.is_reading() {
            self.out_of_order()
        } else {
            self.settled()
        }
    }

    /// An event after the verdict.
    fn settled<'p>(&mut self) -> Step<'p> {
        match self.state {
            State::Passed => Step::Continue(Permitted::Before),
            State::Refused => Step::Wait,
            State::New | State::Reading(_) => self.out_of_order(),
        }
    }

    fn judge_message<'p>(&mut self, policies: &'p Policies) -> Step<'p> {
        let State::Reading(mut reading) = std::mem::replace(&mut self.state, State::Refused) else {
            return self.out_of_order();
        };
        let Reading {
            facts,
            envelope,
            received,
        } = &mut *reading;
        let (message, body) = match envelope.read(&facts.headers.claims()) {
            Ok(read) => read,
            Err((fault, offset)) => return self.malformed(fault, offset, Some(&reading.envelope)),
        };
        self.message_bytes = Some(*received);
        let request = Request {
            body,
            size: u64::try_from(*received).ok(),
            ..facts.request(Operation::Message(message), true)
        };
        match decide(policies, &request) {
            Decision::Allow(permit) => self.pass(permit),
            Decision::Deny(denial) => {
                let said = denial.reason.message();
                let answer = Answer::to_denied(policies.settings().denial, &message, said);
                self.refuse(answer, Reason::Denied(denial), Some(&message))
            }
        }
    }

    fn pass<'p>(&mut self, permit: Permit<'p>) -> Step<'p> {
        self.state = State::Passed;
        Step::Continue(Permitted::Now(permit))
    }

    fn refuse<'p>(
        &mut self,
        answer: Answer,
        reason: Reason<'p>,
        message: Option<&Message<'_>>,
    ) -> Step<'p> {
        self.state = State::Refused;
        let call = message.and_then(|message| message.call());
        let thing = call.and_then(|call| call.things.iter().next());
        Step::Refuse(Box::new(Refusal {
            answer,
            reason,
            method: call.map(|call| brief(call.name).to_owned()),
            thing: thing.map(|thing| brief(thing.as_str()).to_owned()),
        }))
    }

    fn too_large<'p>(&mut self) -> Step<'p> {
        self.refuse(Answer::too_large(), Reason::TooLarge, None)
    }

    fn malformed<'p>(
        &mut self,
        fault: Fault,
        offset: Option<usize>,
        envelope: Option<&Envelope>,
    ) -> Step<'p> {
        let id = envelope.and_then(|envelope| envelope.id_for(fault));
        let answer = Answer::to_malformed(fault, offset, id);
        self.refuse(answer, Reason::Malformed(fault, offset), None)
    }

    fn out_of_order<'p>(&mut self) -> Step<'p> {
        self.refuse(Answer::forbidden(), Reason::OutOfOrder, None)
    }
}

/// The front of a name, for records and answers: a client chooses how long it is.
pub(super) fn brief(name: &str) -> &str {
    name.get(..name.floor_char_boundary(BRIEF))
        .unwrap_or_default()
}

/// How much of a name is repeated, in bytes.
const BRIEF: usize = 256;

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
