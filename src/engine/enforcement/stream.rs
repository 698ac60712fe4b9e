//! The state machine.

mod reply;

use std::rc::Rc;

use crate::engine::decision::{
    Allowance, Audit, CompletedCalls, Decision, Permit, allowed_everywhere, decide,
};
use crate::engine::external_auth::{
    self, CalloutInput, CalloutResponse, CalloutVerdict, Obligations,
};
use crate::engine::policy::{OnError, Policies, RequestHeaders, Routing};
use crate::engine::request::{Head, HeadError, Operation, awaits_event};

use super::buffered::{AwaitingAuthorizer, Buffered, Full, Judgeable};
use super::callout_record::{CalloutRecord, CalloutResult, Spans};
use super::judges::Judges;
use super::local_reply::Recipient;
use super::reader_pool::{Obliged, ReaderPool, Share};
use super::{CallSummary, LocalReply, Permitted, Reason, Step, StreamAttributes, Unauthorized};

#[derive(Debug, Default)]
enum StreamState {
    /// No headers yet.
    #[default]
    New,
    /// The body is being taken.
    Reading(Box<Buffered>),
    /// An authorizer is asked.
    AwaitingAuthorizer(Box<AwaitingAuthorizer>),
    /// It has to be refused, and holds nothing any more.
    GivenUp(Recipient<'static>),
    /// Permitted.
    Passed,
    /// Refused.
    Refused,
}

/// One request's life.
#[derive(Debug, Default)]
pub struct Stream {
    state: StreamState,
    envelopes: Rc<ReaderPool>,
    /// By which the host knows it.
    number: u32,
    spans: Spans,
    said: Vec<CalloutRecord>,
    message_bytes: Option<usize>,
    /// A body may come, which has to be empty.
    is_bodiless: bool,
    keeps_called: bool,
    called: Option<CallSummary>,
    /// Its client reads no answer but by its status.
    awaits_event: bool,
    /// For the changes to its response.
    obliged: Option<Obliged>,
}

impl Stream {
    /// A stream that takes what it reads with from those that streams share.
    pub fn new(envelopes: Rc<ReaderPool>) -> Self {
        // In full: what a default shares with nobody would be made only to be dropped.
        Self {
            envelopes,
            number: 0,
            state: StreamState::New,
            spans: Spans::default(),
            said: Vec::new(),
            message_bytes: None,
            is_bodiless: false,
            keeps_called: false,
            called: None,
            awaits_event: false,
            obliged: None,
        }
    }

    /// The same, known to the host by a number.
    pub fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// Gives the calls of this stream spans of their own, from a random seed.
    pub fn trace(&mut self, seed: [u8; 8]) {
        self.spans = Spans(Some(seed));
    }

    /// Keeps what is called for a record, also where the request goes on.
    pub fn keep_called(&mut self) {
        self.keeps_called = true;
    }

    /// What a request calls that goes on, where that was kept.
    pub const fn called(&self) -> Option<&CallSummary> {
        self.called.as_ref()
    }

    /// Whether a record says that the request goes on, whoever asks for it: a policy in
    /// Audit mode would refuse it, or it goes on because an authorizer did not answer.
    pub fn is_notable(&self, permit: &Permit<'_>) -> bool {
        let is_audited = matches!(permit.audit(), Some(Audit::Deny(_)));
        let mut said = self.said.iter();
        is_audited || said.any(|said| said.answered == CalloutResult::Error)
    }

    /// What authorizers have said so far, in order.
    pub fn said(&self) -> &[CalloutRecord] {
        &self.said
    }

    /// The headers have come; `ended` is whether the request ends with them.
    pub fn headers<'p>(
        &mut self,
        by: impl Into<Judges<'p>>,
        mut facts: StreamAttributes,
        ended: bool,
    ) -> Step<'p> {
        let by = by.into();
        let policies = by.policies;
        if !matches!(self.state, StreamState::New) {
            return self.out_of_order();
        }
        facts.judged_at(self.time(policies));
        let settings = policies.settings();
        let body_limit = settings.limits.body_bytes.size();
        let paths = settings.mcp_paths.as_deref();
        let operation = match Head::read(&facts.headers, paths, body_limit, ended) {
            Err(fault) => {
                return self.refuse(LocalReply::to_head(fault), Reason::Head(fault), None);
            }
            Ok(Head::Http) => Operation::Http,
            Ok(Head::Get) => Operation::Get,
            Ok(Head::Delete { session }) => Operation::Delete { session },
            Ok(Head::Options) => Operation::Options,
            Ok(Head::Post) => return self.posted(by, facts, ended),
        };
        // SECURITY: nothing of a body goes on that the method does not have.
        self.is_bodiless = !ended && operation != Operation::Http;
        let holds = settings.request_headers == RequestHeaders::Hold;
        let request = facts.request(operation, b"", facts.size(ended));
        let (progress, allowance) = (CompletedCalls::default(), Allowance::default());
        match decide(policies, &request, &progress, &allowance) {
            Decision::Allow(permit) if !(self.is_bodiless && holds) => {
                match by.allow_too(&request, &progress, &allowance) {
                    Ok(()) => self.pass(permit, Obligations::default()),
                    Err(forbidden) => self.not_allowed_too(policies, forbidden, None),
                }
            }
            Decision::Deny(denial) => {
                self.refuse(LocalReply::forbidden(), Reason::Denied(denial), None)
            }
            Decision::Allow(_) | Decision::Ask(_) => {
                let depth = settings.limits.depth.size();
                let envelope = self.envelopes.take(depth, Share::Undecided, self.number);
                let held = Buffered::other(facts, operation, ended, envelope, policies);
                // SECURITY: while a body is awaited, streamed headers would go on unjudged.
                let has_more = policies.needs().other_body > 0 || self.is_bodiless;
                let waits = !ended && has_more && holds;
                self.hold(by, Box::new(held), !waits)
            }
        }
    }

    /// The headers of a message have come.
    fn posted<'p>(&mut self, by: Judges<'p>, facts: StreamAttributes, ended: bool) -> Step<'p> {
        let policies = by.policies;
        self.awaits_event = awaits_event(&facts.headers);
        let settings = policies.settings();
        let share = match facts.denied(policies) {
            None => Share::Undecided,
            // SECURITY: some servers act on headers alone.
            Some(denial) if settings.request_headers == RequestHeaders::Stream => {
                return self.denied_by_headers(denial);
            }
            Some(denial) => {
                let limit = Share::Denied.body_limit(settings.limits.body_bytes.size());
                let announced = facts
                    .size(ended)
                    .and_then(|size| usize::try_from(size).ok());
                if announced.is_some_and(|size| size > limit) {
                    return self.denied_by_headers(denial);
                }
                Share::Denied
            }
        };
        // SECURITY: the same for policies that the host is about to put in force.
        if settings.request_headers == RequestHeaders::Stream
            && let Err(forbidden) = by.pass_headers_too(&facts)
        {
            return self.headers_not_allowed_too(forbidden);
        }
        let depth = settings.limits.depth.size();
        let envelope = self.envelopes.take(depth, share, self.number);
        let held = Box::new(Buffered::message(facts, envelope, policies));
        self.hold(by, held, ended)
    }

    /// Keeps a request until its body has come; `ended` is whether nothing of it is missing.
    fn hold<'p>(&mut self, by: Judges<'p>, mut held: Box<Buffered>, ended: bool) -> Step<'p> {
        let policies = by.policies;
        if held.account().is_err() {
            return self.overloaded(policies, &held);
        }
        if ended {
            return self.judge(by, Judgeable::new(held));
        }
        self.state = StreamState::Reading(held);
        match policies.settings().request_headers {
            RequestHeaders::Hold => Step::Wait,
            RequestHeaders::Stream => Step::PassHeaders,
        }
    }

    /// What became of it, where that is settled.
    pub const fn settled_as(&self) -> Option<Settled> {
        match self.state {
            StreamState::Passed if self.is_bodiless => None,
            StreamState::Passed => Some(Settled::Passed),
            StreamState::Refused => Some(Settled::Refused),
            StreamState::New
            | StreamState::Reading(_)
            | StreamState::AwaitingAuthorizer(_)
            | StreamState::GivenUp(_) => None,
        }
    }

    /// Whether it was permitted, though a body may come yet that has to be empty.
    pub const fn has_passed(&self) -> bool {
        matches!(self.state, StreamState::Passed)
    }

    /// It is refused without a look at it.
    pub fn refused(&mut self) {
        self.state = StreamState::Refused;
    }

    /// How many bytes of the body have been taken. Those before are not needed again.
    pub fn received(&self) -> usize {
        match &self.state {
            StreamState::Reading(held) => held.received,
            _ => 0,
        }
    }

    /// The length in bytes of the message that was read, once it was found well-formed.
    pub const fn message_bytes(&self) -> Option<usize> {
        self.message_bytes
    }

    /// Whether the stream still wants to see its body.
    pub const fn is_reading(&self) -> bool {
        matches!(self.state, StreamState::Reading(_))
    }

    /// The next piece of the body has come; `ended` is whether it is the last.
    pub fn body<'p>(&mut self, by: impl Into<Judges<'p>>, piece: &[u8], ended: bool) -> Step<'p> {
        let by = by.into();
        let policies = by.policies;
        if self.is_bodiless && !piece.is_empty() {
            return self.unexpected_body();
        }
        self.is_bodiless &= !ended;
        if self.is_bodiless && self.is_reading() {
            return Step::Wait;
        }
        let StreamState::Reading(held) = &mut self.state else {
            return self.settled();
        };
        let received = held.received.saturating_add(piece.len());
        if held
            .body_limit(policies)
            .is_some_and(|limit| received > limit)
        {
            return self.too_large(policies);
        }
        match held.push(piece, policies.needs().other_body) {
            Err(Full::Malformed((fault, offset))) => self.malformed(fault, offset, None),
            Err(Full::Overloaded) => match std::mem::replace(&mut self.state, StreamState::Refused)
            {
                StreamState::Reading(held) => self.overloaded(policies, &held),
                _ => self.out_of_order(),
            },
            Ok(_) if ended => self.ended(by),
            Ok(false) => self.read(by),
            Ok(true) => Step::Wait,
        }
    }

    /// Whether nothing may be in the body.
    pub const fn is_bodiless(&self) -> bool {
        self.is_bodiless
    }

    /// Something is in a body that has to be empty, whatever has become of the request.
    pub fn unexpected_body<'p>(&mut self) -> Step<'p> {
        let fault = HeadError::Body;
        self.refuse(LocalReply::to_head(fault), Reason::Head(fault), None)
    }

    /// The body is known to be longer than [`body_limit`](Self::body_limit), whatever is
    /// in it.
    pub fn body_too_large<'p>(&mut self, policies: &'p Policies) -> Step<'p> {
        if self.is_reading() {
            self.too_large(policies)
        } else {
            self.settled()
        }
    }

    /// The longest body that is read, in bytes, where it is a message's.
    pub fn body_limit(&self, policies: &Policies) -> Option<usize> {
        match &self.state {
            StreamState::Reading(held) => held.body_limit(policies),
            _ => None,
        }
    }

    /// Trailers have come, so the body has ended.
    ///
    /// SECURITY: with trailers no piece of the body is ever marked as the last.
    pub fn trailers<'p>(&mut self, by: impl Into<Judges<'p>>) -> Step<'p> {
        self.is_bodiless = false;
        if self.is_reading() {
            self.ended(by.into())
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

    /// The authorizer that was asked has answered, or never will. An answer that nobody
    /// waits for changes nothing.
    pub fn answer<'p>(
        &mut self,
        by: impl Into<Judges<'p>>,
        response: &CalloutResponse<'_>,
    ) -> Step<'p> {
        let by = by.into();
        let policies = by.policies;
        if !matches!(self.state, StreamState::AwaitingAuthorizer(_)) {
            return Step::Wait;
        }
        let StreamState::AwaitingAuthorizer(asking) =
            std::mem::replace(&mut self.state, StreamState::Refused)
        else {
            return self.out_of_order();
        };
        let Some(ask) = asking.pending.ask(policies) else {
            return self.out_of_order();
        };
        let settings = policies.settings();
        let verdict = external_auth::interpret(ask.auth, settings.request_headers, response);
        self.said.push(CalloutRecord::new(&ask, &verdict));
        match (verdict, settings.external_auth.on_error) {
            (CalloutVerdict::Allow(changes), _) => self.judge(by, asking.allowed(changes)),
            (CalloutVerdict::Error(error), OnError::Allow) if error.is_outage() => {
                let changes = external_auth::unanswered(ask.auth);
                self.judge(by, asking.allowed(changes))
            }
            (CalloutVerdict::Error(error), _) => {
                let reason = Reason::Unanswered(Unauthorized::new(&ask, error));
                self.refuse_asked(policies, *asking, reason, LocalReply::to_unanswered)
            }
            (CalloutVerdict::Deny(reply), _) => {
                let reason = Reason::DeniedByAuthorizer(Unauthorized::new(&ask, reply.status));
                self.refuse_asked(policies, *asking, reason, |form, message| {
                    LocalReply::to_unauthorized(form, message, reply)
                })
            }
        }
    }

    /// What it holds is needed for others: it holds nothing any more, and its next event
    /// refuses it.
    pub fn give_up(&mut self) {
        let to = match &self.state {
            StreamState::Reading(held) => held.recipient(),
            StreamState::AwaitingAuthorizer(asking) => asking.held.recipient(),
            _ => return,
        };
        self.state = StreamState::GivenUp(to);
    }

    /// The server responds: what was to be changed about that is no longer held.
    pub fn responds(&mut self) {
        self.obliged = None;
    }

    /// Whether it waits for a verdict, or to be refused.
    pub const fn is_waiting(&self) -> bool {
        matches!(
            self.state,
            StreamState::Reading(_) | StreamState::AwaitingAuthorizer(_) | StreamState::GivenUp(_)
        )
    }

    /// Time has passed; `is_late` is whether a body may be awaited no longer.
    pub fn tick<'p>(&mut self, policies: &'p Policies, is_late: bool) -> Step<'p> {
        match std::mem::take(&mut self.state) {
            StreamState::GivenUp(to) => {
                self.refuse(LocalReply::overloaded(to), Reason::Overloaded, None)
            }
            StreamState::Reading(held) if is_late && held.is_denied() => {
                self.denied_unread(policies, &held)
            }
            StreamState::Reading(held) if is_late => {
                let answer = LocalReply::timed_out(held.recipient());
                self.refuse(answer, Reason::TimedOut, None)
            }
            other => {
                self.state = other;
                Step::Wait
            }
        }
    }

    /// The stream has ended, and nothing comes any more. Where it was not decided, what it
    /// called, as far as that was known.
    pub fn abandon(&mut self) -> Option<Abandoned> {
        let called = match std::mem::replace(&mut self.state, StreamState::Refused) {
            StreamState::New | StreamState::Passed | StreamState::Refused => return None,
            StreamState::Reading(_) | StreamState::GivenUp(_) => None,
            StreamState::AwaitingAuthorizer(mut asking) => {
                let request = asking.held.request().ok();
                let message = request.and_then(|(request, _)| request.operation.message());
                message.as_ref().and_then(CallSummary::of)
            }
        };
        Some(Abandoned { called })
    }

    /// What a permit obliges to could not be done: nothing more goes on.
    pub fn obligations_failed<'p>(&mut self) -> Step<'p> {
        self.out_of_order()
    }

    /// An event after the verdict, or while an authorizer is asked.
    fn settled<'p>(&mut self) -> Step<'p> {
        match self.state {
            StreamState::Passed => Step::Continue(Permitted::Before),
            StreamState::Refused | StreamState::AwaitingAuthorizer(_) => Step::Wait,
            StreamState::GivenUp(to) => {
                self.refuse(LocalReply::overloaded(to), Reason::Overloaded, None)
            }
            StreamState::New | StreamState::Reading(_) => self.out_of_order(),
        }
    }

    /// The whole body has come.
    fn ended<'p>(&mut self, by: Judges<'p>) -> Step<'p> {
        if let StreamState::Reading(held) = &mut self.state {
            held.end();
        }
        self.read(by)
    }

    /// As much of the body has come as is needed.
    fn read<'p>(&mut self, by: Judges<'p>) -> Step<'p> {
        match std::mem::replace(&mut self.state, StreamState::Refused) {
            StreamState::Reading(held) => self.judge(by, Judgeable::new(held)),
            _ => self.out_of_order(),
        }
    }

    /// When a request is judged, where some rule asks for it.
    fn time(&self, policies: &Policies) -> Option<u64> {
        let asks = policies.needs().time;
        asks.then(|| self.envelopes.now()).flatten()
    }

    fn judge<'p>(&mut self, by: Judges<'p>, ready: Judgeable) -> Step<'p> {
        let policies = by.policies;
        let Judgeable {
            mut held,
            progress,
            obligations,
        } = ready;
        held.facts.judged_at(self.time(policies));
        let (request, body) = match held.request() {
            Ok(read) => read,
            Err((fault, offset)) => {
                return self.malformed(fault, offset, held.envelope());
            }
        };
        let message = request.operation.message();
        if message.is_some() {
            self.message_bytes = request.size.and_then(|size| usize::try_from(size).ok());
        }
        let allowance = Allowance::default();
        let ask = match decide(policies, &request, &progress, &allowance) {
            Decision::Allow(permit) => {
                let may_change = obligations.may_change(request.http.headers());
                let too = by.allow_too(&request, &progress, &allowance);
                let too = too.and_then(|()| match may_change {
                    true => by.reroute_too(),
                    false => Ok(()),
                });
                if let Err(forbidden) = too {
                    return self.not_allowed_too(policies, forbidden, message.as_ref());
                }
                let everywhere =
                    || allowed_everywhere(policies, &request, &progress, &permit, &allowance);
                let routing = policies.settings().external_auth.routing;
                if routing == Routing::Unknown
                    && may_change
                    && let Err(elsewhere) = everywhere()
                {
                    return self.rerouted(policies, elsewhere, message.as_ref());
                }
                if !obligations.response.is_empty() {
                    let Some(room) = self.envelopes.oblige(obligations.response_memory()) else {
                        let answer = LocalReply::overloaded(message.as_ref().into());
                        return self.refuse(answer, Reason::Overloaded, message.as_ref());
                    };
                    self.obliged = Some(room);
                }
                if self.keeps_called || self.is_notable(&permit) {
                    self.called = message.as_ref().and_then(CallSummary::of);
                }
                return self.pass(permit, obligations);
            }
            Decision::Deny(denial) => return self.denied(policies, denial, message.as_ref()),
            Decision::Ask(ask) => ask,
        };
        let shown = CalloutInput {
            request: &request,
            body,
            span: self.spans.next(self.said.len()),
            mcp_paths: policies.settings().mcp_paths.as_deref(),
        };
        match external_auth::prepare(ask.auth, &policies.settings().external_auth, &shown) {
            Ok(question) => {
                let timeout = question.timeout.milliseconds();
                let owner = self.envelopes.owner(request.caller.spiffe_id());
                let Some(place) = self.envelopes.callouts.take(owner, timeout) else {
                    let answer = LocalReply::crowded(message.as_ref().into());
                    return self.refuse(answer, Reason::Crowded, message.as_ref());
                };
                let shown = question.size().saturating_add(obligations.memory());
                if held.shows(shown).is_err() {
                    place.ended();
                    let answer = LocalReply::overloaded(held.recipient());
                    return self.refuse(answer, Reason::Overloaded, None);
                }
                self.state = StreamState::AwaitingAuthorizer(Box::new(AwaitingAuthorizer {
                    pending: ask.wait(progress),
                    place,
                    held,
                    obligations,
                }));
                Step::Ask(Box::new(question))
            }
            Err(unshown) => {
                let answer = LocalReply::to_unshown(unshown, message.as_ref().into());
                self.refuse(answer, Reason::Unshown(unshown), message.as_ref())
            }
        }
    }

    fn pass<'p>(&mut self, permit: Permit<'p>, obligations: Obligations) -> Step<'p> {
        self.state = StreamState::Passed;
        Step::Continue(Permitted::Now(permit, obligations))
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Everything goes on.
    Passed,
    /// It is answered, and nothing more goes on.
    Refused,
}

/// A request that ended before it was decided: its client has gone, or the host gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// What it called, where its message was read.
    pub called: Option<CallSummary>,
}

impl Abandoned {
    /// The kind of reason, for records and metrics: one word.
    pub const REASON: &'static str = "abandoned";
}

/// The front of a name, for records and answers: a client chooses how long it is.
pub(super) fn brief(name: &str) -> &str {
    name.get(..name.floor_char_boundary(BRIEF))
        .unwrap_or_default()
}

/// How much of a name is repeated, in bytes.
const BRIEF: usize = 256;

#[cfg(test)]
mod tests;
