//! The plugin: its configuration, and the streams it begins.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::enforcement::{Generation, Lineage};
use crate::policy::{Policies, SCHEMA_VERSION};

use super::host::{self, Buffer, Level};
use super::in_force::{Enforced, InForce};
use super::metrics;
use super::stream::HttpStream;
use super::vm::{Plugin, Ticks, Vm};

/// What this is, in the form that `accesspolicy package` finds in the module.
const BUILD: &str = concat!(
    "accesspolicy ",
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ACCESSPOLICY_COMMIT"),
    " of ",
    env!("ACCESSPOLICY_COMMIT_TIME"),
    ", policy schema 1)",
);
const _: () = assert!(SCHEMA_VERSION == 1, "say so in `BUILD`");

/// How often the host calls; and where a tick has left something to do.
const TICK: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(5);

/// One configured plugin.
#[derive(Debug)]
pub struct Root {
    /// What the host calls it.
    context: u32,
    vm: Rc<Vm>,
    /// How often the host calls it.
    period: Cell<Duration>,
    generation: Rc<Generation<InForce>>,
    /// What denies in its place, where there was no memory for its configuration: among the
    /// configurations of the plugin for each Gateway, and last by itself.
    denying: Vec<Rc<Generation<InForce>>>,
}

impl Root {
    /// The plugin that the host calls this.
    pub(super) fn new(context: u32) -> Self {
        Self {
            context,
            vm: Vm::this(),
            period: Cell::default(),
            generation: Rc::new(Lineage::default()).next(InForce::Nothing, 0),
            denying: Vec::new(),
        }
    }

    /// Time has passed.
    fn tick(&self) {
        let ticks = self.vm.tick();
        // Whatever follows is this plugin's again.
        let _ = host::act_for(self.context);
        let period = match ticks {
            Ticks::Done => TICK,
            Ticks::Left => SOON,
        };
        if self.period.replace(period) != period {
            host::tick_every(period);
        }
    }

    /// Nothing of this plugin goes on, nor of those that it takes the place of.
    fn deny(&mut self, size: usize) {
        metrics::configured("unaffordable");
        metrics::in_force("");
        host::log(
            Level::Error,
            &format!(
                "accesspolicy: there is no memory for a configuration of {size} bytes: \
                 everything is denied until one comes that there is memory for"
            ),
        );
        let mut lineages = self.vm.lineages(&Plugin::of_host());
        lineages.push(Rc::default());
        let denying = lineages.iter();
        self.denying = denying
            .map(|lineage| lineage.next(InForce::Unaffordable, 0))
            .collect();
    }
}

impl Context for Root {}

/// The host deletes a plugin when all its streams have ended.
impl Drop for Root {
    fn drop(&mut self) {
        // The host's clock would go on for ever.
        host::tick_every(Duration::ZERO);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        self.tick();
        let text = match has_room(size) {
            true => host::buffer(Buffer::PluginConfiguration, 0, size),
            false => None,
        };
        let text = match text {
            Some(text) if text.len() == size && has_room(memory_for(&text)) => text,
            _ => {
                self.deny(size);
                return true;
            }
        };
        match Policies::from_json(text) {
            Ok(policies) => {
                host::log(
                    Level::Info,
                    &format!(
                        "{BUILD}: enforcing {} policies with {} rules, digest {}",
                        policies.policy_count(),
                        policies.rule_count(),
                        policies.digest(),
                    ),
                );
                metrics::configured("taken");
                metrics::in_force(policies.digest());
                let gateway = policies.gateway_name();
                let lineage = self.vm.lineage(&Plugin::of_host(), gateway);
                let enforced = Box::new(Enforced::new(policies));
                self.generation = lineage.next(InForce::Enforced(enforced), size);
                self.denying.clear();
                true
            }
            Err(error) => {
                metrics::configured("refused");
                host::log(
                    Level::Error,
                    &format!("accesspolicy: configuration refused: {error}"),
                );
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.tick();
        self.vm.tell_memory();
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        let generation = self.denying.last().unwrap_or(&self.generation);
        let generation = Rc::clone(generation);
        let vm = Rc::clone(&self.vm);
        Some(Box::new(HttpStream::new(context, vm, generation)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// How much memory it takes at most to load a configuration: by its length, and by what it
/// has of objects and of texts that are not keys. Measured: up to 360 bytes for a uri that is
/// denied, 250 for a rule without anything.
///
/// SECURITY: running out of memory here ends the module, and the host then leaves the filter
/// out.
fn memory_for(text: &[u8]) -> usize {
    let (mut texts, mut objects) = (0_usize, 0_usize);
    let mut rest = text.iter().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'{' | b'[' => objects = objects.saturating_add(1),
            b'"' => {
                while let Some(byte) = rest.next() {
                    match byte {
                        b'\\' => drop(rest.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
                let is_blank = |byte: &&u8| byte.is_ascii_whitespace();
                while rest.next_if(is_blank).is_some() {}
                if rest.peek() != Some(&&b':') {
                    texts = texts.saturating_add(1);
                }
            }
            _ => {}
        }
    }
    let of_parts = texts.saturating_add(objects).saturating_mul(OF_A_PART);
    of_parts.saturating_add(text.len().saturating_mul(3))
}

/// How much memory an object or a text takes at most, in bytes.
const OF_A_PART: usize = 400;

/// How much memory a module may have, without what it needs besides.
const MOST: usize = 960 << 20;

/// Whether there is so much memory.
fn has_room(size: usize) -> bool {
    let taken = core::arch::wasm32::memory_size(0).saturating_mul(64 << 10);
    if taken.saturating_add(size) <= MOST {
        return true;
    }
    // There may be room in what is taken.
    let mut room: Vec<u8> = Vec::new();
    let has_room = size <= MOST && room.try_reserve_exact(size).is_ok();
    // Taken in earnest, whatever is made of it.
    black_box(room);
    has_room
}
