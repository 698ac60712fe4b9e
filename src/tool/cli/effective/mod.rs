//! `accesspolicy effective`

mod diff;
mod json;
mod page;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;

use super::policy_input::Subject;
use super::policy_input::{LoadedPolicy, read};
use super::{OutputForm, REFUSED, fail, output, say, terminal};
use crate::engine::policy::CompiledPolicy;
use crate::tool::effective::{At, Destination, Universe, changes, effective, quoted};

/// Say who may do what
///
/// For every caller that the policies name, and for anybody else: the methods and things
/// they may use, at each backend, with the rules that allow it; and for every tool its
/// callers. What depends on more of a request (HTTP parts, CEL) is listed with what it
/// depends on.
///
/// --diff shows what a change grants and takes away, as Markdown for a pull request.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 done, 1 new grants under --deny-new-grants, 2 wrong usage.")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct EffectiveArguments {
    #[command(flatten)]
    subject: Subject,

    /// Compare two compiled policies
    #[arg(
        long,
        num_args = 2,
        value_names = ["OLD", "NEW"],
        conflicts_with_all = ["paths", "config", "enforcement_point"],
    )]
    diff: Vec<PathBuf>,

    /// Exit with 1 when the new policy may allow what the old one does not
    #[arg(long, requires = "diff")]
    deny_new_grants: bool,

    /// How it is written
    #[arg(long, value_name = "FORM", default_value = "text")]
    output: OutputForm,
}

pub(super) fn run(arguments: &EffectiveArguments) -> ExitCode {
    match arguments.diff.as_slice() {
        [old, new] => match read(old).and_then(|old| Ok((old, read(new)?))) {
            Ok((old, new)) => compare(arguments, &old, &new),
            Err(code) => code,
        },
        _ => match arguments.subject.load("nothing can be listed") {
            Ok(loaded) => {
                loaded.mention_warnings();
                show(arguments, &loaded)
            }
            Err(code) => code,
        },
    }
}

fn show(arguments: &EffectiveArguments, loaded: &LoadedPolicy) -> ExitCode {
    let compiled = loaded.document.compiled();
    let effective = match effective(compiled, Universe::of(&[compiled])) {
        Ok(effective) => effective,
        Err(error) => return fail(error),
    };
    write(&match arguments.output {
        OutputForm::Text => page::text(compiled, &effective, terminal::width()),
        OutputForm::Json => json::effective(compiled, &effective),
    })
}

fn compare(arguments: &EffectiveArguments, old: &LoadedPolicy, new: &LoadedPolicy) -> ExitCode {
    let (old, new) = (old.document.compiled(), new.document.compiled());
    let changes = match changes(old, new) {
        Ok(changes) => changes,
        Err(error) => return fail(error),
    };
    let written = write(&match arguments.output {
        OutputForm::Text => diff::text(old, new, &changes),
        OutputForm::Json => json::changes(new, &changes),
    });
    if arguments.deny_new_grants && changes.may_grant() {
        say("the new policy may allow what the old one does not");
        return ExitCode::from(REFUSED);
    }
    written
}

fn write(text: &str) -> ExitCode {
    match terminal::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::unwritten(&error),
    }
}

/// What a place is called.
fn place_name(compiled: &CompiledPolicy, place: &Destination) -> String {
    let serves = |cluster: &String| {
        let mut backends = compiled.backends.iter();
        let found = backends.find(|found| found.clusters.contains(cluster))?;
        Some(format!("XBackend {}", found.backend))
    };
    let backend = match &place.cluster {
        At::Other if compiled.backends.is_empty() => format!("Gateway {}", compiled.gateway),
        At::Other => "other clusters".to_owned(),
        At::Unsaid => "an unknown cluster".to_owned(),
        At::Known(cluster) => {
            serves(cluster).unwrap_or_else(|| format!("cluster {}", quoted(cluster)))
        }
    };
    let mut listeners = compiled.listeners.iter();
    match place.port {
        At::Other if compiled.listeners.is_empty() => backend,
        At::Other => format!("{backend}, other ports"),
        At::Unsaid => format!("{backend}, an unknown port"),
        At::Known(port) => match listeners.find(|listener| listener.port.get() == port) {
            Some(listener) => format!("{backend}, listener {}", listener.name),
            None => format!("{backend}, port {port}"),
        },
    }
}

/// Places with the same value are one, under all of their names.
fn merged<T: PartialEq + Copy>(places: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut merged: Vec<(Vec<String>, T)> = Vec::new();
    for (name, value) in places {
        match merged.iter_mut().find(|(_, known)| *known == value) {
            Some((names, _)) if names.contains(&name) => {}
            Some((names, _)) => names.push(name),
            None => merged.push((vec![name], value)),
        }
    }
    let joined = merged.into_iter();
    joined
        .map(|(names, value)| (names.join(" and "), value))
        .collect()
}

/// What a caller is called.
fn caller_name(caller: Option<&str>) -> &str {
    caller.unwrap_or("anybody else")
}
