//! An image in a folder. SPEC: OCI Image Layout 1.0.0.
//!
//! What is read is checked against its digests, so that what is pushed is what was built.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::build::{MANIFEST, VERSION_ANNOTATION, digest};
use super::replace::{own_files, remove};
use super::{Blob, Image};

/// The file that makes a folder a layout, and what is in it.
pub(super) const MARKER: &str = "oci-layout";
/// The file that names the manifest.
pub(super) const INDEX: &str = "index.json";
const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Why a layout was not written or read. Its display is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder holds something else.
    #[error("`{}` holds something other than an image: name a folder that is new or empty", .0.display())]
    Occupied(PathBuf),
    /// A file or folder cannot be read or written.
    #[error("`{path}`: {1}", path = .0.display())]
    Io(PathBuf, io::Error),
    /// It does not hold one image of one manifest.
    #[error("`{path}` is no image as `accesspolicy package` writes it: {1}", path = .0.display())]
    NoImage(PathBuf, String),
    /// The bytes in a file are not those of its digest.
    #[error("`{}` was changed after it was written: package the module again", .0.display())]
    Altered(PathBuf),
}

/// A descriptor, as far as it is needed to find a blob.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    media_type: String,
    digest: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Found>,
}

#[derive(Deserialize)]
struct LayoutManifest {
    config: Found,
    layers: Vec<Found>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Image {
    /// Writes the image to a folder: whole, in the place of an image that was there.
    ///
    /// # Errors
    /// When the folder holds something else, or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), LayoutError> {
        let io = |error| LayoutError::Io(folder.to_owned(), error);
        // Where a link leads, the image is; the link stays.
        let given = folder;
        let folder = &fs::canonicalize(given).unwrap_or_else(|_| folder.to_owned());
        // SECURITY: of what is there, only an image's own files are deleted.
        let old = match folder.exists() {
            true => Some(own_files(folder).map_err(io)?),
            false => None,
        };
        let old = match old {
            Some(None) => return Err(LayoutError::Occupied(given.to_owned())),
            Some(files) => files,
            None => None,
        };
        let name = folder
            .file_name()
            .ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = folder.with_file_name(beside);
        let placed = self.fill(&beside).and_then(|()| {
            if let Some(files) = &old {
                remove(folder, files)?;
            }
            fs::rename(&beside, folder)
        });
        if placed.is_err() {
            // The error that matters is the one above.
            let _ = fs::remove_dir_all(&beside);
        }
        placed.map_err(io)
    }

    fn fill(&self, folder: &Path) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for blob in self.blobs.iter().chain([&self.manifest]) {
            fs::write(blobs.join(hex(&blob.digest)), &blob.bytes)?;
        }
        let Blob {
            media_type,
            digest,
            bytes,
        } = &self.manifest;
        // Text, not a map: the order of members is part of what is the same every time.
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}]}}"#,
            bytes.len()
        );
        fs::write(folder.join(INDEX), index)?;
        fs::write(folder.join(MARKER), VERSION)
    }

    /// The version that the image says it has.
    pub fn version(&self) -> Option<String> {
        let manifest = serde_json::from_slice::<LayoutManifest>(&self.manifest.bytes).ok()?;
        manifest.annotations.get(VERSION_ANNOTATION).cloned()
    }

    /// Reads an image from a folder.
    ///
    /// # Errors
    /// When there is none, or not what was written.
    pub fn read(folder: &Path) -> Result<Self, LayoutError> {
        let no_image = |why: String| LayoutError::NoImage(folder.to_owned(), why);
        let file = folder.join(INDEX);
        let index = fs::read(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => no_image("it has no index.json".to_owned()),
            _ => LayoutError::Io(file, error),
        })?;
        let index: Index = serde_json::from_slice(&index)
            .map_err(|error| no_image(format!("index.json: {error}")))?;
        let [found] = &index.manifests[..] else {
            let many = index.manifests.len();
            return Err(no_image(format!("it has {many} manifests, not one")));
        };
        if found.media_type != MANIFEST {
            return Err(no_image(format!("its manifest is `{}`", found.media_type)));
        }
        let manifest = blob(folder, found)?;
        let named: LayoutManifest = serde_json::from_slice(&manifest.bytes)
            .map_err(|error| no_image(format!("manifest: {error}")))?;
        let all = [&named.config].into_iter().chain(&named.layers);
        let blobs = all
            .map(|found| blob(folder, found))
            .collect::<Result<_, _>>()?;
        Ok(Self { manifest, blobs })
    }
}

/// Reads a blob, and checks that it is the one.
fn blob(folder: &Path, found: &Found) -> Result<Blob, LayoutError> {
    let name = hex(&found.digest);
    // SECURITY: the name of a file is taken from another one.
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let why = format!("`{}` is no sha256 digest", found.digest);
        return Err(LayoutError::NoImage(folder.to_owned(), why));
    }
    let file = folder.join("blobs/sha256").join(name);
    let bytes = fs::read(&file).map_err(|error| LayoutError::Io(file.clone(), error))?;
    if digest(&bytes) != found.digest {
        return Err(LayoutError::Altered(file));
    }
    Ok(Blob {
        media_type: found.media_type.clone(),
        digest: found.digest.clone(),
        bytes,
    })
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or_default()
}
