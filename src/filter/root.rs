//! The plugin: its configuration, and the streams it begins.

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
use super::vm::{Plugin, Vm};

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

/// How often the host calls.
const TICK: Duration = Duration::from_secs(1);

/// How much memory there must be for a configuration, in multiples of its text.
const ROOM: usize = 8;

/// One configured plugin.
#[derive(Debug)]
pub struct Root {
    vm: Rc<Vm>,
    generation: Rc<Generation<InForce>>,
    /// What denies in its place, where there was no memory for its configuration: among the
    /// configurations of the plugin for each Gateway, and last by itself.
    denying: Vec<Rc<Generation<InForce>>>,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            vm: Vm::this(),
            generation: Rc::new(Lineage::default()).next(InForce::Nothing, 0),
            denying: Vec::new(),
        }
    }
}

impl Root {
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
        host::tick_every(TICK);
        self.vm.tick();
        let text = match has_room(size) {
            true => host::buffer(Buffer::PluginConfiguration, 0, size),
            false => None,
        };
        let text = match text {
            Some(text) if text.len() == size => text,
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
        self.vm.tick();
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

/// Whether there is memory for a configuration of a size. Running out of it while reading
/// one would end the module.
fn has_room(size: usize) -> bool {
    let mut room: Vec<u8> = Vec::new();
    let has_room = room.try_reserve_exact(size.saturating_mul(ROOM)).is_ok();
    // Taken in earnest, whatever is made of it.
    black_box(room);
    has_room
}
