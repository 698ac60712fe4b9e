//! What all plugins of a VM share: what streams may hold, callers, and what is in force.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::enforcement::{Envelopes, Lineage};
use crate::policy::ObjectName;

use super::host;
use super::identity::Callers;
use super::in_force::InForce;
use super::metrics;

thread_local! {
    /// INVARIANT: whatever belongs to one plugin is found by that plugin: plugins with the
    /// same module share a VM.
    static VM: Rc<Vm> = Rc::new(Vm::new());
}

/// What all plugins of a VM share.
#[derive(Debug)]
pub(super) struct Vm {
    pub(super) envelopes: Rc<Envelopes>,
    pub(super) callers: RefCell<Callers>,
    /// Of its memory, what was last told.
    memory: Cell<usize>,
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
            envelopes: Rc::new(Envelopes::with_clock(host::now)),
            callers: RefCell::default(),
            memory: Cell::default(),
            known: RefCell::default(),
        }
    }

    /// The VM that this runs in.
    pub(super) fn this() -> Rc<Self> {
        // It is there for as long as the module is.
        VM.try_with(Rc::clone)
            .unwrap_or_else(|_| Rc::new(Self::new()))
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
