//! The headers that say what a body is, and those that repeat what it says.

use base64ct::{Base64, Encoding};

use super::message::Message;
use super::{MessageError, Method};

/// What is wrong with a body's media type. All of it is answered 415.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaFault {
    /// There is no `Content-Type`.
    TypeMissing,
    /// There are several, and servers differ in which they take.
    TypeRepeated,
    /// It is not `application/json`.
    Type,
    /// It has a parameter other than one `charset=utf-8`.
    Parameter,
    /// The body is encoded.
    Encoding,
}

impl MediaFault {
    /// The kind in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TypeMissing => "no content type",
            Self::TypeRepeated => "several content types",
            Self::Type => "content type is not application/json",
            Self::Parameter => "content type parameter other than charset=utf-8",
            Self::Encoding => "encoded body",
        }
    }
}

/// Whether a body with these `Content-Type` and `Content-Encoding` lines is JSON in UTF-8.
///
/// # Errors
/// When it is anything else, or servers could disagree.
pub fn check_media<'h>(
    mut types: impl Iterator<Item = &'h [u8]>,
    encodings: impl Iterator<Item = &'h [u8]>,
) -> Result<(), MediaFault> {
    let media = types.next().ok_or(MediaFault::TypeMissing)?;
    if types.next().is_some() {
        return Err(MediaFault::TypeRepeated);
    }
    check_type(media)?;
    // SECURITY: common server frameworks inflate a body before they parse it.
    for encoding in encodings {
        let encoding = encoding.trim_ascii();
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity") {
            return Err(MediaFault::Encoding);
        }
    }
    Ok(())
}

fn check_type(media: &[u8]) -> Result<(), MediaFault> {
    let mut parts = media.split(|byte| *byte == b';');
    let essence = parts.next().unwrap_or_default();
    // SECURITY: a type that merely contains the right words is not the right type.
    if !trim(essence).eq_ignore_ascii_case(b"application/json") {
        return Err(MediaFault::Type);
    }
    // SPEC: RFC 9110, 5.6.6: a parameter may be empty.
    let mut parts = parts.filter(|part| !trim(part).is_empty());
    let Some(parameter) = parts.next() else {
        return Ok(());
    };
    if parts.next().is_some() {
        return Err(MediaFault::Parameter);
    }
    // SECURITY: another charset can turn the same bytes into another message.
    let parameter = trim(parameter).to_ascii_lowercase();
    match parameter.as_slice() {
        b"charset=utf-8" | b"charset=\"utf-8\"" => Ok(()),
        _ => Err(MediaFault::Parameter),
    }
}

/// Without the optional white space of HTTP.
fn trim(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(0, |last| last.saturating_add(1));
    value.get(start..end).unwrap_or_default()
}

/// A header that must not come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claim<'h> {
    /// It is not there.
    #[default]
    Absent,
    /// Its one line.
    Once(&'h [u8]),
    /// It has several lines.
    Repeated,
}

impl<'h> Claim<'h> {
    /// The claim that some lines make.
    pub fn new(mut lines: impl Iterator<Item = &'h [u8]>) -> Self {
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(line), None) => Self::Once(line),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }

    /// The claim of a header whose value may be repeated: proxies and clients add it to what
    /// is there.
    pub fn of_equal(lines: impl Iterator<Item = &'h [u8]>) -> Self {
        let mut values = lines.flat_map(|line| line.split(|byte| *byte == b','));
        let Some(first) = values.next() else {
            return Self::Absent;
        };
        let is_first = |value: &[u8]| trim(value) == trim(first);
        match (values.next(), values.all(is_first)) {
            (None, _) => Self::Once(first),
            (Some(second), true) if is_first(second) => Self::Once(trim(first)),
            _ => Self::Repeated,
        }
    }
}

/// What headers claim of the body.
///
/// SPEC: MCP 2026-07-28, transports, standard request headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claims<'h> {
    /// `Mcp-Method`
    pub method: Claim<'h>,
    /// `Mcp-Name`
    pub name: Claim<'h>,
    /// `MCP-Protocol-Version`
    pub version: Claim<'h>,
}

/// The first version in which headers repeat the body.
pub(super) const REPEATING_VERSION: &str = "2026-07-28";

impl Claims<'_> {
    /// Whether every claim is true, and those that a version requires are there.
    ///
    /// SECURITY: the version decides only what is required on top. Whatever it
    /// says, a claim that is made must be true.
    ///
    /// # Errors
    /// [`MessageError::HeaderMismatch`] or [`MessageError::HeaderMissing`].
    pub(super) fn agree(
        &self,
        message: &Message<'_>,
        name: Option<&str>,
        version: Option<&str>,
    ) -> Result<(), MessageError> {
        let call = message.call();
        let repeats = self.version == Claim::Once(REPEATING_VERSION.as_bytes());
        // SPEC: MCP 2026-07-28, transports: clients post requests and notifications.
        if repeats && call.is_none() {
            return Err(MessageError::ResponseUnexpected);
        }
        let is_plain = |claim| match claim {
            Claim::Once(value) => is_plain(value),
            Claim::Absent | Claim::Repeated => true,
        };
        if ![self.method, self.name, self.version]
            .into_iter()
            .all(is_plain)
        {
            return Err(MessageError::HeaderMismatch);
        }
        check(self.method, call.map(|call| call.name), <[u8]>::eq)?;
        check(self.name, name, decoded_eq)?;
        // SECURITY: a list is one version to some and another to others.
        if matches!(self.version, Claim::Once(version) if !is_version(version)) {
            return Err(MessageError::HeaderMismatch);
        }
        // Older versions do not repeat the version in the body.
        if version.is_some() || self.version == Claim::Repeated {
            check(self.version, version, <[u8]>::eq)?;
        }
        if version == Some(REPEATING_VERSION) || repeats {
            // Of a notification they are only compared.
            let Message::Request { call, .. } = message else {
                return Ok(());
            };
            let names = match call.method {
                Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead => true,
                // SPEC: SEP-2663, routing headers: of the methods that it has.
                Method::Task => call.name != "tasks/result",
                _ => false,
            };
            let missing = self.method == Claim::Absent
                || self.version == Claim::Absent
                || (names && self.name == Claim::Absent);
            if missing {
                return Err(MessageError::HeaderMissing);
            }
            if version.is_none() {
                return Err(MessageError::VersionMissing);
            }
        }
        Ok(())
    }
}

/// Whether a header value reads the same everywhere: visible ASCII, and spaces within.
///
/// SPEC: MCP 2026-07-28, transports, value encoding: anything else comes in base64.
/// SECURITY: other bytes are Latin-1 to some servers and UTF-8 to others. White space around
/// a value is gone after one hop or two, and already where headers are read.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b' '..=b'~')) && value.trim_ascii() == value
}

/// Whether a header value is one version: a date, or a draft's name.
fn is_version(value: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !value.is_empty() && value.iter().all(is_part)
}

fn check(
    claim: Claim<'_>,
    truth: Option<&str>,
    eq: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<(), MessageError> {
    match (claim, truth) {
        (Claim::Absent, _) => Ok(()),
        (Claim::Once(claim), Some(truth)) if eq(claim, truth.as_bytes()) => Ok(()),
        _ => Err(MessageError::HeaderMismatch),
    }
}

/// Whether a header value is `name`, as it stands or in its base64 form; decoded once.
fn decoded_eq(value: &[u8], name: &[u8]) -> bool {
    let encoded = value
        .strip_prefix(b"=?base64?")
        .and_then(|rest| rest.strip_suffix(b"?="));
    let Some(encoded) = encoded else {
        return value == name;
    };
    let Ok(encoded) = std::str::from_utf8(encoded) else {
        return false;
    };
    Base64::decode_vec(encoded).is_ok_and(|decoded| decoded == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(types: &[&str], encodings: &[&str]) -> Result<(), MediaFault> {
        check_media(
            types.iter().map(|t| t.as_bytes()),
            encodings.iter().map(|e| e.as_bytes()),
        )
    }

    #[test]
    fn json_in_utf8() {
        for media_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; CHARSET=\"Utf-8\"",
            " application/json\t",
            "application/json;",
            "application/json; charset=utf-8;",
        ] {
            assert_eq!(media(&[media_type], &[]), Ok(()), "{media_type}");
        }
        for encoding in ["identity", ""] {
            assert_eq!(media(&["application/json"], &[encoding]), Ok(()));
        }
    }

    #[test]
    fn anything_else() {
        use MediaFault::*;
        for (types, encodings, expected) in [
            (&[][..], &[][..], TypeMissing),
            (&["application/json", "application/json"], &[], TypeRepeated),
            (&[""], &[], Type),
            (&["text/plain"], &[], Type),
            (&["application/json5"], &[], Type),
            (&["text/plain, application/json"], &[], Type),
            (&["application/json, text/plain"], &[], Type),
            (&["application /json"], &[], Type),
            (&["application/vnd.api+json"], &[], Type),
            (&["application/json; charset=utf-16"], &[], Parameter),
            (&["application/json; charset=utf-7"], &[], Parameter),
            (&["application/json; charset='utf-8'"], &[], Parameter),
            (&["application/json; charset = utf-8"], &[], Parameter),
            (
                &["application/json; charset=utf-8; charset=utf-16"],
                &[],
                Parameter,
            ),
            (&["application/json; boundary=x"], &[], Parameter),
            (&["application/json"], &["gzip"], Encoding),
            (&["application/json"], &["identity, gzip"], Encoding),
            (&["application/json"], &["identity", "br"], Encoding),
        ] {
            assert_eq!(
                media(types, encodings),
                Err(expected),
                "{types:?} {encodings:?}"
            );
        }
    }

    #[test]
    fn base64_is_decoded_once() {
        assert!(decoded_eq(b"echo", b"echo"));
        assert!(decoded_eq(b"=?base64?ZWNobw==?=", b"echo"));
        assert!(decoded_eq(
            "=?base64?w6TDtg==?=".as_bytes(),
            "äö".as_bytes()
        ));
        // The decoded text is a name, whatever it looks like.
        assert!(decoded_eq(
            b"=?base64?PT9iYXNlNjQ/ZWNobz89?=",
            b"=?base64?echo?="
        ));
        for value in [
            &b"=?base64?ZWNobw?="[..],
            b"=?base64?ZWNobw==",
            b"=?BASE64?ZWNobw==?=",
            b"=?base64?ZWNobx==?=",
            b"=?base64? ZWNobw==?=",
            b"Echo",
            b"echo ",
            b"=?base64?\xff?=",
        ] {
            assert!(!decoded_eq(value, b"echo"), "{value:?}");
        }
    }
}
