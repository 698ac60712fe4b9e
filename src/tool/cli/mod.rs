//! The command line tool: one file per command.
//!
//! Results go to standard output, all else to standard error. Exit codes: 0 done,
//! 1 the answer is no, 2 wrong usage, which includes files that cannot be read or
//! written.

mod admin;
mod check;
mod compile;
mod diagnostics;
mod effective;
mod excerpt;
mod explain;
mod output;
mod package;
mod policy_input;
mod push;
mod render;
mod schema;
mod terminal;
mod test;
mod validate;

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::tool::compile::skipped_links;

/// The answer is no: a policy is refused, a request not judged as expected, a test failed.
const REFUSED: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;

/// Where `package` writes the image and `push` finds it, unless told otherwise.
const IMAGE: &str = "target/image";

/// Decides which AI agent may call which MCP tool: compiles Kubernetes access
/// policies (XAccessPolicy) for the Envoy filter that enforces them, and says what they
/// mean.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::CompileArguments),
    Validate(validate::ValidateArguments),
    Explain(Box<explain::ExplainArguments>),
    Test(test::TestArguments),
    Effective(effective::EffectiveArguments),
    Render(Box<render::RenderArguments>),
    Check(check::CheckArguments),
    Package(package::PackageArguments),
    Push(push::PushArguments),
    Schema(schema::SchemaArguments),
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutputForm {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Effective(arguments) => effective::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Push(arguments) => push::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    }
}

/// Says something on standard error. Where that fails there is nobody to tell.
fn say(line: impl Display) {
    let line = terminal::tame(&line.to_string());
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Says which links in folders lead to folders that are not read; whether there are any.
fn mention_skipped(paths: &[PathBuf]) -> bool {
    let skipped = skipped_links(paths);
    for link in &skipped {
        say(format_args!(
            "warning: skipped `{}`, which leads to a folder outside of the one that was given; \
             name it to have it read",
            link.display()
        ));
    }
    !skipped.is_empty()
}

/// Says what is wrong with how the tool was used.
fn fail(error: impl Display) -> ExitCode {
    say(format_args!("error: {error}"));
    ExitCode::from(USAGE)
}

/// `1 policy`, `2 policies`
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
