//! One HTTP stream: the host's callbacks, and what the steps ask of the host.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::decision::Permit;
use crate::enforcement::{
    Abandoned, Begun, Called, Facts, Generation, Judges, Permitted, Reason, Refusal, Settled, Step,
    Stream, Unauthorized,
};
use crate::external_auth::{
    ANSWER_LIMIT, AskError, Edit, Question, Response, grpc, needs_headers, settled_edits,
};
use crate::observe::{AskRecord, Record};
use crate::policy::{OnRevocation, Policies};
use crate::request::{Caller, Scheme, may_trail};

use super::host::{self, Buffer, Level};
use super::identity;
use super::in_force::InForce;
use super::metrics::{self, Metrics};
use super::vm::Vm;

/// The property that says what became of a request.
///
/// SECURITY: what comes after the filter can rely on it: without the filter there is none.
const DECISION: &str = "accesspolicy.decision";

/// One HTTP stream, as the host calls it.
pub(super) struct HttpStream {
    vm: Rc<Vm>,
    /// Shared with the VM, which acts for it between its events.
    life: Rc<RefCell<Life>>,
    /// Its place among the streams of the VM.
    place: u32,
}

/// What a tick has done to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticked {
    /// Nothing that the host has to do something about.
    Unchanged,
    /// It is answered, or cut.
    Ended,
}

/// What there is of a stream.
pub(super) struct Life {
    context: u32,
    vm: Rc<Vm>,
    /// When it began, by the clock that ticks.
    since: u64,
    /// Where the policies are, of which a stream keeps none.
    ///
    /// SECURITY: requests outlive a configuration, and have to be allowed by newer ones as
    /// well.
    generation: Rc<Generation<InForce>>,
    begun: Begun,
    /// At which level the record of an allowed request is written, if it is.
    logs_allowed: Option<Level>,
    stream: Stream,
    /// For the record.
    caller: Caller,
    id: String,
    /// The call whose answer is waited for, and when it was made.
    call: Option<(u32, Option<u64>)>,
    /// When it was permitted, where it is cut once newer policies come.
    permitted: Option<Begun>,
    /// What authorizers want changed about the headers of the response.
    response: Vec<Edit>,
    /// How long authorizers took to answer, in nanoseconds, for the record.
    took: Vec<Option<u64>>,
}

impl HttpStream {
    pub(super) fn new(context: u32, vm: Rc<Vm>, generation: Rc<Generation<InForce>>) -> Self {
        let (place, life) = vm.begins(|place| {
            let life = Life::new(context, place, Rc::clone(&vm), generation);
            Rc::new(RefCell::new(life))
        });
        Self { vm, life, place }
    }

    fn with<T>(&self, otherwise: T, act: impl FnOnce(&mut Life) -> T) -> T {
        match self.life.try_borrow_mut() {
            Ok(mut life) => act(&mut life),
            Err(_) => otherwise,
        }
    }
}

impl Life {
    fn new(context: u32, place: u32, vm: Rc<Vm>, generation: Rc<Generation<InForce>>) -> Self {
        let stream = Stream::new(Rc::clone(&vm.envelopes)).numbered(place);
        Self {
            context,
            since: vm.age(),
            vm,
            generation,
            begun: Begun::default(),
            logs_allowed: None,
            stream,
            caller: Caller::Anonymous,
            id: String::new(),
            call: None,
            permitted: None,
            response: Vec::new(),
            took: Vec::new(),
        }
    }

    /// What is known of the request; only the headers callback can ask.
    fn facts(&mut self, policies: &Policies) -> Option<Facts> {
        let headers = host::request_headers();
        self.id = identity::decision_id(headers.as_ref());
        // SECURITY: without this a caller would be nobody, whom a Deny policy for a source
        // does not refuse.
        let mut callers = self.vm.callers.try_borrow_mut().ok()?;
        self.caller = callers.caller(&policies.settings().identity, headers.as_ref());
        let needs = policies.needs();
        let mut seed = [0; 8];
        if needs.asks && getrandom::fill(&mut seed).is_ok() {
            self.stream.trace(seed);
        }
        let property = |path: &str, is_needed: bool| match is_needed {
            true => host::property(path),
            false => None,
        };
        let text = |bytes| {
            String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.is_empty())
        };
        Some(Facts {
            headers: headers?,
            caller: self.caller.clone(),
            cluster: property("xds\0cluster_name", needs.cluster).and_then(text),
            port: match needs.port {
                true => port().map(|port| policies.settings().gateway_port(port)),
                false => None,
            },
            address: property("source\0address", needs.address).and_then(text),
            scheme: needs.scheme.then(|| {
                let version = host::property("connection\0tls_version");
                match version.and_then(text) {
                    Some(_) => Scheme::Https,
                    None => Scheme::Http,
                }
            }),
            destination: property("destination\0address", needs.connection).and_then(text),
            protocol: property("request\0protocol", needs.connection).and_then(text),
            arrived: property("request\0time", needs.connection).and_then(number),
            time: None,
        })
    }

    /// Gives the next event to the stream and does what it asks.
    fn on<F>(&mut self, event: F) -> Action
    where
        F: for<'p> FnOnce(&mut Self, Judges<'p>) -> Step<'p>,
    {
        match self.stream.settled_as() {
            Some(Settled::Passed) => return Action::Continue,
            Some(Settled::Refused) => return Action::Pause,
            None => {}
        }
        let content = self.generation.content();
        let enforced = match content.as_deref() {
            Some(InForce::Enforced(enforced)) => enforced,
            Some(InForce::Unaffordable) => return self.deny("unaffordable"),
            Some(InForce::Nothing) => return self.deny("not_configured"),
            None => return self.deny("let_go"),
        };
        let newer = self.generation.newer(self.begun);
        let newer = match newer.as_ref().map(Option::as_deref) {
            None => None,
            Some(Some(InForce::Enforced(newer))) => Some(&newer.policies),
            Some(Some(_)) => return self.deny("unaffordable"),
            Some(None) => return self.deny("let_go"),
        };
        let judges = Judges {
            policies: &enforced.policies,
            newer,
        };
        let step = event(self, judges);
        let action = self.carry_out(step, &enforced.metrics, judges);
        let closes = enforced.policies.settings().on_revocation == OnRevocation::Close;
        if closes && self.stream.settled_as() == Some(Settled::Passed) {
            self.permitted = Some(self.generation.begin());
        }
        action
    }

    /// Does what a step asks. By itself: it is much code, and there are many events.
    fn carry_out<'p>(
        &mut self,
        mut step: Step<'p>,
        metrics: &Metrics,
        judges: Judges<'p>,
    ) -> Action {
        // Each question is another policy's, so that there is a last one.
        while let Step::Ask(question) = &step {
            if self.ask(question) {
                return Action::Pause;
            }
            self.took.push(None);
            let uncalled = Response::Failed(AskError::NotCalled);
            step = self.stream.answer(judges, &uncalled);
            self.count_answer(metrics);
        }
        if let Step::Continue(Permitted::Now(_, obligations)) = &mut step {
            self.response = std::mem::take(&mut obligations.response);
            if !obligations.request.is_empty() {
                let headers = host::request_headers();
                let edits = headers.map(|headers| obligations.edits(&headers));
                if edits.and_then(|edits| host::edit_request(&edits)).is_none() {
                    step = self.stream.unobliged();
                }
            }
        }
        match step {
            Step::Wait | Step::Ask(_) => Action::Pause,
            Step::PassHeaders => {
                host::set_property(DECISION, "pending");
                Action::Continue
            }
            Step::Continue(permitted) => {
                if let Permitted::Now(permit, _) = permitted {
                    host::set_property(DECISION, "allow");
                    self.count_body(metrics);
                    self.allow(&permit, metrics);
                }
                Action::Continue
            }
            Step::Refuse(refusal) => {
                self.count_body(metrics);
                self.refuse(&refusal, metrics);
                Action::Pause
            }
        }
    }

    /// Ends the stream where it has waited for too long, has to make room for others, or is to
    /// be cut.
    pub(super) fn tick(&mut self, age: u64) -> Ticked {
        let is_outdated = || {
            self.permitted
                .is_some_and(|begun| self.generation.has_newer(begun))
        };
        let is_waiting = self.stream.is_waiting();
        if !(is_waiting || is_outdated()) || host::act_for(self.context).is_none() {
            return Ticked::Unchanged;
        }
        if is_waiting {
            return self.waited(age);
        }
        let id = &self.id;
        let line = format!("accesspolicy: {id} is cut: policies have changed");
        host::log(Level::Info, &line);
        self.permitted = None;
        host::close();
        Ticked::Ended
    }

    fn waited(&mut self, age: u64) -> Ticked {
        let waited = age.saturating_sub(self.since);
        self.on(|this, Judges { policies, .. }| {
            let timeout = policies.settings().limits.body_timeout;
            let timeout = u64::from(timeout.milliseconds()).saturating_mul(1_000_000);
            this.stream.tick(policies, waited >= timeout)
        });
        match self.stream.is_waiting() {
            true => Ticked::Unchanged,
            false => Ticked::Ended,
        }
    }

    /// Gives up what it holds.
    pub(super) fn give_up(&mut self) {
        self.stream.give_up();
    }

    /// Takes from the request what some server would join with its headers.
    fn drop_trailers(&self) -> Option<()> {
        let trailers = host::request_trailers()?;
        let content = self.generation.content();
        let asked = match content.as_deref() {
            // What authorizers will have changed is not known before they have answered.
            Some(InForce::Enforced(enforced)) if !enforced.policies.needs().asks => {
                enforced.policies.needs().headers()
            }
            _ => None,
        };
        for (name, _) in trailers.lines() {
            if !may_trail(name, asked) {
                host::remove_trailer(name)?;
            }
        }
        Some(())
    }

    /// Answers where there are no policies.
    fn deny(&mut self, reason: &'static str) -> Action {
        self.stream.refused();
        metrics::without_policies(reason);
        let details = format!("accesspolicy_{reason}");
        let _ = host::respond(403, &[], b"", &details);
        Action::Pause
    }

    /// Calls an authorizer; `false` when the host does not.
    fn ask(&mut self, question: &Question) -> bool {
        self.call = host::call(question).map(|call| (call, host::now()));
        self.call.is_some()
    }

    /// A call has been answered, or has failed: what `read` makes of it decides.
    fn answered<F>(&mut self, call: u32, read: F)
    where
        F: for<'p> FnOnce(&mut Stream, Judges<'p>) -> Step<'p>,
    {
        let Some((_, asked_at)) = self.call.take_if(|(waiting, _)| *waiting == call) else {
            return;
        };
        let since = |asked_at| host::now()?.checked_sub(asked_at);
        let took = asked_at.and_then(since);
        let before = self.stream.said().len();
        let action = self.on(|this, judges| {
            this.took.push(took);
            read(&mut this.stream, judges)
        });
        if self.stream.said().len() > before
            && let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref()
        {
            self.count_answer(&enforced.metrics);
        }
        if action == Action::Continue && host::resume().is_none() {
            host::log(
                Level::Error,
                "accesspolicy: the host does not go on; the request stays held",
            );
        }
    }

    /// Changes the headers of the response; they are read only where a change depends on
    /// them.
    fn edit_response(&self) -> Option<()> {
        if needs_headers(&self.response) {
            let headers = host::response_headers()?;
            return host::edit_response(&settled_edits(&self.response, &headers));
        }
        host::edit_response(&self.response)
    }

    fn count_answer(&self, metrics: &Metrics) {
        if let Some(said) = self.stream.said().last() {
            let took = self.took.last().copied().flatten();
            metrics.asked(said, took);
        }
    }

    fn count_body(&self, metrics: &Metrics) {
        if let Some(bytes) = self.stream.message_bytes() {
            metrics.body(bytes);
        }
    }

    /// Records that a request goes on: where that is asked for, and where it is notable.
    fn allow(&self, permit: &Permit<'_>, metrics: &Metrics) {
        metrics.allowed(permit);
        let level = match self.stream.is_notable(permit) {
            true => Level::Info,
            false => match self.logs_allowed {
                Some(level) => level,
                None => return,
            },
        };
        let mut record = self.record("allow", "policy", self.stream.called());
        record.allow(permit);
        host::log(level, &record.to_line());
    }

    fn refuse(&self, refusal: &Refusal<'_>, metrics: &Metrics) {
        let Refusal {
            answer,
            reason,
            called,
        } = refusal;
        metrics.refused(reason.kind());
        host::set_property(DECISION, "deny");
        host::set_property("accesspolicy.reason", reason.kind());
        let mut record = self.record("deny", reason.kind(), called.as_ref());
        record.grounds.detail = reason.detail().map(Cow::Owned);
        let is_policies = match reason {
            Reason::Denied(denial) | Reason::DeniedByHeaders(denial) => {
                metrics.denied(denial);
                record.deny(denial);
                true
            }
            Reason::Unauthorized(Unauthorized { level, by, .. })
            | Reason::Unanswered(Unauthorized { level, by, .. }) => {
                record.asked_by(*level, by);
                true
            }
            _ => false,
        };
        if is_policies {
            let by = record
                .grounds
                .rules
                .first()
                .or(record.grounds.policies.first());
            host::set_property("accesspolicy.by", by.map_or("", String::as_str));
        }
        host::log(Level::Info, &record.to_line());
        let own = answer.headers.iter();
        let own = own.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let passed_on = answer.passed_on.iter();
        let passed_on = passed_on.map(|(name, value)| (name.as_slice(), value.as_slice()));
        let id: (&[u8], &[u8]) = (b"x-accesspolicy-decision-id", self.id.as_bytes());
        let headers: Vec<_> = own.chain(passed_on).chain([id]).collect();
        let details = format!("accesspolicy_{}", reason.kind());
        if host::respond(answer.status, &headers, &answer.body, &details).is_none() {
            host::log(
                Level::Error,
                "accesspolicy: the host took no answer; the request stays held",
            );
        }
    }

    /// Records that a request ended before it was decided.
    fn abandoned(&self, abandoned: &Abandoned) {
        if let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref() {
            enforced.metrics.abandoned();
        }
        let record = self.record("none", Abandoned::REASON, abandoned.called.as_ref());
        host::log(Level::Info, &record.to_line());
    }

    fn record<'r>(
        &'r self,
        decision: &'static str,
        reason: &'r str,
        called: Option<&'r Called>,
    ) -> Record<'r> {
        let caller = self.caller.spiffe_id();
        let mut record = Record {
            decision,
            id: &self.id,
            caller,
            reason,
            asked: self.asked(),
            ..Record::default()
        };
        if let Some(now) = host::now() {
            record.at(now);
        }
        if let Some(Called { method, thing }) = called {
            let thing = thing.as_ref().map(|(kind, name)| (*kind, name.as_str()));
            record.called(method, thing);
        }
        record
    }

    fn asked(&self) -> Vec<AskRecord<'_>> {
        let took = self.took.iter().copied().chain(std::iter::repeat(None));
        let said = self.stream.said().iter().zip(took);
        said.map(|(said, took)| AskRecord {
            policy: &said.policy,
            answer: said.answered.as_str(),
            detail: said.detail.as_deref(),
            duration_ms: took.map(|nanoseconds| nanoseconds / 1_000_000),
        })
        .collect()
    }
}

/// The host deletes a stream that has ended.
impl Drop for HttpStream {
    fn drop(&mut self) {
        self.vm.ends(self.place);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(abandoned) = self.stream.abandon() {
            self.abandoned(&abandoned);
        }
    }
}

/// The port that the request at hand arrived on.
fn port() -> Option<u64> {
    host::property("destination\0port").and_then(number)
}

/// An integer property: 64 bits, little endian.
fn number(bytes: Vec<u8>) -> Option<u64> {
    let bytes = <[u8; 8]>::try_from(bytes).ok()?;
    u64::try_from(i64::from_le_bytes(bytes)).ok()
}

impl Life {
    /// The host tells of a timeout and of most resets by an answer of its own, and of a reset
    /// within an answer by one without headers.
    fn http_answer(&mut self, call: u32, headers: usize, body: usize) {
        self.answered(call, |stream, judges| {
            let lines = match headers {
                0 => None,
                _ => host::call_response_headers(),
            };
            let content = match body {
                0 => Some(Vec::new()),
                _ if body > ANSWER_LIMIT => None,
                _ => host::buffer(Buffer::CallResponseBody, 0, body),
            };
            let response = match (&lines, &content) {
                (None, _) => Response::Failed(AskError::BrokenOff),
                (_, None) => Response::Failed(AskError::TooLarge),
                (Some(headers), Some(body)) => Response::Http { headers, body },
            };
            stream.answer(judges, &response)
        });
    }

    /// A call that failed has another status than 0, and no message.
    fn grpc_answer(&mut self, call: u32, status: u32, size: usize) {
        self.answered(call, |stream, judges| {
            let message = match (status, size) {
                (1.., _) => {
                    let words = host::status_words().unwrap_or_default();
                    Err(grpc::call_failure(status, &String::from_utf8_lossy(&words)))
                }
                (0, 0) => Ok(Vec::new()),
                (0, _) if size > ANSWER_LIMIT => Err(AskError::TooLarge),
                (0, _) => {
                    let message = host::buffer(Buffer::GrpcMessage, 0, size);
                    message.ok_or(AskError::Unreadable)
                }
            };
            let response = match &message {
                Ok(message) => Response::Message(message),
                Err(error) => Response::Failed(*error),
            };
            stream.answer(judges, &response)
        });
    }
}

impl Life {
    fn headers(&mut self, ended: bool) -> Action {
        self.begun = self.generation.begin();
        if let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref() {
            self.logs_allowed = enforced.logs_allowed();
        }
        if self.logs_allowed.is_some() {
            self.stream.keep_called();
        }
        self.on(|this, judges| match this.facts(judges.policies) {
            Some(facts) => this.stream.headers(judges.policies, facts, ended),
            None => this.stream.unreadable(),
        })
    }

    /// The host gives the size of the whole body so far, for as long as it is held.
    fn body(&mut self, size: usize, ended: bool) -> Action {
        self.on(|this, judges| {
            let policies = judges.policies;
            if !this.stream.is_reading() {
                return this.stream.body(judges, &[], ended);
            }
            let limit = this.stream.body_limit(policies);
            if limit.is_some_and(|limit| size > limit) {
                return this.stream.body_too_large(policies);
            }
            let received = this.stream.received();
            let Some(missing) = size.checked_sub(received) else {
                return this.stream.unreadable();
            };
            let piece = match missing {
                0 => Some(Vec::new()),
                _ => host::buffer(Buffer::RequestBody, received, missing),
            };
            match piece {
                Some(piece) if piece.len() == missing => this.stream.body(judges, &piece, ended),
                _ => this.stream.unreadable(),
            }
        })
    }

    fn trailers(&mut self) -> Action {
        if self.drop_trailers().is_none() {
            return self.deny("out_of_order");
        }
        self.on(|this, judges| this.stream.trailers(judges))
    }

    fn response_headers(&mut self) -> Action {
        if self.edit_response().is_some() {
            return Action::Continue;
        }
        host::log(
            Level::Error,
            "accesspolicy: the host does not change the response's headers; it is withheld",
        );
        let _ = host::respond(500, &[], b"", "accesspolicy_response_headers");
        Action::Pause
    }
}

impl Context for HttpStream {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _: usize) {
        self.with((), |life| life.http_answer(call, headers, body));
    }

    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        self.with((), |life| life.grpc_answer(call, status, size));
    }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, ended: bool) -> Action {
        self.with(Action::Pause, |life| life.headers(ended))
    }

    fn on_http_request_body(&mut self, size: usize, ended: bool) -> Action {
        self.with(Action::Pause, |life| life.body(size, ended))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.with(Action::Pause, Life::trailers)
    }

    fn on_http_response_headers(&mut self, _count: usize, _ended: bool) -> Action {
        self.with(Action::Pause, Life::response_headers)
    }
}
