//! The URIs that a certificate names its subject by.
//!
//! PEM, lengths and tags are read by crates that are strict about them. Of the
//! certificate only what leads to its subject alternative names is looked at: the host
//! has verified it, so that the rest is not ours to judge.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// id-ce-subjectAltName, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The URIs among the subject alternative names of a certificate, given as PEM; `None`
/// for what is no certificate.
pub(super) fn uris(pem: &[u8]) -> Option<Vec<String>> {
    let der = decoded(pem)?;
    let signed = signed(&der)?;
    let mut uris = Vec::new();
    if let Some(extensions) = extensions(signed)? {
        let mut extensions = Elements::of(extensions, Tag::Sequence)?;
        while let Some(extension) = extensions.any()? {
            if let Some(names) = alternative_names(extension)? {
                add_uris(names, &mut uris)?;
            }
        }
    }
    Some(uris)
}

fn decoded(pem: &[u8]) -> Option<Vec<u8>> {
    let (label, der) = der::pem::decode_vec(pem).ok()?;
    (label == "CERTIFICATE").then_some(der)
}

/// What is signed of a certificate.
fn signed(der: &[u8]) -> Option<AnyRef<'_>> {
    let whole = Elements::new(der).only()?;
    // SPEC: RFC 5280, section 4.1: what is signed, how, and the signature.
    let mut certificate = Elements::of(whole, Tag::Sequence)?;
    let signed = certificate.next(Tag::Sequence)?;
    certificate.next(Tag::Sequence)?;
    certificate.next(Tag::BitString)?;
    certificate.end()?;
    Some(signed)
}

/// The parts of what is signed that follow version and serial number.
fn behind_serial(signed: AnyRef<'_>) -> Option<Elements<'_>> {
    let mut signed = Elements::of(signed, Tag::Sequence)?;
    let mut next = signed.any()??;
    if is_context(next.tag(), 0) {
        next = signed.any()??;
    }
    (next.tag() == Tag::Integer).then_some(signed)
}

/// The extensions, where there are any, of what is signed.
fn extensions(signed: AnyRef<'_>) -> Option<Option<AnyRef<'_>>> {
    let mut signed = behind_serial(signed)?;
    // Algorithm, issuer, validity, subject and public key.
    for _ in 0..5 {
        signed.next(Tag::Sequence)?;
    }
    // Unique IDs of issuer and subject may come before them.
    let mut last = 0;
    while let Some(next) = signed.any()? {
        let Tag::ContextSpecific { number, .. } = next.tag() else {
            return None;
        };
        match number.value() {
            number @ (1 | 2) if number > last => last = number,
            3 if is_context(next.tag(), 3) => {
                signed.end()?;
                return Some(Some(Elements::new(next.value()).only()?));
            }
            _ => return None,
        }
    }
    Some(None)
}

/// The names, where an extension has them.
fn alternative_names(extension: AnyRef<'_>) -> Option<Option<AnyRef<'_>>> {
    let mut extension = Elements::of(extension, Tag::Sequence)?;
    let id = extension.next(Tag::ObjectIdentifier)?;
    let mut value = extension.any()??;
    if value.tag() == Tag::Boolean {
        value = extension.any()??;
    }
    extension.end()?;
    match value.tag() {
        Tag::OctetString if id.value() == SUBJECT_ALT_NAME => {
            Some(Some(Elements::new(value.value()).only()?))
        }
        Tag::OctetString => Some(None),
        _ => None,
    }
}

/// SPEC: RFC 5280, section 4.2.1.6: a URI is `[6] IA5String`.
fn add_uris(names: AnyRef<'_>, uris: &mut Vec<String>) -> Option<()> {
    let mut names = Elements::of(names, Tag::Sequence)?;
    while let Some(name) = names.any()? {
        match name.tag() {
            Tag::ContextSpecific {
                number,
                constructed: false,
            } if number.value() == 6 => {
                let uri = std::str::from_utf8(name.value()).ok()?;
                uris.push(uri.is_ascii().then(|| uri.to_owned())?);
            }
            Tag::ContextSpecific { number, .. } if number.value() != 6 => {}
            _ => return None,
        }
    }
    Some(())
}

/// Whether it is a value that is wrapped and has this number.
fn is_context(tag: Tag, wanted: u32) -> bool {
    matches!(tag, Tag::ContextSpecific { constructed: true, number } if number.value() == wanted)
}

/// Elements in a row.
struct Elements<'d>(Option<SliceReader<'d>>);

impl<'d> Elements<'d> {
    fn new(der: &'d [u8]) -> Self {
        Self(SliceReader::new(der).ok())
    }

    /// Those in an element.
    fn of(element: AnyRef<'d>, tag: Tag) -> Option<Self> {
        (element.tag() == tag).then(|| Self::new(element.value()))
    }

    /// The next one, if there is one.
    fn any(&mut self) -> Option<Option<AnyRef<'d>>> {
        let reader = self.0.as_mut()?;
        if reader.is_finished() {
            return Some(None);
        }
        AnyRef::decode(reader).ok().map(Some)
    }

    /// The next one, which has this tag.
    fn next(&mut self, tag: Tag) -> Option<AnyRef<'d>> {
        self.any()?.filter(|element| element.tag() == tag)
    }

    /// There is no more.
    fn end(&mut self) -> Option<()> {
        self.any()?.is_none().then_some(())
    }

    /// The only one.
    fn only(mut self) -> Option<AnyRef<'d>> {
        let element = self.any()??;
        self.end().map(|()| element)
    }
}
