//! The refusals of a stream.

use crate::engine::decision::{Denial, Elsewhere};
use crate::engine::mcp::{Message, MessageError, MessageReader};
use crate::engine::policy::{DenialForm, Policies};

use super::super::buffered::{AwaitingAuthorizer, Buffered};
use super::super::judges::Forbidden;
use super::super::local_reply::Recipient;
use super::super::{Blocked, CallSummary, LocalReply, Reason, Step};
use super::{Stream, StreamState};

impl Stream {
    pub(super) fn refuse<'p>(
        &mut self,
        answer: LocalReply,
        reason: Reason<'p>,
        message: Option<&Message<'_>>,
    ) -> Step<'p> {
        self.state = StreamState::Refused;
        Step::Block(Box::new(Blocked {
            answer,
            reason,
            called: message.and_then(CallSummary::of),
        }))
    }

    pub(super) fn denied<'p>(
        &mut self,
        policies: &'p Policies,
        denial: Denial<'p>,
        message: Option<&Message<'_>>,
    ) -> Step<'p> {
        let said = denial.reason.message();
        self.forbidden(policies, Reason::Denied(denial), message, said)
    }

    /// Refuses what newer policies do not allow.
    pub(super) fn not_allowed_too<'p>(
        &mut self,
        policies: &'p Policies,
        forbidden: Forbidden<'p>,
        message: Option<&Message<'_>>,
    ) -> Step<'p> {
        match forbidden {
            Forbidden::Denied(denial) => self.denied(policies, denial, message),
            Forbidden::Superseded => self.refuse(
                LocalReply::superseded(message.into()),
                Reason::Superseded,
                None,
            ),
        }
    }

    /// Refuses a message whose headers newer policies do not let go on.
    pub(super) fn headers_not_allowed_too<'p>(&mut self, forbidden: Forbidden<'p>) -> Step<'p> {
        match forbidden {
            Forbidden::Denied(denial) => self.denied_by_headers(denial),
            Forbidden::Superseded => {
                let answer = LocalReply::superseded(Recipient::UNREAD);
                self.refuse(answer, Reason::Superseded, None)
            }
        }
    }

    /// Refuses what an authorizer changed, where that may lead it to where it is not allowed.
    pub(super) fn rerouted<'p>(
        &mut self,
        policies: &'p Policies,
        elsewhere: Elsewhere<'p>,
        message: Option<&Message<'_>>,
    ) -> Step<'p> {
        self.forbidden(policies, Reason::Rerouted(elsewhere), message, None)
    }

    /// In which form a client is denied: one that waits for an event would wait for ever for what
    /// is in the body of a 200.
    fn form(&self, policies: &Policies) -> DenialForm {
        match policies.settings().denial {
            DenialForm::JsonRpc if self.awaits_event => DenialForm::Http403,
            form => form,
        }
    }

    fn forbidden<'p>(
        &mut self,
        policies: &Policies,
        reason: Reason<'p>,
        message: Option<&Message<'_>>,
        said: Option<&str>,
    ) -> Step<'p> {
        let form = self.form(policies);
        let answer = match message {
            Some(message) => LocalReply::to_denied(form, message, said),
            None => LocalReply::forbidden(),
        };
        self.refuse(answer, reason, message)
    }

    pub(super) fn denied_by_headers<'p>(&mut self, denial: Denial<'p>) -> Step<'p> {
        self.refuse(
            LocalReply::to_unread(),
            Reason::DeniedByHeaders(denial),
            None,
        )
    }

    pub(super) fn too_large<'p>(&mut self, policies: &'p Policies) -> Step<'p> {
        match std::mem::replace(&mut self.state, StreamState::Refused) {
            StreamState::Reading(held) if held.is_denied() => self.denied_unread(policies, &held),
            _ => self.refuse(
                LocalReply::too_large(Recipient::UNREAD),
                Reason::TooLarge,
                None,
            ),
        }
    }

    pub(super) fn overloaded<'p>(&mut self, policies: &'p Policies, held: &Buffered) -> Step<'p> {
        if held.is_denied() {
            return self.denied_unread(policies, held);
        }
        self.refuse(
            LocalReply::overloaded(held.recipient()),
            Reason::Overloaded,
            None,
        )
    }

    /// Ends what is denied by its headers without reading on.
    pub(super) fn denied_unread<'p>(
        &mut self,
        policies: &'p Policies,
        held: &Buffered,
    ) -> Step<'p> {
        match held.facts.denied(policies) {
            Some(denial) => self.denied_by_headers(denial),
            None => self.out_of_order(),
        }
    }

    pub(super) fn malformed<'p>(
        &mut self,
        fault: MessageError,
        offset: Option<usize>,
        envelope: Option<&MessageReader>,
    ) -> Step<'p> {
        let id = envelope.and_then(|envelope| envelope.id_for(fault));
        let answer = LocalReply::to_malformed(fault, offset, id);
        self.refuse(answer, Reason::Malformed(fault, offset), None)
    }

    pub(super) fn out_of_order<'p>(&mut self) -> Step<'p> {
        self.refuse(LocalReply::forbidden(), Reason::OutOfOrder, None)
    }

    /// Refuses what an authorizer was asked about.
    pub(super) fn refuse_asked<'p>(
        &mut self,
        policies: &'p Policies,
        mut asking: AwaitingAuthorizer,
        reason: Reason<'p>,
        answer: impl FnOnce(DenialForm, Option<&Message<'_>>) -> LocalReply,
    ) -> Step<'p> {
        asking.place.ended();
        let message = match asking.held.request() {
            Ok((request, _)) => request.operation.message(),
            Err((fault, offset)) => return self.malformed(fault, offset, None),
        };
        let answer = answer(self.form(policies), message.as_ref());
        self.refuse(answer, reason, message.as_ref())
    }
}
