//! From a module to an image, byte for byte the same every time.
//!
//! SPEC: OCI Image Format 1.1; what of it the fetchers take is Istio's "compat" variant of
//! a Wasm image.

use std::collections::BTreeMap;
use std::io;

use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Provenance;

/// The media types of what an image is made of.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(super) const VERSION_ANNOTATION: &str = "org.opencontainers.image.version";

/// The name by which the fetchers look for the module.
const MODULE: &str = "plugin.wasm";

/// Bytes that are known by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its media type.
    pub media_type: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An image: a manifest, and what it names, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The manifest; its digest is the image's.
    pub manifest: Blob,
    /// Configuration and layers.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// The image of a module that says of itself what `provenance` has, and whose sources
    /// are at the URL `source`.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn of(module: &[u8], provenance: &Provenance, source: Option<&str>) -> io::Result<Self> {
        let archive = archive(module)?;
        let annotations = annotations(provenance, source);
        let layer = Blob::new(LAYER, compressed(&archive)?);
        let created = provenance.committed.as_deref();
        let config = Blob::json(
            CONFIG,
            &Config {
                created,
                architecture: "wasm",
                os: "wasip1",
                config: Labels {
                    labels: &annotations,
                },
                rootfs: RootFs {
                    kind: "layers",
                    diff_ids: [digest(&archive)],
                },
                history: [History {
                    created,
                    created_by: "accesspolicy package",
                }],
            },
        )?;
        let manifest = Blob::json(
            MANIFEST,
            &ImageManifest {
                schema_version: 2,
                media_type: MANIFEST,
                config: Descriptor::of(&config),
                layers: [Descriptor::of(&layer)],
                annotations: &annotations,
            },
        )?;
        Ok(Self {
            manifest,
            blobs: vec![config, layer],
        })
    }
}

impl Blob {
    /// These bytes.
    pub(super) fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest(&bytes),
            bytes,
        }
    }

    /// This value. INVARIANT: its members are written in the order of the type, never of a
    /// map whose order depends on how a library is built.
    fn json(media_type: &str, value: &impl Serialize) -> io::Result<Self> {
        Ok(Self::new(media_type, serde_json::to_vec(value)?))
    }
}

/// The digest of bytes, as OCI writes it.
pub(super) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What is said of an image. SPEC: OCI Image Format, Annotations.
fn annotations(provenance: &Provenance, source: Option<&str>) -> BTreeMap<&'static str, String> {
    let Provenance {
        version,
        commit,
        committed,
        schema,
        folder: _,
    } = provenance;
    let title = "accesspolicy";
    let description = "Proxy-Wasm filter for Envoy that enforces XAccessPolicy for MCP";
    let known = [
        ("org.opencontainers.image.title", title.to_owned()),
        (
            "org.opencontainers.image.description",
            description.to_owned(),
        ),
        (VERSION_ANNOTATION, version.clone()),
        (
            "org.opencontainers.image.licenses",
            env!("CARGO_PKG_LICENSE").to_owned(),
        ),
        ("accesspolicy.policy-schema", schema.to_string()),
    ];
    let source = source
        .into_iter()
        .map(|source| ("org.opencontainers.image.source", source.to_owned()));
    let revision = commit
        .iter()
        .map(|commit| ("org.opencontainers.image.revision", commit));
    let created = committed
        .iter()
        .map(|time| ("org.opencontainers.image.created", time));
    let of_commit = revision
        .chain(created)
        .map(|(key, value)| (key, value.clone()));
    known.into_iter().chain(source).chain(of_commit).collect()
}

/// The archive with the module: no owner, no time, nothing of this machine.
fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, MODULE, module)?;
    archive.into_inner()
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // Without name and time; 255 is an unknown system.
    let header = GzBuilder::new().mtime(0).operating_system(255);
    let mut encoder = header.write(Vec::new(), Compression::best());
    io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
    annotations: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: &'a str,
    size: usize,
}

impl<'a> Descriptor<'a> {
    fn of(blob: &'a Blob) -> Self {
        Self {
            media_type: &blob.media_type,
            digest: &blob.digest,
            size: blob.bytes.len(),
        }
    }
}

#[derive(Serialize)]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    architecture: &'a str,
    os: &'a str,
    config: Labels<'a>,
    rootfs: RootFs<'a>,
    history: [History<'a>; 1],
}

#[derive(Serialize)]
struct Labels<'a> {
    #[serde(rename = "Labels")]
    labels: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct RootFs<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    diff_ids: [String; 1],
}

#[derive(Serialize)]
struct History<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    created_by: &'a str,
}
