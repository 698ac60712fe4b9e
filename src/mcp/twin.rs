//! Keys that some server might take for a key we act on.

/// The key that is refused at every level that matters, whatever it stands for:
/// servers that merge objects in JavaScript would take its members for their own.
const PROTO: &str = "__proto__";

/// Whether a key could be taken for one of `names` without being it.
///
/// SECURITY: some servers match keys without case (Unicode folding included: `ſ`
/// for `s`, the Kelvin sign for `k`), trim them, or cut them at a NUL. Where the
/// filter and the server would read different members, nobody may choose.
pub(super) fn is_twin(key: &str, names: &[&str]) -> bool {
    if names.contains(&key) {
        return false;
    }
    if key.contains('\0') || key == PROTO {
        return true;
    }
    let trimmed = key.trim_matches(is_blank);
    names.iter().any(|name| folds_to(trimmed, name))
}

/// White space of any kind, visible or not.
fn is_blank(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(
            char,
            '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        )
}

/// Whether a key is `name` to somebody who compares without case.
fn folds_to(key: &str, name: &str) -> bool {
    if key.is_ascii() {
        return key.eq_ignore_ascii_case(name);
    }
    // Upper and then lower case reaches what either alone misses: `ſ`, `ı`, `ﬁ`,
    // the Kelvin sign. The dot that `İ` leaves behind is dropped.
    let fold = |char: char| char.to_uppercase().flat_map(char::to_lowercase);
    let folded = key.chars().flat_map(fold).filter(|char| *char != '\u{307}');
    folded.eq(name.chars().flat_map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "name",
        "taskId",
        "params",
        "resourceSubscriptions",
        "notifications",
    ];

    #[test]
    fn twins() {
        for key in [
            "Name",
            "NAME",
            " name",
            "name ",
            "name\u{a0}",
            "\u{feff}name",
            "name\0",
            "name\0x",
            "\0",
            "na\0me",
            "\tname",
            "name\u{200b}",
            "TASKID",
            "taskid",
            "paramſ",
            "tas\u{212a}Id",
            "task\u{130}d",
            "task\u{131}d",
            "noti\u{fb01}cations",
            "re\u{17f}ourceSubscriptions",
            "__proto__",
            "name\u{7f}",
            "\u{3000}params\u{2003}",
        ] {
            assert!(is_twin(key, NAMES), "{key:?}");
        }
    }

    #[test]
    fn no_twins() {
        for key in [
            "name", "taskId", "names", "na me", "nom", "", "näme", "proto", "param", "ﬁ",
        ] {
            assert!(!is_twin(key, NAMES), "{key:?}");
        }
    }
}
