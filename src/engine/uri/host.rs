//! What a host is to servers that read it otherwise than byte for byte.

use core::net::{Ipv4Addr, Ipv6Addr};

/// What a host is to servers that read uris as browsers do.
#[derive(Clone, Copy)]
pub(super) enum HostKind {
    /// A name or an address, before a port that need not be written.
    Special(&'static [u8]),
    /// A name or an address.
    File,
    /// What stands there.
    Opaque,
}

impl HostKind {
    /// The form of a decoded authority in lower case: without a user or a port that is
    /// empty, or the one that is meant anyway. And whether another may be the same.
    ///
    /// SPEC: WHATWG URL, "host parsing".
    pub(super) fn form(self, authority: &[u8]) -> (Vec<u8>, bool) {
        let (user, host) = split_user(authority);
        let (host, port) = split_port(host);
        let (name, is_unsure) = self.name(host);
        let mut form = match self {
            Self::Special(_) => Vec::new(),
            Self::File | Self::Opaque => user.to_vec(),
        };
        if !form.is_empty() {
            form.push(b'@');
        }
        form.extend_from_slice(&name);
        let is_default = |port: &[u8]| matches!(self, Self::Special(default) if port == default);
        if let Some(port) = port.filter(|port| !is_default(port)) {
            form.push(b':');
            form.extend_from_slice(port);
        }
        (form, is_unsure)
    }

    fn name(self, host: &[u8]) -> (Vec<u8>, bool) {
        if host.first() == Some(&b'[') {
            let address = host.strip_prefix(b"[").and_then(|x| x.strip_suffix(b"]"));
            let address = address.and_then(|text| std::str::from_utf8(text).ok());
            return match address.and_then(|text| text.parse::<Ipv6Addr>().ok()) {
                Some(address) => (format!("[{address}]").into_bytes(), false),
                None => (host.to_vec(), true),
            };
        }
        match self {
            Self::Opaque => (host.to_vec(), false),
            Self::Special(_) => {
                let host = host.strip_suffix(b".").unwrap_or(host);
                match is_number(host).then(|| ipv4(host)) {
                    Some(Some(address)) => (address.into_bytes(), false),
                    Some(None) => (host.to_vec(), true),
                    None => (host.to_vec(), !is_plain_name(host)),
                }
            }
            // The host is left as it is, since it is a part of the path to some.
            Self::File => (host.to_vec(), is_number(host) || !is_plain_name(host)),
        }
    }
}

/// A user, without a password that is empty, and the host and port behind it.
fn split_user(authority: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = authority.rsplitn(2, |byte| *byte == b'@');
    let host = parts.next().unwrap_or_default();
    let user = parts.next().unwrap_or_default();
    (user.strip_suffix(b":").unwrap_or(user), host)
}

/// A host, and the port behind it without zeros at its front.
fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let parts = authority.iter().rposition(|byte| *byte == b':');
    let parts = parts.and_then(|colon| authority.split_at_checked(colon));
    let Some((host, [_, port @ ..])) = parts else {
        return (authority, None);
    };
    if !port.iter().all(u8::is_ascii_digit) {
        return (authority, None);
    }
    let zeros = port.iter().take_while(|digit| **digit == b'0').count();
    let number = port.get(zeros.min(port.len().saturating_sub(1))..);
    (host, number.filter(|number| !number.is_empty()))
}

/// Whether a name is the same however it is brought into the form of names.
///
/// SPEC: UTS 46 maps nothing of ASCII but its case; WHATWG URL, "forbidden host code point".
fn is_plain_name(host: &[u8]) -> bool {
    let is_odd = |byte: &u8| !byte.is_ascii_graphic() || b"#/:<>?@[\\]^|%".contains(byte);
    let mut labels = host.split(|byte| *byte == b'.');
    !host.iter().any(is_odd) && !labels.any(|label| label.starts_with(b"xn--"))
}

/// Whether a host is an address of IPv4, or none at all.
///
/// SPEC: WHATWG URL, "ends in a number checker".
fn is_number(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    (!last.is_empty() && last.iter().all(u8::is_ascii_digit))
        || last.strip_prefix(b"0x").is_some_and(is_hex)
}

/// An address of IPv4 in the usual notation.
///
/// SPEC: WHATWG URL, "IPv4 parser".
fn ipv4(host: &[u8]) -> Option<String> {
    let mut address: u32 = 0;
    let mut left: u32 = 4;
    let mut parts = host.split(|byte| *byte == b'.').peekable();
    while let Some(part) = parts.next() {
        let number = ipv4_number(part)?;
        let bits = match parts.peek() {
            Some(_) => 8,
            None => left.checked_mul(8)?,
        };
        if number.checked_shr(bits).unwrap_or(0) != 0 || left == 0 {
            return None;
        }
        address = address.checked_shl(bits).unwrap_or(0) | number;
        left = left.checked_sub(1)?;
    }
    Some(Ipv4Addr::from_bits(address).to_string())
}

fn ipv4_number(part: &[u8]) -> Option<u32> {
    let (digits, radix) = match part {
        [b'0', b'x', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        [] => return None,
        digits => (digits, 10),
    };
    let mut number: u32 = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix)?;
        number = number.checked_mul(radix)?.checked_add(digit)?;
    }
    Some(number)
}
