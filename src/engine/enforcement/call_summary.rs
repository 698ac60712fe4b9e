//! What a message calls, for records.

use crate::engine::mcp::{Message, ObjectKind};

use super::stream::brief;

/// What a message calls. Names are cut off where they are long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSummary {
    /// The method.
    pub method: String,
    /// What it acts on; the first, where that is several.
    pub object: Option<(ObjectKind, String)>,
}

impl CallSummary {
    /// `None` for what calls nothing.
    pub(super) fn of(message: &Message<'_>) -> Option<Self> {
        let call = message.call()?;
        let thing = call.objects.iter().next();
        Some(Self {
            method: brief(call.name).to_owned(),
            object: thing.map(|thing| (thing.kind(), brief(thing.as_str()).to_owned())),
        })
    }
}
