//! Request headers, as they came.

use std::ops::Range;

/// The lines of a request's headers, pseudo-headers included, in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

/// Whether two names are one to some server: without case, and `_` is as good as `-`.
pub fn is_alike(name: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| match byte {
        b'_' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    name.iter().map(plain).eq(other.iter().map(plain))
}

impl Headers {
    /// Headers whose names and values lie at the given places of `bytes`.
    ///
    /// `None` when a place lies outside.
    pub fn from_parts(
        bytes: Vec<u8>,
        places: impl IntoIterator<Item = (Range<usize>, Range<usize>)>,
    ) -> Option<Self> {
        let mut lines = Vec::new();
        for (name, value) in places {
            bytes.get(name.clone())?;
            bytes.get(value.clone())?;
            lines.push(Line { name, value });
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
            let (name, value) = (headers.place(name.as_ref()), headers.place(value.as_ref()));
            headers.lines.push(Line { name, value });
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
        let get = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        self.lines
            .iter()
            .filter(move |line| get(&line.name).eq_ignore_ascii_case(name.as_bytes()))
            .map(move |line| get(&line.value))
    }

    /// Whether there are lines of another name that some server takes for this one: see
    /// [`alike`](Self::alike).
    pub fn has_alike(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let mut names = self.names();
        names.any(|other| is_alike(other, name) && !other.eq_ignore_ascii_case(name))
    }

    /// Every line: name and value.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let get = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        let lines = self.lines.iter();
        lines.map(move |line| (get(&line.name), get(&line.value)))
    }

    /// The name of every line.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        let names = self.lines.iter().map(|line| line.name.clone());
        names.map(|place| self.bytes.get(place).unwrap_or_default())
    }

    /// Every line of a name or of one that differs from it by `_` for `-`.
    ///
    /// SECURITY: behind interfaces in the manner of CGI the two are one header.
    pub fn alike<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let get = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        self.lines
            .iter()
            .filter(move |line| is_alike(get(&line.name), name.as_bytes()))
            .map(move |line| get(&line.value))
    }

    /// The headers whose names satisfy `keep`, in memory of their own.
    pub(super) fn filtered(&self, keep: impl Fn(&[u8]) -> bool) -> Self {
        Self::from_lines(self.lines().filter(|(name, _)| keep(name)))
    }

    /// The memory held, in bytes.
    pub fn memory(&self) -> usize {
        let lines = self.lines.capacity().saturating_mul(size_of::<Line>());
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
