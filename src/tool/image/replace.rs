//! Which files of a folder are an image's, and may give way to another's.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::layout::{INDEX, MARKER};

/// The files of an image that is in a folder; `None` where anything else is there, a link
/// included.
pub(super) fn own_files(folder: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let mut files = Vec::new();
    let mut marked = false;
    for (name, entry) in entries(folder)? {
        let kind = entry.file_type()?;
        match name.as_str() {
            MARKER | INDEX if kind.is_file() => {
                marked |= name == MARKER;
                files.push(entry.path());
            }
            "blobs" if kind.is_dir() => match blobs(&entry.path())? {
                Some(blobs) => files.extend(blobs),
                None => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    let is_empty = entries(folder)?.is_empty();
    Ok((marked || is_empty).then_some(files))
}

fn blobs(folder: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let mut files = Vec::new();
    for (name, entry) in entries(folder)? {
        if name != "sha256" || !entry.file_type()?.is_dir() {
            return Ok(None);
        }
        for (name, entry) in entries(&entry.path())? {
            let is_hex = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_hex || !entry.file_type()?.is_file() {
                return Ok(None);
            }
            files.push(entry.path());
        }
    }
    Ok(Some(files))
}

fn entries(folder: &Path) -> io::Result<Vec<(String, DirEntry)>> {
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), entry))
    });
    entries.collect()
}

/// Deletes these files, and the folders of an image that are empty then.
pub(super) fn remove(folder: &Path, files: &[PathBuf]) -> io::Result<()> {
    for file in files {
        fs::remove_file(file)?;
    }
    for inner in ["blobs/sha256", "blobs", ""] {
        match fs::remove_dir(folder.join(inner)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}
