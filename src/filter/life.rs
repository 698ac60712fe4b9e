//! What there is of one HTTP stream: events to steps, and what steps ask of the host.

mod callouts;
mod records;

use std::rc::Rc;

use proxy_wasm::types::Action;

use crate::engine::enforcement::{
    Begun, Generation, Judges, Permitted, Settled, Step, Stream, StreamAttributes,
};
use crate::engine::external_auth::{
    CalloutError, CalloutResponse, Edit, needs_headers, settled_edits,
};
use crate::engine::policy::{OnRevocation, Policies};
use crate::engine::request::{Caller, Scheme, may_trail};

use super::host::{self, Buffer, LogLevel};
use super::identity;
use super::in_force::InForce;
use super::metrics::{self, Metrics};
use super::vm::Vm;

/// The property that says what became of a request.
///
/// SECURITY: what comes after the filter can rely on it: without the filter there is none.
const DECISION: &str = "accesspolicy.decision";

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
    logs_allowed: Option<LogLevel>,
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
    callout_durations: Vec<Option<u64>>,
}

impl Life {
    pub(super) fn new(
        context: u32,
        place: u32,
        vm: Rc<Vm>,
        generation: Rc<Generation<InForce>>,
    ) -> Self {
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
            callout_durations: Vec::new(),
        }
    }

    /// What is known of the request; only the headers callback can ask.
    fn facts(&mut self, policies: &Policies) -> Option<StreamAttributes> {
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
        Some(StreamAttributes {
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
    fn drive<F>(&mut self, event: F) -> Action
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
            Some(InForce::Unaffordable) => return self.deny("out_of_memory"),
            Some(InForce::Nothing) => return self.deny("not_configured"),
            None => return self.deny("evicted"),
        };
        let newer = self.generation.newer(self.begun);
        let newer = match newer.as_ref().map(Option::as_deref) {
            None => None,
            Some(Some(InForce::Enforced(newer))) => Some(&newer.policies),
            Some(Some(_)) => return self.deny("out_of_memory"),
            Some(None) => return self.deny("evicted"),
        };
        let judges = Judges {
            policies: &enforced.policies,
            newer,
        };
        let step = event(self, judges);
        let action = self.carry_out(step, &enforced.metrics, judges);
        let closes = enforced.policies.settings().on_revocation == OnRevocation::Close;
        // SECURITY: once, when it was permitted: what still comes of it does not renew that.
        match closes && self.stream.has_passed() {
            true if self.permitted.is_none() => self.permitted = Some(self.generation.newest()),
            true => {}
            false => self.permitted = None,
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
            self.callout_durations.push(None);
            let uncalled = CalloutResponse::Failed(CalloutError::NotCalled);
            step = self.stream.answer(judges, &uncalled);
            self.count_answer(metrics);
        }
        if let Step::Continue(Permitted::Now(_, obligations)) = &mut step {
            self.response = std::mem::take(&mut obligations.response);
            if !obligations.request.is_empty() {
                let headers = host::request_headers();
                let edits = headers.map(|headers| obligations.edits(&headers));
                if edits.and_then(|edits| host::edit_request(&edits)).is_none() {
                    step = self.stream.obligations_failed();
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
            Step::Block(refusal) => {
                // Of the server's response only.
                self.response = Vec::new();
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
        host::log(LogLevel::Info, &line);
        self.permitted = None;
        host::close();
        Ticked::Ended
    }

    fn waited(&mut self, age: u64) -> Ticked {
        let waited = age.saturating_sub(self.since);
        self.drive(|this, Judges { policies, .. }| {
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

    /// Changes the headers of the response; they are read only where a change depends on
    /// them.
    fn edit_response(&mut self) -> Option<()> {
        let edits = std::mem::take(&mut self.response);
        self.stream.responds();
        if needs_headers(&edits) {
            let headers = host::response_headers()?;
            return host::edit_response(&settled_edits(&edits, &headers));
        }
        host::edit_response(&edits)
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
    pub(super) fn headers(&mut self, ended: bool) -> Action {
        self.begun = self.generation.begin(self.vm.now());
        if let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref() {
            self.logs_allowed = enforced.logs_allowed();
        }
        if self.logs_allowed.is_some() {
            self.stream.keep_called();
        }
        self.drive(|this, judges| match this.facts(judges.policies) {
            Some(facts) => this.stream.headers(judges, facts, ended),
            None => this.stream.unreadable(),
        })
    }

    /// The host gives the size of the whole body so far, for as long as it is held.
    pub(super) fn body(&mut self, size: usize, ended: bool) -> Action {
        self.drive(|this, judges| {
            let policies = judges.policies;
            if this.stream.is_bodiless() && size > 0 {
                return this.stream.unexpected_body();
            }
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

    pub(super) fn trailers(&mut self) -> Action {
        if self.drop_trailers().is_none() {
            return self.deny("out_of_order");
        }
        self.drive(|this, judges| this.stream.trailers(judges))
    }

    pub(super) fn response_headers(&mut self) -> Action {
        if self.edit_response().is_some() {
            return Action::Continue;
        }
        host::log(
            LogLevel::Error,
            "accesspolicy: the host does not change the response's headers; it is withheld",
        );
        let _ = host::respond(500, &[], b"", "accesspolicy_response_headers");
        Action::Pause
    }
}
