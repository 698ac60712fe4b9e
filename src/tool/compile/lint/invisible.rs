//! Letters that nobody sees in what is written.

/// Whether a character shows nothing: blanks of no width, marks of direction, and blanks
/// that are no ASCII.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The first of them, as it is named: `U+200B`.
pub(in crate::tool::compile) fn named(text: &str) -> Option<String> {
    let found = text.chars().find(|c| is_invisible(*c))?;
    Some(format!("U+{:04X}", u32::from(found)))
}

/// A text with its invisible letters written out.
pub(in crate::tool::compile) fn shown(text: &str) -> String {
    let show = |c: char| match is_invisible(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(show).collect()
}
