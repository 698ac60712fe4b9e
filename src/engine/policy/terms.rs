//! What requests are read by, before they are judged.

use super::model::Settings;
use super::requirements::Requirements;

/// What requests are read by, before they are judged: small, so that a request which is
/// still being read can keep it when newer policies come.
#[derive(Debug)]
pub struct Terms {
    pub(super) settings: Settings,
    pub(super) needs: Requirements,
}

impl Terms {
    /// Whether policies with other terms can judge what was read by these: the settings are
    /// the same, and nothing is needed that was not kept.
    pub fn suffice_for(&self, others: &Self) -> bool {
        self.settings == others.settings && self.needs.cover(&others.needs)
    }
}
