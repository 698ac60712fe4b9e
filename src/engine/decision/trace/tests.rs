//! That a contradiction is noticed; that there is none, every vector shows.

use super::*;

#[test]
fn a_story_that_ends_otherwise_is_noticed() {
    let denial = super::super::Denial {
        reason: DenialReason::Unprotected,
        audit: None,
    };
    let mut trace = Trace {
        decision: Decision::Deny(denial),
        levels: Vec::new(),
        enforced: TracedVerdict::Deny(DenialReason::Unprotected),
        audited: None,
    };
    assert!(trace.contradiction().is_none());
    trace.enforced = TracedVerdict::Deny(DenialReason::NoPort);
    assert!(trace.contradiction().is_some());
    trace.enforced = TracedVerdict::Deny(DenialReason::Unprotected);
    trace.audited = Some(TracedVerdict::Deny(DenialReason::Unprotected));
    assert!(trace.contradiction().is_some());
}
