use super::*;
use crate::engine::policy::Pattern;

fn pattern(expression: &str) -> Pattern {
    let compiled = compile(expression);
    let compiled = compiled.unwrap_or_else(|refusal| panic!("{expression}: {refusal:?}"));
    Pattern::new(&compiled).unwrap_or_else(|| panic!("{expression}: not loaded"))
}

fn matches(expression: &str, value: &[u8]) -> bool {
    let matches = pattern(expression).matches(value);
    matches.unwrap_or_else(|| panic!("{expression}: cannot be said"))
}

fn assert_matches(expression: &str, yes: &[&str], no: &[&str]) {
    for value in yes {
        assert!(
            matches(expression, value.as_bytes()),
            "{expression} {value:?}"
        );
    }
    for value in no {
        assert!(
            !matches(expression, value.as_bytes()),
            "{expression} {value:?}"
        );
    }
}

#[test]
fn the_whole_value_must_match() {
    assert_matches("/a", &["/a"], &["/ab", "x/a", "/a/", "", "/a\n"]);
    assert_matches("a|ab", &["a", "ab"], &["abc", "b"]);
    assert_matches("a|^b$|c", &["a", "b", "c"], &["ab", "xb"]);
    assert_matches("a*?", &["", "aaa"], &["aab"]);
    assert_matches("", &[""], &["a"]);
    assert_matches("(?m)^a$", &["a"], &["a\n", "\na", "a\na"]);
    assert_matches("(?m)a$\n^b", &["a\nb"], &["a", "b"]);
}

#[test]
fn classes_are_of_ascii() {
    assert_matches(r"\d", &["0", "9"], &["٣", "a"]);
    assert_matches(r"\w+", &["aZ_0"], &["é", "a-b"]);
    assert_matches(
        r"\s",
        &[" ", "\t", "\n", "\x0c", "\r"],
        &["\x0b", "\u{a0}", "\u{2003}"],
    );
    assert_matches(r"\D", &["٣", "a", "\n"], &["0"]);
    assert_matches(r"[\d\-x]+", &["1-x"], &["d"]);
    assert_matches(r"[^\d]", &["é"], &["1"]);
    assert_matches(r"[^\W]", &["a"], &["é", "-"]);
    assert_matches("[[:alpha:]]+", &["aZ"], &["é", ":"]);
    assert_matches("[[:^alpha:]]", &["é", "1"], &["a"]);
    assert_matches(r".*\bb.*", &["é b", "éb", "b"], &["ab", "_b"]);
    assert_matches(r"a\B.*", &["ab"], &["a", "a-", "aé"]);
    assert_matches(r"\pL\p{Lu}\PN", &["éÉ-"], &["éé-", "1É-", "éÉ1"]);
}

#[test]
fn characters_are_whole_and_a_dot_is_no_line_break() {
    assert_matches(".", &["a", "é", "\u{1f600}", "\r"], &["\n", "", "ab"]);
    assert_matches("(?s).", &["\n"], &[""]);
    assert_matches("[^a]", &["é", "\n"], &["a"]);
    assert_matches(r"\x41\x{e9}\.\-\_\/", &["Aé.-_/"], &["Aé--_/"]);
    assert!(!matches(".", b"\xff"));
    assert!(!matches("(?s).*", b"a\xffb"));
}

#[test]
fn case_is_folded_as_re2_folds_it() {
    assert_matches("(?i)straße", &["STRAßE"], &["STRASSE"]);
    assert_matches("(?i)k", &["k", "K", "\u{212a}"], &["l"]);
    assert_matches("(?i:a)b", &["Ab"], &["AB"]);
    assert_matches("(?i)a(?-i)b", &["Ab"], &["AB"]);
}

fn refused(expression: &str) -> String {
    match compile(expression) {
        Ok(_) => panic!("{expression} is taken"),
        Err(refusal) => refusal.message,
    }
}

#[test]
fn what_is_not_re2s_is_refused_with_its_place() {
    for (expression, what, place) in [
        ("[a-z&&[^b]]", "`&&` between classes", 5),
        ("[a-z--b]", "`--` between classes", 5),
        ("é[a~~b]", "`~~` between classes", 4),
        ("[a[b]]", "a class within a class", 3),
        ("[[:foo:]]", "a class within a class", 2),
        ("[]-a]", "a class that begins with `]-`", 1),
        ("[^--a]", "a class that begins with `--`", 1),
        ("(?x)a b", "the flag `x`", 3),
        ("(?i-u:a)", "the flag `u`", 5),
        ("(?R)$", "the flag `R`", 3),
        (r"a\<b", r"`\<`", 2),
        (r"a\>b", r"`\>`", 2),
        (r"\b{start}a", r"`\b{start}`", 1),
        (r"\b{end-half}a", r"`\b{end-half}`", 1),
        (r"\u0041", r"`\u0041`", 1),
        (r"[a-\u{62}]", r"`\u{62}`", 4),
        (r"\U00000041", r"`\U00000041`", 1),
        ("a**", "`*` after another repetition", 3),
        ("a++", "`+` after another repetition", 3),
        ("a{2}{3}", "`{3}` after another repetition", 5),
        ("a???", "`?` after another repetition", 4),
        ("a{1001}", "`{1001}`, by which", 2),
        ("a{1001,}", "`{1001,}`, by which", 2),
        ("a{2,1001}", "`{2,1001}`, by which", 2),
        ("(?:a{32}){32}", "`{32}`, by which", 5),
        ("a{ 2}", "the count `{ 2}`", 2),
        ("a{02}", "the count `{02}`", 2),
        (r"\p{Greek}", r"the class `\p{Greek}`", 1),
        (r"\p{Letter}", r"the class `\p{Letter}`", 1),
        (r"[\p{lu}]", r"the class `\p{lu}`", 2),
        (r"\p{gc=Lu}", r"the class `\p{gc=Lu}`", 1),
        (r"\p{^L}", r"the class `\p{^L}`", 1),
        ("(?P<a.b>c)", "the group name `a.b`", 5),
    ] {
        let message = refused(expression);
        let expected = format!("the regular expression has {what}");
        assert!(message.starts_with(&expected), "{expression}: {message}");
        let expected = format!(", at character {place}");
        assert!(message.ends_with(&expected), "{expression}: {message}");
    }
}

#[test]
fn what_nobody_can_read_is_refused() {
    for expression in [
        "(",
        ")",
        "[",
        "[a",
        "*",
        "a|*",
        "a{",
        "a{,2}",
        "a{3,2}",
        "(?",
        "(?-)",
        "(?P<a>b)(?P<a>c)",
        r"\1",
        r"\012",
        r"(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?>a)",
        r"\h",
        r"\Q",
        r"\C",
        r"\Z",
        r"\G",
        r"\R",
        r"\K",
        r"\é",
        r"\",
        r"\x",
        r"\xg0",
        r"\x{110000}",
        r"\p",
        r"[\b]",
        "[z-a]",
        "[a-\\d]",
        "(?#c)",
        "(?P=a)",
        "(?&a)",
        "[[]",
        "(?ii)",
    ] {
        let message = refused(expression);
        assert!(
            message.contains(", at character "),
            "{expression}: {message}"
        );
    }
    let deep = "(".repeat(200) + &")".repeat(200);
    assert!(refused(&deep).contains("nested"));
}

#[test]
fn what_re2_has_is_taken() {
    for expression in [
        "a{1000}",
        "(?:a{10}){100}",
        "(?:a*)*",
        "(a|b)+?c",
        "(?P<n>a)(?<m>b)",
        "(?s-i:a.b)",
        "(?U)a+",
        r"\A\a\f\t\n\r\v\z",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a-c-e]",
        "[.*+?(){}|^$]",
        "a}b]",
        "^*",
        "(|a)",
        "||",
        r"[[:word:][:^space:]\x00-\x1f]",
        r"\p{Any}",
        r"[\]-a]",
        "a{0}",
        r"\b*",
    ] {
        if let Err(refusal) = compile(expression) {
            panic!("{expression}: {refusal:?}");
        }
    }
}

#[test]
fn automata_are_bounded() {
    for expression in [
        r".{900}",
        r"(?:[^a]b*){500}",
        "(a|b)*a(a|b){15}",
        r"\pL{1000}",
    ] {
        assert!(
            refused(expression).contains("more than 64 KiB"),
            "{expression}"
        );
    }
    assert_matches(".{300}", &["é".repeat(300).as_str()], &["é"]);
    assert_matches(
        r"/(?:[a-z0-9-]{1,63}\.){1,3}[^/.]{1,20}(?:/.*)?",
        &["/a-b.c.dä", "/x.y/"],
        &["/", "x"],
    );
}

/// Against an engine of another make, which simulates the expression itself.
#[cfg(not(target_arch = "wasm32"))]
mod by_another_engine {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    /// Expressions over few characters, so that values often match.
    fn expressions() -> impl Strategy<Value = String> {
        let leaves = prop_oneof![
            "[abé/]",
            Just(".".to_owned()),
            Just(r"\d".to_owned()),
            Just(r"\W".to_owned()),
            Just(r"\b".to_owned()),
            Just(r"\B".to_owned()),
            Just("^".to_owned()),
            Just("(?m:$)".to_owned()),
            Just(r"[^a\d]".to_owned()),
            Just("[a-c/]".to_owned()),
            Just("[[:alnum:]]".to_owned()),
        ];
        leaves.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                (inner.clone(), "[*+?]|[{][0-2][}]|[{]1,[}]|[*][?]")
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
                inner.prop_map(|part| format!("(?s-m:{part})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

        #[test]
        fn the_automaton_agrees(expression in expressions(), values in prop::collection::vec("[ab1é/\n -]{0,5}", 8)) {
            let other = Regex::new(&format!(r"\A(?:{expression})\z")).unwrap();
            let ours = pattern(&expression);
            for value in values {
                prop_assert_eq!(
                    ours.matches(value.as_bytes()),
                    Some(other.is_match(&value)),
                    "{:?} {:?}", &expression, &value
                );
            }
        }
    }
}

#[test]
fn what_every_match_needs_is_found() {
    let is_mark: fn(char) -> bool = |c| matches!(c, '?' | '#');
    for text in [
        r"/a\?b",
        "/a[?]b",
        r"/(a#|b\?)",
        r"(/a\?)+",
        r"/a\?{2}",
        "[?#]",
    ] {
        assert!(needs(text, is_mark), "{text}");
    }
    for text in [
        "/a?",
        "/a[?b]",
        r"/(a|\?)",
        r"/a(\?)?",
        r"/a\?{0,2}",
        "(",
        "",
        "[^a]",
    ] {
        assert!(!needs(text, is_mark), "{text}");
    }
    assert!(!needs("(?i)A", |c| c.is_ascii_uppercase()));
}

#[test]
fn anchors_in_front_are_found() {
    for text in ["^a", "(^a)", "^a|^b", r"\Aa"] {
        assert!(is_of_front(text), "{text}");
    }
    for text in ["a", "^a|b", "a^", "(^a)?", r"\^a", "(?m)^a"] {
        assert!(!is_of_front(text), "{text}");
    }
}

#[test]
fn patterns_of_shells_are_told_from_expressions() {
    for (text, front) in [
        ("/a/*", "/a/"),
        ("^/a-*$", "^/a-"),
        ("red_*", "red_"),
        ("a:*", "a:"),
    ] {
        assert_eq!(glob(text), Some(front), "{text}");
    }
    for text in ["/*", "/a/.*", "a*", "[a-z]*", ".*/*", "(a/)*", "a*/b", ""] {
        assert_eq!(glob(text), None, "{text}");
    }
}
