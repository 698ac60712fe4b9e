//! The bytes of one file: of a regular one or of a pipe, and not without end.
//!
//! SECURITY: a folder of manifests may hold links that its author made, and a pattern of a
//! shell names them like any other file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a file that is read.
pub(super) const MOST_BYTES: u64 = 64 << 20;

/// What the kernel shows as files: devices, and what it knows of processes and hardware.
const KERNEL: [&str; 3] = ["/proc", "/dev", "/sys"];

/// Memory that is used as a folder of files.
const MEMORY: &str = "/dev/shm";

/// Reads a file or a pipe of at most so many bytes.
pub(super) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: to open a device may do something.
    check(path, &fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(path, &file.metadata()?)?;
    read_all(file, most)
}

/// Reads all that there is, of at most so many bytes.
pub(super) fn read_all(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= most => Ok(bytes),
        _ => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {} MiB", most >> 20),
        )),
    }
}

fn check(path: &Path, found: &Metadata) -> io::Result<()> {
    if found.is_dir() {
        let message = "it is a folder; give one file";
        return Err(io::Error::new(io::ErrorKind::IsADirectory, message));
    }
    let refused = |message: String| io::Error::new(io::ErrorKind::PermissionDenied, message);
    if is_pipe(found) {
        return Ok(());
    }
    if !found.is_file() {
        let message = "it is neither a regular file nor a pipe; `-` is standard input";
        return Err(refused(message.to_owned()));
    }
    let leads_to = fs::canonicalize(path)?;
    let is_kernel = KERNEL.iter().any(|folder| leads_to.starts_with(folder));
    if is_kernel && !leads_to.starts_with(MEMORY) {
        let message = format!(
            "it leads to `{}`, which is no file of a disk",
            leads_to.display()
        );
        return Err(refused(message));
    }
    Ok(())
}

#[cfg(unix)]
fn is_pipe(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_bounded() {
        assert_eq!(read_all(&b"1234"[..], 4).unwrap(), b"1234");
        let error = read_all(io::repeat(0), 4 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 4 MiB");
    }
}
