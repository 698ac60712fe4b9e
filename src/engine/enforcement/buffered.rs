//! What is kept of a request while its body comes and authorizers are asked.

use crate::engine::decision::{CompletedCalls, Pending};
use crate::engine::external_auth::{ForwardedBody, Obligations, RequestedChanges};
use crate::engine::mcp::{LocatedError, MessageReader};
use crate::engine::policy::Policies;
use crate::engine::request::{Operation, Request};

use super::StreamAttributes;
use super::callouts::OpenCallout;
use super::local_reply::Recipient;
use super::reader_pool::{Borrowed, Share};

/// A request that waits: for the rest of its body, or for an authorizer's answer.
#[derive(Debug)]
pub(super) struct Buffered {
    pub(super) facts: StreamAttributes,
    /// How many bytes of its body have come.
    pub(super) received: usize,
    content: Content,
    /// How many bytes are being shown to an authorizer, or were wanted changed by others.
    shown: usize,
    /// Reads the message, where it is one; and knows what all streams hold.
    envelope: Borrowed,
}

/// What the body is.
#[derive(Debug)]
enum Content {
    /// A message: whatever is known of it, the envelope knows.
    Message,
    /// Nothing that is read; authorizers may be shown the front of it.
    Other {
        operation: Operation<'static>,
        /// The length that was announced.
        size: Option<u64>,
        front: Vec<u8>,
        is_whole: bool,
    },
}

/// Why no more of a body is taken.
pub(super) enum Full {
    /// It is no message.
    Malformed(LocatedError),
    /// All streams hold too much together.
    Overloaded,
}

/// A request while an authorizer is asked about it.
#[derive(Debug)]
pub(super) struct AwaitingAuthorizer {
    pub(super) held: Box<Buffered>,
    /// The call's place among those that are open.
    pub(super) place: OpenCallout,
    pub(super) pending: Pending,
    pub(super) obligations: Obligations,
}

/// A request that is to be judged, and what authorizers have said so far.
#[derive(Debug)]
pub(super) struct Judgeable {
    pub(super) held: Box<Buffered>,
    pub(super) progress: CompletedCalls,
    pub(super) obligations: Obligations,
}

impl Judgeable {
    /// A request that nobody was asked about yet.
    pub(super) fn new(held: Box<Buffered>) -> Self {
        Self {
            held,
            progress: CompletedCalls::default(),
            obligations: Obligations::default(),
        }
    }
}

impl AwaitingAuthorizer {
    /// The authorizer lets it go on, changed like this.
    pub(super) fn allowed(self, changes: RequestedChanges) -> Judgeable {
        let Self {
            held,
            place,
            pending,
            mut obligations,
        } = self;
        place.ended();
        let target = held.facts.headers.only(":path").unwrap_or_default();
        obligations.add(changes, target);
        Judgeable {
            held,
            progress: pending.allowed(),
            obligations,
        }
    }
}

impl Buffered {
    /// A request whose body is a message.
    pub(super) fn message(
        facts: StreamAttributes,
        mut envelope: Borrowed,
        policies: &Policies,
    ) -> Self {
        let reader = envelope.get_mut();
        reader.limit_keys(policies.settings().limits.keys.size());
        reader.keep_body(policies.needs().body);
        reader.pass_unknown_members(!policies.settings().unknown_members.is_reject());
        reader.name_resources(!policies.settings().resource_param.is_uri());
        Self {
            facts: facts.kept(policies, true),
            received: 0,
            content: Content::Message,
            shown: 0,
            envelope,
        }
    }

    /// Any other request; `ended` is whether it has no body, or none that is asked for.
    pub(super) fn other(
        facts: StreamAttributes,
        operation: Operation<'static>,
        ended: bool,
        envelope: Borrowed,
        policies: &Policies,
    ) -> Self {
        let size = facts.size(ended);
        Self {
            facts: facts.kept(policies, false),
            received: 0,
            content: Content::Other {
                operation,
                size,
                front: Vec::new(),
                is_whole: ended,
            },
            shown: 0,
            envelope,
        }
    }

    /// Whether its headers have denied it.
    pub(super) fn is_denied(&self) -> bool {
        self.envelope.share() == Share::Denied
    }

    /// The longest body that is read, in bytes, where the body is a message.
    pub(super) fn body_limit(&self, policies: &Policies) -> Option<usize> {
        let limit = policies.settings().limits.body_bytes.size();
        let limit = self.envelope.share().body_limit(limit);
        self.is_message().then_some(limit)
    }

    /// Whether the body is a message.
    pub(super) const fn is_message(&self) -> bool {
        matches!(self.content, Content::Message)
    }

    /// What its client reads, while the body is not read to its end.
    pub(super) const fn recipient(&self) -> Recipient<'static> {
        match self.content {
            Content::Message => Recipient::UNREAD,
            Content::Other { .. } => Recipient::Http,
        }
    }

    /// Takes the next piece of the body. Returns whether more of it is asked for, of a
    /// body that is no message at most `limit` bytes.
    pub(super) fn push(&mut self, piece: &[u8], limit: usize) -> Result<bool, Full> {
        self.received = self.received.saturating_add(piece.len());
        let wants_more = match &mut self.content {
            Content::Message => {
                self.envelope
                    .get_mut()
                    .push(piece)
                    .map_err(Full::Malformed)?;
                true
            }
            Content::Other { front, .. } => {
                let room = limit.saturating_sub(front.len());
                front.extend_from_slice(piece.get(..room).unwrap_or(piece));
                self.received <= limit
            }
        };
        self.account()?;
        Ok(wants_more)
    }

    /// The body has ended. What was kept of it is all of it only if all of it was kept.
    pub(super) fn end(&mut self) {
        if let Content::Other {
            front, is_whole, ..
        } = &mut self.content
        {
            *is_whole = front.len() == self.received;
        }
    }

    /// So many bytes are held until an authorizer answers: what it is shown, by the host, and
    /// what others want changed.
    pub(super) fn shows(&mut self, bytes: usize) -> Result<(), Full> {
        self.shown = bytes;
        self.account()
    }

    /// Accounts for what it holds now.
    pub(super) fn account(&mut self) -> Result<(), Full> {
        let front = match &self.content {
            Content::Message => 0,
            Content::Other { front, .. } => front.capacity(),
        };
        let beside = self.facts.headers.memory().saturating_add(front);
        let beside = beside.saturating_add(self.shown);
        let caller = self.facts.caller.spiffe_id();
        self.envelope
            .account(caller, beside)
            .ok_or(Full::Overloaded)
    }

    /// The envelope, for what is wrong with the message.
    pub(super) fn envelope(&self) -> Option<&MessageReader> {
        self.envelope.get()
    }

    /// The request, and what of its body there is to show.
    pub(super) fn request(&mut self) -> Result<(Request<'_>, ForwardedBody<'_>), LocatedError> {
        let Self {
            facts,
            received,
            content,
            envelope,
            shown: _,
        } = self;
        match content {
            Content::Message => {
                let (message, body) = envelope.get_mut().read(&facts.headers.claims())?;
                let size = u64::try_from(*received).ok();
                let whole = ForwardedBody {
                    front: body,
                    is_whole: true,
                };
                let request = facts.request(Operation::Message(message), body, size);
                Ok((request, whole))
            }
            Content::Other {
                operation,
                size,
                front,
                is_whole,
            } => {
                let body = ForwardedBody {
                    front,
                    is_whole: *is_whole,
                };
                Ok((facts.request(*operation, b"", *size), body))
            }
        }
    }
}
