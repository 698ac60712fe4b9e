//! Whether the filter's VMs live.

use super::envoy::Envoy;

impl Envoy {
    /// The counters that tell of a failed VM, and are not 0.
    ///
    /// # Panics
    /// When the admin interface does not answer, or counts no VM at all.
    pub fn vm_failures(&self) -> Vec<(String, u64)> {
        let stats = self.stats();
        let created = stats.iter().any(|(name, value)| {
            name.starts_with("wasm.") && name.ends_with(".created") && *value > 0
        });
        assert!(created, "Envoy counts no VM: {stats:?}");
        let tells = |name: &str| {
            // What the filter counts itself has names of policies in it.
            name.contains("wasm")
                && !name.starts_with("wasmcustom.")
                && ["reload", "fail", "crash", "error"]
                    .iter()
                    .any(|word| name.contains(word))
        };
        stats
            .into_iter()
            .filter(|(name, value)| tells(name) && *value > 0)
            .collect()
    }
}
