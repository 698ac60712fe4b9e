//! Request headers, their values without the blanks around.

use std::ops::Range;

/// The lines of a request's headers, pseudo-headers included, in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    lines: Vec<HeaderLine>,
}

/// Where a name and its value lie.
type HeaderLine = (Range<usize>, Range<usize>);

/// The most memory in which headers are left that wait with few lines, in bytes.
const LEFT: usize = 4 << 10;

/// What a byte of a name is to servers that make names of variables of names.
///
/// SECURITY: in the manner of CGI `-` becomes `_`. PHP makes `_` of `.` as well, and lighttpd
/// of all that is no letter and no digit.
const fn folded(byte: &u8) -> u8 {
    match byte {
        b'0'..=b'9' | b'a'..=b'z' => *byte,
        b'A'..=b'Z' => byte.to_ascii_lowercase(),
        _ => b'-',
    }
}

/// Whether two names are one to some server: without case, and all that is no letter and no
/// digit is as good as `-`.
pub fn is_alike(name: &[u8], other: &[u8]) -> bool {
    let is_like = || {
        is_pseudo(name) == is_pseudo(other) && name.iter().map(folded).eq(other.iter().map(folded))
    };
    // Almost always they are the same, or differ in length.
    name == other || (name.len() == other.len() && is_like())
}

/// Whether a name begins like another to some server: see [`is_alike`].
pub fn begins_alike(name: &[u8], front: &[u8]) -> bool {
    name.get(..front.len())
        .is_some_and(|begins| is_alike(begins, front))
}

/// Whether a name without case is the only one of those that are alike: see [`is_alike`].
/// It has letters, digits and `-`.
pub fn is_plain_name(name: &[u8]) -> bool {
    name.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Whether a name is of a pseudo-header.
fn is_pseudo(name: &[u8]) -> bool {
    name.first() == Some(&b':')
}

/// Whether two names are one, which have no case. Almost always it is the same.
fn is_same(name: &[u8], other: &[u8]) -> bool {
    name == other || name.eq_ignore_ascii_case(other)
}

/// How many bytes of optional white space there are at the beginning of a value.
fn blanks<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    bytes
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// Where a value lies without the blanks around it.
///
/// SPEC: RFC 9112, 5.1: a server takes them from a line of HTTP/1.
/// SECURITY: Envoy takes them from lines of HTTP/1 as well, but not from those of HTTP/2:
/// see [`Headers::with_blanks`]. A pseudo-header becomes a part of the request line or none,
/// from which nobody takes them.
fn trimmed(name: &[u8], value: &[u8], place: Range<usize>) -> Range<usize> {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if !is_blank(value.first()) && !is_blank(value.last()) || is_pseudo(name) {
        return place;
    }
    let start = place.start.saturating_add(blanks(value.iter()));
    let end = place.end.saturating_sub(blanks(value.iter().rev()));
    start..end.max(start)
}

impl Headers {
    /// Headers whose names and values lie at the given places of `bytes`.
    ///
    /// `None` when a place lies outside.
    pub fn from_parts(bytes: Vec<u8>, mut lines: Vec<HeaderLine>) -> Option<Self> {
        for (name, value) in &mut lines {
            let name = bytes.get(name.clone())?;
            *value = trimmed(name, bytes.get(value.clone())?, value.clone());
        }
        Some(Self { bytes, lines })
    }

    /// Headers from names and values.
    pub fn from_lines<N, V>(lines: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut headers = Self::default();
        for (name, value) in lines {
            let (name, value) = (name.as_ref(), value.as_ref());
            let (of_name, of_value) = (headers.place(name), headers.place(value));
            let of_value = trimmed(name, value, of_value);
            headers.lines.push((of_name, of_value));
        }
        headers
    }

    fn place(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        start..self.bytes.len()
    }

    /// Every line of a name, which is compared without case.
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.named(name.len())
            .filter(move |(other, _)| is_same(other, name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Whether there are lines of another name that some server takes for this one: see
    /// [`alike`](Self::alike).
    pub fn has_alike(&self, name: &[u8]) -> bool {
        let mut names = self.names();
        names.any(|other| is_alike(other, name) && !other.eq_ignore_ascii_case(name))
    }

    /// The names of those lines whose values came with blanks around them.
    ///
    /// SECURITY: over HTTP/2 Envoy leaves them where they are, and so do servers behind it:
    /// PHP keeps those at the end, others a tab in front.
    pub fn with_blanks(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.lines.iter();
        let blank = |place: Option<usize>| {
            let byte = place.and_then(|place| self.bytes.get(place));
            matches!(byte, Some(b' ' | b'\t'))
        };
        // A look at what is beside the value is enough, however many blanks there are.
        let had_blanks =
            move |value: &Range<usize>| blank(value.start.checked_sub(1)) || blank(Some(value.end));
        lines.filter_map(move |line| {
            let (name, _) = self.line(line);
            (!is_pseudo(name) && had_blanks(&line.1)).then_some(name)
        })
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is one of this name, or of one that is alike.
    pub fn has_blanks(&self, name: &[u8]) -> bool {
        self.with_blanks().any(|other| is_alike(other, name))
    }

    /// The value of a line with the blanks around it, which the buffer still has.
    fn as_it_came(&self, (name, value): &HeaderLine) -> &[u8] {
        let name = self.bytes.get(name.clone()).unwrap_or_default();
        if is_pseudo(name) {
            return self.bytes.get(value.clone()).unwrap_or_default();
        }
        let before = self.bytes.get(..value.start).unwrap_or_default();
        let behind = self.bytes.get(value.end..).unwrap_or_default();
        let start = value.start.saturating_sub(blanks(before.iter().rev()));
        let end = value.end.saturating_add(blanks(behind.iter()));
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Whether there are two names that some server takes for one.
    pub fn have_alike(&self) -> bool {
        // One of two such names is not plain, and most requests have none.
        let mut odd = self.names().filter(|name| !is_plain_name(name));
        odd.any(|name| self.has_alike(name))
    }

    /// Every line: name and value.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| self.line(line))
    }

    /// Every line whose name has a length.
    fn named(&self, length: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.lines.iter();
        let lines = lines.filter(move |(name, _)| name.len() == length);
        lines.map(|line| self.line(line))
    }

    fn line(&self, (name, value): &HeaderLine) -> (&[u8], &[u8]) {
        let get = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        (get(name), get(value))
    }

    /// The name of every line.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.lines().map(|(name, _)| name)
    }

    /// How long the name of every line is, in bytes.
    pub(super) fn name_lengths(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().map(|(name, _)| name.len())
    }

    /// Every line of a name or of one that is alike.
    ///
    /// SECURITY: behind interfaces in the manner of CGI they are one header.
    pub fn alike<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.named(name.len())
            .filter(move |(other, _)| is_alike(other, name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The headers whose names satisfy `keep`. Where there is much memory around them,
    /// they are copied out of it.
    pub(super) fn filtered(mut self, keep: impl Fn(&[u8]) -> bool) -> Self {
        if self.memory() > LEFT {
            let lines = self.lines.iter();
            let lines = lines.map(|line| (self.line(line).0, self.as_it_came(line)));
            return Self::from_lines(lines.filter(|(name, _)| keep(name)));
        }
        let Self { bytes, lines } = &mut self;
        lines.retain(|(name, _)| keep(bytes.get(name.clone()).unwrap_or_default()));
        self
    }

    /// The memory held, in bytes.
    pub fn memory(&self) -> usize {
        let lines = self
            .lines
            .capacity()
            .saturating_mul(size_of::<HeaderLine>());
        self.bytes.capacity().saturating_add(lines)
    }

    /// Whether there is a line of a name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The only line of a name; `None` when there is none, or several.
    pub fn only(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.all(name);
        let first = lines.next();
        if lines.next().is_some() { None } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one_to_some_server() {
        for name in [
            "x-team",
            "X-Team",
            "x_team",
            "x.team",
            "x~Team",
            "x*team",
            "x\u{7f}team",
        ] {
            assert!(is_alike(name.as_bytes(), b"X-TEAM"), "{name}");
            let begins = format!("{name}.s");
            assert!(begins_alike(begins.as_bytes(), b"x-team-"), "{name}");
        }
        for name in ["xteam", "x-teams", "x--team", "xxteam", "x-te-m", "-xteam"] {
            assert!(!is_alike(name.as_bytes(), b"x-team"), "{name}");
        }
        assert!(is_alike(b":path", b":PATH"));
        assert!(!is_alike(b":path", b"-path") && !is_alike(b".path", b":path"));
        assert!(!begins_alike(b"x-te", b"x-team"));
        assert!(is_plain_name(b"X-Team-2"));
        for name in ["x_team", "x.team", "x\u{e9}", ":path"] {
            assert!(!is_plain_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn two_names_of_many() {
        let have = |names: &[&str]| {
            let lines = names.iter().map(|name| (name, ""));
            Headers::from_lines(lines).have_alike()
        };
        for names in [
            &[":path", "x-a", "X-A", "x-b"][..],
            &["x_a", "X_A", "x.b"],
            &[":path", "-path"],
            &[],
        ] {
            assert!(!have(names), "{names:?}");
        }
        for names in [
            ["x-a", "y", "x_a"],
            ["x.a", "y", "x_a"],
            ["X_A", "y", "x-a"],
        ] {
            assert!(have(&names), "{names:?}");
        }
    }

    #[test]
    fn values_are_what_a_server_reads() {
        for (sent, read) in [
            ("blue", "blue"),
            (" blue", "blue"),
            ("blue\t", "blue"),
            (" \t blue  green \t ", "blue  green"),
            ("", ""),
            (" ", ""),
            ("\t \t", ""),
            ("\u{a0}blue\u{b}", "\u{a0}blue\u{b}"),
        ] {
            let lines = Headers::from_lines([("x-team", sent), (":path", sent)]);
            let bytes = format!("x-team{sent}:path{sent}").into_bytes();
            let (middle, end) = (6 + sent.len(), bytes.len());
            let places = vec![(0..6, 6..middle), (middle..middle + 5, middle + 5..end)];
            let parts = Headers::from_parts(bytes, places).unwrap();
            for headers in [lines, parts] {
                assert_eq!(headers.only("x-team"), Some(read.as_bytes()), "{sent:?}");
                assert_eq!(headers.only(":path"), Some(sent.as_bytes()), "{sent:?}");
            }
        }
        assert!(Headers::from_parts(b"a: ".to_vec(), vec![(0..1, 2..4)]).is_none());
    }
}
