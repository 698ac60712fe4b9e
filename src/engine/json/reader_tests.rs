use super::*;

/// Keeps every event, so that two readings can be compared.
#[derive(Debug, Default, PartialEq)]
struct Events {
    keys: Vec<(usize, String)>,
    values: Vec<(usize, TokenKind)>,
    text: String,
    raw: Vec<u8>,
    raw_key: bool,
}

impl Visitor for Events {
    type Rejection = ();

    fn key(&mut self, depth: usize, key: &[u8]) -> Result<(), ()> {
        let key = std::str::from_utf8(key).unwrap();
        self.raw_key = key == "raw";
        self.keys.push((depth, key.to_owned()));
        if key == "no" { Err(()) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize, kind: TokenKind) -> Result<Want, ()> {
        self.values.push((depth, kind));
        Ok(if std::mem::take(&mut self.raw_key) {
            Want::Raw
        } else {
            Want::Text
        })
    }

    fn text(&mut self, fragment: &str) {
        self.text.push_str(fragment);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }
}

/// Wants the same of every value, and keeps nothing.
struct Quiet(Want);

impl Visitor for Quiet {
    type Rejection = ();

    fn key(&mut self, _: usize, _: &[u8]) -> Result<(), ()> {
        Ok(())
    }

    fn value(&mut self, _: usize, _: TokenKind) -> Result<Want, ()> {
        Ok(self.0)
    }

    fn text(&mut self, _: &str) {}

    fn raw(&mut self, _: &[u8]) {}
}

fn check(pieces: &[&[u8]], want: Want) -> Result<(), ReadError<()>> {
    let mut reader = Reader::new(8);
    for piece in pieces {
        reader.push(piece, &mut Quiet(want))?;
    }
    reader.finish::<Quiet>()
}

fn read(pieces: &[&[u8]]) -> Result<Events, ReadError<()>> {
    let mut reader = Reader::new(8);
    let mut events = Events::default();
    for piece in pieces {
        reader.push(piece, &mut events)?;
    }
    reader.finish::<Events>()?;
    Ok(events)
}

/// Reads whole and split at every place; all must agree.
fn read_every_way(text: &[u8]) -> Result<Events, ReadError<()>> {
    let whole = read(&[text]);
    for split in 0..=text.len() {
        let (first, second) = text.split_at(split);
        assert_eq!(read(&[first, &[], second]), whole, "split at {split}");
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(read(&bytes), whole, "byte by byte");
    // What is skipped is checked no less.
    let checked = check(&[text], Want::Nothing);
    assert_eq!(check(&[text], Want::Skip), checked);
    for split in 0..=text.len() {
        let (first, second) = text.split_at(split);
        let skipped = check(&[first, second], Want::Skip);
        assert_eq!(skipped, checked, "skipped, split at {split}");
    }
    assert_eq!(check(&bytes, Want::Skip), checked, "skipped, byte by byte");
    whole
}

fn syntax(text: impl AsRef<[u8]>) -> (usize, JsonError) {
    match read_every_way(text.as_ref()) {
        Err(ReadError {
            offset,
            why: Why::Syntax(syntax),
        }) => (offset, syntax),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_rfc_8259_allows_passes() {
    for text in [
        "0",
        "-0",
        "-0.0e-0",
        "1.5E+10",
        "123",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n{ \"a\" : [ 1 , { } , [ ] ] } \n",
        r#""\"\\\/\b\f\n\r\té😀""#,
        r#"{"a":1,"b":{"a":1},"":[{"a":2},{"a":2}]}"#,
        "\"\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}\"",
    ] {
        assert!(read_every_way(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn what_it_does_not_allow_is_refused_where_it_stands() {
    use JsonError::*;
    for (text, offset, expected) in [
        ("", 0, Empty),
        (" \n", 2, Empty),
        ("{", 1, Incomplete),
        ("[1", 2, Incomplete),
        ("\"a", 2, Incomplete),
        ("-", 1, Incomplete),
        ("tru", 3, Incomplete),
        ("\u{feff}{}", 0, ByteOrderMark),
        ("{}{}", 2, Trailing),
        ("{} x", 3, Trailing),
        ("0 0", 2, Trailing),
        ("{}\0", 2, Trailing),
        ("[1,]", 3, Unexpected),
        ("{\"a\":1,}", 7, Unexpected),
        ("{,}", 1, Unexpected),
        ("[}", 1, Unexpected),
        ("{]", 1, Unexpected),
        ("[1}", 2, Unexpected),
        ("{\"a\" 1}", 5, Unexpected),
        ("{\"a\":1 \"b\":2}", 7, Unexpected),
        ("{a:1}", 1, Unexpected),
        ("{'a':1}", 1, Unexpected),
        ("// a\n{}", 0, Unexpected),
        ("[/**/]", 1, Unexpected),
        ("NaN", 0, Unexpected),
        ("[Infinity]", 1, Unexpected),
        ("truE", 3, Unexpected),
        ("01", 1, Number),
        ("+1", 0, Unexpected),
        ("1.", 2, Incomplete),
        ("[1.]", 3, Number),
        ("[.5]", 1, Unexpected),
        ("[1e]", 3, Number),
        ("[-]", 2, Number),
        ("[-a]", 2, Number),
        ("[0x10]", 2, Unexpected),
        ("\"\n\"", 1, Control),
        ("\"abcdefghijk\u{1}\"", 12, Control),
        ("\"\\x41\"", 2, Escape),
        ("\"\\u12g4\"", 5, Escape),
        ("\"\\u+123\"", 3, Escape),
        (r#""\ud800""#, 7, Surrogate),
        (r#""\ud800a""#, 7, Surrogate),
        (r#""\ud800\n""#, 8, Surrogate),
        (r#""\ud800\ud800""#, 12, Surrogate),
        (r#""\udc00""#, 6, Surrogate),
        ("[[[[[[[[[]]]]]]]]]", 8, Depth),
    ] {
        let expected = match expected {
            // A number that cannot go on is judged by what comes after it.
            Number if text == "01" => (1, Trailing),
            Unexpected if text == "[0x10]" => (2, Unexpected),
            other => (offset, other),
        };
        assert_eq!(syntax(text), expected, "{text:?}");
    }
}

#[test]
fn every_byte_is_utf8() {
    for (bytes, before) in [
        (&b"\x80"[..], 0),
        (b"\xff", 0),
        (b"\xc0\x80", 0),
        (b"\xc1\xbf", 0),
        (b"\xe0\x80\x80", 0),
        (b"\xed\xa0\x80", 0),
        (b"\xf0\x80\x80\x80", 0),
        (b"\xf4\x90\x80\x80", 0),
        (b"\xf5\x80\x80\x80", 0),
        (b"\xc3", 0),
        (b"\xe2\x82", 0),
        (b"\xf0\x9f\x98", 0),
        (b"\xc3\\n", 0),
        (b"a\xc3(", 1),
        (b"\xc3\xa4\xf0\x9f\x98(", 2),
    ] {
        let text = [b"{\"k\":\"", bytes, b"\"}"].concat();
        assert_eq!(syntax(&text), (6 + before, JsonError::Utf8), "{bytes:x?}");
        let key = [b"{\"", bytes, b"\":1}"].concat();
        assert_eq!(syntax(&key), (2 + before, JsonError::Utf8), "{bytes:x?}");
    }
}

#[test]
fn equal_keys_are_refused_however_they_are_spelt() {
    for (text, offset) in [
        (r#"{"a":1,"a":2}"#, 7),
        (r#"{"a":1,"\u0061":2}"#, 7),
        (r#"{"b":{"a":1,"c":2,"a":3}}"#, 18),
        (r#"[{"":1,"":2}]"#, 7),
        (r#"{"x":1,"a":{"x":1},"y":2,"x":3}"#, 25),
        (r#"{"😀":1,"\ud83d\ude00":1}"#, 10),
    ] {
        assert_eq!(syntax(text), (offset, JsonError::DuplicateKey), "{text}");
    }
}

#[test]
fn a_visitor_can_refuse_a_key() {
    let refused = read_every_way(br#"{"a":1,"no":1}"#).unwrap_err();
    assert_eq!(
        refused,
        ReadError {
            offset: 7,
            why: Why::Visitor(())
        }
    );
}

#[test]
fn bytes_are_handed_on_as_they_came() {
    for raw in [
        r#""aA\n""#,
        "-12.50",
        "{ \"a\": [1, {}] }",
        "null",
        "[]",
        "1",
    ] {
        let text = format!("{{\"raw\":{raw} , \"b\":\"c\"}}");
        assert_eq!(
            read_every_way(text.as_bytes()).unwrap().raw,
            raw.trim().as_bytes(),
            "{raw}"
        );
    }
}

#[test]
fn many_keys_cost_no_more_than_their_bytes() {
    let mut text = String::from("{");
    for number in 0..200_000 {
        text.push_str(&format!("\"{number:x}\":0,"));
    }
    let check = |text: &str| {
        let mut reader = Reader::new(8);
        reader.limit_keys(usize::MAX);
        reader.push(text.as_bytes(), &mut Quiet(Want::Nothing))?;
        reader.finish::<Quiet>()
    };
    let honest = format!("{text}\"last\":0}}");
    assert_eq!(check(&honest), Ok(()));
    let twice = format!("{text}\"0\":0}}");
    let refused = check(&twice).unwrap_err();
    assert_eq!(
        refused,
        ReadError {
            offset: text.len(),
            why: Why::Syntax(JsonError::DuplicateKey)
        }
    );
}

/// However they are read: skipped or not, short or long, of one object or of those around.
#[test]
fn more_keys_than_the_limit() {
    const LIMIT: usize = 20;
    let keys = |count: usize, length: usize| -> String {
        let keys = (0..count).map(|number| format!("\"{number:0length$}\":0,"));
        keys.collect()
    };
    for want in [Want::Nothing, Want::Skip] {
        for length in [2, 12] {
            let check = |text: &str| {
                let mut reader = Reader::new(8);
                reader.limit_keys(LIMIT);
                for piece in text.as_bytes().chunks(7) {
                    reader.push(piece, &mut Quiet(want))?;
                }
                reader.finish::<Quiet>()
            };
            let (few, many) = (keys(LIMIT - 2, length), keys(LIMIT - 1, length));
            for (text, is_taken) in [
                (format!("{{{few}\"last\":0}}"), true),
                (format!("{{{many}\"last\":0}}"), true),
                (format!("{{{many}\"last\":0,\"x\":0}}"), false),
                // Of an object and those around it.
                (format!("{{\"a\":{{{few}\"last\":0}}}}"), true),
                (format!("{{\"a\":{{{many}\"last\":0}}}}"), false),
                // What has ended has none.
                (format!("[{{{many}\"last\":0}},{{{many}\"last\":0}}]"), true),
            ] {
                let checked = check(&text).map_err(|refused| refused.why);
                let expected = match is_taken {
                    true => Ok(()),
                    false => Err(Why::Syntax(JsonError::Keys)),
                };
                assert_eq!(checked, expected, "{want:?} {text}");
            }
        }
    }
}

/// Every byte of a document with everything in it, changed to every other, skipped or not.
#[test]
fn what_is_skipped_is_checked_no_less() {
    let text = r#"{"a":[1,-2.5e+1,0,{"key longer than a word":null,"b\u00e9":"x\n","ä":"ö"}],"c":{},"d":[[],true,false],"e":"a\u00e9\ud83d\uDE00\\ \"größer than a word\"","größe":""}"#;
    let text = text.as_bytes();
    assert_eq!(check(&[text], Want::Skip), Ok(()));
    for place in 0..text.len() {
        for byte in 0..=255 {
            let mut changed = text.to_vec();
            changed[place] = byte;
            let checked = check(&[&changed], Want::Nothing);
            assert_eq!(check(&[&changed], Want::Skip), checked, "{byte} at {place}");
            let (first, second) = changed.split_at(place);
            let skipped = check(&[first, second], Want::Skip);
            assert_eq!(skipped, checked, "{byte} at {place}, split there");
        }
    }
}
