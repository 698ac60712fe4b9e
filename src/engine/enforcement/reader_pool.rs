//! Envelopes that wait to be used again, and what all those in use may hold.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::callouts::{Callouts, Clock};
use super::open_bodies::{Owner, Readers};
use crate::engine::mcp::MessageReader;

/// What a host does for streams that share something.
#[derive(Debug, Clone, Copy)]
pub struct SharedStreams {
    /// The time.
    pub clock: Clock,
    /// The connection of the stream at hand.
    pub connection: fn() -> Option<u64>,
    /// Gives up the stream of a number, for the sake of another, which is at hand: see
    /// [`Stream::give_up`](super::Stream::give_up). It is answered later: a host may take
    /// an answer for that of the stream at hand.
    pub give_up: fn(u32),
}

/// Envelopes of streams that are settled, with their memory, for those to come.
#[derive(Debug, Default)]
pub struct ReaderPool {
    // Moved as they are: an envelope is large.
    #[allow(clippy::vec_box)]
    kept: RefCell<Vec<Box<MessageReader>>>,
    /// What streams that are being read hold together, in bytes.
    held: Cell<usize>,
    /// What those hold that are denied already, likewise.
    held_by_denied: Cell<usize>,
    /// What is held of changes to responses that have not begun.
    obliged: Cell<usize>,
    /// Those that hold much.
    readers: RefCell<Readers>,
    host: Option<SharedStreams>,
    /// What calls of authorizers these streams have open.
    pub(super) callouts: Rc<Callouts>,
}

/// Out of which budget a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Its message may be allowed.
    Undecided,
    /// Its headers have denied it: it is read only for the id to answer with.
    ///
    /// SECURITY: callers whom no rule is for must not fill what others need.
    Denied,
}

impl Share {
    /// The most that streams being read may hold together, in bytes: all together a
    /// quarter of what a module may have.
    ///
    /// SECURITY: a module that runs out of memory takes every stream of its worker with
    /// it. One that refuses to hold more only refuses.
    const fn budget(self) -> usize {
        match self {
            Self::Undecided => 256 << 20,
            Self::Denied => 8 << 20,
        }
    }

    /// The longest body that is read, in bytes, out of a limit for all messages.
    pub(super) fn body_limit(self, limit: usize) -> usize {
        match self {
            Self::Undecided => limit,
            Self::Denied => limit.min(64 << 10),
        }
    }
}

/// What a stream may hold before it is one of those that may be given up, in bytes; it is one
/// of them in any case while more than half of the budget is held.
const MUCH: usize = 8 * 1024;

/// What part of a budget is made room for at once: whom to give up takes a look at all.
const ROOM: usize = 64;

/// How many are kept: as many as streams read at once, ordinarily.
const KEPT: usize = 32;

/// The most memory that a kept one may hold, in bytes: one that read something
/// unusually large gives its memory back.
const KEPT_BYTES: usize = 16 * 1024;

impl ReaderPool {
    /// For the streams of a host.
    pub fn on(host: SharedStreams) -> Self {
        Self {
            host: Some(host),
            callouts: Rc::new(Callouts::new(host.clock)),
            ..Self::default()
        }
    }

    /// The time in nanoseconds since 1970, where there is a clock.
    pub(super) fn now(&self) -> Option<u64> {
        self.host.and_then(|host| (host.clock)())
    }

    /// Whose the stream at hand is.
    pub(super) fn owner(&self, caller: Option<&str>) -> Owner {
        let connection = match (caller, self.host) {
            (None, Some(host)) => (host.connection)(),
            _ => None,
        };
        Owner::new(caller, connection)
    }

    /// What streams hold together, in bytes.
    pub fn held(&self) -> usize {
        let read = self.held.get().saturating_add(self.held_by_denied.get());
        read.saturating_add(self.obliged.get())
    }

    /// Makes room for changes to a response, which are held until the server responds; `None`
    /// where there is none.
    ///
    /// SECURITY: an authorizer chooses how much that is, and a server how long.
    pub(super) fn oblige(self: &Rc<Self>, bytes: usize) -> Option<Obliged> {
        let all = self.obliged.get().saturating_add(bytes);
        (all <= OBLIGED).then(|| self.obliged.set(all))?;
        Some(Obliged {
            home: Rc::clone(self),
            bytes,
        })
    }

    const fn of(&self, share: Share) -> &Cell<usize> {
        match share {
            Share::Undecided => &self.held,
            Share::Denied => &self.held_by_denied,
        }
    }

    /// An envelope with nothing in it, for messages nested at most `depth_limit` deep.
    ///
    /// `number` is that of the stream that takes it.
    pub(super) fn take(self: &Rc<Self>, depth_limit: usize, share: Share, number: u32) -> Borrowed {
        let kept = self
            .kept
            .try_borrow_mut()
            .ok()
            .and_then(|mut kept| kept.pop());
        Borrowed {
            envelope: kept.filter(|envelope| envelope.depth_limit() == depth_limit),
            depth_limit,
            home: Rc::clone(self),
            share,
            held: 0,
            number,
            reads: None,
        }
    }

    /// Makes room for the stream of this number by giving up others, those that hold the
    /// most of whoever holds the most; `None` where that is the stream itself, or nobody
    /// holds much.
    fn make_room(&self, share: Share, number: u32) -> Option<()> {
        let enough = share.budget() / ROOM;
        let largest = self.readers.try_borrow().ok()?.largest(share, enough);
        let host = self.host.filter(|_| largest.first() != Some(&number))?;
        let before = self.of(share).get();
        for victim in largest {
            if victim != number {
                (host.give_up)(victim);
            }
        }
        (self.of(share).get() < before).then_some(())
    }
}

/// The most that may be held of changes to responses that have not begun, in bytes.
const OBLIGED: usize = 64 << 20;

/// Room for changes to a response; given back when dropped.
#[derive(Debug)]
pub(super) struct Obliged {
    home: Rc<ReaderPool>,
    bytes: usize,
}

impl Drop for Obliged {
    fn drop(&mut self) {
        let left = self.home.obliged.get().saturating_sub(self.bytes);
        self.home.obliged.set(left);
    }
}

/// An envelope in use; goes home when dropped.
#[derive(Debug)]
pub(super) struct Borrowed {
    /// Made when it is first used, where none was kept.
    envelope: Option<Box<MessageReader>>,
    depth_limit: usize,
    home: Rc<ReaderPool>,
    share: Share,
    /// What of the budget is this stream's.
    held: usize,
    number: u32,
    /// Its place among those that hold much, once it is one.
    reads: Option<usize>,
}

impl Borrowed {
    /// The envelope, if it was used yet.
    pub(super) fn get(&self) -> Option<&MessageReader> {
        self.envelope.as_deref()
    }

    /// The envelope.
    pub(super) fn get_mut(&mut self) -> &mut MessageReader {
        let make = || Box::new(MessageReader::new(self.depth_limit));
        self.envelope.get_or_insert_with(make)
    }

    /// Out of which budget the stream is read.
    pub(super) const fn share(&self) -> Share {
        self.share
    }

    /// Accounts for what the stream of a caller holds now, `beside` included. `None` when all
    /// streams of its share together would hold too much, and this one the most.
    pub(super) fn account(&mut self, caller: Option<&str>, beside: usize) -> Option<()> {
        let envelope = self.get().map_or(0, MessageReader::memory);
        let held = envelope.saturating_add(beside);
        let home = self.home.of(self.share);
        let others = home.get().saturating_sub(self.held);
        home.set(others.saturating_add(held));
        self.held = held;
        let budget = self.share.budget();
        // SECURITY: many that hold little fill it as well.
        if held > MUCH || self.home.of(self.share).get() > budget / 2 {
            self.read(caller);
        }
        while self.home.of(self.share).get() > budget {
            self.home.make_room(self.share, self.number)?;
        }
        Some(())
    }

    /// Lists it among those that hold much.
    fn read(&mut self, caller: Option<&str>) {
        let Ok(mut readers) = self.home.readers.try_borrow_mut() else {
            return;
        };
        let place = *self.reads.get_or_insert_with(|| {
            let owner = self.home.owner(caller);
            readers.begins(self.number, owner, self.share)
        });
        readers.holds(place, self.held);
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let home = self.home.of(self.share);
        home.set(home.get().saturating_sub(self.held));
        if let Some(place) = self.reads
            && let Ok(mut readers) = self.home.readers.try_borrow_mut()
        {
            readers.ends(place);
        }
        let Ok(mut kept) = self.home.kept.try_borrow_mut() else {
            return;
        };
        let envelope = self.envelope.take();
        let small = envelope.filter(|envelope| envelope.memory() <= KEPT_BYTES);
        if let Some(mut envelope) = small
            && kept.len() < KEPT
        {
            envelope.reset();
            kept.push(envelope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_used_again_and_holds_nothing_of_before() {
        let envelopes = Rc::new(ReaderPool::default());
        let mut first = envelopes.take(8, Share::Undecided, 0);
        first
            .get_mut()
            .push(br#"{"jsonrpc":"2.0","id":1,"method":"#)
            .unwrap();
        drop(first);
        assert_eq!(envelopes.kept.borrow().len(), 1);
        let mut second = envelopes.take(8, Share::Undecided, 0);
        assert!(envelopes.kept.borrow().is_empty());
        second
            .get_mut()
            .push(br#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
            .unwrap();
        let envelope = second.get_mut();
        let message = envelope
            .message(&crate::engine::mcp::Claims::default())
            .unwrap();
        assert_eq!(message.id().unwrap().token(), b"2");
    }

    #[test]
    fn large_memory_is_given_back() {
        let envelopes = Rc::new(ReaderPool::default());
        let mut envelope = envelopes.take(8, Share::Undecided, 0);
        envelope
            .get_mut()
            .push(
                format!(
                    "{{\"params\":{{\"x\":{{\"{}\":1",
                    "a".repeat(KEPT_BYTES + 1)
                )
                .as_bytes(),
            )
            .unwrap();
        drop(envelope);
        assert!(envelopes.kept.borrow().is_empty());
    }

    const BUDGET: usize = Share::Undecided.budget();

    #[test]
    fn all_streams_share_one_budget() {
        let envelopes = Rc::new(ReaderPool::default());
        let (mut first, mut second) = (
            envelopes.take(8, Share::Undecided, 0),
            envelopes.take(8, Share::Undecided, 0),
        );
        assert!(first.account(None, BUDGET - 1000).is_some());
        assert!(second.account(None, 500).is_some());
        assert!(second.account(None, 1001).is_none());
        drop(first);
        assert!(second.account(None, 1001).is_some());
        drop(second);
        assert_eq!(envelopes.held.get(), 0);
    }

    #[test]
    fn changes_to_responses_have_a_budget_of_their_own() {
        let envelopes = Rc::new(ReaderPool::default());
        let first = envelopes.oblige(OBLIGED - 10).unwrap();
        let second = envelopes.oblige(10).unwrap();
        assert!(envelopes.oblige(1).is_none());
        assert_eq!(envelopes.held(), OBLIGED);
        drop(first);
        assert!(envelopes.oblige(OBLIGED - 10).is_some());
        drop(second);
        assert_eq!(envelopes.held(), 0);
    }

    #[test]
    fn those_that_are_denied_have_a_budget_of_their_own() {
        let envelopes = Rc::new(ReaderPool::default());
        let mut denied = envelopes.take(8, Share::Denied, 0);
        assert!(denied.account(None, Share::Denied.budget()).is_some());
        let mut other = envelopes.take(8, Share::Denied, 0);
        assert!(other.account(None, 1).is_none());
        let mut undecided = envelopes.take(8, Share::Undecided, 0);
        assert!(undecided.account(None, BUDGET).is_some());
        drop((denied, other, undecided));
        assert_eq!(
            (envelopes.held.get(), envelopes.held_by_denied.get()),
            (0, 0)
        );
    }
}
