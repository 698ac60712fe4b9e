//! The reader: one explicit state, bytes in, events out.

use super::keys::{Keys, KeysMark};
use super::number::NumberState;
use super::scan::{self, PlainRun};
use super::string::{Escape, Escaped, Utf8};

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// What a visitor wants of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing: it is checked and forgotten.
    Nothing,
    /// A string's characters, unescaped, through [`Visitor::text`]. Nothing of other values.
    Text,
    /// The bytes as they came, through [`Visitor::raw`].
    Raw,
    /// Nothing, nor of what is in it: the visitor hears no more of the value.
    Skip,
}

/// What the document's events mean to somebody.
///
/// Depth is the number of containers open around the key or value; the
/// document's own value has depth 0.
pub trait Visitor {
    /// Why a visitor refuses a document that is well-formed.
    type Rejection;

    /// A member's key, unescaped; always UTF-8.
    ///
    /// # Errors
    /// To refuse the document.
    fn key(&mut self, depth: usize, key: &[u8]) -> Result<(), Self::Rejection>;

    /// A value begins.
    ///
    /// # Errors
    /// To refuse the document.
    fn value(&mut self, depth: usize, kind: TokenKind) -> Result<Want, Self::Rejection>;

    /// Some characters of a string that was wanted.
    fn text(&mut self, fragment: &str);

    /// Some bytes of a value that was wanted.
    fn raw(&mut self, bytes: &[u8]);
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum JsonError {
    /// There is nothing but white space.
    Empty,
    /// It ends too early.
    Incomplete,
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// A byte that cannot stand there.
    Unexpected,
    /// Something after the document.
    Trailing,
    /// Bytes that are not UTF-8.
    Utf8,
    /// A control character within a string.
    Control,
    /// An escape that there is not.
    Escape,
    /// Half of a surrogate pair.
    Surrogate,
    /// A malformed number.
    Number,
    /// Deeper than the limit.
    Depth,
    /// Two keys of one object are equal.
    DuplicateKey,
    /// More keys than the limit, in an object and those around it.
    Keys,
}

impl JsonError {
    /// The kind in a few words, without anything of the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty body",
            Self::Incomplete => "incomplete document",
            Self::ByteOrderMark => "byte order mark",
            Self::Unexpected => "unexpected byte",
            Self::Trailing => "bytes after the document",
            Self::Utf8 => "invalid UTF-8",
            Self::Control => "control character in a string",
            Self::Escape => "invalid escape",
            Self::Surrogate => "lone surrogate",
            Self::Number => "malformed number",
            Self::Depth => "nested too deep",
            Self::DuplicateKey => "duplicate key",
            Self::Keys => "too many keys",
        }
    }
}

/// Why a document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why<R> {
    /// It is not well-formed, or ambiguous.
    Syntax(JsonError),
    /// The visitor refused it.
    Visitor(R),
}

/// A refusal, and where in the document: bytes before it, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadError<R> {
    /// The offset in bytes.
    pub offset: usize,
    /// The reason.
    pub why: Why<R>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Nesting {
    Array,
    Object(KeysMark),
}

/// What is expected next.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReaderState {
    Value,
    FirstValueOrEnd,
    FirstKeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    Text(Text),
    Escape(Text, Escape),
    Number(NumberState),
    Literal(&'static [u8]),
    Done,
}

/// Whose characters are being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Key { offset: usize },
    Value { wanted: bool },
}

/// The reader. Reused from document to document, it allocates nothing after a while.
#[derive(Debug)]
pub struct Reader {
    pub(super) depth_limit: usize,
    pub(super) state: ReaderState,
    pub(super) frames: Vec<Nesting>,
    pub(super) keys: Keys,
    utf8: Utf8,
    /// Bytes read so far.
    pub(super) offset: usize,
    /// The depth of the container that is skipped.
    pub(super) skipped: Option<usize>,
    /// The depth of the value whose bytes are wanted.
    raw: Option<usize>,
    /// Whether the bytes of the step at hand are wanted.
    is_raw: bool,
}

type ReadResult<V> = Result<usize, ReadError<<V as Visitor>::Rejection>>;

impl Reader {
    /// A reader for documents nested at most `depth_limit` containers deep.
    pub fn new(depth_limit: usize) -> Self {
        Self {
            depth_limit,
            state: ReaderState::Value,
            frames: Vec::new(),
            keys: Keys::default(),
            utf8: Utf8::default(),
            offset: 0,
            skipped: None,
            raw: None,
            is_raw: false,
        }
    }

    /// Forgets the document, keeps the memory.
    pub fn reset(&mut self) {
        self.state = ReaderState::Value;
        self.frames.clear();
        self.keys.clear();
        self.utf8 = Utf8::default();
        self.offset = 0;
        self.skipped = None;
        self.raw = None;
    }

    /// From the next document on, how many keys an object and those around it may have.
    pub const fn limit_keys(&mut self, limit: usize) {
        self.keys.limit(limit);
    }

    /// How deep documents may be nested.
    pub const fn depth_limit(&self) -> usize {
        self.depth_limit
    }

    /// The memory it holds beside itself, in bytes.
    pub fn memory(&self) -> usize {
        let frames = self.frames.capacity().saturating_mul(size_of::<Nesting>());
        frames.saturating_add(self.keys.memory())
    }

    /// Reads the next piece of the document.
    ///
    /// # Errors
    /// At the first thing wrong. The reader must then be [`reset`](Self::reset).
    pub fn push<V: Visitor>(
        &mut self,
        piece: &[u8],
        visitor: &mut V,
    ) -> Result<(), ReadError<V::Rejection>> {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.skipped.is_some() {
                let skimmed = self.skim(rest);
                self.offset = self.offset.saturating_add(skimmed);
                rest = rest.get(skimmed..).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
            }
            // A wanted value may begin and end within one step.
            self.is_raw = self.raw.is_some();
            let taken = self.step(rest, visitor)?;
            let (bytes, later) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            if self.is_raw {
                visitor.raw(bytes);
            }
            self.offset = self.offset.saturating_add(taken);
            rest = later;
        }
        Ok(())
    }

    /// Whether the document is complete, so that only white space may follow.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, ReaderState::Done)
    }

    /// The document has ended.
    ///
    /// # Errors
    /// When it is not complete.
    pub fn finish<V: Visitor>(&mut self) -> Result<(), ReadError<V::Rejection>> {
        match self.state {
            ReaderState::Done => Ok(()),
            ReaderState::Number(number) if self.frames.is_empty() && number.is_complete() => Ok(()),
            ReaderState::Value if self.frames.is_empty() => Err(self.syntax(JsonError::Empty)),
            _ => Err(self.syntax(JsonError::Incomplete)),
        }
    }

    fn syntax<R>(&self, syntax: JsonError) -> ReadError<R> {
        self.syntax_at(0, syntax)
    }

    /// Something wrong that stands `ahead` bytes after what has been read.
    fn syntax_at<R>(&self, ahead: usize, syntax: JsonError) -> ReadError<R> {
        ReadError {
            offset: self.offset.saturating_add(ahead),
            why: Why::Syntax(syntax),
        }
    }

    /// Takes some bytes off the front of `rest`, which is not empty.
    fn step<V: Visitor>(&mut self, rest: &[u8], visitor: &mut V) -> ReadResult<V> {
        let Some(&byte) = rest.first() else {
            return Ok(0);
        };
        match self.state {
            ReaderState::Text(text) => return self.text(text, rest, 0, visitor),
            ReaderState::Escape(text, escape) => return self.escape(text, escape, byte, visitor),
            ReaderState::Number(number) => return self.number(number, rest, 0),
            ReaderState::Literal(expected) => return self.literal(expected, rest, 0),
            _ => {}
        }
        if is_blank(&byte) {
            return Ok(rest.iter().take_while(|byte| is_blank(byte)).count());
        }
        match (self.state, byte) {
            (ReaderState::FirstValueOrEnd | ReaderState::CommaOrEnd, b']') => self.close(byte),
            (ReaderState::FirstKeyOrEnd | ReaderState::CommaOrEnd, b'}') => self.close(byte),
            (ReaderState::Value | ReaderState::FirstValueOrEnd, _) => {
                self.value(byte, rest, visitor)
            }
            (ReaderState::FirstKeyOrEnd | ReaderState::Key, b'"') => self.key(rest, visitor),
            (ReaderState::Colon, b':') => {
                self.state = ReaderState::Value;
                Ok(1)
            }
            (ReaderState::CommaOrEnd, b',') => {
                self.state = match self.frames.last() {
                    Some(Nesting::Object(_)) => ReaderState::Key,
                    _ => ReaderState::Value,
                };
                Ok(1)
            }
            (ReaderState::Done, _) => Err(self.syntax(JsonError::Trailing)),
            _ => Err(self.syntax(JsonError::Unexpected)),
        }
    }

    /// A key; at once where all of it is there and plain.
    fn key<V: Visitor>(&mut self, rest: &[u8], visitor: &mut V) -> ReadResult<V> {
        let offset = self.offset;
        if self.keys.is_full() {
            return Err(self.syntax(JsonError::Keys));
        }
        let Some(taken) = self.whole_key(rest) else {
            self.keys.begin();
            let key = Text::Key { offset };
            self.state = ReaderState::Text(key);
            return self.text(key, rest, 1, visitor);
        };
        let key = rest.get(1..taken.saturating_sub(1)).unwrap_or_default();
        self.key_read(offset, key, visitor)?;
        Ok(taken)
    }

    fn key_read<V: Visitor>(
        &mut self,
        offset: usize,
        key: &[u8],
        visitor: &mut V,
    ) -> Result<(), ReadError<V::Rejection>> {
        self.state = ReaderState::Colon;
        if self.skipped.is_some() {
            return Ok(());
        }
        let refused = |why| ReadError {
            offset,
            why: Why::Visitor(why),
        };
        visitor.key(self.frames.len(), key).map_err(refused)
    }

    /// A value, as far as it goes without a look at what is in it.
    fn value<V: Visitor>(&mut self, byte: u8, rest: &[u8], visitor: &mut V) -> ReadResult<V> {
        let kind = match byte {
            b'{' => TokenKind::Object,
            b'[' => TokenKind::Array,
            b'"' => TokenKind::String,
            b't' => TokenKind::True,
            b'f' => TokenKind::False,
            b'n' => TokenKind::Null,
            b'-' | b'0'..=b'9' => TokenKind::Number,
            0xEF if self.offset == 0 => return Err(self.syntax(JsonError::ByteOrderMark)),
            _ => return Err(self.syntax(JsonError::Unexpected)),
        };
        let depth = self.frames.len();
        let want = match self.skipped {
            Some(_) => Want::Nothing,
            None => visitor.value(depth, kind).map_err(|why| ReadError {
                offset: self.offset,
                why: Why::Visitor(why),
            })?,
        };
        // Wanted bytes are handed on as they are taken, one token at a time.
        if want == Want::Skip
            && self.raw.is_none()
            && matches!(kind, TokenKind::Object | TokenKind::Array)
        {
            self.skipped = Some(depth);
        }
        if want == Want::Raw && self.raw.is_none() {
            self.raw = Some(depth);
            self.is_raw = true;
        }
        match kind {
            TokenKind::Object => self.open(
                Nesting::Object(self.keys.open()),
                ReaderState::FirstKeyOrEnd,
            )?,
            TokenKind::Array => self.open(Nesting::Array, ReaderState::FirstValueOrEnd)?,
            TokenKind::String => {
                let text = Text::Value {
                    wanted: want == Want::Text,
                };
                self.state = ReaderState::Text(text);
                return self.text(text, rest, 1, visitor);
            }
            TokenKind::True => return self.literal(b"rue", rest, 1),
            TokenKind::False => return self.literal(b"alse", rest, 1),
            TokenKind::Null => return self.literal(b"ull", rest, 1),
            TokenKind::Number => {
                let number =
                    NumberState::begin(byte).ok_or_else(|| self.syntax(JsonError::Number))?;
                return self.number(number, rest, 1);
            }
        }
        Ok(1)
    }

    fn open<R>(&mut self, frame: Nesting, state: ReaderState) -> Result<(), ReadError<R>> {
        if self.frames.len() >= self.depth_limit {
            return Err(self.syntax(JsonError::Depth));
        }
        self.frames.push(frame);
        self.state = state;
        Ok(())
    }

    fn close<R>(&mut self, byte: u8) -> Result<usize, ReadError<R>> {
        match (self.frames.pop(), byte) {
            (Some(Nesting::Array), b']') => {}
            (Some(Nesting::Object(mark)), b'}') => {
                self.keys.close(mark).map_err(|offset| ReadError {
                    offset,
                    why: Why::Syntax(JsonError::DuplicateKey),
                })?
            }
            _ => return Err(self.syntax(JsonError::Unexpected)),
        }
        self.end_value();
        Ok(1)
    }

    /// A value is complete; what comes next depends on what is around it.
    fn end_value(&mut self) {
        if self.raw == Some(self.frames.len()) {
            self.raw = None;
        }
        if self.skipped == Some(self.frames.len()) {
            self.skipped = None;
        }
        self.state = if self.frames.is_empty() {
            ReaderState::Done
        } else {
            ReaderState::CommaOrEnd
        };
    }

    /// The plain part of a string, from `from` in `rest`, and what ends it.
    fn text<V: Visitor>(
        &mut self,
        text: Text,
        rest: &[u8],
        from: usize,
        visitor: &mut V,
    ) -> ReadResult<V> {
        let bytes = rest.get(from..).unwrap_or_default();
        let PlainRun { length, is_ascii } = scan::plain(bytes);
        let (plain, after) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
        let start = self.offset.saturating_add(from);
        if is_ascii && !self.utf8.is_incomplete() {
            self.emit_ascii(text, plain, visitor);
        } else {
            let Self { utf8, keys, .. } = self;
            let start = start.saturating_sub(utf8.pending());
            utf8.check(plain, |fragment| emit(text, fragment, keys, visitor))
                .map_err(|before| invalid_utf8(start.saturating_add(before)))?;
        }
        let taken = from.saturating_add(length);
        let Some(&special) = after.first() else {
            return Ok(taken);
        };
        let end = start.saturating_add(length);
        if self.utf8.is_incomplete() {
            return Err(invalid_utf8(end.saturating_sub(self.utf8.pending())));
        }
        match special {
            b'\\' => self.state = ReaderState::Escape(text, Escape::Begun),
            b'"' => self.end_text(text, visitor)?,
            _ => {
                return Err(ReadError {
                    offset: end,
                    why: Why::Syntax(JsonError::Control),
                });
            }
        }
        Ok(taken.saturating_add(1))
    }

    /// Characters that need no check. Most are in values that nobody wants.
    fn emit_ascii<V: Visitor>(&mut self, text: Text, plain: &[u8], visitor: &mut V) {
        match text {
            Text::Key { .. } => self.keys.text(plain),
            Text::Value { wanted: true } => {
                visitor.text(std::str::from_utf8(plain).unwrap_or_default());
            }
            Text::Value { wanted: false } => {}
        }
    }

    fn end_text<V: Visitor>(
        &mut self,
        text: Text,
        visitor: &mut V,
    ) -> Result<(), ReadError<V::Rejection>> {
        match text {
            Text::Value { .. } => self.end_value(),
            Text::Key { offset } => {
                let depth = self.frames.len();
                let key = self.keys.end(offset);
                if self.skipped.is_none() {
                    visitor.key(depth, key).map_err(|why| ReadError {
                        offset,
                        why: Why::Visitor(why),
                    })?;
                }
                self.state = ReaderState::Colon;
            }
        }
        Ok(())
    }

    fn escape<V: Visitor>(
        &mut self,
        text: Text,
        escape: Escape,
        byte: u8,
        visitor: &mut V,
    ) -> ReadResult<V> {
        match escape.next(byte).map_err(|syntax| self.syntax(syntax))? {
            Escaped::More(escape) => self.state = ReaderState::Escape(text, escape),
            Escaped::Char(char) => {
                emit(text, char.encode_utf8(&mut [0; 4]), &mut self.keys, visitor);
                self.state = ReaderState::Text(text);
            }
        }
        Ok(1)
    }

    /// The digits of a number, from `from` in `rest`.
    fn number<R>(
        &mut self,
        mut number: NumberState,
        rest: &[u8],
        from: usize,
    ) -> Result<usize, ReadError<R>> {
        let mut taken = from;
        for byte in rest.get(from..).unwrap_or_default() {
            match number.next(*byte) {
                Some(next) => number = next,
                None if number.is_complete() => {
                    self.end_value();
                    return Ok(taken);
                }
                None => return Err(self.syntax_at(taken, JsonError::Number)),
            }
            taken = taken.saturating_add(1);
        }
        self.state = ReaderState::Number(number);
        Ok(taken)
    }

    /// The rest of a literal, from `from` in `rest`.
    fn literal<R>(
        &mut self,
        expected: &'static [u8],
        rest: &[u8],
        from: usize,
    ) -> Result<usize, ReadError<R>> {
        let bytes = rest.get(from..).unwrap_or_default();
        let common = bytes
            .iter()
            .zip(expected)
            .take_while(|(a, b)| a == b)
            .count();
        let taken = from.saturating_add(common);
        let missing = expected.get(common..).unwrap_or_default();
        if missing.is_empty() {
            self.end_value();
        } else if common < bytes.len() {
            return Err(self.syntax_at(taken, JsonError::Unexpected));
        } else {
            self.state = ReaderState::Literal(missing);
        }
        Ok(taken)
    }
}

/// White space outside strings.
pub(super) const fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// An invalid sequence is noticed here or there, as the pieces come: it is reported
/// where it begins.
const fn invalid_utf8<R>(offset: usize) -> ReadError<R> {
    ReadError {
        offset,
        why: Why::Syntax(JsonError::Utf8),
    }
}

/// Hands characters to whoever wants them.
fn emit<V: Visitor>(text: Text, fragment: &str, keys: &mut Keys, visitor: &mut V) {
    match text {
        Text::Key { .. } => keys.text(fragment.as_bytes()),
        Text::Value { wanted: true } => visitor.text(fragment),
        Text::Value { wanted: false } => {}
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
