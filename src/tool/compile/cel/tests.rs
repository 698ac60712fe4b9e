use super::*;

/// What is said of an expression: each message, and the text that it points at.
fn faults(text: &str) -> Vec<(String, &str)> {
    let faults = expression(text).expect_err(text);
    let shown = |fault: SyntaxError| (fault.message, &text[fault.span]);
    faults.into_iter().map(shown).collect()
}

fn assert_fault(text: &str, message: &str, at: &str) {
    assert_eq!(faults(text), [(message.to_owned(), at)], "{text}");
}

fn help(text: &str) -> String {
    let faults = expression(text).expect_err(text);
    let helps = faults.into_iter().filter_map(|fault| fault.help);
    helps.collect::<Vec<_>>().join("; ")
}

#[test]
fn operands_are_of_types_that_go_together() {
    let of = |text: &str| faults(text).remove(0).0;
    for (text, message) in [
        (
            "request.method == 1",
            "`==` compares values of one type, not a string with an int",
        ),
        (
            "request.size == 1u",
            "`==` compares values of one type, not an int with a uint",
        ),
        (
            "[1] == ['a']",
            "`==` compares values of one type, not a list with a list",
        ),
        (
            "request.method == null",
            "`==` compares values of one type, not a string with null",
        ),
        ("request.headers < 1", "`<` does not take a map and an int"),
        (
            "request.time > 5",
            "`>` does not take a timestamp and an int",
        ),
        (
            "request.size + 1.5 > 2.0",
            "`+` does not take an int and a double",
        ),
        (
            "'a' in 'abc'",
            "`in` looks into a list or a map, not a string",
        ),
        (
            "1 in ['a']",
            "`in` looks for an int, which is no item or key there",
        ),
        (
            "request.method[0] == 'G'",
            "a string has no items by an int",
        ),
        ("[1][0u] == 1", "a list has no items by a uint"),
        ("!request.size", "`!` takes a bool, not an int"),
        (
            "-request.method == 'a'",
            "`-` takes an int or a double, not a string",
        ),
        ("request.size && true", "`&&` takes a bool, not an int"),
        (
            "request.size ? true : false",
            "`? :` takes a bool, not an int",
        ),
        (
            "(true ? 1 : 'a') == 1",
            "`? :` has a value of one type, and these are an int and a string",
        ),
        ("{1.5: true}[1.5]", "a double cannot be a key"),
        ("request.method.name == 'a'", "a string has no field `name`"),
        ("request.size", "the expression is an int, and not a bool"),
        (
            "request.time.all(t, true)",
            "`all` goes through a list or a map, not a timestamp",
        ),
        ("[1].all(x, x)", "`all` takes a bool, not an int"),
        ("[1].map(x, x, x) == []", "`map` takes a bool, not an int"),
        ("['a'].join(1) == 'a'", "`join` takes a string, not an int"),
        (
            "[1].join() == 'a'",
            "`join` is called on a list of strings, not a list",
        ),
        (
            "'a'.matches(1)",
            "a regular expression has to be a literal string",
        ),
        (
            "(1).matches('a')",
            "`matches` searches a string, not an int",
        ),
    ] {
        assert_eq!(of(text), message, "{text}");
    }
}

#[test]
fn what_is_only_known_at_run_time_is_let_through() {
    for text in [
        "request.mcp.params.arguments.a == 1",
        "request.mcp.params.arguments.a",
        "request.mcp.params.a + request.mcp.params.b > 1",
        "request.mcp.params.a.b[0].c in request.mcp.params.d",
        "request.mcp.id == 'x' || request.mcp.id == 7",
        "request.mcp.params.list.all(x, x.y == 'z' && x.n < 1.5)",
        "size(request.mcp.params.a) == 1",
        "request.mcp.params.a.matches('x')",
        "dyn(1) == 'a'",
        "type(request.mcp.params.a) == string",
        "type(request.time) == google.protobuf.Timestamp",
        "[1, 'a', true].exists(x, x == true)",
        "request.headers.all(name, name != 'x')",
        "request.size < 1.5",
    ] {
        assert!(expression(text).is_ok(), "{text}: {:?}", expression(text));
    }
}

#[test]
fn names_are_pointed_at_and_guessed() {
    assert_fault(
        "request.mcp.tool == 'a'",
        "`request.mcp` has no field `tool`",
        "tool",
    );
    assert_fault("reqest.method == 'a'", "`reqest` is not known", "reqest");
    assert_fault("request == 1", "`request` is no value by itself", "request");
    assert_fault("[1].all(x, y == 1)", "`y` is not known", "y");
    assert_fault("[[1]].all(x, x.all(x, x == y))", "`y` is not known", "y");
    assert_fault(
        "'a'.stratsWith('a')",
        "the function `stratsWith` is not known",
        "stratsWith",
    );
    assert_fault(
        "request.headers[':path'] == ''",
        "no header is named `:path` here",
        "':path'",
    );
    assert_fault(
        "has(request.headers.Accept)",
        "no header is named `Accept` here",
        "Accept",
    );
    assert_fault(
        "'Host' in request.headers",
        "no header is named `Host` here",
        "'Host'",
    );
    assert_eq!(help("identity.spifeid == 'a'"), "did you mean `spiffe_id`?");
    assert_eq!(help("[1].all(item, itm == 1)"), "did you mean `item`?");
    assert_eq!(
        help("auth == 1"),
        "an expression can ask about `request`, `identity`, `source`, `destination`"
    );
    assert_eq!(help("source.port == 1"), "its fields are `address`");
}

#[test]
fn every_fault_is_reported() {
    let text = "request.a == 1 && request.b == 2 || request.size == 'c'";
    let at: Vec<&str> = faults(text).into_iter().map(|(_, at)| at).collect();
    assert_eq!(at, ["a", "b", "request.size == 'c'"]);
}

#[test]
fn a_variable_hides_what_is_outside() {
    assert!(expression("[{'method': 1}].all(request, request.method == 1)").is_ok());
    assert!(expression("[1].all(x, ['a'].all(x, x == 'a') && x == 1)").is_ok());
}

#[test]
fn numbers_and_strings_are_read_to_their_bounds() {
    for text in [
        "-9223372036854775808 < 9223372036854775807",
        "18446744073709551615u > 0xffu",
        "0x7fffffffffffffff == 9223372036854775807 && -0x1 == -1",
        "1.5e3 == 1500.0 && .5 == 5e-1 && -1.0 < 0.0",
        r#""\x41\u00e9\U0001f600\101" == 'A' + """é😀""" + r'A'"#,
        r#"b"\x00\377" == b'\000\xff' && r'\n' == '\\n' && br'\' == b"\\""#,
        "true // and so on",
    ] {
        assert!(expression(text).is_ok(), "{text}: {:?}", expression(text));
    }
    for text in [
        "1 == 9223372036854775808",
        "1u == 18446744073709551616u",
        "1 == 1x",
        "1.0 == 1e999",
        "1u == -1u",
        r#"'\u12' == ''"#,
        r#"'\ud800' == ''"#,
        r#"'\400' == ''"#,
        r#"b'\u0041' == b''"#,
        "'a",
        "'''a''",
        "r'a\\",
        "`a",
        "/* 1 */ true",
    ] {
        assert!(expression(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_decided_is_said_only_where_it_is() {
    for (text, expected) in [
        ("true", Some(Truth::Always)),
        ("request.method == 'a' || true", Some(Truth::Always)),
        ("request.method == 'a' && false", Some(Truth::Never)),
        (
            "[1, 2].exists(x, x == 2 || request.size > x)",
            Some(Truth::Always),
        ),
        ("!has(request.mcp.tool_name) && false", Some(Truth::Never)),
        (
            "[][0] == 1",
            Some(Truth::Error(crate::engine::expr::EvalError::OutOfRange)),
        ),
        ("has(request.mcp.tool_name)", None),
        ("!has(request.mcp.tool_name)", None),
        ("'x' in request.headers", None),
        ("size(request.headers) >= 0", None),
        ("identity.authenticated", None),
        ("has(request.mcp.params.x)", None),
        ("request.method == request.method", None),
        ("1 / 0 == 1 || request.method == 'a'", None),
    ] {
        assert_eq!(truth(&expression(text).expect(text)), expected, "{text}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod hostile {
    use proptest::prelude::*;

    use crate::tool::compile::cel::expression;

    /// Says something of any text, and points at a part of it.
    fn is_taken_or_refused(text: &str) {
        for fault in expression(text).err().into_iter().flatten() {
            assert!(
                text.get(fault.span.clone()).is_some(),
                "{text:?}: {fault:?}"
            );
        }
    }

    const WORDS: &[&str] = &[
        "request", ".", "method", "mcp", "params", "(", ")", "[", "]", "{", "}", ",", ":", "?",
        "==", "&&", "||", "!", "-", "+", "in", "1", "1u", "1.5", "'a'", "\"", "'''", "b'\\x00'",
        "has", "all", "map", "x", "size", "matches", "'('", " ", "\n", "//", "`", "\\", "é",
        "true",
    ];

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            is_taken_or_refused(&text);
        }

        #[test]
        fn no_words_make_it_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..30)) {
            is_taken_or_refused(&words.concat());
        }
    }

    #[test]
    fn no_nesting_is_too_deep_for_the_stack() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("!", ""),
            ("-", ""),
            ("{1:", "}"),
            ("true ? ", ": 1"),
            ("size(", ")"),
            ("1+", ""),
            ("1 in ", ""),
            ("x.", ""),
            ("x[", "]"),
            ("true||", ""),
            ("[1].all(x,", ")"),
            ("has(x.", ")"),
        ] {
            for count in [10, 40, 60, 200, 1000, 2000] {
                let text = format!("{}1{}", open.repeat(count), close.repeat(count));
                is_taken_or_refused(&text);
            }
        }
    }
}
