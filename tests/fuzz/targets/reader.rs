//! The JSON reader: any splitting gives the same result, and what it takes,
//! serde_json takes and reads as the same strings. What is skipped is checked no less: the
//! quick way and the slow way find the same, at the same place.
#![no_main]

use accesspolicy::engine::json::{ReadError, Reader, TokenKind, Visitor, Want, Why};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Text {
    keys: Vec<String>,
    text: String,
    depth: usize,
}

impl Visitor for Text {
    type Rejection = ();

    fn key(&mut self, depth: usize, key: &[u8]) -> Result<(), ()> {
        let key = std::str::from_utf8(key).expect("keys are UTF-8");
        self.depth = self.depth.max(depth);
        self.keys.push(key.to_owned());
        Ok(())
    }

    fn value(&mut self, depth: usize, _: TokenKind) -> Result<Want, ()> {
        self.depth = self.depth.max(depth);
        Ok(Want::Text)
    }

    fn text(&mut self, fragment: &str) {
        self.text.push_str(fragment);
    }

    fn raw(&mut self, _: &[u8]) {}
}

fn read(pieces: &[&[u8]]) -> Result<Text, ReadError<()>> {
    let mut reader = Reader::new(64);
    let mut text = Text::default();
    for piece in pieces {
        reader.push(piece, &mut text)?;
    }
    reader.finish::<Text>()?;
    Ok(text)
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
    let mut reader = Reader::new(64);
    for piece in pieces {
        reader.push(piece, &mut Quiet(want))?;
    }
    reader.finish::<Quiet>()
}

fuzz_target!(|input: (&[u8], usize)| {
    let (body, split) = input;
    let whole = read(&[body]);
    let (first, second) = body.split_at(split % (body.len() + 1));
    let halves = read(&[first, second]);
    let bytes = read(&body.chunks(1).collect::<Vec<_>>());
    // Where a bad byte is noticed may depend on the splitting; whether it is, never.
    let kind = |read: &Result<Text, ReadError<()>>| match read {
        Err(ReadError {
            why: Why::Syntax(syntax),
            ..
        }) => Some(*syntax),
        _ => None,
    };
    assert_eq!(kind(&whole), kind(&halves));
    assert_eq!(kind(&whole), kind(&bytes));
    let checked = check(&[body], Want::Nothing);
    assert_eq!(
        checked,
        whole.as_ref().map(|_| ()).map_err(|refused| *refused)
    );
    assert_eq!(checked, check(&[body], Want::Skip));
    assert_eq!(checked, check(&[first, second], Want::Skip));
    // The slow way all along: no token is whole.
    assert_eq!(
        checked,
        check(&body.chunks(1).collect::<Vec<_>>(), Want::Nothing)
    );
    if let Ok(whole) = whole {
        assert_eq!(Ok(&whole), halves.as_ref());
        assert_eq!(Ok(&whole), bytes.as_ref());
        assert!(whole.depth <= 64);
        if let Err(error) = serde_json::from_slice::<serde_json::Value>(body) {
            assert!(
                error.to_string().starts_with("number out of range"),
                "{error}"
            );
        }
    }
});
