//! `accesspolicy push`

use std::path::PathBuf;
use std::process::ExitCode;

use super::{REFUSED, fail, output, say};
use crate::tool::compile::read_bytes;
use crate::tool::image::{Blob, Image, Push, PushError, PushProgress};

/// Push the filter's OCI image to a registry
///
/// Writes the whole reference to standard output, digest included: what `render --image`
/// takes. Passwords come from where `docker login` leaves them ($DOCKER_CONFIG, or
/// ~/.docker/config.json), credential helpers included. Registries are spoken to by TLS;
/// those on loopback in the clear.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 pushed, 1 not pushed, 2 wrong usage.")]
pub(super) struct PushArguments {
    /// Where to: registry.example/path[:tag]; without a tag, the version is the tag
    #[arg(value_name = "REF")]
    reference: String,

    /// What `package` wrote
    #[arg(long, value_name = "FOLDER", default_value = super::IMAGE)]
    image: PathBuf,

    /// Believe this certificate authority too (PEM); speak TLS on loopback as well
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(arguments: &PushArguments) -> ExitCode {
    let PushArguments {
        reference,
        image: folder,
        ca,
    } = arguments;
    let image = match Image::read(folder) {
        Ok(image) => image,
        Err(error) => return fail(error),
    };
    let tag = image.version().unwrap_or_else(|| "latest".to_owned());
    let mut push = match Push::to(reference, &tag) {
        Ok(push) => push,
        Err(error) => return fail(error),
    };
    if let Some(file) = ca {
        match read_bytes(file) {
            Ok(authority) => push = push.trusting(authority),
            Err(unreadable) => return fail(unreadable),
        }
    }
    let whole = push.reference();
    say(format_args!("pushing `{}` to {whole}", folder.display()));
    let started = std::time::Instant::now();
    if let Err(error) = push.run(&image, tell) {
        say(format_args!("error: {error}"));
        return match error {
            PushError::Registry(..) | PushError::Other(..) => ExitCode::from(REFUSED),
            _ => ExitCode::from(super::USAGE),
        };
    }
    say(format_args!("pushed in {:.1?}", started.elapsed()));
    match output::write(&format!("{whole}@{}\n", image.manifest.digest), None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::unwritten(&error),
    }
}

fn tell(progress: PushProgress<'_>) {
    let (blob, what) = match progress {
        PushProgress::Sends(blob) => (blob, "sending"),
        PushProgress::Has(blob) => (blob, "already there"),
    };
    let Blob {
        media_type,
        digest,
        bytes,
    } = blob;
    let kind = match media_type.rsplit('.').nth(1) {
        Some("manifest") => "manifest",
        Some("config") => "config",
        _ => "layer",
    };
    let short = digest.get(..19).unwrap_or(digest);
    say(format_args!(
        "  {kind:<8} {short}…  {:>7} bytes  {what}",
        bytes.len()
    ));
}
