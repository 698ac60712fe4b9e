//! What all plugins of a VM share: what streams may hold, callers, and what is in force.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::engine::enforcement::{Lineage, ReaderPool, SharedStreams};
use crate::engine::policy::ObjectName;

use super::host;
use super::identity::ConnectionCallers;
use super::in_force::InForce;
use super::life::{Life, Ticked};
use super::memory;
use super::metrics;

thread_local! {
    /// INVARIANT: whatever belongs to one plugin is found by that plugin: plugins with the
    /// same module share a VM.
    static VM: Rc<Vm> = Rc::new(Vm::new());
}

/// The longest that passes between two ticks, in nanoseconds; what the clock says beyond it
/// has not passed.
const LONGEST: u64 = 2_000_000_000;

/// The least that passes before all streams are looked at again, in nanoseconds: less than a
/// clock's step, whosever clock it is.
const BETWEEN: u64 = 500_000_000;

/// What a tick has left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticks {
    /// Nothing.
    Done,
    /// It has ended a stream, and there may be more.
    Left,
}

/// What all plugins of a VM share.
#[derive(Debug)]
pub(super) struct Vm {
    pub(super) envelopes: Rc<ReaderPool>,
    pub(super) callers: RefCell<ConnectionCallers>,
    /// Of its memory, what was last told.
    memory: Cell<usize>,
    /// When the last tick was.
    ticked: Cell<u64>,
    /// How long it has ticked, in nanoseconds: the host's time may be set meanwhile.
    age: Cell<u64>,
    streams: RefCell<Streams>,
    /// Up to which of them the last tick came.
    ticked_to: Cell<u32>,
    /// The age at which all of them had been looked at.
    looked: Cell<u64>,
    /// Few: one for each plugin and Gateway.
    known: RefCell<Vec<KnownPlugin>>,
}

/// A plugin that is there, for a Gateway.
#[derive(Debug)]
struct KnownPlugin {
    plugin: Plugin,
    gateway: ObjectName,
    lineage: Rc<Lineage<InForce>>,
}

/// A plugin, whatever its configuration. The host makes one anew for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plugin {
    /// How the host's configuration calls it.
    name: Vec<u8>,
    root_id: Vec<u8>,
}

impl Plugin {
    /// The plugin that is being configured.
    pub(super) fn of_host() -> Self {
        Self {
            name: host::property("plugin_name").unwrap_or_default(),
            root_id: host::property("plugin_root_id").unwrap_or_default(),
        }
    }
}

impl Vm {
    fn new() -> Self {
        Self {
            envelopes: Rc::new(ReaderPool::on(SharedStreams {
                clock: host::now,
                connection: host::connection,
                give_up,
            })),
            callers: RefCell::default(),
            memory: Cell::default(),
            ticked: Cell::default(),
            age: Cell::default(),
            streams: RefCell::default(),
            ticked_to: Cell::default(),
            looked: Cell::default(),
            known: RefCell::default(),
        }
    }

    /// The VM that this runs in.
    pub(super) fn this() -> Rc<Self> {
        // It is there for as long as the module is.
        VM.try_with(Rc::clone)
            .unwrap_or_else(|_| Rc::new(Self::new()))
    }

    /// How long it has ticked, in nanoseconds, as of the last tick: once a second is enough
    /// for who waits for many.
    pub(super) fn age(&self) -> u64 {
        self.age.get()
    }

    /// The same, for what has to know; `None` where the host has no clock.
    pub(super) fn now(&self) -> Option<u64> {
        Some(self.age()).filter(|age| *age > 0)
    }

    /// A stream begins, which `make` makes of its place among all; returns both.
    pub(super) fn begins(
        &self,
        make: impl FnOnce(u32) -> Rc<RefCell<Life>>,
    ) -> (u32, Rc<RefCell<Life>>) {
        let Ok(mut streams) = self.streams.try_borrow_mut() else {
            return (NOWHERE, make(NOWHERE));
        };
        let Streams { all, free } = &mut *streams;
        let next = || u32::try_from(all.len()).unwrap_or(NOWHERE);
        let place = free.pop().unwrap_or_else(next);
        let life = make(place);
        match slot(all, place) {
            Some(slot) => *slot = Rc::downgrade(&life),
            None => all.push(Rc::downgrade(&life)),
        }
        (place, life)
    }

    /// The stream at a place has ended.
    pub(super) fn ends(&self, place: u32) {
        if let Ok(mut streams) = self.streams.try_borrow_mut()
            && let Some(slot) = slot(&mut streams.all, place)
        {
            *slot = Weak::new();
            streams.free.push(place);
        }
    }

    /// Ends what has waited for too long, has to make room, or is to be cut: of many, one.
    ///
    /// SECURITY: the host ends streams after the call that asks for it, the next within the end
    /// of the one before (`doAfterVmCallActions` in proxy-wasm-cpp-host). Where the first end
    /// closes a connection, as Envoy does after so many streams that were reset early, its
    /// other streams are gone when their turn comes, and a client ends Envoy by that.
    pub(super) fn tick(&self) -> Ticks {
        let Some(now) = host::now() else {
            return Ticks::Done;
        };
        // Every plugin has a clock of its own.
        let passed = now.saturating_sub(self.ticked.replace(now)).min(LONGEST);
        let age = self.age.get().saturating_add(passed);
        self.age.set(age);
        // SECURITY: a client that keeps a stream open at each of many configurations keeps as
        // many clocks running, each of which would have all streams looked at.
        let looked = self.looked.get();
        if self.ticked_to.get() == 0 && looked > 0 && age.saturating_sub(looked) < BETWEEN {
            return Ticks::Done;
        }
        let mut place = self.ticked_to.take();
        while let Some(life) = self.at(place) {
            place = place.saturating_add(1);
            if let Some(life) = life.upgrade()
                && let Ok(mut life) = life.try_borrow_mut()
                && life.tick(age) == Ticked::Ended
            {
                self.ticked_to.set(place);
                return Ticks::Left;
            }
        }
        self.looked.set(age);
        Ticks::Done
    }

    /// The stream at a place; `None` behind the last.
    fn at(&self, place: u32) -> Option<Weak<RefCell<Life>>> {
        let streams = self.streams.try_borrow().ok()?;
        streams.all.get(usize::try_from(place).ok()?).cloned()
    }

    /// Tells how much memory there is, where that is more than before. It never shrinks.
    pub(super) fn tell_memory(&self) {
        let taken = memory::taken();
        if taken > self.memory.replace(taken) {
            metrics::memory(taken);
        }
    }

    /// The configurations of a plugin for a Gateway.
    pub(super) fn lineage(&self, plugin: &Plugin, gateway: &ObjectName) -> Rc<Lineage<InForce>> {
        let fresh = Rc::default();
        let Ok(mut known) = self.known.try_borrow_mut() else {
            return fresh;
        };
        known.retain(|known| known.lineage.is_live());
        let mut found = known.iter();
        let found = found.find(|known| known.plugin == *plugin && known.gateway == *gateway);
        if let Some(found) = found {
            return Rc::clone(&found.lineage);
        }
        known.push(KnownPlugin {
            plugin: plugin.clone(),
            gateway: gateway.clone(),
            lineage: Rc::clone(&fresh),
        });
        fresh
    }

    /// How much memory is in use for anything but what is read of requests.
    pub(super) fn kept(&self) -> usize {
        memory::used().saturating_sub(self.envelopes.held())
    }

    /// Lets go of a configuration, before a plugin takes one that there is no room for;
    /// whether there was any. What other plugins began last is kept.
    pub(super) fn let_go(&self, plugin: &Plugin) -> bool {
        let Ok(known) = self.known.try_borrow() else {
            return false;
        };
        let mut newest = [1, 0].into_iter();
        newest.any(|newest| {
            let mut known = known.iter();
            known.any(|it| (newest > 0 || it.plugin == *plugin) && it.lineage.let_go(newest))
        })
    }

    /// The configurations of a plugin, for whichever Gateways.
    pub(super) fn lineages(&self, plugin: &Plugin) -> Vec<Rc<Lineage<InForce>>> {
        let Ok(known) = self.known.try_borrow() else {
            return Vec::new();
        };
        let own = known.iter().filter(|known| known.plugin == *plugin);
        own.map(|known| Rc::clone(&known.lineage)).collect()
    }
}

/// Streams, each at a place of its own, and the places that are free.
#[derive(Debug, Default)]
struct Streams {
    all: Vec<Weak<RefCell<Life>>>,
    free: Vec<u32>,
}

/// The place of a stream that has none.
const NOWHERE: u32 = u32::MAX;

fn slot(all: &mut [Weak<RefCell<Life>>], place: u32) -> Option<&mut Weak<RefCell<Life>>> {
    all.get_mut(usize::try_from(place).ok()?)
}

/// Gives up the stream at a place for the sake of another, for which the host has called.
///
/// SECURITY: it is answered at the next tick. An answer within a call for another stream stops
/// that one, whatever the call returns (`stopNextIteration` in proxy-wasm-cpp-host).
fn give_up(place: u32) {
    let life = Vm::this().at(place).and_then(|life| life.upgrade());
    if let Some(life) = life
        && let Ok(mut life) = life.try_borrow_mut()
    {
        life.give_up();
    }
}
