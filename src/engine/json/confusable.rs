//! Keys that some server might take for a key we act on.

/// The key that is refused at every level that matters, whatever it stands for:
/// servers that merge objects in JavaScript would take its members for their own.
const PROTO: &str = "__proto__";

/// Whether a key could be taken for one of `names`, or for one of the `aliases` that
/// some server knows them by, without being a name itself.
///
/// SECURITY: some servers match keys without case (Unicode folding included: `ſ`
/// for `s`, the Kelvin sign for `k`), trim them, ignore invisible characters, or cut
/// them at a NUL. Where the filter and the server would read different members,
/// nobody may choose.
pub fn is_twin(key: &str, names: &[&str], aliases: &[&str]) -> bool {
    if names.contains(&key) {
        return false;
    }
    // No honest key is that long, and each further comparison would cost its length.
    if key.contains('\0') || key.len() > LONGEST {
        return true;
    }
    let mut all = names.iter().chain(aliases).chain(&[PROTO]);
    if key.is_ascii() {
        let trimmed = key.trim_matches(|char: char| char.is_whitespace() || char.is_control());
        return all.any(|name| trimmed.eq_ignore_ascii_case(name));
    }
    let folded = folded(key);
    let folded = folded.trim();
    all.any(|name| folded.eq_ignore_ascii_case(name))
}

/// What is left of a key to somebody who compares without case and without what is not
/// seen.
pub fn folded(key: &str) -> String {
    let visible: String = key.chars().filter(|char| !is_invisible(*char)).collect();
    fold(&visible)
}

/// The longest key that may be none of those that matter, in bytes.
const LONGEST: usize = 1024;

/// What is left of a name to somebody who trims texts, where that is another one.
///
/// SECURITY: Laravel, for one, trims every text of a request.
pub fn trimmed(name: &str) -> Option<&str> {
    let is_blank = |char: char| char.is_whitespace() || is_invisible(char);
    let trimmed = name.trim_matches(is_blank);
    (trimmed.len() < name.len()).then_some(trimmed)
}

/// What comparisons by the rules of a language ignore wherever it stands.
///
/// SPEC: Unicode, Default_Ignorable_Code_Point, and control characters.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a key is one of `names`, which are letters and digits in lower case, to
/// somebody who looks at nothing else: `tool_name` and `ToolName` are `toolname`.
pub fn has_letters_of(key: &str, names: &[&str]) -> bool {
    let is_one = |key: &str| {
        let mut names = names.iter();
        names.any(|name| plain(key).eq(name.bytes()))
    };
    with_plain(key, is_one)
}

/// Has a key compared by its letters and digits, which those of Unicode are brought to; one
/// with others is another word.
fn with_plain(key: &str, is_one: impl Fn(&str) -> bool) -> bool {
    // What takes part in no name makes the key another one.
    let is_word = |char: char| char.is_ascii() || !char.is_alphanumeric();
    match key.is_ascii() {
        true => is_one(key),
        false => Some(fold(key)).is_some_and(|key| key.chars().all(is_word) && is_one(&key)),
    }
}

/// Whether a key is one of `names` to somebody who looks at letters and digits alone,
/// without being a name itself.
///
/// SECURITY: servers change all keys to camel case or snake case before they look for one:
/// `-name` and `na_me` are `name` to some.
pub fn is_other_case(key: &str, names: &[&str]) -> bool {
    let is_one = |key: &str| {
        let mut names = names.iter();
        names.any(|name| plain(key).eq(plain(name)))
    };
    !names.contains(&key) && with_plain(key, is_one)
}

/// The letters and digits of a text, in lower case.
fn plain(text: &str) -> impl Iterator<Item = u8> {
    let bytes = text.bytes().filter(u8::is_ascii_alphanumeric);
    bytes.map(|byte| byte.to_ascii_lowercase())
}

/// Whether two keys that differ are the same words in two cases: `user_id`, `userId`,
/// `user-id` and `user.id`; `plan_b` and `planB`.
///
/// SECURITY: models of Python servers take an attribute by its name and by its alias, and
/// there are servers that bring all keys into one case.
pub fn are_words_of_one(key: &str, other: &str) -> bool {
    let may_be = key.len() <= LONGEST && key.is_ascii() && other.is_ascii();
    may_be && key != other && letters(key).eq(letters(other))
}

/// The letters and digits of a key without case, and the `_` before them.
fn letters(key: &str) -> impl Iterator<Item = u8> {
    let inner = key.trim_start_matches('_');
    let front = key.len().saturating_sub(inner.len());
    let lines = std::iter::repeat_n(b'_', front);
    let letters = inner.bytes().filter(|byte| !b"_-. ".contains(byte));
    lines.chain(letters.map(|byte| byte.to_ascii_lowercase()))
}

/// What a key is to somebody who compares without case.
fn fold(key: &str) -> String {
    // Upper and then lower case reaches what either alone misses: `ſ`, `ı`, `ﬁ`,
    // the Kelvin sign. The dot that `İ` leaves behind is dropped.
    let fold = |char: char| char.to_uppercase().flat_map(char::to_lowercase);
    let folded = key.chars().flat_map(fold);
    folded.filter(|char| *char != '\u{307}').collect()
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
            "\u{200b} name",
            "na\u{ad}me",
            "nam\u{200d}e",
            "name\u{fe0f}",
            "__PROTO__",
            "__proto__ ",
            "task_id",
            "Task_Id",
            "ta\u{17f}k_id",
        ] {
            assert!(is_twin(key, NAMES, &["task_id"]), "{key:?}");
        }
    }

    #[test]
    fn other_cases() {
        for key in [
            "-name",
            "name.",
            "na_me",
            "_name",
            "task-id",
            "TASK ID",
            "na\u{ad}-me",
        ] {
            assert!(is_other_case(key, NAMES), "{key:?}");
        }
        for key in ["name", "taskId", "names", "nom", "", "-", "n\u{e4}me"] {
            assert!(!is_other_case(key, NAMES), "{key:?}");
        }
    }

    #[test]
    fn no_twins() {
        for key in [
            "name", "taskId", "names", "na me", "nom", "", "näme", "proto", "param", "ﬁ", "_name",
            "\u{200b}",
        ] {
            assert!(!is_twin(key, NAMES, &["task_id"]), "{key:?}");
        }
    }

    #[test]
    fn the_same_words() {
        for (one, other) in [
            ("user_id", "userId"),
            ("dry_run", "dryRun"),
            ("a_b_c", "aBC"),
            ("user_2", "user2"),
            ("plan_b_id", "planBId"),
            ("a_b", "ab"),
            ("a-b", "a_b"),
            ("user-id", "userId"),
            ("user.id", "user_id"),
            ("user id", "user_id"),
        ] {
            let is_one = are_words_of_one(one, other) && are_words_of_one(other, one);
            assert!(is_one, "{one} {other}");
        }
        for (one, other) in [
            ("id", "_id"),
            ("id", "id"),
            ("user", "users"),
            ("a:b", "ab"),
        ] {
            assert!(!are_words_of_one(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_same_letters() {
        for key in [
            "toolName",
            "tool_name",
            "TOOL-NAME",
            " tool name",
            "tool.name",
            "toolName\u{200b}",
            "tool\u{130}d",
            "tooLName[]",
        ] {
            assert!(has_letters_of(key, &["toolname", "toolid"]), "{key:?}");
        }
        for key in [
            "tool",
            "toolnames",
            "",
            "t\u{f6}olname",
            "toolname\u{e9}",
            "name",
        ] {
            assert!(!has_letters_of(key, &["toolname", "toolid"]), "{key:?}");
        }
    }

    /// Comparing must not cost the client's choice of length times our names.
    #[test]
    fn what_is_too_long_to_be_none_is_refused() {
        assert!(is_twin(&"\u{307}".repeat(LONGEST), NAMES, &[]));
        assert!(is_twin(&"x".repeat(LONGEST + 1), NAMES, &[]));
        assert!(!is_twin(&"x".repeat(LONGEST), NAMES, &[]));
    }
}
