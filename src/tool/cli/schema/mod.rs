//! `accesspolicy schema`
//!
//! Written by hand: two of the three formats are read by decoders of their own, which no
//! derive sees. `tests/schemas.rs` keeps them in step with what is read.

use std::process::ExitCode;

use super::output;

/// Print the JSON Schema of one of this project's own formats
///
/// For editors and for checks in front of `compile` and `test`, which say more: a schema
/// knows nothing of names that have to fit, nor of what is given twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 printed, 2 wrong usage.")]
pub(super) struct SchemaArguments {
    /// Which format
    format: SchemaFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SchemaFormat {
    /// What `compile` writes and the filter reads
    Compiled,
    /// Where policies will run
    EnforcementPoint,
    /// Decision tests
    Tests,
}

pub(super) fn run(arguments: &SchemaArguments) -> ExitCode {
    let text = match arguments.format {
        SchemaFormat::Compiled => include_str!("compiled.json"),
        SchemaFormat::EnforcementPoint => include_str!("enforcement-point.json"),
        SchemaFormat::Tests => include_str!("tests.json"),
    };
    match output::write(text, None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::unwritten(&error),
    }
}
