//! The plugin: its configuration, and the streams it begins.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::engine::enforcement::{Generation, Lineage};
use crate::engine::policy::{LoadError, Policies, SCHEMA_VERSION, memory_to_load};

use super::again::Again;
use super::host::{self, Buffer, LogLevel};
use super::in_force::{Enforced, InForce};
use super::memory;
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
const SOON: Duration = Duration::from_millis(1);

/// One configured plugin.
#[derive(Debug)]
pub struct Root {
    /// What the host calls it.
    context: u32,
    vm: Rc<Vm>,
    /// How often the host calls it.
    period: Cell<Duration>,
    again: Again,
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
            again: Again::default(),
            generation: Rc::new(Lineage::default()).next(InForce::Nothing, 0, None),
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
        if ticks == Ticks::Left {
            self.again.ask();
        }
    }

    /// The configuration that the host has for a plugin, and how much memory it takes.
    fn load(&self, plugin: &Plugin, size: usize) -> Result<(Policies, usize), LoadError> {
        // Nothing is let go in vain.
        let has_room =
            |size| size <= memory::MOST && self.make_room(plugin, &|| memory::has_room(size));
        let text = match has_room(size) {
            true => host::buffer(Buffer::PluginConfiguration, 0, size),
            false => None,
        };
        let text = text.filter(|text| text.len() == size && has_room(memory_to_load(text)));
        let text = text.ok_or(LoadError::Unaffordable)?;
        let before = memory::used().saturating_sub(size);
        let policies = Policies::from_json_within(text, &memory::has_room)?;
        let weight = memory::used().saturating_sub(before);
        match self.make_room(plugin, &|| self.vm.kept() <= memory::KEPT) {
            true => Ok((policies, weight)),
            false => Err(LoadError::Unaffordable),
        }
    }

    /// Lets go of former configurations until there is room; whether there is.
    fn make_room(&self, plugin: &Plugin, has_room: &dyn Fn() -> bool) -> bool {
        while !has_room() {
            if !self.vm.let_go(plugin) {
                return false;
            }
        }
        true
    }

    /// Nothing of this plugin goes on, nor of those that it takes the place of.
    fn deny(&mut self, size: usize) {
        metrics::configured("out_of_memory");
        metrics::in_force("");
        host::log(
            LogLevel::Error,
            &format!(
                "accesspolicy: there is no memory for a configuration of {size} bytes: \
                 everything is denied until one comes that there is memory for"
            ),
        );
        let mut lineages = self.vm.lineages(&Plugin::of_host());
        lineages.push(Rc::default());
        let denying = lineages.iter();
        let now = self.vm.now();
        self.denying = denying
            .map(|lineage| lineage.next(InForce::Unaffordable, 0, now))
            .collect();
    }

    /// Tells what is in force again where this goes that came last: the host did not take all of
    /// what it came with, or has gone back to what was before.
    fn tell_former(&self) {
        let mut own = std::iter::once(&self.generation).chain(&self.denying);
        let former = own.find_map(|generation| generation.former());
        if let Some(InForce::Enforced(enforced)) = former.as_deref() {
            metrics::in_force(enforced.policies.digest());
        }
    }
}

impl Context for Root {}

/// The host deletes a plugin when all its streams have ended.
impl Drop for Root {
    fn drop(&mut self) {
        // The host's clock would go on for ever.
        host::tick_every(Duration::ZERO);
        self.tell_former();
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        self.tick();
        let plugin = Plugin::of_host();
        match self.load(&plugin, size) {
            Ok((policies, weight)) => {
                host::log(
                    LogLevel::Info,
                    &format!(
                        "{BUILD}: enforcing {} policies with {} rules, digest {}",
                        policies.policy_count(),
                        policies.rule_count(),
                        policies.digest(),
                    ),
                );
                metrics::configured("loaded");
                metrics::in_force(policies.digest());
                let lineage = self.vm.lineage(&plugin, policies.gateway_name());
                let enforced = Box::new(Enforced::new(policies));
                self.generation = lineage.next(InForce::Enforced(enforced), weight, self.vm.now());
                self.denying.clear();
                true
            }
            Err(LoadError::Unaffordable) => {
                self.deny(size);
                true
            }
            Err(error) => {
                metrics::configured("rejected");
                host::log(
                    LogLevel::Error,
                    &format!("accesspolicy: configuration rejected: {error}"),
                );
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.again.rested();
        self.tick();
        self.vm.tell_memory();
    }

    fn on_queue_ready(&mut self, _queue: u32) {
        self.again.came();
        self.tick();
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
