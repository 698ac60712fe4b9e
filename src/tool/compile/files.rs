//! Files and folders to sources. The only place of the compiler that does I/O.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::read_file::{MOST_BYTES, read_all, read_file};
use super::{Compiled, Report, Source, compile};

/// The file extensions that are read in folders.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

const NOTHING: &str = "no manifest found in what was given: of a folder, *.yaml, *.yml and *.json \
                       are read, in it and below";

/// Why files were not compiled.
#[derive(Debug)]
pub enum FilesError {
    /// A file or folder cannot be read.
    Unreadable(ReadFileError),
    /// There is no manifest at all.
    Nothing,
    /// What they say is refused.
    Invalid(Report),
}

/// A file or folder that cannot be read.
#[derive(Debug)]
pub struct ReadFileError {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for ReadFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for ReadFileError {}

impl fmt::Display for FilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(unreadable) => unreadable.fmt(f),
            Self::Nothing => f.write_str(NOTHING),
            Self::Invalid(report) => report.fmt(f),
        }
    }
}

impl std::error::Error for FilesError {}

/// Compiles the policies of files and folders for the enforcement point of a file.
///
/// # Errors
/// When something cannot be read, when there is nothing to read, and when what was read is
/// refused.
pub fn compile_files(
    paths: &[impl AsRef<Path>],
    enforcement_point: impl AsRef<Path>,
) -> Result<Compiled, FilesError> {
    let sources = read_sources(paths).map_err(FilesError::Unreadable)?;
    if sources.is_empty() && !paths.is_empty() {
        return Err(FilesError::Nothing);
    }
    let point = read_source(enforcement_point.as_ref()).map_err(FilesError::Unreadable)?;
    compile(sources, point).map_err(FilesError::Invalid)
}

/// Reads files, the manifests of folders, and standard input (`-`).
///
/// # Errors
/// When something cannot be read.
pub fn read_sources(paths: &[impl AsRef<Path>]) -> Result<Vec<Source>, ReadFileError> {
    let mut room = MOST_OF_ALL;
    let mut sources = Vec::new();
    for file in list_files(paths)? {
        let source = read_source(&file)?;
        let Some(rest) = room.checked_sub(source.text().len()) else {
            let most = MOST_OF_ALL >> 20;
            let message = format!(
                "with the files before it, it has more than {most} MiB; give fewer files at a time"
            );
            let error = io::Error::new(io::ErrorKind::FileTooLarge, message);
            return Err(ReadFileError { path: file, error });
        };
        room = rest;
        sources.push(source);
    }
    Ok(sources)
}

/// The most bytes that the manifests of a run have together.
const MOST_OF_ALL: usize = 256 << 20;

/// The files named, and those of the folders named.
///
/// Folders are walked through recursively, in the order of names; only files that end in
/// `.yaml`, `.yml` or `.json`, in letters of any case, count there, and names that start with
/// `.` do not. What is named twice, or found by a link as well, is listed once.
///
/// # Errors
/// When a folder cannot be read.
pub fn list_files(paths: &[impl AsRef<Path>]) -> Result<Vec<PathBuf>, ReadFileError> {
    let mut files = walk_all(paths)?.files;
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// The links in the folders named that lead to folders elsewhere: those are not read.
pub fn skipped_links(paths: &[impl AsRef<Path>]) -> Vec<PathBuf> {
    let Ok(Walk {
        skipped, folders, ..
    }) = walk_all(paths)
    else {
        return Vec::new();
    };
    let is_read = |link: &PathBuf| fs::canonicalize(link).is_ok_and(|real| folders.contains(&real));
    skipped.into_iter().filter(|link| !is_read(link)).collect()
}

fn walk_all(paths: &[impl AsRef<Path>]) -> Result<Walk, ReadFileError> {
    let mut walk = Walk::default();
    for path in paths.iter().map(AsRef::as_ref) {
        if path.is_dir() {
            walk.root(path)?;
        } else {
            walk.files.push(path.to_owned());
        }
    }
    Ok(walk)
}

/// Reads one file, or standard input (`-`).
///
/// # Errors
/// When it cannot be read.
pub fn read_source(path: &Path) -> Result<Source, ReadFileError> {
    let bytes = read_bytes(path)?;
    let name = match path == Path::new(STANDARD_INPUT) {
        true => "<stdin>".to_owned(),
        false => path.display().to_string(),
    };
    Ok(Source::new(name, bytes))
}

/// Reads one file or pipe, or standard input (`-`), as it is.
///
/// # Errors
/// When it cannot be read, is something else, or is too large.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadFileError> {
    read_bytes_of(path, MOST_BYTES)
}

/// Reads one file or pipe, or standard input (`-`), of at most so many bytes.
///
/// # Errors
/// When it cannot be read, is something else, or is too large.
pub fn read_bytes_of(path: &Path, most: u64) -> Result<Vec<u8>, ReadFileError> {
    let unreadable = |error| ReadFileError {
        path: path.to_owned(),
        error,
    };
    if path == Path::new(STANDARD_INPUT) {
        return read_all(io::stdin(), most).map_err(unreadable);
    }
    read_file(path, most).map_err(unreadable)
}

/// Reads what a text names, a file or the manifests of a folder, which has to lie in one of
/// these folders.
///
/// # Errors
/// When something cannot be read, or lies elsewhere.
pub fn read_sources_within(path: &Path, folders: &[&Path]) -> Result<Vec<Source>, ReadFileError> {
    stays_within(path, folders)?;
    read_sources(&[path])
}

/// Reads a file that a text names, which has to lie in one of these folders.
///
/// # Errors
/// When it cannot be read, or lies elsewhere.
pub fn read_source_within(path: &Path, folders: &[&Path]) -> Result<Source, ReadFileError> {
    stays_within(path, folders)?;
    read_source(path)
}

/// Whether a path leads to a file or folder in one of these, through whatever links.
///
/// SECURITY: who may write manifests is not to read what else the tool may: of a malformed
/// file it prints a line.
fn stays_within(path: &Path, folders: &[&Path]) -> Result<(), ReadFileError> {
    let unreadable = |error| ReadFileError {
        path: path.to_owned(),
        error,
    };
    let found = fs::canonicalize(path).map_err(unreadable)?;
    let contains = |folder: &&Path| {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        let folder = fs::canonicalize(folder);
        folder.is_ok_and(|folder| folder.parent().is_some() && found.starts_with(folder))
    };
    if folders.iter().any(contains) && (found.is_file() || found.is_dir()) {
        return Ok(());
    }
    let outside = format!(
        "it leads to `{}`, outside of the folder; give that to the command itself",
        found.display()
    );
    Err(unreadable(io::Error::new(
        io::ErrorKind::PermissionDenied,
        outside,
    )))
}

/// What is found in folders.
#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    /// The folders that were walked through, as they are without links.
    folders: BTreeSet<PathBuf>,
    /// Links to folders below, which may be walked through anyhow.
    links: Vec<PathBuf>,
    /// Links to folders elsewhere.
    skipped: Vec<PathBuf>,
}

impl Walk {
    /// Walks through a folder, out of which no link may lead.
    fn root(&mut self, root: &Path) -> Result<(), ReadFileError> {
        self.folder(root, root)?;
        while let Some(link) = self.links.pop() {
            self.folder(&link, root)?;
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Path, root: &Path) -> Result<(), ReadFileError> {
        let unreadable = |error| ReadFileError {
            path: folder.to_owned(),
            error,
        };
        // Each once, so that it does not matter what links lead back to.
        let real = fs::canonicalize(folder).map_err(unreadable)?;
        if !self.folders.insert(real) {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                let is_link = entry.file_type().map_err(unreadable)?.is_symlink();
                paths.push((entry.path(), is_link));
            }
        }
        paths.sort();
        for (path, is_link) in paths {
            match (path.is_dir(), is_link) {
                (true, false) => self.folder(&path, root)?,
                (true, true) if stays_within(&path, &[root]).is_ok() => self.links.push(path),
                (true, true) => self.skipped.push(path),
                (false, _) => self.file(path, root)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, root: &Path) -> Result<(), ReadFileError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_one = |extension: &str| EXTENSIONS.iter().any(|e| extension.eq_ignore_ascii_case(e));
        if !extension.is_some_and(is_one) {
            return Ok(());
        }
        // A link that leads nowhere may have been a policy.
        let found = fs::metadata(&path).map_err(|error| ReadFileError {
            path: path.clone(),
            error,
        })?;
        if found.is_file() {
            stays_within(&path, &[root])?;
            self.files.push(path);
        }
        Ok(())
    }
}
