//! Results: to standard output, or to a file that is there whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{self, ExitCode};

use super::fail;

/// What a shell reports of a process that SIGPIPE ended.
const PIPE_CLOSED: u8 = 128 + 13;

/// Says that standard output cannot be written to. Where its reader has gone, as `head`
/// does, there is nobody to tell, and nothing wrong.
pub(super) fn unwritten(error: &io::Error) -> ExitCode {
    match error.kind() {
        io::ErrorKind::BrokenPipe => ExitCode::from(PIPE_CLOSED),
        _ => fail(format_args!("cannot write to standard output: {error}")),
    }
}

/// Writes a result.
pub(super) fn write(text: &str, path: Option<&Path>) -> io::Result<()> {
    match path {
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        }
        // A device or a pipe is written to, not replaced.
        Some(path) if fs::metadata(path).is_ok_and(|found| !found.is_file()) => {
            fs::write(path, text)
        }
        Some(path) => replace(text, path),
    }
}

/// Puts a new file in the place of the old one, so that nobody reads half of it.
fn replace(text: &str, path: &Path) -> io::Result<()> {
    // The file that a link points to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Some(name) = path.file_name() else {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", process::id()));
    let temporary = path.with_file_name(temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // The error that matters is the one above.
        let _ = fs::remove_file(&temporary);
    }
    written
}
