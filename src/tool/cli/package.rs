//! `accesspolicy package`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{fail, output, say};
use crate::tool::compile::read_bytes;
use crate::tool::image::{FilterFileError, Image, Provenance};

/// Build the filter's OCI image in a folder
///
/// The image is what Istio and Envoy Gateway fetch: one layer, with the filter as
/// `plugin.wasm`. It says which version and commit the filter is built from. The same
/// filter gives the same image everywhere; its digest is written to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 written, 2 wrong usage, or no filter.")]
pub(super) struct PackageArguments {
    /// The filter
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/wasm32-wasip1/release/accesspolicy.wasm"
    )]
    module: PathBuf,

    /// Write there, in the place of an image that is there: an OCI image layout
    #[arg(short, long, value_name = "FOLDER", default_value = super::IMAGE)]
    output: PathBuf,

    /// Where the sources of the filter are, for the image's annotations
    #[arg(long, value_name = "URL", default_value = env!("CARGO_PKG_REPOSITORY"))]
    source: String,
}

pub(super) fn run(arguments: &PackageArguments) -> ExitCode {
    let PackageArguments {
        module,
        output: folder,
        source,
    } = arguments;
    let bytes = match read_bytes(module) {
        Ok(bytes) => bytes,
        Err(unreadable) => {
            say("help: `cargo build --release --lib --target wasm32-wasip1` builds the filter");
            return fail(unreadable);
        }
    };
    let provenance = match Provenance::of(&bytes) {
        Ok(provenance) => provenance,
        Err(error) => return fail(no_filter(module, error)),
    };
    warn(&provenance);
    let source = Some(source.as_str()).filter(|source| !source.is_empty());
    let image = match Image::of(&bytes, &provenance, source) {
        Ok(image) => image,
        Err(error) => return fail(format_args!("`{}`: {error}", module.display())),
    };
    if let Err(error) = image.write(folder) {
        return fail(error);
    }
    let commit = provenance.commit.as_deref().unwrap_or("unknown");
    say(format_args!(
        "`{}`: accesspolicy {}, commit {commit}, {} bytes",
        folder.display(),
        provenance.version,
        bytes.len(),
    ));
    match output::write(&format!("{}\n", image.manifest.digest), None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::unwritten(&error),
    }
}

fn no_filter(module: &Path, error: FilterFileError) -> String {
    format!(
        "`{}` {error}; build one with `cargo build --release --lib --target wasm32-wasip1`",
        module.display()
    )
}

/// Says what keeps others from building the same image.
fn warn(provenance: &Provenance) {
    match &provenance.commit {
        None => say(
            "warning: the filter was built outside a repository: the image says of no commit that \
             it is built from it",
        ),
        Some(commit) if commit.ends_with("-dirty") => say(
            "warning: the filter was built from sources that are not committed: nobody else can \
             build this image",
        ),
        Some(_) => {}
    }
    if let Some(folder) = &provenance.folder {
        say(format_args!(
            "warning: the filter names a folder of the machine that built it (`{folder}`): others \
             get another digest; build it with `scripts/rustc` as Cargo's rustc-wrapper"
        ));
    }
}
