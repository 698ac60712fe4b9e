//! `log`: what is logged besides refusals.

use crate::engine::policy::Whole;
use crate::tool::api::decode::{Object, Problem, Value, millionths};

/// How many of a million allowed requests are logged.
pub(super) fn log(value: Value<'_>, problems: &mut Vec<Problem>) -> Option<Whole> {
    let mut object = Object::open(value, problems)?;
    let allowed = object.optional("allowed", allowed);
    object.finish();
    allowed.or(Whole::default())
}

fn allowed(value: Value<'_>, problems: &mut Vec<Problem>) -> Option<Whole> {
    let mut object = Object::open(value, problems)?;
    let sample = object.required("sample", "sample: 0.01", millionths);
    object.finish();
    sample.map(|sample| Whole::from(sample.value))
}
