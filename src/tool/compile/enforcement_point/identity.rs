//! `identity`: where callers' names come from.

use crate::engine::policy::{IdentitySource, MetadataText};
use crate::tool::api::decode::{
    Choice, EmptyList, Located, MappingDecoder, Optional, Problem, StringForm, Undecoded, choice,
    list, text,
};

/// `identity` as written; what it says is valid.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    PeerCertificate,
    ForwardedClientCert,
    /// The namespace and the path.
    Metadata(String, Vec<String>),
}

/// `identity.from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    PeerCertificate,
    ForwardedClientCert,
    Metadata,
}

impl Choice for From {
    const ALL: &'static [(&'static str, Self)] = &[
        ("PeerCertificate", Self::PeerCertificate),
        ("ForwardedClientCert", Self::ForwardedClientCert),
        ("Metadata", Self::Metadata),
    ];
}

const KEY: StringForm = StringForm {
    is: "a key of Envoy's metadata",
    min: 1,
    max: 256,
    matches: MetadataText::is_key,
    help: "write each key as an item of its own, not empty and without NUL",
};

/// Nothing is nested as deep as that.
const KEYS: usize = 16;

impl Identity {
    /// The source, where `trust_domain` is that of the service accounts.
    pub(super) fn source(self, trust_domain: Option<&str>) -> Option<IdentitySource> {
        match self {
            Self::PeerCertificate => Some(IdentitySource::PeerCertificate),
            Self::ForwardedClientCert => Some(IdentitySource::ForwardedClientCert),
            Self::Metadata(namespace, path) => {
                let text = MetadataText::new(namespace, path, trust_domain.map(str::to_owned));
                text.map(IdentitySource::Metadata)
            }
        }
    }
}

pub(super) fn identity(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Identity> {
    let mut object = MappingDecoder::open(value, problems)?;
    let from = object.optional("from", choice::<From>);
    let metadata = object.optional("metadata", metadata);
    let from_at = from.given().map(|from| from.at.clone());
    let source = match (from.or(From::PeerCertificate), metadata) {
        (Some(From::PeerCertificate), Optional::Absent) => Some(Identity::PeerCertificate),
        (Some(From::ForwardedClientCert), Optional::Absent) => Some(Identity::ForwardedClientCert),
        (Some(From::Metadata), Optional::Given(metadata)) => {
            let (namespace, path) = metadata.value;
            Some(Identity::Metadata(namespace, path))
        }
        (Some(From::Metadata), Optional::Absent) => {
            let at = from_at.unwrap_or_else(|| object.at().clone());
            let message = "`identity.from` is `Metadata`, and `identity.metadata` is missing";
            object.report(Problem::new(&at, message).help(
                "say where the name is, such as \
                 `metadata: {namespace: envoy.filters.http.jwt_authn, path: [payload, sub]}`",
            ));
            None
        }
        (Some(From::PeerCertificate | From::ForwardedClientCert), Optional::Given(metadata)) => {
            let message = "`identity.metadata` is given, and `identity.from` is not `Metadata`";
            object.report(
                Problem::new(&metadata.at, message)
                    .help("write `from: Metadata`, or leave `metadata` out"),
            );
            None
        }
        (None, _) | (_, Optional::Unreadable) => None,
    };
    object.finish();
    source
}

fn metadata(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<(String, Vec<String>)> {
    let mut object = MappingDecoder::open(value, problems)?;
    let example = "namespace: envoy.filters.http.jwt_authn";
    let namespace = object.required("namespace", example, text(&KEY));
    let empty = EmptyList::Refused("list the keys that lead to the name");
    let path = list(KEYS, empty, text(&KEY));
    let path = object.required("path", "path: [payload, sub]", path);
    object.finish();
    let path = path?.value.into_iter().map(|Located { value, .. }| value);
    Some((namespace?.value, path.collect()))
}
