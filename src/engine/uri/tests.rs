//! Tests of the forms of uris.

use super::*;

/// Whether a rule that lists a uri is found by a request that names one.
fn finds(uri: &str, asked_for: &str) -> bool {
    let listed = listed(uri);
    asked(asked_for).iter().any(|form| listed.contains(form))
}

#[test]
fn spellings_of_one_uri() {
    for (uri, others) in [
        (
            "file:///secret",
            &[
                "FILE:///secret",
                "file:///x/../secret",
                "file:/secret",
                "file://localhost/secret",
                "file://LocalHost/secret",
                "file://any/secret",
                "file:secret",
                "file:////secret",
                "file:///./secret",
                "file:///x/%2e%2e/secret",
                "file:///x%2f..%2fsecret",
                "file:///%73ecret",
                "file:///%2573ecret",
                "file:///secret?",
                "file:///secret#",
                "file:///secret#x",
                "file:///secret?x=1",
                "file:///secret/",
                "file:\\\\\\secret",
                " file:///secret\n",
                "file:///sec\tret",
                "file://x/../secret",
            ][..],
        ),
        (
            "db://admin",
            &[
                "db://%61dmin",
                "db://%61%64min",
                "db://admin?",
                "db://admin?x",
                "db://admin#",
                "DB://ADMIN",
                "db://admin/",
                "db://admin/.",
                "db://x/../admin",
                "db://x%2F..%2Fadmin",
                "db:admin",
            ],
        ),
        (
            "https://example.com/a?b=c",
            &[
                "HTTPS://Example.COM:443/a?b=c",
                "https://user:pass@example.com/a?b=c",
                "https:/example.com/a?b=c",
                "https://example.com./x/../a?b=c#d",
                "https://example.com/a?%62=c",
            ],
        ),
        ("FILE://localhost/x/../a%20b", &["file:///a b"]),
        (
            "http://127.0.0.1/x",
            &[
                "http://127.0.0.1/x",
                "http://127.1/x",
                "http://2130706433/x",
                "http://0x7f.0.0.1/x",
                "http://0177.0.0.1/x",
                "http://0x7F000001/x",
                "http://127.0.1/x",
                "http://127.0.0.1.:080/x",
                "http://127%2E0.0.1/x",
                "http://127\u{3002}0.0.1/x",
                "http://\u{ff11}27.0.0.1/x",
                "http://127.0.0.08/x",
            ][..],
        ),
        (
            "http://2130706433/x",
            &["http://127.0.0.1/x", "http://0x7f.1/x"],
        ),
        (
            "http://[::1]/x",
            &[
                "http://[0:0:0:0:0:0:0:1]/x",
                "http://[::0.0.0.1]:80/x",
                "http://[::0001]/x",
                "http://[::1%25eth0]/x",
                "http://[::1/x",
            ],
        ),
        ("db://[::1]", &["db://[0::1]"]),
        (
            "db://admin",
            &["db://@admin", "db://:@admin", "db://admin:"],
        ),
        (
            "db://admin?x=a%20b",
            &["db://admin?x=a+b", "db://admin?x=a%2Bb"],
        ),
        (
            "postgres://app@db/users",
            &["postgres://app:@db/users", "postgres://APP%3a@db:/users"],
        ),
        ("db://admin:80", &["db://admin:080", "db://@admin:0080"]),
        (
            "http://secret.test/",
            &[
                "http://secret.test:080/",
                "http://secret.test:00080",
                "http://\u{ff53}ecret.test/",
                "http://te%EF%BD%93t/",
                "http://sec\u{ad}ret.test/",
                "http://xn--anything/",
                "http://a.XN--b/",
                "ht\ttp://secret.test/",
                "http://x%2F@secret.test/",
                "http://x@y@secret.test/",
            ],
        ),
        (
            "http://xn--bcher-kva.test/",
            &["http://b\u{fc}cher.test/", "http://b%C3%BCcher.test/"],
        ),
        ("http://b\u{fc}cher.test/", &["http://xn--bcher-kva.test/"]),
        ("file://server/x", &["file://\u{ff53}erver/x"]),
        ("notes", &["./notes", "notes/", "x/../notes", "%6eotes"]),
        ("a://x/../y", &["a://x/y", "a://y"]),
        (
            "file:///C:/secret",
            &[
                "file:///C|/secret",
                "file://C:/secret",
                "file://C|/secret",
                "file:C|/secret",
                "file:///./C|/secret",
                "file://localhost/C|/secret",
                "file:///C:/../secret",
                "file:///c:x/../secret",
            ],
        ),
        ("file://server/secret", &["file://server/../secret"]),
        (
            "file:///dir/secret",
            &[
                "file:///dir//../secret",
                "file:///dir/%00/../secret",
                "file:///dir/\0/../secret",
                "file:///dir/\t/../secret",
                "file:///dir/a%2Fb/../secret",
                "file:///dir/a%5Cb/../secret",
                "file:///dir/a%252Fb/%252e%252e/secret",
                "file:///dir/x?/../secret",
                "file:///dir/x#/%2e./secret",
            ],
        ),
        (
            "http://secret.test/a/b",
            &[
                "http://secret.test/a//../b",
                "http://secret.test/a/x%2Fy/../b",
                "http://secret.test/a/x%2fy/%2E%2e/b",
            ],
        ),
        (
            "db://x/admin",
            &["db://x/y%2Fz/../admin", "db://x/y\\z/../admin"],
        ),
        ("db://x/C:/admin", &["db://x/C:/../admin"]),
    ] {
        for other in others {
            assert!(finds(uri, other), "{uri}: {other}");
        }
    }
}

#[test]
fn what_is_too_long_may_be_any_of_its_scheme() {
    let long = "x".repeat(LONGEST);
    for front in ["db://", "  DB:", "d\tb://"] {
        let uri = format!("{front}{long}");
        assert!(finds("db://admin", &uri), "{front}");
        assert!(!finds("file:///secret", &uri), "{front}");
        assert!(goes_back(&uri) && is_unsure(&uri), "{front}");
    }
    assert!(finds("notes", &long.repeat(2)));
}

#[test]
fn other_uris() {
    for (uri, other) in [
        ("file:///secret", "file:///secrets"),
        ("file:///secret", "file:///secret/x"),
        ("file:///secret", "file:///x/secret"),
        ("file:///secret", "db:///secret"),
        ("file:///secret", "file:///Secret"),
        ("file://server/share", "file:///share"),
        ("db://admin", "db://administrator"),
        ("db://admin", "db://user/admin"),
        ("db://admin", "db://user?admin"),
        ("db://admin?x=1", "db://admin"),
        ("db://admin?x=1", "db://admin?x=2"),
        ("db://admin?x=a b", "db://admin?x=ab"),
        ("db://a+b", "db://a b"),
        ("db://a@b", "db://c@b"),
        ("db://a@b", "db://a:x@b"),
        ("lang://c%23", "lang://c"),
        ("https://example.com/a", "https://example.com:8443/a"),
        ("https://example.com/a", "http://example.com/a"),
        ("http://127.0.0.1/", "http://127.0.0.2/"),
        ("http://127.0.0.1/", "http://127.0.0.1:8080/"),
        ("http://[::1]/", "http://[::2]/"),
        ("http://[::1]/", "http://[::ffff:0.0.0.1]/"),
        ("http://secret.test/", "http://{host}/"),
        ("http://secret.test/", "http://secret_test/"),
        ("http://secret.test/", "https://\u{ff53}ecret.test/"),
        ("file:///secret", "file://\u{fc}/x"),
        ("db://admin", "db://\u{fc}"),
        ("db://admin", "db://127.1"),
        ("db://admin", "db://u@admin"),
        ("db://127.0.0.1", "db://127.1"),
        ("", "a"),
        ("file:///secret", "file:///dir/x/../other"),
        ("file:///secret", "file:///a%2Fb/secret"),
        ("file:///secret", "file:///dir//secret"),
        ("file:///secret", "file:///x%2F..y"),
        ("file:///secret", "file:///C:/secret"),
        ("file:///secret", "db://a%2Fb/../secret"),
        ("file:///a|b", "file:///a:b"),
        ("db://admin", "db://user/x/../y/"),
        ("db://admin", "db://c|/x"),
        ("http://secret.test/", "http://other.test/a/../b?c=..#x.."),
    ] {
        assert!(!finds(uri, other), "{uri}: {other}");
    }
}

#[test]
fn what_is_decoded_may_be_an_escape_again() {
    for (text, decoded) in [
        ("%2525252541", "A"),
        ("%%32%35", "%"),
        ("%4%31", "A"),
        ("%zz%4", "%zz%4"),
        ("a%20b", "a b"),
    ] {
        assert_eq!(decode_all(text.as_bytes()), decoded.as_bytes(), "{text}");
    }
}

#[test]
fn constants() {
    for (text, form) in [
        ("FILE://localhost/etc/", Some("file:///etc/")),
        ("db://%61", Some("db://a")),
        ("file:///x", Some("file:///x")),
        ("db://", None),
        ("file:///", None),
        ("..", None),
        ("/etc", None),
    ] {
        assert_eq!(of_constant(text).as_deref(), form, "{text}");
    }
}
