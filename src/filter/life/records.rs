//! What is said of a stream: records, metrics and properties.

use std::borrow::Cow;

use crate::engine::decision::Permit;
use crate::engine::enforcement::{Abandoned, Blocked, CallSummary, Reason, Unauthorized};
use crate::engine::observe::{AskRecord, Record};

use super::super::host::{self, LogLevel};
use super::super::in_force::InForce;
use super::super::metrics::Metrics;
use super::{DECISION, Life};

impl Life {
    pub(super) fn count_answer(&self, metrics: &Metrics) {
        if let Some(said) = self.stream.said().last() {
            let took = self.callout_durations.last().copied().flatten();
            metrics.asked(said, took);
        }
    }

    pub(super) fn count_body(&self, metrics: &Metrics) {
        if let Some(bytes) = self.stream.message_bytes() {
            metrics.body(bytes);
        }
    }

    /// Records that a request goes on: where that is asked for, and where it is notable.
    pub(super) fn allow(&self, permit: &Permit<'_>, metrics: &Metrics) {
        metrics.allowed(permit);
        let level = match self.stream.is_notable(permit) {
            true => LogLevel::Info,
            false => match self.logs_allowed {
                Some(level) => level,
                None => return,
            },
        };
        let mut record = self.record("allow", "policy", self.stream.called());
        record.allow(permit);
        host::log(level, &record.to_line());
    }

    pub(super) fn refuse(&self, refusal: &Blocked<'_>, metrics: &Metrics) {
        let Blocked {
            answer,
            reason,
            called,
        } = refusal;
        metrics.blocked(reason.decision(), reason.kind());
        host::set_property(DECISION, reason.decision());
        host::set_property("accesspolicy.reason", reason.kind());
        let mut record = self.record(reason.decision(), reason.kind(), called.as_ref());
        record.grounds.detail = reason.detail().map(Cow::Owned);
        let is_policies = match reason {
            Reason::Denied(denial) | Reason::DeniedByHeaders(denial) => {
                metrics.denied(denial);
                record.deny(denial);
                true
            }
            Reason::DeniedByAuthorizer(Unauthorized { level, by, .. })
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
        host::log(LogLevel::Info, &record.to_line());
        let own = answer.headers.iter();
        let own = own.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let passed_on = answer.passed_on.iter();
        let passed_on = passed_on.map(|(name, value)| (name.as_slice(), value.as_slice()));
        let id: (&[u8], &[u8]) = (b"x-accesspolicy-decision-id", self.id.as_bytes());
        let headers: Vec<_> = own.chain(passed_on).chain([id]).collect();
        let details = format!("accesspolicy_{}", reason.kind());
        if host::respond(answer.status, &headers, &answer.body, &details).is_none() {
            host::log(
                LogLevel::Error,
                "accesspolicy: the host took no answer; the request stays held",
            );
        }
    }

    /// Records that a request ended before it was decided.
    pub(super) fn abandoned(&self, abandoned: &Abandoned) {
        if let Some(InForce::Enforced(enforced)) = self.generation.content().as_deref() {
            enforced.metrics.abandoned();
        }
        let record = self.record("none", Abandoned::REASON, abandoned.called.as_ref());
        host::log(LogLevel::Info, &record.to_line());
    }

    fn record<'r>(
        &'r self,
        decision: &'static str,
        reason: &'r str,
        called: Option<&'r CallSummary>,
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
        if let Some(CallSummary {
            method,
            object: thing,
        }) = called
        {
            let thing = thing.as_ref().map(|(kind, name)| (*kind, name.as_str()));
            record.called(method, thing);
        }
        record
    }

    fn asked(&self) -> Vec<AskRecord<'_>> {
        let took = self
            .callout_durations
            .iter()
            .copied()
            .chain(std::iter::repeat(None));
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
