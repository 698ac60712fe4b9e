//! `log`: what is logged besides refusals.

use crate::engine::policy::SafeInteger;
use crate::tool::api::decode::{MappingDecoder, Problem, Undecoded, millionths};

/// How many of a million allowed requests are logged.
pub(super) fn log(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<SafeInteger> {
    let mut object = MappingDecoder::open(value, problems)?;
    let allowed = object.optional("allowed", allowed);
    object.finish();
    allowed.or(SafeInteger::default())
}

fn allowed(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<SafeInteger> {
    let mut object = MappingDecoder::open(value, problems)?;
    let sample = object.required("sample", "sample: 0.01", millionths);
    object.finish();
    sample.map(|sample| SafeInteger::from(sample.value))
}
