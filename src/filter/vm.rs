//! What all plugins of a VM share: what streams may hold, callers, and what is in force.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::enforcement::{Envelopes, Host, Lineage};
use crate::policy::ObjectName;

use super::host;
use super::identity::Callers;
use super::in_force::InForce;
use super::metrics;
use super::stream::Life;

thread_local! {
    /// INVARIANT: whatever belongs to one plugin is found by that plugin: plugins with the
    /// same module share a VM.
    static VM: Rc<Vm> = Rc::new(Vm::new());
}

/// The longest that passes between two ticks, in nanoseconds; what the clock says beyond it
/// has not passed.
const LONGEST: u64 = 2_000_000_000;

/// What all plugins of a VM share.
#[derive(Debug)]
pub(super) struct Vm {
    pub(super) envelopes: Rc<Envelopes>,
    pub(super) callers: RefCell<Callers>,
    /// Of its memory, what was last told.
    memory: Cell<usize>,
    /// When the last tick was.
    ticked: Cell<u64>,
    /// How long it has ticked, in nanoseconds: the host's time may be set meanwhile.
    age: Cell<u64>,
    /// The streams that wait for something.
    waiting: RefCell<Waiting>,
    /// Few: one for each plugin and Gateway.
    known: RefCell<Vec<Known>>,
}

/// A plugin that is there, for a Gateway.
#[derive(Debug)]
struct Known {
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
            envelopes: Rc::new(Envelopes::on(Host {
                clock: host::now,
                connection: host::connection,
                give_up,
            })),
            callers: RefCell::default(),
            memory: Cell::default(),
            ticked: Cell::default(),
            age: Cell::default(),
            waiting: RefCell::default(),
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

    /// A stream waits for something from now on; returns its place among those that do.
    pub(super) fn waits(&self, life: Weak<RefCell<Life>>) -> Option<usize> {
        let mut waiting = self.waiting.try_borrow_mut().ok()?;
        let Waiting { all, free } = &mut *waiting;
        let place = free.pop().unwrap_or(all.len());
        match all.get_mut(place) {
            Some(slot) => *slot = life,
            None => all.push(life),
        }
        Some(place)
    }

    /// The stream at a place waits no more.
    pub(super) fn goes_on(&self, place: usize) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut()
            && let Some(slot) = waiting.all.get_mut(place)
        {
            *slot = Weak::new();
            waiting.free.push(place);
        }
    }

    /// Ends what has waited for too long.
    pub(super) fn tick(&self) {
        let Some(now) = host::now() else {
            return;
        };
        // Every plugin has a clock of its own.
        let passed = now.saturating_sub(self.ticked.replace(now)).min(LONGEST);
        let age = self.age.get().saturating_add(passed);
        self.age.set(age);
        let mut place: usize = 0;
        while let Some(life) = self.waiting_at(place) {
            place = place.saturating_add(1);
            if let Some(life) = life.upgrade() {
                act(&life, |life| life.tick(age));
            }
        }
    }

    fn waiting_at(&self, place: usize) -> Option<Weak<RefCell<Life>>> {
        let waiting = self.waiting.try_borrow().ok()?;
        waiting.all.get(place).cloned()
    }

    /// Tells how much memory there is, where that is more than before. It never shrinks.
    pub(super) fn tell_memory(&self) {
        let pages = core::arch::wasm32::memory_size(0);
        if pages > self.memory.replace(pages) {
            metrics::memory(pages.saturating_mul(64 << 10));
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
        known.push(Known {
            plugin: plugin.clone(),
            gateway: gateway.clone(),
            lineage: Rc::clone(&fresh),
        });
        fresh
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

/// Streams that wait, each at a place of its own, and the places that are free.
#[derive(Debug, Default)]
struct Waiting {
    all: Vec<Weak<RefCell<Life>>>,
    free: Vec<usize>,
}

/// Does something for a stream that the host has not called for.
fn act(life: &RefCell<Life>, does: impl FnOnce(&mut Life)) {
    if let Ok(mut life) = life.try_borrow_mut()
        && host::act_for(life.context()).is_some()
    {
        does(&mut life);
    }
}

/// Gives up a stream for the sake of another, for which the host has called.
fn give_up(context: u32, other: u32) {
    let vm = Vm::this();
    let mut place: usize = 0;
    while let Some(life) = vm.waiting_at(place) {
        place = place.saturating_add(1);
        let is_it = |life: &RefCell<Life>| {
            let life = life.try_borrow();
            life.is_ok_and(|life| life.context() == context)
        };
        if let Some(life) = life.upgrade().filter(|life| is_it(life)) {
            act(&life, Life::give_up);
            break;
        }
    }
    // Whatever follows is the other's again.
    let _ = host::act_for(other);
}
