//! Letters that are not seen, or that move what is seen: text that has them reads as other
//! text.

use std::fmt::Write as _;

/// Controls, formats, ends of lines and paragraphs, and what is drawn as nothing. SPEC:
/// Unicode 17, general categories Cc, Cf, Zl and Zp, and `Default_Ignorable_Code_Point`; and
/// the braille pattern without dots.
const HIDDEN: [(char, char); 29] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a letter is one of them.
pub fn is_hidden(letter: char) -> bool {
    let is_in = |(first, last): &(char, char)| (*first..=*last).contains(&letter);
    !matches!(letter, ' '..='~') && HIDDEN.iter().any(is_in)
}

/// Text with an escape in the place of each of them: `\u{202e}`.
pub fn shown(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_hidden(letter) {
            // Writing to a string cannot fail.
            true => drop(write!(all, "\\u{{{:x}}}", u32::from(letter))),
            false => all.push(letter),
        }
    }
    all
}

/// JSON with an escape in the place of each of them. They are in strings: beyond these JSON
/// has of them only ends of lines and tabs, which stay.
pub fn shown_json(json: &str) -> String {
    let mut all = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter == '\n' || letter == '\t' || !is_hidden(letter) {
            all.push(letter);
            continue;
        }
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            let _ = write!(all, "\\u{unit:04x}");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped() {
        for letter in "\u{200b}\u{200c}\u{200d}\u{200e}\u{61c}\u{2028}\u{2029}\u{2060}\u{feff}\u{ad}\u{206a}\u{3164}\u{115f}\u{1160}\u{ffa0}\u{2800}\u{e0041}\u{fe0f}\u{202e}\u{2066}\u{85}\u{9b}\u{7f}\u{1b}\u{b}\u{34f}\u{17b4}\u{180e}\u{1d173}\u{fff9}\u{0}".chars() {
            let text = format!("a{letter}b");
            assert_eq!(shown(&text), format!("a\\u{{{:x}}}b", u32::from(letter)));
            let json = serde_json::to_string(&text).unwrap();
            let escaped = shown_json(&json);
            assert!(!escaped.contains(is_hidden), "{escaped:?}");
            assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }
    }

    #[test]
    fn what_is_seen_stays() {
        for text in [
            "größe, naïve",
            "工具 検索",
            "أداة",
            "emoji 🦀",
            "a\u{301}~ !",
        ] {
            assert_eq!(shown(text), text);
            assert_eq!(shown_json(text), text);
        }
        assert_eq!(shown_json("{\n\t\"a\": 1\n}\n"), "{\n\t\"a\": 1\n}\n");
    }
}
