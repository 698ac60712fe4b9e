//! Text to documents.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde::de::IgnoredAny;

use super::size::{BRACKETS, Size, beyond, too_much_in_brackets};
use super::{Entry, FileId, NodeKind, Offsets, Scalar, Span, Style, YamlNode};
use crate::tool::api::decode::{FieldPlace, Problem};

/// The deepest nesting that is read, in a document as written and after aliases.
const DEPTH: usize = 64;

/// How much may be copied for the anchors and aliases of a text: bytes of what is written, and
/// [`NODE`] for each value.
///
/// SECURITY: a few nested aliases, or many of one long text, can stand for more than there is
/// memory.
const COPIED: usize = 16 << 20;
const NODE: usize = 100;

/// What a text holds.
#[derive(Debug)]
pub struct YamlText {
    /// Its documents, up to where it stops being YAML.
    pub documents: Vec<YamlDocument>,
    /// Where and why it stops being YAML.
    pub broken: Option<Problem>,
    /// The memory that its values take, in bytes, as far as they were read.
    pub size: usize,
}

/// One document.
#[derive(Debug)]
pub struct YamlDocument {
    /// Its value.
    pub root: YamlNode,
    /// What is wrong with it whatever it is about: duplicate keys, merge keys.
    pub problems: Vec<Problem>,
}

/// Reads every document of a text: of YAML, or objects of JSON one after the other, as
/// programs write them that know no `---`.
pub fn load(file: FileId, text: &str) -> YamlText {
    let mut all = YamlText {
        documents: Vec::new(),
        broken: None,
        size: 0,
    };
    for part in parts(text) {
        let loaded = load_part(file, text, part, all.size);
        all.documents.extend(loaded.documents);
        all.size = loaded.size;
        if loaded.broken.is_some() {
            all.broken = loaded.broken;
            break;
        }
    }
    all
}

/// What is read for itself: the objects of JSON that a text is, where it is nothing else, or
/// its documents.
fn parts(text: &str) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
    let objects = objects(text);
    match objects.len() {
        0 | 1 => documents(text),
        _ => Box::new(objects.into_iter()),
    }
}

/// The documents of YAML: from each line with `---` to the next. SPEC: YAML 1.2, 9.1.2: no
/// value has such a line.
///
/// SECURITY: the parser goes on beyond such a line where brackets are open.
fn documents(text: &str) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
    // A directive is for the document that begins behind it.
    if text.starts_with('%') || text.contains("\n%") {
        return Box::new(std::iter::once(0..text.len()));
    }
    let is_marker = move |at: &usize| {
        let behind = text.as_bytes().get(at + "---".len());
        behind.is_none_or(u8::is_ascii_whitespace)
    };
    let markers = text.match_indices("\n---").map(|(at, _)| at + 1);
    let starts = std::iter::once(0).chain(markers.filter(is_marker));
    let mut ends = starts.clone().skip(1).chain([text.len()]);
    Box::new(starts.filter_map(move |start| Some(start..ends.next()?)))
}

/// The objects of JSON that a text is, where it is nothing else.
fn objects(text: &str) -> Vec<Range<usize>> {
    if !text.trim_start().starts_with('{') {
        return Vec::new();
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut objects = Vec::new();
    let mut start = 0;
    while let Some(object) = stream.next() {
        let end = stream.byte_offset();
        let is_object = text
            .get(start..end)
            .is_some_and(|t| t.trim_end().ends_with('}'));
        // Too many are read as one text, of which is said that they are too many.
        if object.is_err() || !is_object || objects.len() > BRACKETS {
            return Vec::new();
        }
        objects.push(start..end);
        start = end;
    }
    objects
}

/// Reads a part of a text, where the values of those before it take so many bytes.
fn load_part(file: FileId, text: &str, part: Range<usize>, size: usize) -> YamlText {
    let from = part.start;
    let text = text.get(part).unwrap_or_default();
    if let Some(at) = beyond(text) {
        let start = from + at;
        let end = start + 1;
        return YamlText {
            documents: Vec::new(),
            broken: Some(too_much_in_brackets(&place(Span { file, start, end }))),
            size,
        };
    }
    let offsets = Offsets::new(file, text).from(from);
    let mut builder = Builder::new(offsets, Size::of(size));
    let mut parser = Parser::new_from_str(text);
    let broken = loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break None,
            Some(Ok((event, span))) => {
                let span = builder.offsets.span(span.start.index(), span.end.index());
                if let Err(problem) = builder.event(event, span) {
                    break Some(problem);
                }
            }
            Some(Err(error)) => {
                let at = error.marker().index();
                let span = builder.offsets.span(at, at + 1);
                break Some(malformed(span, format!("malformed YAML: {}", error.info())));
            }
        }
    };
    YamlText {
        documents: builder.documents,
        broken,
        size: builder.size.bytes(),
    }
}

/// A collection that is still open.
struct Open {
    span: Span,
    tag: Option<String>,
    anchor: usize,
    parts: UndecodedEvents,
}

enum UndecodedEvents {
    Sequence(Vec<YamlNode>),
    Mapping {
        entries: Vec<Entry>,
        /// Where each field is among the entries.
        places: HashMap<String, usize>,
        key: Option<(String, Span)>,
    },
}

struct Builder<'t> {
    offsets: Offsets<'t>,
    size: Size,
    documents: Vec<YamlDocument>,
    open: Vec<Open>,
    root: Option<YamlNode>,
    anchors: HashMap<usize, YamlNode>,
    copied: usize,
    problems: Vec<Problem>,
}

impl<'t> Builder<'t> {
    fn new(offsets: Offsets<'t>, size: Size) -> Self {
        Self {
            offsets,
            size,
            documents: Vec::new(),
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            copied: 0,
            problems: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        self.size.check(&place(span))?;
        match event {
            Event::SequenceStart(anchor, tag) => self.begin(
                span,
                tag.as_deref(),
                anchor,
                UndecodedEvents::Sequence(Vec::new()),
            ),
            Event::MappingStart(anchor, tag) => {
                let parts = UndecodedEvents::Mapping {
                    entries: Vec::new(),
                    places: HashMap::new(),
                    key: None,
                };
                self.begin(span, tag.as_deref(), anchor, parts)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.finish(open, span),
                None => Ok(()),
            },
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|t| core(t, "str"));
                let style = if is_text { Style::Text } else { Style::Plain };
                self.size.text(text.len());
                let kind = NodeKind::Scalar(Scalar {
                    text: text.into_owned(),
                    style,
                });
                self.place(
                    YamlNode {
                        span,
                        tag: foreign(tag),
                        kind,
                    },
                    anchor,
                )
            }
            Event::Alias(anchor) => {
                let node = self.alias(anchor, span)?;
                self.place(node, 0)
            }
            Event::DocumentEnd => {
                if let Some(root) = self.root.take() {
                    let problems = std::mem::take(&mut self.problems);
                    self.size.document(size_of::<YamlDocument>());
                    self.documents.push(YamlDocument { root, problems });
                }
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
        }
    }

    fn begin(
        &mut self,
        span: Span,
        tag: Option<&Tag>,
        anchor: usize,
        parts: UndecodedEvents,
    ) -> Result<(), Problem> {
        if self.open.len() >= DEPTH {
            return Err(malformed(
                span,
                format!("nested deeper than {DEPTH} levels"),
            ));
        }
        self.open.push(Open {
            span,
            tag: foreign(tag),
            anchor,
            parts,
        });
        Ok(())
    }

    fn finish(&mut self, open: Open, end: Span) -> Result<(), Problem> {
        let span = Span {
            end: end.end.max(open.span.end),
            ..open.span
        };
        // Most have few, for which room for more is made than they take.
        let kind = match open.parts {
            UndecodedEvents::Sequence(mut items) => {
                self.size.items(items.capacity(), items.len());
                items.shrink_to_fit();
                NodeKind::Sequence(items)
            }
            UndecodedEvents::Mapping {
                mut entries,
                places,
                ..
            } => {
                let lengths = places.keys().map(String::len).sum();
                self.size.no_fields(places.len(), lengths);
                self.size.entries(entries.capacity(), entries.len());
                entries.shrink_to_fit();
                NodeKind::Mapping(entries)
            }
        };
        self.place(
            YamlNode {
                span,
                tag: open.tag,
                kind,
            },
            open.anchor,
        )
    }

    fn place(&mut self, node: YamlNode, anchor: usize) -> Result<(), Problem> {
        if anchor > 0 {
            self.copies(measure(&node).0, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some((open, around)) = self.open.split_last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.parts {
            UndecodedEvents::Sequence(items) => {
                let before = items.capacity();
                items.push(node);
                self.size.items(before, items.capacity());
            }
            UndecodedEvents::Mapping {
                entries,
                places,
                key,
            } => match key.take() {
                None => *key = Some(key_of(node)?),
                Some((key, key_span)) => {
                    let entry = Entry {
                        key,
                        key_span,
                        value: node,
                    };
                    let (before, length) = (entries.capacity(), entry.key.len());
                    match enter(entries, places, entry, around) {
                        Ok(()) => self.size.field(length),
                        Err(problem) => {
                            self.size.problem(&problem);
                            self.problems.push(problem);
                        }
                    }
                    self.size.entries(before, entries.capacity());
                }
            },
        }
        Ok(())
    }

    /// What an alias stands for. It keeps the positions at which that is written.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<YamlNode, Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(malformed(
                span,
                "an alias stands for what it is part of".to_owned(),
            ));
        };
        let (size, height) = measure(node);
        let node = node.clone();
        self.copies(size, span)?;
        if self.open.len() + height > DEPTH {
            return Err(malformed(
                span,
                format!("nested deeper than {DEPTH} levels"),
            ));
        }
        Ok(node)
    }

    fn copies(&mut self, size: usize, span: Span) -> Result<(), Problem> {
        self.copied = self.copied.saturating_add(size);
        self.size = Size::of(self.size.bytes().saturating_add(size));
        match self.copied > COPIED {
            true => Err(malformed(
                span,
                "anchors and aliases stand for too much".to_owned(),
            )),
            false => Ok(()),
        }
    }
}

/// Adds a field to an object, which is in what is `around` it.
fn enter(
    entries: &mut Vec<Entry>,
    places: &mut HashMap<String, usize>,
    entry: Entry,
    around: &[Open],
) -> Result<(), Problem> {
    let first = places.get(&entry.key).and_then(|at| entries.get(*at));
    if entry.key != "<<" && first.is_none() {
        places.insert(entry.key.clone(), entries.len());
        entries.push(entry);
        return Ok(());
    }
    let place = FieldPlace {
        span: entry.key_span,
        field: field(around, &entry.key),
    };
    Err(match first {
        Some(first) => Problem::new(&place, format!("the field `{}` is given twice", entry.key))
            .help("keep one of the two")
            .related(first.key_span, "first given here"),
        None => Problem::new(&place, "merge keys (`<<`) are not read")
            .help("write the fields out, or let `yq 'explode(.)'` do it"),
    })
}

/// The path to a field of an object that is in what is `around` it.
fn field(around: &[Open], key: &str) -> String {
    let mut path = String::new();
    for open in around {
        match &open.parts {
            UndecodedEvents::Sequence(items) => path.push_str(&format!("[{}]", items.len())),
            UndecodedEvents::Mapping { key, .. } => {
                let key = key.as_ref().map_or("", |(key, _)| key);
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(key);
            }
        }
    }
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn key_of(node: YamlNode) -> Result<(String, Span), Problem> {
    match node.kind {
        NodeKind::Scalar(scalar) => Ok((scalar.text, node.span)),
        _ => Err(malformed(
            node.span,
            "a field's name is a list or an object".to_owned(),
        )),
    }
}

/// How much it takes to copy a node, and how many levels it has.
fn measure(node: &YamlNode) -> (usize, usize) {
    let (own, parts): (usize, &mut dyn Iterator<Item = &YamlNode>) = match &node.kind {
        NodeKind::Scalar(scalar) => return (NODE + scalar.text.len(), 0),
        NodeKind::Sequence(items) => (NODE, &mut items.iter()),
        NodeKind::Mapping(entries) => {
            let keys = entries.iter().map(|entry| entry.key.len()).sum::<usize>();
            (NODE + keys, &mut entries.iter().map(|entry| &entry.value))
        }
    };
    parts.map(measure).fold((own, 1), |(size, height), (s, h)| {
        (size + s, std::cmp::max(height, h + 1))
    })
}

/// The tag, unless it says what the form of the value says as well.
fn foreign(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    let redundant = core(tag, "str") || core(tag, "map") || core(tag, "seq");
    (!redundant).then(|| tag.to_string())
}

fn core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

fn malformed(span: Span, message: String) -> Problem {
    Problem::new(&place(span), message)
}

fn place(span: Span) -> FieldPlace {
    FieldPlace {
        span,
        field: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key and scalar, and where it is said to be.
    fn scalars<'n>(node: &'n YamlNode, found: &mut Vec<(&'n str, Span)>) {
        match &node.kind {
            NodeKind::Scalar(scalar) => found.push((&scalar.text, node.span)),
            NodeKind::Sequence(items) => items.iter().for_each(|item| scalars(item, found)),
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    found.push((&entry.key, entry.key_span));
                    scalars(&entry.value, found);
                }
            }
        }
    }

    #[test]
    fn positions_are_bytes_whatever_the_letters_and_line_ends() {
        let text = "ü: ß # é\nl: [á, 🦀, c]\nm:\n  - {x: 世, y: z}\n  - w\t\n";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let loaded = load(FileId(0), &text);
            assert_eq!(loaded.broken, None);
            let mut found = Vec::new();
            scalars(&loaded.documents[0].root, &mut found);
            assert_eq!(found.len(), 12);
            for (value, span) in found {
                assert_eq!(&text[span.start..span.end], value);
            }
        }
    }

    #[test]
    fn every_duplicate_is_reported_with_its_path() {
        let loaded = load(FileId(0), "a: [{b: 1, b: 2}, {c: {d: 1, d: 2, d: 3}}]\n");
        let problems = loaded.documents[0].problems.iter();
        let fields: Vec<&str> = problems.map(|problem| &*problem.at.field).collect();
        assert_eq!(fields, ["a[0].b", "a[1].c.d", "a[1].c.d"]);
    }

    #[test]
    fn objects_of_json_may_follow_each_other() {
        let texts = [
            "{\"a\": \"é\"}{\"b\": [1]}",
            " {\"a\": \"}{\"}\n\n{\"b\":{}}\n",
            "{\"a\": 1}\n{\"b\": 2}\n{\"c\": 3}",
        ];
        for text in texts {
            let loaded = load(FileId(0), text);
            assert_eq!(loaded.broken, None, "{text}");
            assert!(loaded.documents.len() > 1, "{text}");
            for document in &loaded.documents {
                let mut found = Vec::new();
                scalars(&document.root, &mut found);
                let (key, span) = found[0];
                assert_eq!(&text[span.start..span.end], format!("\"{key}\""));
            }
        }
        for text in [
            "{\"a\": 1}{b: 2}",
            "{\"a\": 1}, {\"b\": 2}",
            "{\"a\": 1} 2",
            "{\"a\": 1}[1]",
        ] {
            assert!(load(FileId(0), text).broken.is_some(), "{text}");
        }
    }

    #[test]
    fn documents_before_a_break_are_kept() {
        let loaded = load(FileId(0), "a: 1\n---\nb: 2\n---\nc: [\n");
        assert_eq!(loaded.documents.len(), 2);
        assert!(loaded.broken.is_some());
    }

    #[test]
    fn aliases_count_by_what_they_stand_for() {
        let long = "x".repeat(1 << 20);
        let of = |aliases: &str| load(FileId(0), &format!("a: &a {long}\nb: [{aliases}]\n"));
        assert_eq!(of(&"*a, ".repeat(10)).broken, None);
        assert!(of(&"*a, ".repeat(100)).broken.is_some());
        let doubled: String = (1..40)
            .map(|n| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1))
            .collect();
        assert!(
            load(FileId(0), &format!("a0: &a0 x\n{doubled}"))
                .broken
                .is_some()
        );
        let nested = format!("{}{long}{}", "&x [".repeat(50), "]".repeat(50));
        assert!(load(FileId(0), &nested).broken.is_some());
    }

    #[test]
    fn an_object_with_very_many_fields_is_read_at_once() {
        let fields: String = (0..200_000).map(|n| format!("k{n}: 1\n")).collect();
        let start = std::time::Instant::now();
        let loaded = load(FileId(0), &format!("{fields}k7: 2\n"));
        assert_eq!(loaded.documents[0].problems.len(), 1);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn an_alias_keeps_the_position_of_what_it_stands_for() {
        let loaded = load(FileId(0), "a: &x here\nb: *x\n");
        let mut found = Vec::new();
        scalars(&loaded.documents[0].root, &mut found);
        assert_eq!(found[1], found[3]);
    }
}
